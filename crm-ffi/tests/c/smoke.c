// The ordinary way: open, write, read, close, open again and find all of it.

#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "assert.h"

static const char *ANN =
    "{\"type\": \"contact\", \"values\": {\"given_name\": \"Ann\", \"email\": \"ann@example.org\"}}";
static const char *BY_EMAIL =
    "{\"type\": \"contact\", \"attribute\": \"email\", \"value\": \"ann@example.org\"}";

// One file, first written in two names, then opened again.
static void a_file_keeps_what_was_written(const char *path) {
    crm_handle crm = 0;
    crm_error *error = NULL;
    ASSERT_STATUS(CRM_OK, crm_open(path, "{\"actor\": \"user:1\"}", &crm, &error));
    crm_buffer ann = result_of(crm, "records.create", ANN);
    ASSERT(strlen(ann.data) == ann.len);
    ASSERT(contains(&ann, "\"email\":\"ann@example.org\""));
    crm_buffer_free(&ann);
    ASSERT(ann.data == NULL && ann.len == 0);

    crm_handle import = 0;
    ASSERT_STATUS(CRM_OK, crm_acting_as(crm, "import:web", "form 7", &import, &error));
    ASSERT_STATUS(CRM_OK, call(import, "records.create",
                               "{\"type\": \"company\", \"values\": {\"name\": \"Acme\"}}"));

    // Closing one of two handles leaves the file open for the other.
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT_STATUS(CRM_INVALID_HANDLE, call(crm, "database.stats", "{}"));
    ASSERT(count(import, "{\"type\": \"contact\"}") == 1);
    crm_handle other = 0;
    ASSERT_STATUS(CRM_IN_USE, crm_open(path, NULL, &other, NULL));
    ASSERT(other == 0);
    ASSERT_STATUS(CRM_OK, crm_close(import));

    ASSERT_STATUS(CRM_OK, crm_open(path, "{\"read_only\": true}", &crm, &error));
    crm_buffer found = result_of(crm, "records.get_by", BY_EMAIL);
    ASSERT(contains(&found, "\"given_name\":\"Ann\""));
    crm_buffer_free(&found);
    crm_buffer changes = result_of(crm, "changes.list", "{}");
    ASSERT(contains(&changes, "user:1"));
    ASSERT(contains(&changes, "import:web") && contains(&changes, "form 7"));
    crm_buffer_free(&changes);
    ASSERT_STATUS(CRM_READ_ONLY, call(crm, "records.create", ANN));
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT(error == NULL);
}

static void a_request_needs_no_nul(void) {
    crm_handle crm = open_memory();
    const char padded[] = "{\"type\": \"contact\"}not a part of it";
    crm_buffer result = CRM_BUFFER_INIT;
    ASSERT_STATUS(CRM_OK, crm_call(crm, "records.count", padded, 19, &result, NULL));
    ASSERT(strcmp(result.data, "0") == 0 && result.len == 1);
    crm_buffer_free(&result);
    // Without a request: an empty one.
    ASSERT_STATUS(CRM_OK, crm_call(crm, "types.list", NULL, 0, &result, NULL));
    ASSERT(contains(&result, "\"contact\""));
    crm_buffer_free(&result);
    crm_buffer_free(&result);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

static void operations_are_listed(void) {
    const char *list = crm_operations();
    ASSERT(list == crm_operations());
    ASSERT(strstr(list, "{\"name\":\"records.create\",\"mode\":\"write\","));
    ASSERT(strstr(list, "{\"name\":\"database.backup\",\"mode\":\"job\","));
}

int main(void) {
    char folder[] = "/tmp/crm-smoke-XXXXXX";
    char path[64];
    ASSERT(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/acme.crm", folder);
    a_file_keeps_what_was_written(path);
    a_request_needs_no_nul();
    operations_are_listed();

    ASSERT(remove(path) == 0);
    snprintf(path, sizeof path, "%s/acme.crm.lock", folder);
    remove(path);
    ASSERT(rmdir(folder) == 0);
    return 0;
}
