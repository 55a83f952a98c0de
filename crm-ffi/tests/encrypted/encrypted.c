// Encrypted files: who has the key and who has not, and when the host gets its data back.
//
// Built with a library that has the feature sqlcipher.

#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#define CRM_SQLCIPHER
#include "../c/assert.h"

static const char *NEEDLE = "q7zneedle";
static const char *ANN =
    "{\"type\": \"contact\", \"values\": {\"given_name\": \"q7zneedle\", \"email\": \"ann@example.org\"}}";

static char folder[] = "/tmp/crm-encrypted-XXXXXX";
static char path[64];

// A key store with one key: 32 times the same number, or none.
typedef struct {
    uint8_t number;
    int is_locked;
    int asked;
    int released;
} store;

static int32_t tell(uint8_t *key_out, void *user_data) {
    store *keys = (store *)user_data;
    keys->asked++;
    if (keys->is_locked)
        return 7;
    memset(key_out, keys->number, CRM_KEY_BYTES);
    return 0;
}

static void release(void *user_data) {
    ((store *)user_data)->released++;
}

static store key(uint8_t number) {
    store keys = {0, 0, 0, 0};
    keys.number = number;
    return keys;
}

static crm_handle open_with(store *keys) {
    crm_handle crm = 0;
    ASSERT_STATUS(CRM_OK, crm_open_encrypted(path, NULL, tell, keys, release, &crm, NULL));
    return crm;
}

// Opens the file, which must fail: the status, the field, and that nothing was taken over.
static void refuse(crm_status expected, const char *field, crm_key_callback callback, store *keys) {
    crm_handle crm = 0;
    crm_error *error = NULL;
    ASSERT_STATUS(expected, crm_open_encrypted(path, NULL, callback, keys, release, &crm, &error));
    ASSERT(crm == 0 && keys->released == 0);
    if (field == NULL)
        ASSERT(crm_error_field(error) == NULL);
    else
        ASSERT(strcmp(crm_error_field(error), field) == 0);
    ASSERT(strlen(crm_error_hint(error) == NULL ? "-" : crm_error_hint(error)) > 0);
    crm_error_free(error);
}

typedef struct {
    char *bytes;
    size_t length;
} image;

static image image_of(const char *file) {
    image read = {NULL, 0};
    FILE *stream = fopen(file, "rb");
    ASSERT(stream != NULL && fseek(stream, 0, SEEK_END) == 0);
    read.length = (size_t)ftell(stream);
    rewind(stream);
    read.bytes = (char *)malloc(read.length + 1);
    ASSERT(fread(read.bytes, 1, read.length, stream) == read.length);
    fclose(stream);
    return read;
}

static int tells(const char *file, const char *needle) {
    image read = image_of(file);
    size_t length = strlen(needle);
    int found = 0;
    for (size_t at = 0; at + length <= read.length && !found; at++)
        found = memcmp(read.bytes + at, needle, length) == 0;
    free(read.bytes);
    return found;
}

static int is_unchanged(image before) {
    image after = image_of(path);
    int same = before.length == after.length && memcmp(before.bytes, after.bytes, before.length) == 0;
    free(before.bytes);
    free(after.bytes);
    return same;
}

static void a_file_opens_with_its_key(void) {
    store keys = key(1);
    crm_handle crm = open_with(&keys);
    ASSERT(keys.asked > 0);
    ASSERT_STATUS(CRM_OK, call(crm, "records.create", ANN));
    char log[80], copy[80], request[160];
    snprintf(log, sizeof log, "%s-wal", path);
    ASSERT(!tells(log, NEEDLE) && !tells(path, NEEDLE));
    snprintf(copy, sizeof copy, "%s.copy", path);
    snprintf(request, sizeof request, "{\"path\": \"%s\"}", copy);
    ASSERT_STATUS(CRM_OK, call(crm, "database.backup", request));
    ASSERT(!tells(copy, NEEDLE) && !tells(copy, "SQLite format 3"));

    // The file is open as long as one handle is.
    crm_handle other = 0;
    ASSERT_STATUS(CRM_OK, crm_acting_as(crm, "user:2", NULL, &other, NULL));
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT(keys.released == 0);
    ASSERT(count(other, "{\"type\": \"contact\"}") == 1);
    ASSERT_STATUS(CRM_OK, crm_close(other));
    ASSERT(keys.released == 1);
    ASSERT(!tells(path, NEEDLE) && !tells(path, "SQLite format 3"));

    keys = key(1);
    ASSERT_STATUS(CRM_OK, crm_open_encrypted(copy, NULL, tell, &keys, NULL, &crm, NULL));
    ASSERT(count(crm, "{\"type\": \"contact\"}") == 1);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT(keys.released == 0);
    ASSERT(remove(copy) == 0);
}

static void and_with_nothing_else(void) {
    image before = image_of(path);
    store wrong = key(2), locked = key(1);
    locked.is_locked = 1;
    refuse(CRM_WRONG_KEY, "key", tell, &wrong);
    refuse(CRM_INVALID_ARGUMENT, "key", tell, &locked);
    refuse(CRM_INVALID_ARGUMENT, "key", NULL, &locked);
    ASSERT(locked.asked == 1);
    crm_handle crm = 0;
    ASSERT_STATUS(CRM_NOT_OUR_FILE, crm_open(path, NULL, &crm, NULL));
    store keys = key(1);
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_open_encrypted(NULL, NULL, tell, &keys, NULL, &crm, NULL));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_open_encrypted(path, "[", tell, &keys, NULL, &crm, NULL));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_open_encrypted(path, NULL, tell, &keys, NULL, NULL, NULL));
    ASSERT(crm == 0 && keys.asked == 0);
    ASSERT(is_unchanged(before));
}

