// Every misuse that can be recognised is an error that explains itself; outputs stay as they were
// and the handle stays usable.

#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>
#include <unistd.h>

#include "assert.h"

static const char *NOT_UTF8 = "\xC3\x28";

// Outputs with a content that no call would write.
static crm_buffer marked(void) {
    static char mark[] = "mark";
    crm_buffer buffer = {mark, 12345};
    return buffer;
}

static int is_marked(const crm_buffer *buffer) {
    crm_buffer mark = marked();
    return buffer->data == mark.data && buffer->len == mark.len;
}

// A call that must fail: checks status, field, untouched output, and that the error is complete.
static void refuse(crm_status expected, const char *field, crm_handle crm, const char *operation,
                   const char *json, size_t length) {
    crm_buffer result = marked();
    crm_error *error = NULL;
    ASSERT_STATUS(expected, crm_call(crm, operation, json, length, &result, &error));
    ASSERT(is_marked(&result));
    ASSERT(error != NULL);
    ASSERT(crm_error_status(error) == expected);
    ASSERT(strcmp(crm_error_kind(error), crm_status_name(expected)) == 0);
    ASSERT(strlen(crm_error_message(error)) > 0);
    if (field == NULL) {
        ASSERT(crm_error_field(error) == NULL);
    } else {
        ASSERT(crm_error_field(error) != NULL);
        ASSERT(strcmp(crm_error_field(error), field) == 0);
    }
    crm_error_free(error);
    // The same without asking for anything.
    ASSERT_STATUS(expected, crm_call(crm, operation, json, length, NULL, NULL));
    ASSERT_STATUS(expected, crm_call_watched(crm, operation, json, length, NULL, NULL, &result, NULL));
    ASSERT(is_marked(&result));
}

static void refuse_text(crm_status expected, const char *field, crm_handle crm,
                        const char *operation, const char *json) {
    refuse(expected, field, crm, operation, json, strlen(json));
}

