// Tables out and in through the Arrow C stream interface, by hand: without any library of Arrow.

#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "assert.h"

// A query as a stream; it must succeed.
static struct ArrowArrayStream query(crm_handle crm, const char *request) {
    struct ArrowArrayStream stream;
    crm_error *error = NULL;
    if (crm_query_arrow(crm, request, strlen(request), &stream, &error) != CRM_OK) {
        fprintf(stderr, "%s\n", crm_error_message(error));
        exit(1);
    }
    return stream;
}

static const char *COMPANIES =
    "{\"query\": {\"records\": {\"type\": \"company\", \"fields\": [\"name\", \"employees\"]}},"
    " \"batch_rows\": 2}";

static void fill(crm_handle crm) {
    ASSERT_STATUS(CRM_OK, call(crm, "records.create",
        "{\"type\": \"company\", \"values\": {\"name\": \"Acme\", \"employees\": 12}}"));
    ASSERT_STATUS(CRM_OK, call(crm, "records.create",
        "{\"type\": \"company\", \"values\": {\"name\": \"Initech\"}}"));
    ASSERT_STATUS(CRM_OK, call(crm, "records.create",
        "{\"type\": \"company\", \"values\": {\"name\": \"Hooli\", \"employees\": 900}}"));
}

static void a_query_comes_out(const char *path) {
    crm_handle crm = 0;
    ASSERT_STATUS(CRM_OK, crm_open(path, NULL, &crm, NULL));
    fill(crm);
    struct ArrowArrayStream stream = query(crm, COMPANIES);
    struct ArrowSchema schema;
    ASSERT(stream.get_schema(&stream, &schema) == 0);
    ASSERT(strcmp(schema.format, "+s") == 0 && schema.n_children == 2);
    ASSERT(strcmp(schema.children[0]->name, "name") == 0);
    ASSERT(strcmp(schema.children[0]->format, "u") == 0);
    ASSERT(strcmp(schema.children[1]->format, "l") == 0);
    schema.release(&schema);

    struct ArrowArray batch;
    ASSERT(stream.get_next(&stream, &batch) == 0 && batch.length == 2);
    const struct ArrowArray *names = batch.children[0];
    const int32_t *ends = (const int32_t *)names->buffers[1];
    ASSERT(ends[1] == 4 && memcmp(names->buffers[2], "AcmeInitech", 11) == 0);
    const struct ArrowArray *employees = batch.children[1];
    ASSERT(employees->null_count == 1);
    ASSERT(((const int64_t *)employees->buffers[1])[0] == 12);
    batch.release(&batch);

    // A batch may outlive its stream, and what comes after the last is released already.
    ASSERT(stream.get_next(&stream, &batch) == 0 && batch.length == 1);
    struct ArrowArray end;
    ASSERT(stream.get_next(&stream, &end) == 0 && end.release == NULL);
    stream.release(&stream);
    ASSERT(stream.release == NULL);
    ASSERT(((const int64_t *)batch.children[1]->buffers[1])[0] == 900);
    batch.release(&batch);

    // One that nobody reads is released all the same.
    stream = query(crm, COMPANIES);
    stream.release(&stream);

    // One that outlives the file says so.
    stream = query(crm, COMPANIES);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT(stream.get_next(&stream, &batch) != 0);
    ASSERT(strstr(stream.get_last_error(&stream), "closed") != NULL);
    stream.release(&stream);
}

static void what_is_asked_wrongly_is_refused(void) {
    crm_handle crm = open_memory();
    struct ArrowArrayStream stream;
    memset(&stream, 0, sizeof stream);
    crm_error *error = NULL;
    const char *request = "{\"query\": {\"records\": {\"type\": \"company\", \"fields\": [\"nam\"]}}}";
    ASSERT_STATUS(CRM_UNKNOWN_ATTRIBUTE,
                  crm_query_arrow(crm, request, strlen(request), &stream, &error));
    ASSERT(strcmp(crm_error_field(error), "fields[0]") == 0);
    crm_error_free(error);
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_query_arrow(crm, NULL, 0, &stream, NULL));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT,
                  crm_query_arrow(crm, COMPANIES, strlen(COMPANIES), NULL, NULL));
    ASSERT_STATUS(CRM_INVALID_HANDLE,
                  crm_query_arrow(crm + 1, COMPANIES, strlen(COMPANIES), &stream, NULL));
    // A call that failed wrote nothing.
    ASSERT(stream.release == NULL);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