// A key store that is locked while the file is open fails what needs another connection, and no more.
static void the_key_is_asked_for_later_too(void) {
    store keys = key(1);
    crm_handle crm = open_with(&keys);
    keys.is_locked = 1;
    const char *query = "{\"sql\": \"SELECT 1\"}";
    crm_error *error = NULL;
    ASSERT_STATUS(CRM_INVALID_ARGUMENT,
                  crm_call(crm, "database.sql", query, strlen(query), NULL, &error));
    ASSERT(strcmp(crm_error_field(error), "key") == 0);
    crm_error_free(error);
    keys.is_locked = 0;
    ASSERT_STATUS(CRM_OK, call(crm, "database.sql", query));
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT(keys.released == 1);
}

// A stream that the host still holds reads nothing any more, and keeps no data of the host's.
static void closing_lets_the_data_go(void) {
    store keys = key(1);
    crm_handle crm = open_with(&keys);
    const char *query = "{\"query\": {\"records\": {\"type\": \"contact\", \"fields\": [\"email\"]}}}";
    struct ArrowArrayStream stream;
    ASSERT_STATUS(CRM_OK, crm_query_arrow(crm, query, strlen(query), &stream, NULL));
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT(keys.released == 1);
    struct ArrowArray batch;
    ASSERT(stream.get_next(&stream, &batch) != 0);
    stream.release(&stream);
    ASSERT(keys.released == 1);
}

static crm_status rekey(store *from, store *to) {
    return crm_rekey(path, from == NULL ? NULL : tell, from, to == NULL ? NULL : tell, to, NULL, NULL,
                     NULL);
}

typedef struct {
    int told;
    uint64_t done, total;
    int32_t answer;
} steps;

static int32_t step(uint64_t done, uint64_t total, void *user_data) {
    steps *seen = (steps *)user_data;
    seen->told++;
    ASSERT(done >= seen->done && done <= total);
    seen->done = done;
    seen->total = total;
    return seen->answer;
}

static void a_file_gets_another_key(void) {
    store one = key(1), two = key(2);
    steps seen = {0, 0, 0, 1};
    image before = image_of(path);
    // Whoever cancels keeps the file.
    ASSERT_STATUS(CRM_INTERRUPTED, crm_rekey(path, tell, &one, tell, &two, step, &seen, NULL));
    ASSERT(seen.told == 1 && one.asked == 1 && two.asked == 1);
    ASSERT(is_unchanged(before));

    steps all = {0, 0, 0, 0};
    ASSERT_STATUS(CRM_OK, crm_rekey(path, tell, &one, tell, &two, step, &all, NULL));
    ASSERT(all.told > 0 && all.done == all.total && all.total > 0);
    refuse(CRM_WRONG_KEY, "key", tell, &one);
    crm_handle crm = open_with(&two);
    ASSERT(count(crm, "{\"type\": \"contact\"}") == 1);
    ASSERT_STATUS(CRM_IN_USE, rekey(&two, &one));
    ASSERT_STATUS(CRM_OK, crm_close(crm));

    ASSERT_STATUS(CRM_OK, rekey(&two, NULL));
    ASSERT(tells(path, NEEDLE));
    refuse(CRM_INVALID_ARGUMENT, "key", tell, &one);
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, rekey(&two, &one));
    ASSERT_STATUS(CRM_OK, crm_open(path, NULL, &crm, NULL));
    ASSERT(count(crm, "{\"type\": \"contact\"}") == 1);
    ASSERT_STATUS(CRM_OK, crm_close(crm));

    ASSERT_STATUS(CRM_OK, rekey(NULL, &one));
    ASSERT(!tells(path, NEEDLE));
    one = key(1);
    ASSERT_STATUS(CRM_OK, crm_close(open_with(&one)));
    ASSERT(one.released == 1);
}

static void what_cannot_be_done_leaves_the_file(void) {
    store one = key(1), two = key(2), locked = key(1);
    locked.is_locked = 1;
    image before = image_of(path);
    ASSERT_STATUS(CRM_WRONG_KEY, rekey(&two, &one));
    ASSERT_STATUS(CRM_NOT_OUR_FILE, rekey(NULL, &one));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, rekey(NULL, NULL));
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, rekey(&locked, &two));
    crm_error *error = NULL;
    ASSERT_STATUS(CRM_INVALID_ARGUMENT,
                  crm_rekey(path, tell, &one, tell, &locked, NULL, NULL, &error));
    ASSERT(strcmp(crm_error_field(error), "new_key") == 0);
    crm_error_free(error);
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_rekey(NULL, tell, &one, tell, &two, NULL, NULL, NULL));
    ASSERT_STATUS(CRM_IO, crm_rekey("/nowhere/a.crm", tell, &one, tell, &two, NULL, NULL, NULL));
    ASSERT(is_unchanged(before));
}

int main(void) {
    ASSERT(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/acme.crm", folder);
    a_file_opens_with_its_key();
    and_with_nothing_else();
    the_key_is_asked_for_later_too();
    closing_lets_the_data_go();
    a_file_gets_another_key();
    what_cannot_be_done_leaves_the_file();

    ASSERT(remove(path) == 0);
    char lock[80];
    snprintf(lock, sizeof lock, "%s.lock", path);
    remove(lock);
    snprintf(lock, sizeof lock, "%s.copy.lock", path);
    remove(lock);
    ASSERT(rmdir(folder) == 0);
    return 0;
}
