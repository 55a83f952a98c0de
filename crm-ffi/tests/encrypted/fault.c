// A disk that fails when a file has its other key already: the caller must not hear that it has not.
//
// Built with a library that has the feature sqlcipher, whose calls of fsync come here.

#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define CRM_SQLCIPHER
#include "../c/assert.h"

static char folder[] = "/tmp/crm-fault-XXXXXX";
static char path[64];
static ino_t before;
static int failures;

static ino_t inode(void) {
    struct stat status;
    ASSERT(stat(path, &status) == 0);
    return status.st_ino;
}

// Fails for the folder from the moment when another file has the name.
int fsync(int descriptor) {
    struct stat status;
    ASSERT(fstat(descriptor, &status) == 0);
    if (before == 0 || !S_ISDIR(status.st_mode) || inode() == before)
        return 0;
    failures++;
    errno = EIO;
    return -1;
}

static int32_t tell(uint8_t *key_out, void *user_data) {
    memset(key_out, *(uint8_t *)user_data, CRM_KEY_BYTES);
    return 0;
}

static crm_status try_key(uint8_t number) {
    crm_handle crm = 0;
    crm_status status = crm_open_encrypted(path, NULL, tell, &number, NULL, &crm, NULL);
    if (status == CRM_OK)
        ASSERT_STATUS(CRM_OK, crm_close(crm));
    return status;
}

int main(void) {
    ASSERT(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/acme.crm", folder);
    ASSERT_STATUS(CRM_OK, try_key(1));
    uint8_t one = 1, two = 2;
    before = inode();
    ASSERT_STATUS(CRM_OK, crm_rekey(path, tell, &one, tell, &two, NULL, NULL, NULL));
    ASSERT(failures == 1 && inode() != before);
    before = 0;
    ASSERT_STATUS(CRM_WRONG_KEY, try_key(1));
    ASSERT_STATUS(CRM_OK, try_key(2));
    ASSERT(remove(path) == 0 && rmdir(folder) == 0);
    return 0;
}