// A stream made by hand: one batch of names and numbers, or an error.

struct source {
    int served, fails, released;
};

static const char *const NAMES = "AcmeInitechHooli";
static const int32_t ENDS[4] = {0, 4, 11, 16};
static const int64_t NUMBERS[3] = {12, -7, 900};

static void release_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
    array->release = NULL;
}

static struct ArrowSchema field(const char *format, const char *name) {
    struct ArrowSchema schema;
    memset(&schema, 0, sizeof schema);
    schema.format = format;
    schema.name = name;
    schema.flags = ARROW_FLAG_NULLABLE;
    schema.release = release_schema;
    return schema;
}

static int source_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    static struct ArrowSchema columns[2];
    static struct ArrowSchema *children[2];
    (void)stream;
    columns[0] = field("u", "name");
    columns[1] = field("l", "employees");
    children[0] = &columns[0];
    children[1] = &columns[1];
    *out = field("+s", "");
    out->n_children = 2;
    out->children = children;
    return 0;
}

static struct ArrowArray array_of(int64_t n_buffers, const void **buffers) {
    struct ArrowArray array;
    memset(&array, 0, sizeof array);
    array.length = 3;
    array.n_buffers = n_buffers;
    array.buffers = buffers;
    array.release = release_array;
    return array;
}

static int source_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    static const void *of_names[3], *of_numbers[2], *of_rows[1];
    static struct ArrowArray columns[2];
    static struct ArrowArray *children[2];
    struct source *source = (struct source *)stream->private_data;
    if (source->served++ > 0) {
        if (source->fails) {
            return 5;
        }
        memset(out, 0, sizeof *out);
        return 0;
    }
    of_names[1] = ENDS;
    of_names[2] = NAMES;
    of_numbers[1] = NUMBERS;
    columns[0] = array_of(3, of_names);
    columns[1] = array_of(2, of_numbers);
    children[0] = &columns[0];
    children[1] = &columns[1];
    *out = array_of(1, of_rows);
    out->n_children = 2;
    out->children = children;
    return 0;
}

static const char *source_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "out of order";
}

static void source_release(struct ArrowArrayStream *stream) {
    ((struct source *)stream->private_data)->released++;
    stream->release = NULL;
}

static struct ArrowArrayStream stream_of(struct source *source) {
    struct ArrowArrayStream stream;
    stream.get_schema = source_schema;
    stream.get_next = source_next;
    stream.get_last_error = source_error;
    stream.release = source_release;
    stream.private_data = source;
    return stream;
}

static int32_t told(uint64_t done, uint64_t total, void *user_data) {
    ASSERT(total == 0);
    *(uint64_t *)user_data = done;
    return 0;
}

static void a_table_goes_in(void) {
    crm_handle crm = open_memory();
    const char *request = "{\"type\": \"company\"}";
    struct source source = {0, 0, 0};
    struct ArrowArrayStream stream = stream_of(&source);
    crm_buffer report = CRM_BUFFER_INIT;
    uint64_t rows = 0;
    ASSERT_STATUS(CRM_OK, crm_ingest_arrow(crm, request, strlen(request), &stream, told, &rows,
                                           &report, NULL));
    ASSERT(rows == 3 && source.released == 1 && stream.release == NULL);
    // The company with less than no employees stands in the report.
    ASSERT(contains(&report, "\"created\":2") && contains(&report, "\"row\":2"));
    ASSERT(contains(&report, "\"column\":\"employees\""));
    crm_buffer_free(&report);
    ASSERT(count(crm, request) == 2);

    // Taken and released also where nothing comes of it, and again it is no stream any more.
    struct source unread = {0, 0, 0};
    stream = stream_of(&unread);
    ASSERT_STATUS(CRM_INVALID_ARGUMENT,
                  crm_ingest_arrow(crm, "{", 1, &stream, NULL, NULL, NULL, NULL));
    ASSERT(unread.released == 1 && unread.served == 0);
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_ingest_arrow(crm, request, strlen(request), &stream,
                                                         NULL, NULL, NULL, NULL));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_ingest_arrow(crm, request, strlen(request), NULL, NULL,
                                                         NULL, NULL, NULL));
    struct source failing = {0, 1, 0};
    stream = stream_of(&failing);
    ASSERT_STATUS(CRM_IO, crm_ingest_arrow(crm, request, strlen(request), &stream, NULL, NULL,
                                           NULL, NULL));
    ASSERT(failing.released == 1);

    // What one engine hands out another takes.
    crm_handle other = open_memory();
    long here = count(crm, request);
    stream = query(crm, COMPANIES);
    ASSERT_STATUS(CRM_OK, crm_ingest_arrow(other, request, strlen(request), &stream, NULL, NULL,
                                           NULL, NULL));
    ASSERT(count(other, request) == here);
    ASSERT_STATUS(CRM_OK, crm_close(other));
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

