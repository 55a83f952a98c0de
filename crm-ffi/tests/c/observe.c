// Functions of the host that the library calls: told of commits, told of progress, and what they
// may do from inside.

#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <unistd.h>

#include "assert.h"

static const char *ACME = "{\"type\": \"company\", \"values\": {\"name\": \"Acme\"}}";

struct log {
    crm_handle crm;
    uint64_t observer;
    int commits;
    int drops;
    int64_t last_seq;
    crm_status inside;
};

static void on_commit(int64_t first_seq, int64_t last_seq, void *user_data) {
    struct log *log = (struct log *)user_data;
    ASSERT(first_seq <= last_seq);
    ASSERT(first_seq > log->last_seq);
    ASSERT(log->drops == 0);
    log->last_seq = last_seq;
    log->commits++;
}

static void on_drop(void *user_data) {
    ((struct log *)user_data)->drops++;
}

static void commits_are_told_until_the_end(void) {
    crm_handle crm = open_memory(), other = 0;
    struct log log = {crm, 0, 0, 0, 0, CRM_OK};
    ASSERT_STATUS(CRM_OK, crm_acting_as(crm, "user:2", NULL, &other, NULL));
    ASSERT_STATUS(CRM_OK, crm_observe(crm, on_commit, &log, on_drop, &log.observer, NULL));
    ASSERT_STATUS(CRM_OK, call(crm, "records.create", ACME));
    ASSERT_STATUS(CRM_OK, call(other, "records.create", ACME));
    ASSERT(log.commits == 2);
    // What changed nothing is no commit.
    ASSERT_STATUS(CRM_OK, call(crm, "types.list", "{}"));
    ASSERT_STATUS(CRM_UNKNOWN_TYPE,
                  call(crm, "records.create", "{\"type\": \"nobody\", \"values\": {}}"));
    ASSERT(log.commits == 2);

    ASSERT_STATUS(CRM_INVALID_HANDLE, crm_unobserve(other, log.observer, NULL));
    ASSERT(log.drops == 0);
    ASSERT_STATUS(CRM_OK, crm_unobserve(crm, log.observer, NULL));
    ASSERT(log.drops == 1);
    crm_error *error = NULL;
    ASSERT_STATUS(CRM_INVALID_HANDLE, crm_unobserve(crm, log.observer, &error));
    ASSERT(strcmp(crm_error_field(error), "observer") == 0);
    crm_error_free(error);
    ASSERT_STATUS(CRM_OK, call(crm, "records.create", ACME));
    ASSERT(log.commits == 2 && log.drops == 1);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT_STATUS(CRM_OK, crm_close(other));
    ASSERT(log.drops == 1);
}

static void closing_the_handle_ends_its_observers_and_no_others(void) {
    crm_handle crm = open_memory(), other = 0;
    struct log mine = {crm, 0, 0, 0, 0, CRM_OK}, theirs = mine;
    ASSERT_STATUS(CRM_OK, crm_acting_as(crm, "user:2", NULL, &other, NULL));
    ASSERT_STATUS(CRM_OK, crm_observe(crm, on_commit, &mine, on_drop, &mine.observer, NULL));
    ASSERT_STATUS(CRM_OK, crm_observe(other, on_commit, &theirs, on_drop, &theirs.observer, NULL));
    ASSERT(mine.observer != theirs.observer);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
    ASSERT(mine.drops == 1 && theirs.drops == 0);
    ASSERT_STATUS(CRM_OK, call(other, "records.create", ACME));
    ASSERT(mine.commits == 0 && theirs.commits == 1);
    ASSERT_STATUS(CRM_INVALID_HANDLE, crm_unobserve(crm, mine.observer, NULL));
    ASSERT_STATUS(CRM_OK, crm_close(other));
    ASSERT(mine.drops == 1 && theirs.drops == 1);
}