static void bad_calls(void) {
    crm_handle crm = open_memory();
    refuse_text(CRM_INVALID_ARGUMENT, "operation", crm, NULL, "{}");
    refuse_text(CRM_INVALID_ARGUMENT, "operation", crm, NOT_UTF8, "{}");
    refuse_text(CRM_UNKNOWN_OPERATION, NULL, crm, "", "{}");
    refuse_text(CRM_UNKNOWN_OPERATION, NULL, crm, "records.crate", "{}");
    refuse(CRM_INVALID_ARGUMENT, "request_json", crm, "types.list", NULL, 2);
    refuse(CRM_INVALID_ARGUMENT, "request_json", crm, "types.list", "{}", (size_t)-1);
    refuse(CRM_INVALID_ARGUMENT, NULL, crm, "types.list", "{\0}", 3);
    refuse_text(CRM_INVALID_ARGUMENT, NULL, crm, "types.list", "{");
    refuse_text(CRM_INVALID_ARGUMENT, NULL, crm, "types.list", "not JSON");
    refuse_text(CRM_INVALID_ARGUMENT, NULL, crm, "types.list", "{} {}");
    refuse_text(CRM_INVALID_ARGUMENT, "type", crm, "types.get", "{}");
    refuse_text(CRM_INVALID_ARGUMENT, "type", crm, "types.get", "{\"type\": \"\xC3\x28\"}");
    refuse_text(CRM_INVALID_ARGUMENT, "colour", crm, "types.list", "{\"colour\": 1}");
    refuse_text(CRM_UNKNOWN_TYPE, "type", crm, "types.get", "{\"type\": \"contcat\"}");

    // A hint says what to do.
    crm_error *error = NULL;
    ASSERT_STATUS(CRM_UNKNOWN_OPERATION, crm_call(crm, "records.crate", "", 0, NULL, &error));
    ASSERT(strstr(crm_error_hint(error), "records.create") != NULL);
    crm_error_free(error);

    // The handle still works, and a success leaves the place for an error alone.
    static char mark;
    error = (crm_error *)(void *)&mark;
    crm_buffer result = CRM_BUFFER_INIT;
    ASSERT_STATUS(CRM_OK, crm_call(crm, "types.list", "", 0, &result, &error));
    ASSERT((void *)error == (void *)&mark);
    crm_buffer_free(&result);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

// A write that fails leaves nothing behind.
static void a_failed_write(void) {
    crm_handle crm = open_memory();
    const char *ann = "{\"type\": \"contact\", \"values\": {\"email\": \"ann@example.org\"}}";
    ASSERT_STATUS(CRM_OK, call(crm, "records.create", ann));
    refuse_text(CRM_DUPLICATE, "email", crm, "records.create", ann);
    refuse_text(CRM_INVALID_VALUE, "email", crm, "records.create",
                "{\"type\": \"contact\", \"values\": {\"email\": \"ann\"}}");
    refuse_text(CRM_NOT_FOUND, "id", crm, "records.get",
                "{\"type\": \"contact\", \"id\": \"018f0000-0000-7000-8000-000000000000\"}");
    ASSERT(count(crm, "{\"type\": \"contact\"}") == 1);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

static void handles(void) {
    crm_handle crm = open_memory();
    crm_handle first = crm;
    const crm_handle invented[] = {0, 1, 42, crm + 1, crm ^ ((crm_handle)1 << 63), UINT64_MAX};
    for (size_t i = 0; i < sizeof invented / sizeof *invented; i++) {
        refuse_text(CRM_INVALID_HANDLE, NULL, invented[i], "types.list", "{}");
        ASSERT_STATUS(CRM_INVALID_HANDLE, crm_interrupt(invented[i]));
        ASSERT_STATUS(invented[i] == 0 ? CRM_OK : CRM_INVALID_HANDLE, crm_close(invented[i]));
        crm_handle out = 7;
        ASSERT_STATUS(CRM_INVALID_HANDLE, crm_acting_as(invented[i], "user:1", NULL, &out, NULL));
        ASSERT(out == 7);
        ASSERT_STATUS(CRM_INVALID_HANDLE, crm_unobserve(invented[i], 1, NULL));
    }
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT_STATUS(CRM_INVALID_HANDLE, crm_close(crm));

    // The place is used again, under another number.
    crm = open_memory();
    ASSERT(crm != first);
    refuse_text(CRM_INVALID_HANDLE, NULL, first, "types.list", "{}");
    ASSERT_STATUS(CRM_INVALID_HANDLE, crm_close(first));
    ASSERT_STATUS(CRM_OK, call(crm, "types.list", "{}"));
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

static void refuse_open(crm_status expected, const char *field, const char *path,
                        const char *options) {
    crm_handle crm = 7;
    crm_error *error = NULL;
    ASSERT_STATUS(expected, crm_open(path, options, &crm, &error));
    ASSERT(crm == 7);
    const char *found = crm_error_field(error);
    ASSERT(field == NULL ? found == NULL : found != NULL && strcmp(found, field) == 0);
    if (field != NULL && strcmp(field, "path") == 0 && path != NULL)
        ASSERT(crm_error_hint(error) != NULL || expected == CRM_INVALID_ARGUMENT);
    crm_error_free(error);
}

static void bad_opens(void) {
    refuse_open(CRM_INVALID_ARGUMENT, "path", NULL, NULL);
    refuse_open(CRM_INVALID_ARGUMENT, "path", NOT_UTF8, NULL);
    refuse_open(CRM_INVALID_ARGUMENT, "options_json", ":memory:", NOT_UTF8);
    refuse_open(CRM_INVALID_ARGUMENT, NULL, ":memory:", "{");
    refuse_open(CRM_INVALID_ARGUMENT, "colour", ":memory:", "{\"colour\": 1}");
    refuse_open(CRM_INVALID_ARGUMENT, "read_only", ":memory:", "{\"read_only\": 1}");
    refuse_open(CRM_INVALID_ARGUMENT, "actor", ":memory:", "{\"actor\": \"\"}");
    refuse_open(CRM_IO, "path", "/nowhere/at/all.crm", NULL);
    refuse_open(CRM_NOT_OUR_FILE, "path", "/tmp", NULL);
    refuse_open(CRM_INVALID_ARGUMENT, "path", "/tmp/", NULL);
    refuse_open(CRM_INVALID_ARGUMENT, "path", "/tmp/crm-errors.crm/", NULL);
    crm_error *error = NULL;
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_open(":memory:", NULL, NULL, &error));
    ASSERT(strcmp(crm_error_field(error), "handle_out") == 0);
    crm_error_free(error);

    char path[] = "/tmp/crm-errors-XXXXXX";
    int file = mkstemp(path);
    ASSERT(file >= 0);
    ASSERT(write(file, "name;city\nAnn;Ulm\n", 18) == 18);
    ASSERT(close(file) == 0);
    refuse_open(CRM_NOT_OUR_FILE, "path", path, NULL);
    refuse_open(CRM_NOT_OUR_FILE, "path", path, "{\"read_only\": true}");
    char link[sizeof path + 8];
    snprintf(link, sizeof link, "%s.link", path);
    ASSERT(symlink(path, link) == 0);
    refuse_open(CRM_NOT_OUR_FILE, "path", link, NULL);
    ASSERT(remove(link) == 0);
    ASSERT(remove(path) == 0);
    char lock[sizeof path + 8];
    snprintf(lock, sizeof lock, "%s.lock", path);
    remove(lock);

    crm_handle crm = 0;
    ASSERT_STATUS(CRM_OK, crm_open(path, NULL, &crm, NULL));
    refuse_open(CRM_IN_USE, "path", path, NULL);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT(remove(path) == 0);
}

static void bad_actors(void) {
    crm_handle crm = open_memory();
    crm_handle out = 7;
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_acting_as(crm, NULL, NULL, &out, NULL));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_acting_as(crm, "", NULL, &out, NULL));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_acting_as(crm, "user:1", "a\nb", &out, NULL));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_acting_as(crm, "user:1", NOT_UTF8, &out, NULL));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_acting_as(crm, "user:1", NULL, NULL, NULL));
    char actor[257];
    memset(actor, 'x', 256);
    actor[256] = '\0';
    ASSERT_STATUS(CRM_LIMIT_EXCEEDED, crm_acting_as(crm, actor, NULL, &out, NULL));
    ASSERT(out == 7);
    // None of them counts as a handle of the file.
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

// The child of a fork may not use the parent's file.
static void a_fork(void) {
    crm_handle crm = open_memory();
    pid_t child = fork();
    ASSERT(child >= 0);
    if (child == 0) {
        if (call(crm, "types.list", "{}") == CRM_FORKED && crm_close(crm) == CRM_FORKED) {
            // Another program instead of an end of this one: what the parent has open is not lost.
            execlp("true", "true", (char *)NULL);
        }
        _exit(1);
    }
    int status = 0;
    ASSERT(waitpid(child, &status, 0) == child);
    ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ASSERT_STATUS(CRM_OK, call(crm, "types.list", "{}"));
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

static void nothing(void) {
    crm_buffer_free(NULL);
    crm_error_free(NULL);
    ASSERT(crm_error_status(NULL) == CRM_OK);
    ASSERT(strcmp(crm_error_kind(NULL), "ok") == 0);
    ASSERT(crm_error_message(NULL) == NULL);
    ASSERT(crm_error_field(NULL) == NULL);
    ASSERT(crm_error_hint(NULL) == NULL);
}

int main(void) {
    nothing();
    bad_opens();
    bad_calls();
    a_failed_write();
    handles();
    bad_actors();
    a_fork();
    return 0;
}