// The same table as activities: the names are visitors, and the numbers how long they called.
static void a_table_goes_in_as_activities(void) {
    crm_handle crm = open_memory();
    ASSERT_STATUS(CRM_OK, call(crm, "activity_kinds.define_preset", "{\"preset\": \"call\"}"));
    struct source source = {0, 0, 0};
    struct ArrowArrayStream stream = stream_of(&source);
    crm_error *error = NULL;
    // Nothing says when.
    const char *request = "{\"kind\": \"call\", \"columns\": ["
                          "{\"column\": \"name\", \"attribute\": \"visitor\"}]}";
    ASSERT_STATUS(CRM_INVALID_ARGUMENT,
                  crm_ingest_activities_arrow(crm, request, strlen(request), &stream, NULL, NULL,
                                              NULL, &error));
    ASSERT(strcmp(crm_error_field(error), "columns") == 0 && crm_error_hint(error) != NULL);
    crm_error_free(error);
    ASSERT(source.released == 1 && source.served == 0 && stream.release == NULL);

    // A number is no time, and is refused by its column.
    const char *wrong = "{\"kind\": \"call\", \"columns\": ["
                        "{\"column\": \"name\", \"attribute\": \"visitor\"},"
                        "{\"column\": \"employees\", \"attribute\": \"at\"}]}";
    struct source second = {0, 0, 0};
    stream = stream_of(&second);
    ASSERT_STATUS(CRM_WRONG_KIND,
                  crm_ingest_activities_arrow(crm, wrong, strlen(wrong), &stream, NULL, NULL, NULL,
                                              &error));
    ASSERT(strcmp(crm_error_field(error), "employees") == 0);
    crm_error_free(error);
    ASSERT(second.released == 1);

    // Names are no times either, which each row says.
    const char *texts = "{\"kind\": \"call\", \"columns\": ["
                        "{\"column\": \"name\", \"attribute\": \"at\"},"
                        "{\"column\": \"employees\", \"attribute\": \"minutes\"},"
                        "{\"column\": \"name\", \"attribute\": \"visitor\"}]}";
    struct source third = {0, 0, 0};
    stream = stream_of(&third);
    crm_buffer report = CRM_BUFFER_INIT;
    uint64_t rows = 0;
    ASSERT_STATUS(CRM_OK, crm_ingest_activities_arrow(crm, texts, strlen(texts), &stream, told,
                                                      &rows, &report, NULL));
    ASSERT(rows == 3 && third.released == 1);
    ASSERT(contains(&report, "\"rejected\":3") && contains(&report, "\"column\":\"name\""));
    crm_buffer_free(&report);
    ASSERT_STATUS(CRM_INVALID_ARGUMENT,
                  crm_ingest_activities_arrow(crm, texts, strlen(texts), NULL, NULL, NULL, NULL,
                                              NULL));
    stream = stream_of(&third);
    ASSERT_STATUS(CRM_INVALID_HANDLE,
                  crm_ingest_activities_arrow(crm + 1, texts, strlen(texts), &stream, NULL, NULL,
                                              NULL, NULL));
    ASSERT(third.released == 2);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

// Companies are linked to themselves by what a query says of them, and names are no ids.
static void a_table_goes_in_as_associations(void) {
    crm_handle crm = open_memory();
    ASSERT_STATUS(CRM_OK, call(crm, "association_types.define",
                               "{\"name\": \"same\", \"from\": [\"company\"], \"to\": [\"company\"]}"));
    ASSERT_STATUS(CRM_OK, call(crm, "records.create",
                               "{\"type\": \"company\", \"values\": {\"name\": \"Acme\"}}"));
    const char *ids = "{\"query\": {\"select\": {\"type\": \"company\", \"columns\": ["
                      "{\"field\": \"id\", \"as\": \"from\"},"
                      "{\"field\": \"id\", \"as\": \"to\"}]}}}";
    const char *request = "{\"type\": \"same\"}";
    for (int again = 0; again < 2; again++) {
        struct ArrowArrayStream stream = query(crm, ids);
        crm_buffer report = CRM_BUFFER_INIT;
        uint64_t rows = 0;
        ASSERT_STATUS(CRM_OK, crm_ingest_associations_arrow(crm, request, strlen(request), &stream,
                                                            told, &rows, &report, NULL));
        ASSERT(rows == 1 && stream.release == NULL);
        ASSERT(contains(&report, again ? "\"unchanged\":1" : "\"created\":1"));
        crm_buffer_free(&report);
    }

    const char *names = "{\"type\": \"same\", \"columns\": ["
                        "{\"column\": \"name\", \"attribute\": \"from\"},"
                        "{\"column\": \"name\", \"attribute\": \"to\"}]}";
    struct source source = {0, 0, 0};
    struct ArrowArrayStream stream = stream_of(&source);
    crm_buffer report = CRM_BUFFER_INIT;
    ASSERT_STATUS(CRM_OK, crm_ingest_associations_arrow(crm, names, strlen(names), &stream, NULL,
                                                        NULL, &report, NULL));
    ASSERT(contains(&report, "\"rejected\":3") && contains(&report, "\"column\":\"name\""));
    ASSERT(source.released == 1);
    crm_buffer_free(&report);

    // Nothing says where they lead.
    const char *half = "{\"type\": \"same\", \"columns\": ["
                       "{\"column\": \"name\", \"attribute\": \"from\"}]}";
    struct source unread = {0, 0, 0};
    stream = stream_of(&unread);
    crm_error *error = NULL;
    ASSERT_STATUS(CRM_INVALID_ARGUMENT,
                  crm_ingest_associations_arrow(crm, half, strlen(half), &stream, NULL, NULL, NULL,
                                                &error));
    ASSERT(strcmp(crm_error_field(error), "columns") == 0 && crm_error_hint(error) != NULL);
    crm_error_free(error);
    ASSERT(unread.released == 1 && unread.served == 0);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

// A handle that is closed is told first, whatever else is wrong; the stream is released all the same.
static void a_closed_handle_is_told_first(void) {
    crm_handle crm = open_memory();
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    struct source source = {0, 0, 0};
    struct ArrowArrayStream stream = stream_of(&source);
    ASSERT_STATUS(CRM_INVALID_HANDLE,
                  crm_ingest_arrow(crm, "{", 1, &stream, NULL, NULL, NULL, NULL));
    stream = stream_of(&source);
    ASSERT_STATUS(CRM_INVALID_HANDLE,
                  crm_ingest_activities_arrow(crm, "{", 1, &stream, NULL, NULL, NULL, NULL));
    stream = stream_of(&source);
    ASSERT_STATUS(CRM_INVALID_HANDLE,
                  crm_ingest_associations_arrow(crm, "{", 1, &stream, NULL, NULL, NULL, NULL));
    ASSERT(source.released == 3 && source.served == 0);
}

int main(void) {
    char dir[] = "/tmp/crm-arrow-XXXXXX";
    ASSERT(mkdtemp(dir) != NULL);
    char path[64], lock[80];
    snprintf(path, sizeof path, "%s/a.crm", dir);
    snprintf(lock, sizeof lock, "%s-lock", path);
    a_query_comes_out(path);
    what_is_asked_wrongly_is_refused();
    a_table_goes_in();
    a_table_goes_in_as_activities();
    a_table_goes_in_as_associations();
    a_closed_handle_is_told_first();
    // Closing left no log, whatever streams were open.
    ASSERT(unlink(path) == 0);
    unlink(lock);
    ASSERT(rmdir(dir) == 0);
    return 0;
}
