// A program with an SQLite of its own: neither takes the other's functions. Linked with the shared
// library and with the archive of `cargo xtask archive`.

#include "assert.h"

#ifdef __cplusplus
extern "C" {
#endif

int sqlite3_libversion_number(void);
const char *sqlite3_libversion(void);
int sqlite3_open_v2(const char *path, void **database, int flags, const char *vfs);

// An old one, with which the engine would refuse to work.
int sqlite3_libversion_number(void) {
    return 3008000;
}

const char *sqlite3_libversion(void) {
    return "3.8.0";
}

int sqlite3_open_v2(const char *path, void **database, int flags, const char *vfs) {
    (void)path, (void)database, (void)flags, (void)vfs;
    return 1;
}

#ifdef __cplusplus
}
#endif

int main(void) {
    crm_handle crm = 0;
    crm_buffer info = CRM_BUFFER_INIT;
    ASSERT_STATUS(CRM_OK, crm_open(":memory:", NULL, &crm, NULL));
    ASSERT_STATUS(CRM_OK, crm_call(crm, "database.info", NULL, 0, &info, NULL));
    ASSERT(strstr(info.data, "\"sqlite_version\":\"3.8.0\"") == NULL);
    ASSERT(sqlite3_libversion_number() == 3008000 && strcmp(sqlite3_libversion(), "3.8.0") == 0);
    crm_buffer_free(&info);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    return 0;
}
