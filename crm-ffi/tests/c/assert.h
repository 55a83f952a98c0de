// What the test programs share: assertions that are never compiled out, and calls in one line.

#ifndef CRM_TEST_ASSERT_H
#define CRM_TEST_ASSERT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crm.h"

#define ASSERT(condition)                                                                  \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);      \
            exit(1);                                                                       \
        }                                                                                  \
    } while (0)

// Asserts a status, and shows both by name when they differ.
#define ASSERT_STATUS(expected, call)                                                      \
    do {                                                                                   \
        crm_status status_ = (call);                                                       \
        if (status_ != (expected)) {                                                       \
            fprintf(stderr, "%s:%d: %s instead of %s: %s\n", __FILE__, __LINE__,           \
                    crm_status_name(status_), crm_status_name(expected), #call);           \
            exit(1);                                                                       \
        }                                                                                  \
    } while (0)

// A call whose result is not looked at.
static inline crm_status call(crm_handle crm, const char *operation, const char *json) {
    return crm_call(crm, operation, json, strlen(json), NULL, NULL);
}

// A call that must succeed. The caller releases the result.
static inline crm_buffer result_of(crm_handle crm, const char *operation, const char *json) {
    crm_buffer result = CRM_BUFFER_INIT;
    crm_error *error = NULL;
    if (crm_call(crm, operation, json, strlen(json), &result, &error) != CRM_OK) {
        fprintf(stderr, "%s: %s\n", operation, crm_error_message(error));
        exit(1);
    }
    return result;
}

static inline int contains(const crm_buffer *buffer, const char *text) {
    return strstr(buffer->data, text) != NULL;
}

// How many records there are, as the engine counts them.
static inline long count(crm_handle crm, const char *request) {
    crm_buffer result = result_of(crm, "records.count", request);
    long counted = strtol(result.data, NULL, 10);
    crm_buffer_free(&result);
    return counted;
}

static inline crm_handle open_memory(void) {
    crm_handle crm = 0;
    ASSERT_STATUS(CRM_OK, crm_open(":memory:", NULL, &crm, NULL));
    ASSERT(crm != 0);
    return crm;
}

#endif
