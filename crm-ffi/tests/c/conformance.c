// Runs the cases that all languages share through crm_call: tests/conformance/README.md says what
// they mean. C's interface is typed by operation name and JSON, so a step needs no branch of its
// own; an operation that the library does not list fails the run.

#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "json.h"

static const char *REPLAY = "{\"start\": \"2026-01-01T00:00:00Z\", \"step_micros\": 1000}";

// What went wrong in the present step.
static char problem[2048];

static int fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    return 0;
}

// One case as it runs.
struct run {
    char dir[64];
    char path[96];
    crm_handle crm;
    struct json *saved;
};

static const char *text_of(const struct json *json) {
    ASSERT(json != NULL && json->kind == JSON_TEXT);
    return json->text;
}

static int only_keys(const struct json *json, const char *const keys[]) {
    for (size_t i = 0; i < json->count; i++) {
        int known = 0;
        for (size_t k = 0; keys[k] != NULL; k++) {
            known = known || strcmp(json->items[i]->key, keys[k]) == 0;
        }
        if (!known) {
            return fail("the key %s means nothing to this runner", json->items[i]->key);
        }
    }
    return 1;
}

// Placeholders.

static int is_name(const char *text, size_t len) {
    static const char *letters = "abcdefghijklmnopqrstuvwxyz";
    if (len == 0 || strchr(letters, text[0]) == NULL || text[0] == '\0') {
        return 0;
    }
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static struct json *expand_text(const struct run *run, const struct json *json) {
    if (json->len > 1 && json->text[0] == '$' && !json_is(json, "$any") &&
        !json_is(json, "$dir") && is_name(json->text + 1, json->len - 1)) {
        const struct json *saved = json_find(run->saved, json->text + 1, json->len - 1);
        if (saved == NULL) {
            fail("nothing is saved as %s", json->text);
            return NULL;
        }
        return json_copy(saved);
    }
    struct writer writer = {NULL, 0, 0};
    write_bytes(&writer, "", 0);
    for (size_t i = 0; i < json->len;) {
        if (json->len - i >= 4 && memcmp(json->text + i, "$dir", 4) == 0) {
            write_text(&writer, run->dir);
            i += 4;
        } else {
            write_bytes(&writer, json->text + i++, 1);
        }
    }
    struct json *expanded = json_text(writer.text, writer.len);
    free(writer.text);
    return expanded;
}

static struct json *repeated(const struct json *repeat) {
    ASSERT(repeat->kind == JSON_ARRAY && repeat->count == 2);
    const struct json *text = repeat->items[0];
    ASSERT(text->kind == JSON_TEXT && repeat->items[1]->kind == JSON_NUMBER);
    struct writer writer = {NULL, 0, 0};
    write_bytes(&writer, "", 0);
    for (unsigned long i = strtoul(repeat->items[1]->text, NULL, 10); i > 0; i--) {
        write_bytes(&writer, text->text, text->len);
    }
    struct json *whole = json_text(writer.text, writer.len);
    free(writer.text);
    return whole;
}

// A copy with every placeholder replaced; NULL, with the problem, when one cannot be.
static struct json *expand(const struct run *run, const struct json *json) {
    if (json->kind == JSON_TEXT) {
        return expand_text(run, json);
    }
    if (json->kind != JSON_ARRAY && json->kind != JSON_OBJECT) {
        return json_copy(json);
    }
    const struct json *repeat = json_get(json, "$repeat");
    if (repeat != NULL) {
        return repeated(repeat);
    }
    struct json *expanded = json_new(json->kind);
    for (size_t i = 0; i < json->count; i++) {
        struct json *item = expand(run, json->items[i]);
        if (item == NULL) {
            json_free(expanded);
            return NULL;
        }
        json_add(expanded, json->items[i]->key, json->items[i]->key_len, item);
    }
    return expanded;
}

// Matching.

static int is_whole(const struct json *number, long long *value) {
    char *end;
    errno = 0;
    *value = strtoll(number->text, &end, 10);
    return *end == '\0' && errno == 0 && strcmp(number->text, "-0") != 0;
}

static int is_large(const struct json *number, unsigned long long *value) {
    char *end;
    errno = 0;
    *value = strtoull(number->text, &end, 10);
    return *end == '\0' && errno == 0 && number->text[0] != '-';
}

static int same_number(const struct json *one, const struct json *other) {
    long long one_whole, other_whole;
    unsigned long long one_large, other_large;
    if (is_whole(one, &one_whole) && is_whole(other, &other_whole)) {
        return one_whole == other_whole;
    }
    if (is_large(one, &one_large) && is_large(other, &other_large)) {
        return one_large == other_large;
    }
    double one_real = strtod(one->text, NULL), other_real = strtod(other->text, NULL);
    return one_real == other_real && (one->text[0] == '-') == (other->text[0] == '-');
}

static int differs(const char *at, const struct json *expected, const struct json *actual) {
    struct writer one = {NULL, 0, 0}, other = {NULL, 0, 0};
    json_write(&one, expected);
    json_write(&other, actual);
    fail("%s: expected %.300s, got %.300s", at, one.text, other.text);
    free(one.text);
    free(other.text);
    return 0;
}

static int matches(const struct json *expected, const struct json *actual, int exactly,
                   const char *at);

static int matches_object(const struct json *expected, const struct json *actual, int exactly,
                          const char *at) {
    static const struct json nothing = {JSON_NULL, NULL, 0, NULL, 0, NULL, 0};
    for (size_t i = 0; exactly && i < actual->count; i++) {
        const struct json *item = actual->items[i];
        if (json_find(expected, item->key, item->key_len) == NULL) {
            return fail("%s/%s: not expected", at, item->key);
        }
    }
    for (size_t i = 0; i < expected->count; i++) {
        const struct json *item = expected->items[i];
        const struct json *found = json_find(actual, item->key, item->key_len);
        char place[256];
        snprintf(place, sizeof place, "%.180s/%.60s", at, item->key);
        if (found == NULL && exactly) {
            return fail("%s: missing", place);
        }
        int values = strcmp(item->key, "values") == 0 || strcmp(item->key, "typed") == 0;
        if (!matches(item, found == NULL ? &nothing : found, exactly || values, place)) {
            return 0;
        }
    }
    return 1;
}

// Whether `actual` is as `expected`; otherwise the problem says where it is not.
static int matches(const struct json *expected, const struct json *actual, int exactly,
                   const char *at) {
    if (json_is(expected, "$any")) {
        return actual->kind != JSON_NULL ? 1 : differs(at, expected, actual);
    }
    if (expected->kind != actual->kind) {
        return differs(at, expected, actual);
    }
    switch (expected->kind) {
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE: return 1;
    case JSON_NUMBER: return same_number(expected, actual) ? 1 : differs(at, expected, actual);
    case JSON_TEXT:
        return same_text(expected->text, expected->len, actual->text, actual->len)
                   ? 1
                   : differs(at, expected, actual);
    case JSON_OBJECT: return matches_object(expected, actual, exactly, at);
    case JSON_ARRAY:
        if (expected->count != actual->count) {
            return differs(at, expected, actual);
        }
        for (size_t i = 0; i < expected->count; i++) {
            char place[256];
            snprintf(place, sizeof place, "%.220s/%lu", at, (unsigned long)i);
            if (!matches(expected->items[i], actual->items[i], exactly, place)) {
                return 0;
            }
        }
        return 1;
    }
    return fail("%s: of no kind", at);
}

// What comes of a step.
struct outcome {
    crm_status status;
    crm_error *error;
    // The result of an operation that succeeded, otherwise NULL.
    struct json *result;
};

static int says(const char *message, const struct run *run, const struct json *texts) {
    for (size_t i = 0; i < texts->count; i++) {
        struct json *text = expand(run, texts->items[i]);
        int said = text != NULL && strstr(message, text_of(text)) != NULL;
        if (text != NULL && !said) {
            fail("the message does not say %s: %s", text_of(text), message);
        }
        json_free(text);
        if (!said) {
            return 0;
        }
    }
    return 1;
}

static int check_error(const struct run *run, const struct json *expected,
                       const struct outcome *outcome) {
    static const char *const keys[] = {"kind", "field", "hint", "says", NULL};
    if (!only_keys(expected, keys)) {
        return 0;
    }
    const char *kind = text_of(json_get(expected, "kind"));
    if (outcome->status == CRM_OK) {
        return fail("succeeded instead of failing with %s", kind);
    }
    const char *found[] = {crm_status_name(outcome->status), crm_error_field(outcome->error),
                           crm_error_hint(outcome->error)};
    for (int i = 0; i < 3; i++) {
        const struct json *wanted = json_get(expected, keys[i]);
        const char *is = found[i] == NULL ? "(none)" : found[i];
        if (wanted != NULL && (wanted->kind == JSON_NULL ? found[i] != NULL
                                                         : strcmp(text_of(wanted), is) != 0)) {
            return fail("%s is %s: %s", keys[i], is, crm_error_message(outcome->error));
        }
    }
    const struct json *texts = json_get(expected, "says");
    return texts == NULL || says(crm_error_message(outcome->error), run, texts);
}

// The place in `json` that an RFC 6901 pointer names, or NULL.
static struct json *pointed(struct json *json, const char *pointer) {
    while (json != NULL && *pointer == '/') {
        struct writer key = {NULL, 0, 0};
        write_bytes(&key, "", 0);
        for (pointer++; *pointer != '\0' && *pointer != '/'; pointer++) {
            if (*pointer == '~') {
                pointer++;
                write_text(&key, *pointer == '1' ? "/" : "~");
            } else {
                write_bytes(&key, pointer, 1);
            }
        }
        if (json->kind == JSON_ARRAY) {
            size_t index = strtoul(key.text, NULL, 10);
            json = index < json->count ? json->items[index] : NULL;
        } else {
            json = json_find(json, key.text, key.len);
        }
        free(key.text);
    }
    return json;
}

static int save(struct run *run, const struct json *names, struct json *result) {
    for (size_t i = 0; i < names->count; i++) {
        const struct json *name = names->items[i];
        const struct json *found = result == NULL ? NULL : pointed(result, text_of(name));
        if (found == NULL) {
            return fail("there is nothing at %s to save", text_of(name));
        }
        // The latest comes first, so that it is the one that is found.
        json_add(run->saved, name->key, name->key_len, json_copy(found));
        struct json *last = run->saved->items[run->saved->count - 1];
        memmove(run->saved->items + 1, run->saved->items,
                (run->saved->count - 1) * sizeof *run->saved->items);
        run->saved->items[0] = last;
    }
    return 1;
}

static int check(struct run *run, const struct json *step, const struct outcome *outcome) {
    const struct json *error = json_get(step, "error"), *out = json_get(step, "out");
    if (error != NULL) {
        return check_error(run, error, outcome);
    }
    if (outcome->status != CRM_OK) {
        const char *field = crm_error_field(outcome->error);
        return fail("failed with %s: %s: %s", crm_status_name(outcome->status),
                    field == NULL ? "" : field, crm_error_message(outcome->error));
    }
    if (out != NULL) {
        struct json *expected = expand(run, out);
        int matched = expected != NULL && outcome->result != NULL &&
                      matches(expected, outcome->result, 0, "");
        json_free(expected);
        if (!matched) {
            return 0;
        }
    }
    const struct json *names = json_get(step, "save");
    return names == NULL || save(run, names, outcome->result);
}

// Steps.

static struct outcome do_operation(const struct run *run, const char *operation,
                                   const struct json *request) {
    struct outcome outcome = {CRM_OK, NULL, NULL};
    struct writer text = {NULL, 0, 0};
    crm_buffer result = CRM_BUFFER_INIT;
    if (request != NULL) {
        json_write(&text, request);
    }
    outcome.status =
        crm_call(run->crm, operation, text.text, text.len, &result, &outcome.error);
    free(text.text);
    if (outcome.status == CRM_OK) {
        outcome.result = json_read(result.data);
        crm_buffer_free(&result);
    }
    return outcome;
}

static struct outcome do_open(const char *path, const struct json *options, crm_handle *crm) {
    struct outcome outcome = {CRM_OK, NULL, NULL};
    struct json *all = options == NULL ? json_new(JSON_OBJECT) : json_copy(options);
    if (json_get(all, "replay") == NULL) {
        json_add(all, "replay", strlen("replay"), json_read(REPLAY));
    }
    struct writer text = {NULL, 0, 0};
    json_write(&text, all);
    outcome.status = crm_open(path, text.text, crm, &outcome.error);
    free(text.text);
    json_free(all);
    return outcome;
}

static struct outcome do_acting_as(struct run *run, const struct json *who) {
    struct outcome outcome = {CRM_OK, NULL, NULL};
    const struct json *cause = json_get(who, "cause");
    crm_handle crm = 0;
    int has_cause = cause != NULL && cause->kind == JSON_TEXT;
    outcome.status = crm_acting_as(run->crm, text_of(json_get(who, "actor")),
                                   has_cause ? cause->text : NULL, &crm, &outcome.error);
    if (outcome.status == CRM_OK) {
        ASSERT_STATUS(CRM_OK, crm_close(run->crm));
        run->crm = crm;
    }
    return outcome;
}

static void do_write(const char *path, const struct json *base64) {
    static const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    FILE *file = fopen(path, "wb");
    ASSERT(file != NULL && base64->kind == JSON_TEXT);
    unsigned long bits = 0;
    int count = 0;
    for (size_t i = 0; i < base64->len && base64->text[i] != '='; i++) {
        const char *digit = strchr(digits, base64->text[i]);
        ASSERT(digit != NULL);
        bits = (bits << 6 | (unsigned long)(digit - digits)) & 0xFFFFFF;
        count += 6;
        if (count >= 8) {
            count -= 8;
            ASSERT(fputc((int)(bits >> count & 0xFF), file) != EOF);
        }
    }
    ASSERT(fclose(file) == 0);
}

// Does what an expanded step says. `operation` is taken from the step as it is written.
static struct outcome perform(struct run *run, const struct json *step) {
    struct outcome outcome = {CRM_OK, NULL, NULL};
    const struct json *what;
    if ((what = json_get(step, "op")) != NULL) {
        return do_operation(run, text_of(what), json_get(step, "in"));
    }
    if ((what = json_get(step, "acting_as")) != NULL) {
        return do_acting_as(run, what);
    }
    if ((what = json_get(step, "reopen")) != NULL) {
        ASSERT_STATUS(CRM_OK, crm_close(run->crm));
        run->crm = 0;
        return do_open(run->path, what, &run->crm);
    }
    if ((what = json_get(step, "open")) != NULL) {
        crm_handle second = 0;
        outcome = do_open(text_of(json_get(what, "path")), json_get(what, "options"), &second);
        ASSERT_STATUS(CRM_OK, crm_close(second));
        return outcome;
    }
    what = json_get(step, "write");
    ASSERT(what != NULL);
    do_write(text_of(json_get(what, "path")), json_get(what, "base64"));
    return outcome;
}

static int run_step(struct run *run, const struct json *step) {
    static const char *const keys[] = {"op",    "in",  "acting_as", "reopen", "open",
                                       "write", "out", "error",     "save",   NULL};
    static const char *const kinds[] = {"op", "acting_as", "reopen", "open", "write", NULL};
    int kind_count = 0;
    for (int i = 0; kinds[i] != NULL; i++) {
        kind_count += json_get(step, kinds[i]) != NULL;
    }
    if (!only_keys(step, keys)) {
        return 0;
    }
    if (kind_count != 1) {
        return fail("a step does one thing");
    }
    // What is expected is expanded after the step: it may name what the step saved.
    struct json *input = json_new(JSON_OBJECT);
    int done = 1;
    for (size_t i = 0; done && i < step->count; i++) {
        const struct json *item = step->items[i];
        if (strcmp(item->key, "out") != 0 && strcmp(item->key, "error") != 0 &&
            strcmp(item->key, "save") != 0) {
            struct json *expanded = expand(run, item);
            done = expanded != NULL;
            if (done) {
                json_add(input, item->key, item->key_len, expanded);
            }
        }
    }
    if (done) {
        struct outcome outcome = perform(run, input);
        done = check(run, step, &outcome);
        crm_error_free(outcome.error);
        json_free(outcome.result);
    }
    json_free(input);
    return done;
}

static void remove_folder(const char *path) {
    DIR *folder = opendir(path);
    ASSERT(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char file[512];
            snprintf(file, sizeof file, "%s/%.300s", path, entry->d_name);
            ASSERT(remove(file) == 0);
        }
    }
    ASSERT(closedir(folder) == 0);
    ASSERT(rmdir(path) == 0);
}

