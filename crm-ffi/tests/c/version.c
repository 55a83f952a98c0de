// The header and the library that is linked say the same.

#include "assert.h"

int main(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", CRM_VERSION_MAJOR, CRM_VERSION_MINOR,
             CRM_VERSION_PATCH);
    ASSERT(strcmp(version, crm_version()) == 0);
    ASSERT(crm_version_number() == CRM_VERSION_NUMBER);
    ASSERT(CRM_VERSION_NUMBER ==
           CRM_VERSION_MAJOR * 1000000 + CRM_VERSION_MINOR * 1000 + CRM_VERSION_PATCH);
    ASSERT(crm_abi_version() == CRM_ABI_VERSION);
    ASSERT(strcmp(crm_status_name(CRM_OK), "ok") == 0);
    ASSERT(strcmp(crm_status_name(CRM_STALE_VERSION), "stale_version") == 0);
    ASSERT(strcmp(crm_status_name(-7), "unknown") == 0);

    // The engine inside is the same one.
    crm_handle crm = open_memory();
    crm_buffer info = result_of(crm, "database.info", "{}");
    ASSERT(contains(&info, version));
    crm_buffer_free(&info);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    return 0;
}