static void bad_observers(void) {
    crm_handle crm = open_memory();
    struct log log = {crm, 7, 0, 0, 0, CRM_OK};
    crm_error *error = NULL;
    ASSERT_STATUS(CRM_INVALID_ARGUMENT,
                  crm_observe(crm, NULL, &log, on_drop, &log.observer, &error));
    ASSERT(strcmp(crm_error_field(error), "callback") == 0);
    crm_error_free(error);
    ASSERT_STATUS(CRM_INVALID_ARGUMENT, crm_observe(crm, on_commit, &log, on_drop, NULL, NULL));
    ASSERT_STATUS(CRM_INVALID_HANDLE,
                  crm_observe(crm + 1, on_commit, &log, on_drop, &log.observer, NULL));
    ASSERT(log.observer == 7 && log.drops == 0);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

// From inside: a read works, a write is refused, and the observer may end itself.
static void call_back(int64_t first_seq, int64_t last_seq, void *user_data) {
    struct log *log = (struct log *)user_data;
    (void)first_seq;
    (void)last_seq;
    log->commits++;
    ASSERT(count(log->crm, "{\"type\": \"company\"}") == 1);
    log->inside = call(log->crm, "records.create", ACME);
    ASSERT_STATUS(CRM_OK, crm_unobserve(log->crm, log->observer, NULL));
    ASSERT(log->drops == 0);
}

static void an_observer_may_read_and_end_itself(void) {
    crm_handle crm = open_memory();
    struct log log = {crm, 0, 0, 0, 0, CRM_OK};
    ASSERT_STATUS(CRM_OK, crm_observe(crm, call_back, &log, on_drop, &log.observer, NULL));
    ASSERT_STATUS(CRM_OK, call(crm, "records.create", ACME));
    ASSERT(log.commits == 1 && log.drops == 1);
    ASSERT(log.inside == CRM_REENTRANT);
    ASSERT_STATUS(CRM_OK, call(crm, "records.create", ACME));
    ASSERT(log.commits == 1);
    ASSERT_STATUS(CRM_OK, crm_close(crm));
}

static void close_inside(int64_t first_seq, int64_t last_seq, void *user_data) {
    struct log *log = (struct log *)user_data;
    (void)first_seq;
    (void)last_seq;
    log->inside = crm_close(log->crm);
    ASSERT(log->drops == 0);
}

static void an_observer_may_close_the_file(void) {
    crm_handle crm = open_memory();
    struct log log = {crm, 0, 0, 0, 0, CRM_INTERNAL};
    ASSERT_STATUS(CRM_OK, crm_observe(crm, close_inside, &log, on_drop, &log.observer, NULL));
    ASSERT_STATUS(CRM_OK, call(crm, "records.create", ACME));
    ASSERT(log.inside == CRM_OK && log.drops == 1);
    ASSERT_STATUS(CRM_INVALID_HANDLE, crm_close(crm));
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    crm_handle crm;
    int entered;
    int opened;
    int left;
};

static void gate_set(struct gate *gate, int *flag) {
    ASSERT(pthread_mutex_lock(&gate->lock) == 0);
    *flag = 1;
    ASSERT(pthread_cond_broadcast(&gate->changed) == 0);
    ASSERT(pthread_mutex_unlock(&gate->lock) == 0);
}

static void gate_wait(struct gate *gate, const int *flag) {
    ASSERT(pthread_mutex_lock(&gate->lock) == 0);
    while (!*flag) {
        ASSERT(pthread_cond_wait(&gate->changed, &gate->lock) == 0);
    }
    ASSERT(pthread_mutex_unlock(&gate->lock) == 0);
}

static void stay_inside(int64_t first_seq, int64_t last_seq, void *user_data) {
    struct gate *gate = (struct gate *)user_data;
    (void)first_seq;
    (void)last_seq;
    gate_set(gate, &gate->entered);
    gate_wait(gate, &gate->opened);
    gate->left = 1;
}

static void *create(void *argument) {
    struct gate *gate = (struct gate *)argument;
    ASSERT_STATUS(CRM_OK, call(gate->crm, "records.create", ACME));
    return NULL;
}

static void *open_gate(void *argument) {
    struct gate *gate = (struct gate *)argument;
    gate_set(gate, &gate->opened);
    return NULL;
}

// What the callback uses may be freed as soon as crm_unobserve has returned.
static void unobserve_waits_for_the_callback(void) {
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, open_memory(), 0, 0, 0};
    uint64_t observer = 0;
    pthread_t writer, opener;
    ASSERT_STATUS(CRM_OK, crm_observe(gate.crm, stay_inside, &gate, NULL, &observer, NULL));
    ASSERT(pthread_create(&writer, NULL, create, &gate) == 0);
    gate_wait(&gate, &gate.entered);
    ASSERT(pthread_create(&opener, NULL, open_gate, &gate) == 0);
    ASSERT_STATUS(CRM_OK, crm_unobserve(gate.crm, observer, NULL));
    ASSERT(gate.left);
    ASSERT(pthread_join(opener, NULL) == 0);
    ASSERT(pthread_join(writer, NULL) == 0);
    ASSERT_STATUS(CRM_OK, crm_close(gate.crm));
}

struct job {
    crm_handle crm;
    int told;
    int cancel_at;
    int interrupt_at;
    int close_at;
    uint64_t done;
};

static int32_t on_progress(uint64_t done, uint64_t total, void *user_data) {
    struct job *job = (struct job *)user_data;
    ASSERT(done >= job->done);
    ASSERT(total == 0 || done <= total);
    job->done = done;
    job->told++;
    if (job->told == job->interrupt_at) {
        ASSERT_STATUS(CRM_OK, crm_interrupt(job->crm));
    }
    if (job->told == job->close_at) {
        ASSERT_STATUS(CRM_OK, crm_close(job->crm));
    }
    return job->told == job->cancel_at ? 1 : 0;
}

static crm_status backup(struct job *job, const char *path) {
    char request[128];
    crm_buffer result = CRM_BUFFER_INIT;
    snprintf(request, sizeof request, "{\"path\": \"%s\"}", path);
    crm_status status = crm_call_watched(job->crm, "database.backup", request, strlen(request),
                                         on_progress, job, &result, NULL);
    ASSERT((status == CRM_OK) == (result.data != NULL));
    crm_buffer_free(&result);
    return status;
}

