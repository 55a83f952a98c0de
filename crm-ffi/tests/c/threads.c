// Several threads on one handle: nothing is lost, and closing while they work is an orderly end.

#define _POSIX_C_SOURCE 200809L
#include <pthread.h>

#include "assert.h"

enum { THREADS = 8 };

static int rounds(void) {
    return getenv("CRM_VALGRIND") != NULL ? 5 : 50;
}

struct work {
    crm_handle crm;
    int number;
    int done;
    crm_status end;
};

static void start(pthread_t threads[], struct work works[], crm_handle crm,
                  void *(*run)(void *)) {
    for (int i = 0; i < THREADS; i++) {
        struct work work = {crm, i, 0, CRM_OK};
        works[i] = work;
        ASSERT(pthread_create(&threads[i], NULL, run, &works[i]) == 0);
    }
}

static void join(pthread_t threads[]) {
    for (int i = 0; i < THREADS; i++) {
        ASSERT(pthread_join(threads[i], NULL) == 0);
    }
}

// Writes, in the thread's own name, and reads back what it wrote.
static void *write_and_read(void *argument) {
    struct work *work = (struct work *)argument;
    char actor[32];
    snprintf(actor, sizeof actor, "thread:%d", work->number);
    crm_handle own = 0;
    ASSERT_STATUS(CRM_OK, crm_acting_as(work->crm, actor, NULL, &own, NULL));
    for (int i = 0; i < rounds(); i++) {
        char email[64], request[256];
        snprintf(email, sizeof email, "t%d.%d@example.org", work->number, i);
        snprintf(request, sizeof request,
                 "{\"type\": \"contact\", \"values\": {\"email\": \"%s\"}}", email);
        ASSERT_STATUS(CRM_OK, call(i % 2 == 0 ? own : work->crm, "records.create", request));
        snprintf(request, sizeof request,
                 "{\"type\": \"contact\", \"attribute\": \"email\", \"value\": \"%s\"}", email);
        crm_buffer found = result_of(work->crm, "records.get_by", request);
        ASSERT(contains(&found, email));
        crm_buffer_free(&found);
        work->done++;
    }
    ASSERT_STATUS(CRM_OK, crm_close(own));
    return NULL;
}

static void all_writes_of_all_threads_are_there(void) {
    pthread_t threads[THREADS];
    struct work works[THREADS];
    crm_handle crm = open_memory();
    start(threads, works, crm, write_and_read);
    join(threads);
    ASSERT(count(crm, "{\"type\": \"contact\"}") == (long)THREADS * rounds());
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int working;

// Writes until the handle is closed under it.
static void *write_until_closed(void *argument) {
    struct work *work = (struct work *)argument;
    for (;;) {
        work->end = call(work->crm, "records.create", "{\"type\": \"company\", \"values\": {\"name\": \"Acme\"}}");
        if (work->end != CRM_OK) {
            return NULL;
        }
        if (work->done++ == 0) {
            ASSERT(pthread_mutex_lock(&lock) == 0);
            working++;
            ASSERT(pthread_cond_signal(&changed) == 0);
            ASSERT(pthread_mutex_unlock(&lock) == 0);
        }
    }
}

static void closing_while_calls_run_ends_them(void) {
    pthread_t threads[THREADS];
    struct work works[THREADS];
    crm_handle crm = open_memory();
    start(threads, works, crm, write_until_closed);
    ASSERT(pthread_mutex_lock(&lock) == 0);
    while (working < THREADS) {
        ASSERT(pthread_cond_wait(&changed, &lock) == 0);
    }
    ASSERT(pthread_mutex_unlock(&lock) == 0);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    join(threads);
    for (int i = 0; i < THREADS; i++) {
        ASSERT(works[i].done > 0);
        ASSERT(works[i].end == CRM_INVALID_HANDLE || works[i].end == CRM_CLOSED);
    }
}

static void *close_once(void *argument) {
    struct work *work = (struct work *)argument;
    work->end = crm_close(work->crm);
    return NULL;
}

static void of_several_that_close_one_handle_one_succeeds(void) {
    pthread_t threads[THREADS];
    struct work works[THREADS];
    start(threads, works, open_memory(), close_once);
    join(threads);
    int closed = 0;
    for (int i = 0; i < THREADS; i++) {
        ASSERT(works[i].end == CRM_OK || works[i].end == CRM_INVALID_HANDLE);
        closed += works[i].end == CRM_OK;
    }
    ASSERT(closed == 1);
}

// An error belongs to the caller: it can be read in another thread.
static void *read_error(void *argument) {
    crm_error *error = (crm_error *)argument;
    ASSERT(crm_error_status(error) == CRM_UNKNOWN_TYPE);
    ASSERT(strcmp(crm_error_field(error), "type") == 0);
    crm_error_free(error);
    return NULL;
}

static void errors_are_not_bound_to_a_thread(void) {
    crm_handle crm = open_memory();
    crm_error *error = NULL;
    const char *request = "{\"type\": \"nobody\"}";
    ASSERT_STATUS(CRM_UNKNOWN_TYPE,
                  crm_call(crm, "types.get", request, strlen(request), NULL, &error));
    pthread_t thread;
    ASSERT(pthread_create(&thread, NULL, read_error, error) == 0);
    ASSERT(pthread_join(thread, NULL) == 0);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

int main(void) {
    all_writes_of_all_threads_are_there();
    closing_while_calls_run_ends_them();
    of_several_that_close_one_handle_one_succeeds();
    errors_are_not_bound_to_a_thread();
    return 0;
}