static int run_case(const char *file, const struct json *test) {
    static const char *const keys[] = {"name", "why", "file", "steps", NULL};
    struct run run = {"/tmp/crm-conformance-XXXXXX", ":memory:", 0, json_new(JSON_OBJECT)};
    ASSERT(mkdtemp(run.dir) != NULL);
    const struct json *on_file = json_get(test, "file"), *steps = json_get(test, "steps");
    if (on_file != NULL && on_file->kind == JSON_TRUE) {
        snprintf(run.path, sizeof run.path, "%s/case.crm", run.dir);
    }
    struct outcome opened = do_open(run.path, NULL, &run.crm);
    ASSERT_STATUS(CRM_OK, opened.status);
    ASSERT(steps != NULL && steps->kind == JSON_ARRAY);

    int passed = only_keys(test, keys);
    size_t done = 0;
    while (passed && done < steps->count) {
        problem[0] = '\0';
        passed = run_step(&run, steps->items[done]);
        done += 1;
    }
    if (!passed) {
        fprintf(stderr, "%s: %s\n  why: %s\n  step %lu: %s\n", file,
                text_of(json_get(test, "name")), text_of(json_get(test, "why")),
                (unsigned long)done, problem);
    }
    ASSERT_STATUS(CRM_OK, crm_close(run.crm));
    json_free(run.saved);
    remove_folder(run.dir);
    return passed;
}

