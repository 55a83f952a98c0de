// Prints what a call from C costs, warm, in a file in memory: the best of several rounds.

#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crm.h"

#define ROUNDS 5
#define CALLS 20000

static double microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

// The time of one round, or a negative number when a call failed.
static double round_of_calls(crm_handle crm, crm_error **error) {
    double start = microseconds();
    for (int call = 0; call < CALLS; call++) {
        crm_buffer result = CRM_BUFFER_INIT;
        if (crm_call(crm, "database.info", "{}", 2, &result, error) != CRM_OK) {
            return -1;
        }
        crm_buffer_free(&result);
    }
    return microseconds() - start;
}

int main(void) {
    crm_handle crm = 0;
    crm_error *error = NULL;
    double best = -1;
    if (crm_open(":memory:", NULL, &crm, &error) == CRM_OK) {
        for (int number = 0; number < ROUNDS && error == NULL; number++) {
            double time = round_of_calls(crm, &error);
            best = best < 0 || time < best ? time : best;
        }
    }
    if (error != NULL) {
        fprintf(stderr, "%s\n", crm_error_message(error));
        crm_error_free(error);
        return 1;
    }
    crm_close(crm);
    printf("database.info %.3f\n", best / CALLS);
    return 0;
}