static void jobs_tell_how_far_they_are_and_can_be_stopped(void) {
    char folder[] = "/tmp/crm-observe-XXXXXX";
    char path[64], copy[64], lock[64];
    ASSERT(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/file.crm", folder);
    snprintf(copy, sizeof copy, "%s/copy.crm", folder);
    snprintf(lock, sizeof lock, "%s/file.crm.lock", folder);
    crm_handle crm = 0;
    ASSERT_STATUS(CRM_OK, crm_open(path, NULL, &crm, NULL));
    ASSERT_STATUS(CRM_OK, call(crm, "records.create", ACME));

    struct job cancelled = {crm, 0, 1, 0, 0, 0};
    ASSERT_STATUS(CRM_INTERRUPTED, backup(&cancelled, copy));
    ASSERT(cancelled.told == 1);
    ASSERT(access(copy, F_OK) != 0);

    struct job whole = {crm, 0, 0, 0, 0, 0};
    ASSERT_STATUS(CRM_OK, backup(&whole, copy));
    ASSERT(whole.told > 0 && whole.done > 0);
    ASSERT(remove(copy) == 0);

    // Others are not told, and nobody need be.
    struct job quiet = {crm, 0, 1, 0, 0, 0};
    ASSERT_STATUS(CRM_OK, crm_call_watched(crm, "records.create", ACME, strlen(ACME), on_progress,
                                           &quiet, NULL, NULL));
    ASSERT(quiet.told == 0);
    ASSERT_STATUS(CRM_OK, crm_call_watched(crm, "database.verify", NULL, 0, NULL, NULL, NULL, NULL));

    // Closing from inside: the handle is gone at once, the file when the job is done.
    struct job closing = {crm, 0, 0, 0, 1, 0};
    ASSERT_STATUS(CRM_OK, backup(&closing, copy));
    ASSERT_STATUS(CRM_INVALID_HANDLE, call(crm, "types.list", "{}"));
    ASSERT_STATUS(CRM_OK, crm_open(path, NULL, &crm, NULL));
    ASSERT(count(crm, "{\"type\": \"company\"}") == 2);
    ASSERT_STATUS(CRM_OK, crm_close(crm));

    ASSERT(remove(copy) == 0);
    ASSERT(remove(path) == 0);
    remove(lock);
    ASSERT(rmdir(folder) == 0);
}

// Runs as long as it may: only an interrupt or the time limit ends it.
static void *run_forever(void *argument) {
    crm_handle crm = *(crm_handle *)argument;
    const char *request =
        "{\"sql\": \"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT count(*) FROM n\", \"timeout_ms\": 600000}";
    crm_status status;
    // An interrupt also ends the few steps before the query has begun.
    do {
        status = call(crm, "database.sql", request);
    } while (status == CRM_OK);
    ASSERT_STATUS(CRM_INTERRUPTED, status);
    return NULL;
}

struct caller {
    crm_handle crm;
    pthread_mutex_t lock;
    int is_over;
};

static void *interrupt_until_over(void *argument) {
    struct caller *caller = (struct caller *)argument;
    int is_over = 0;
    while (!is_over) {
        ASSERT_STATUS(CRM_OK, crm_interrupt(caller->crm));
        ASSERT(pthread_mutex_lock(&caller->lock) == 0);
        is_over = caller->is_over;
        ASSERT(pthread_mutex_unlock(&caller->lock) == 0);
    }
    return NULL;
}

static void an_interrupt_ends_what_runs(void) {
    struct caller caller = {open_memory(), PTHREAD_MUTEX_INITIALIZER, 0};
    pthread_t runner, interrupter;
    ASSERT(pthread_create(&runner, NULL, run_forever, &caller.crm) == 0);
    // It cannot be known when the query has begun, so it is interrupted until it has ended.
    ASSERT(pthread_create(&interrupter, NULL, interrupt_until_over, &caller) == 0);
    ASSERT(pthread_join(runner, NULL) == 0);
    ASSERT(pthread_mutex_lock(&caller.lock) == 0);
    caller.is_over = 1;
    ASSERT(pthread_mutex_unlock(&caller.lock) == 0);
    ASSERT(pthread_join(interrupter, NULL) == 0);
    // With nothing to interrupt, the handle works on.
    ASSERT_STATUS(CRM_OK, crm_interrupt(caller.crm));
    ASSERT_STATUS(CRM_OK, call(caller.crm, "records.create", ACME));
    ASSERT_STATUS(CRM_OK, crm_close(caller.crm));
}

int main(void) {
    commits_are_told_until_the_end();
    closing_the_handle_ends_its_observers_and_no_others();
    bad_observers();
    an_observer_may_read_and_end_itself();
    an_observer_may_close_the_file();
    unobserve_waits_for_the_callback();
    jobs_tell_how_far_they_are_and_can_be_stopped();
    an_interrupt_ends_what_runs();
    return 0;
}