// Files.

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    struct writer writer = {NULL, 0, 0};
    char piece[4096];
    size_t len;
    write_bytes(&writer, "", 0);
    while ((len = fread(piece, 1, sizeof piece, file)) > 0) {
        write_bytes(&writer, piece, len);
    }
    ASSERT(!ferror(file) && fclose(file) == 0);
    return writer.text;
}

static int has_operation(const struct json *list, const struct json *name) {
    for (size_t i = 0; i < list->count; i++) {
        if (json_is(json_get(list->items[i], "name"), text_of(name))) {
            return 1;
        }
    }
    return 0;
}

// Counts the operations of `wanted` that `offered` lacks.
static int lacking(const struct json *wanted, const struct json *offered, const char *who) {
    int count = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        const struct json *name = json_get(wanted->items[i], "name");
        if (!has_operation(offered, name)) {
            fprintf(stderr, "%s lacks %s\n", who, text_of(name));
            count++;
        }
    }
    return count;
}

static void every_operation_is_offered(const char *folder) {
    char path[512];
    snprintf(path, sizeof path, "%s/operations.json", folder);
    char *text = read_file(path);
    struct json *wanted = json_read(text), *offered = json_read(crm_operations());
    ASSERT(wanted->count > 0);
    int missing = lacking(wanted, offered, "the library") + lacking(offered, wanted, path);
    free(text);
    json_free(wanted);
    json_free(offered);
    ASSERT(missing == 0);
}

static int is_case_file(const struct dirent *entry) {
    const char *end = strrchr(entry->d_name, '.');
    return end != NULL && strcmp(end, ".json") == 0;
}

// `conformance PART PARTS` runs each PARTS-th case, beginning with number PART: where one process is
// slow, several share the work.
int main(int argc, char **argv) {
    size_t part = argc == 3 ? (size_t)atoi(argv[1]) : 0;
    size_t parts = argc == 3 ? (size_t)atoi(argv[2]) : 1;
    ASSERT(part < parts);
    const char *folder = getenv("CRM_CONFORMANCE_DIR");
    if (folder == NULL) {
        folder = "tests/conformance";
    }
    every_operation_is_offered(folder);

    char cases[512];
    struct dirent **files = NULL;
    snprintf(cases, sizeof cases, "%s/cases", folder);
    int file_count = scandir(cases, &files, is_case_file, alphasort);
    size_t found = 0, run = 0, failed = 0;
    for (int i = 0; i < file_count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", cases, files[i]->d_name);
        char *text = read_file(path);
        struct json *tests = json_read(text);
        ASSERT(tests->kind == JSON_ARRAY);
        for (size_t t = 0; t < tests->count; t++) {
            if (found++ % parts == part) {
                failed += !run_case(files[i]->d_name, tests->items[t]);
                run++;
            }
        }
        json_free(tests);
        free(text);
        free(files[i]);
    }
    free(files);
    printf("%lu cases found, %lu run, %lu failed\n", (unsigned long)found, (unsigned long)run,
           (unsigned long)failed);
    return run > 0 && (parts > 1 || run == found) && failed == 0 ? 0 : 1;
}
