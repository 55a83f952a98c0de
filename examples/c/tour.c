// The tour: a real sales pipeline, from four CSV files into one CRM file and back out as figures.
// It prints what the tours in the other languages print (examples/expected.txt).
//
// Requests are JSON that a host writes; to read the answers any JSON parser serves. This one lies
// beside the library's own tests.

#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "../../crm-ffi/tests/c/json.h"

#define DATA "examples/data/crm_sales_opportunities/"
#define REPLAY "{\"replay\": {\"start\": \"2026-01-01T00:00:00Z\", \"step_micros\": 1000}}"

// An opportunity that is still in the stage Engaging.
#define DEAL "UP409DSB"
#define BY_DEAL "{\"type\": \"opportunity\", \"attribute\": \"code\", \"value\": \"" DEAL "\"}"

// Ends the tour when something failed, and says what to do about it.
static void check(crm_status status, crm_error *error) {
    if (status != CRM_OK) {
        const char *hint = crm_error_hint(error);
        fprintf(stderr, "%s: %s (%s)\n", crm_status_name(status), crm_error_message(error),
                hint != NULL ? hint : "no hint");
        crm_error_free(error);
        exit(1);
    }
}

// Calls an operation and reads its answer. The caller releases it.
static struct json *ask(crm_handle crm, const char *operation, const char *request) {
    crm_buffer result = CRM_BUFFER_INIT;
    crm_error *error = NULL;
    check(crm_call(crm, operation, request, strlen(request), &result, &error), error);
    struct json *answer = json_read(result.data);
    crm_buffer_free(&result);
    return answer;
}

static void tell(crm_handle crm, const char *operation, const char *request) {
    json_free(ask(crm, operation, request));
}

// A member as text: the digits of a number, or `missing` where there is none.
static const char *member(const struct json *json, const char *key, const char *missing) {
    const struct json *found = json_get(json, key);
    return found == NULL || found->kind == JSON_NULL ? missing : found->text;
}

static void define(crm_handle crm) {
    tell(crm, "types.define",
         "{\"name\": \"product\", \"attributes\": ["
         "{\"name\": \"name\", \"kind\": \"text\", \"required\": true, \"unique\": true},"
         "{\"name\": \"series\", \"kind\": \"text\"},"
         "{\"name\": \"price\", \"kind\": \"money\", \"currency\": \"USD\"}]}");
    tell(crm, "types.define",
         "{\"name\": \"agent\", \"attributes\": ["
         "{\"name\": \"name\", \"kind\": \"text\", \"required\": true, \"unique\": true, \"sensitivity\": \"personal\"},"
         "{\"name\": \"manager\", \"kind\": \"text\", \"sensitivity\": \"personal\"},"
         "{\"name\": \"region\", \"kind\": \"choice\", \"options\": [{\"value\": \"Central\"}, {\"value\": \"East\"}, {\"value\": \"West\"}]}]}");
    tell(crm, "types.define",
         "{\"name\": \"account\", \"attributes\": ["
         "{\"name\": \"name\", \"kind\": \"text\", \"required\": true, \"unique\": true},"
         "{\"name\": \"sector\", \"kind\": \"choice\", \"options\": ["
         "{\"value\": \"employment\"}, {\"value\": \"entertainment\"}, {\"value\": \"finance\"}, {\"value\": \"marketing\"},"
         "{\"value\": \"medical\"}, {\"value\": \"retail\"}, {\"value\": \"services\"}, {\"value\": \"software\"},"
         "{\"value\": \"technology\"}, {\"value\": \"telecommunications\"}]},"
         "{\"name\": \"founded\", \"kind\": \"integer\"},"
         "{\"name\": \"revenue_millions\", \"kind\": \"decimal\"},"
         "{\"name\": \"employees\", \"kind\": \"integer\"},"
         "{\"name\": \"office\", \"kind\": \"text\"},"
         "{\"name\": \"parent\", \"kind\": \"reference\", \"target\": \"account\"}]}");
    tell(crm, "types.define",
         "{\"name\": \"opportunity\", \"attributes\": ["
         "{\"name\": \"code\", \"kind\": \"text\", \"required\": true, \"unique\": true},"
         "{\"name\": \"agent\", \"kind\": \"reference\", \"target\": \"agent\"},"
         "{\"name\": \"product\", \"kind\": \"reference\", \"target\": \"product\"},"
         "{\"name\": \"account\", \"kind\": \"reference\", \"target\": \"account\", \"index\": true},"
         "{\"name\": \"stage\", \"kind\": \"choice\", \"index\": true, \"options\": ["
         "{\"value\": \"Prospecting\"}, {\"value\": \"Engaging\"}, {\"value\": \"Won\"}, {\"value\": \"Lost\"}]},"
         "{\"name\": \"engaged_on\", \"kind\": \"date\"},"
         "{\"name\": \"closed_on\", \"kind\": \"date\"},"
         "{\"name\": \"value\", \"kind\": \"money\", \"currency\": \"USD\"}]}");
    puts("defined product, agent, account, opportunity");
}

static int32_t show(uint64_t done, uint64_t total, void *what) {
    unsigned long percent = (unsigned long)(done * 100 / (total > 0 ? total : 1));
    fprintf(stderr, "\r%s: %lu %%", (const char *)what, percent);
    return 0;
}

// Imports one table; what does not fit is reported and left empty.
static void load(crm_handle crm, const char *what, const char *request) {
    crm_buffer result = CRM_BUFFER_INIT;
    crm_error *error = NULL;
    check(crm_call_watched(crm, "csv.import", request, strlen(request), show, (void *)what, &result,
                           &error),
          error);
    fputs("\n", stderr);
    struct json *report = json_read(result.data);
    crm_buffer_free(&result);
    printf("%s: %s rows, %s created, %s updated, %s unchanged, %s rejected\n", what,
           member(report, "rows", "0"), member(report, "created", "0"),
           member(report, "updated", "0"), member(report, "unchanged", "0"),
           member(report, "rejected", "0"));
    const struct json *findings = json_get(report, "problem_counts");
    for (size_t i = 0; i < findings->count; i++) {
        const struct json *finding = findings->items[i];
        printf("finding: %s, %s, %s times (%s)\n", member(finding, "column", "row"),
               member(finding, "kind", ""), member(finding, "count", "0"),
               member(finding, "hint", "no hint"));
    }
    json_free(report);
}

static void import(crm_handle crm) {
    load(crm, "products",
         "{\"type\": \"product\", \"path\": \"" DATA "products.csv\", \"bad_cells\": \"leave_empty\", \"columns\": ["
         "{\"column\": \"product\", \"attribute\": \"name\"},"
         "{\"column\": \"series\", \"attribute\": \"series\"},"
         "{\"column\": \"sales_price\", \"attribute\": \"price\"}]}");
    load(crm, "agents",
         "{\"type\": \"agent\", \"path\": \"" DATA "sales_teams.csv\", \"bad_cells\": \"leave_empty\", \"columns\": ["
         "{\"column\": \"sales_agent\", \"attribute\": \"name\"},"
         "{\"column\": \"manager\", \"attribute\": \"manager\"},"
         "{\"column\": \"regional_office\", \"attribute\": \"region\"}]}");
    load(crm, "accounts",
         "{\"type\": \"account\", \"path\": \"" DATA "accounts.csv\", \"bad_cells\": \"leave_empty\", \"columns\": ["
         "{\"column\": \"account\", \"attribute\": \"name\"},"
         "{\"column\": \"sector\", \"attribute\": \"sector\"},"
         "{\"column\": \"year_established\", \"attribute\": \"founded\"},"
         "{\"column\": \"revenue\", \"attribute\": \"revenue_millions\"},"
         "{\"column\": \"employees\", \"attribute\": \"employees\"},"
         "{\"column\": \"office_location\", \"attribute\": \"office\"}]}");
    // A second pass, now that every parent is there.
    load(crm, "parents",
         "{\"type\": \"account\", \"path\": \"" DATA "accounts.csv\", \"bad_cells\": \"leave_empty\","
         "\"mode\": \"update\", \"key\": \"name\", \"columns\": ["
         "{\"column\": \"account\", \"attribute\": \"name\"},"
         "{\"column\": \"subsidiary_of\", \"attribute\": \"parent\", \"lookup\": \"name\"}]}");
    load(crm, "opportunities",
         "{\"type\": \"opportunity\", \"path\": \"" DATA "sales_pipeline.csv\", \"bad_cells\": \"leave_empty\", \"columns\": ["
         "{\"column\": \"opportunity_id\", \"attribute\": \"code\"},"
         "{\"column\": \"sales_agent\", \"attribute\": \"agent\", \"lookup\": \"name\"},"
         "{\"column\": \"product\", \"attribute\": \"product\", \"lookup\": \"name\"},"
         "{\"column\": \"account\", \"attribute\": \"account\", \"lookup\": \"name\"},"
         "{\"column\": \"deal_stage\", \"attribute\": \"stage\"},"
         "{\"column\": \"engage_date\", \"attribute\": \"engaged_on\"},"
         "{\"column\": \"close_date\", \"attribute\": \"closed_on\"},"
         "{\"column\": \"close_value\", \"attribute\": \"value\"}]}");
    static const char *const attributes[] = {"account", "engaged_on", "closed_on"};
    for (size_t i = 0; i < 3; i++) {
        char request[128];
        snprintf(request, sizeof request, "{\"type\": \"opportunity\", \"filter\": {\"%s\": null}}",
                 attributes[i]);
        struct json *missing = ask(crm, "records.count", request);
        printf("finding: %s opportunities without %s\n", missing->text, attributes[i]);
        json_free(missing);
    }
}

// One number by read-only SQL over the table of the entity type.
static double number(crm_handle crm, const char *expression, const char *stage) {
    char request[256];
    snprintf(request, sizeof request,
             "{\"sql\": \"SELECT %s FROM opportunity WHERE stage = ?1\", \"parameters\": [\"%s\"]}",
             expression, stage);
    struct json *result = ask(crm, "database.sql", request);
    double value = strtod(json_get(result, "rows")->items[0]->items[0]->text, NULL);
    json_free(result);
    return value;
}

static void opportunities(crm_handle crm) {
    struct json *count = ask(crm, "records.count", "{\"type\": \"opportunity\"}");
    printf("opportunities %s\n", count->text);
    json_free(count);
}

static void figures(crm_handle crm) {
    double won = number(crm, "count(*)", "Won");
    double lost = number(crm, "count(*)", "Lost");
    opportunities(crm);
    printf("won %.0f\n", won);
    printf("lost %.0f\n", lost);
    printf("win rate %.5f\n", won / (won + lost));
    // Money is stored in cents, dates in days.
    printf("won value %.0f\n", number(crm, "sum(value) / 100", "Won"));
    printf("mean won cycle %.2f days\n", number(crm, "avg(closed_on - engaged_on)", "Won"));
}

static void history(crm_handle crm) {
    struct json *deal = ask(crm, "records.get_by", BY_DEAL);
    char request[128];
    snprintf(request, sizeof request, "{\"type\": \"opportunity\", \"id\": \"%s\"}",
             member(deal, "id", ""));
    json_free(deal);
    struct json *page = ask(crm, "records.history", request);
    const struct json *entries = json_get(page, "entries");
    for (size_t i = 0; i < entries->count; i++) {
        const struct json *entry = entries->items[i];
        printf("history: version %s, %s, stage %s, by %s, because %s\n",
               member(entry, "version", ""), member(entry, "kind", ""),
               member(json_get(entry, "values"), "stage", "unknown"), member(entry, "actor", ""),
               member(entry, "cause", "nothing was said"));
    }
    json_free(page);
}

// Wins a deal that was still open, in the name of a person and with a reason.
static void change(crm_handle crm) {
    crm_handle mine = 0;
    crm_error *error = NULL;
    check(crm_acting_as(crm, "user:moses", "signed on the fair", &mine, &error), error);
    struct json *open = ask(mine, "records.get_by", BY_DEAL);
    char request[512];
    snprintf(request, sizeof request,
             "{\"type\": \"opportunity\", \"id\": \"%s\", \"expected_version\": %s, \"values\": "
             "{\"stage\": \"Won\", \"closed_on\": \"2017-12-31\", \"value\": \"4821\"}}",
             member(open, "id", ""), member(open, "version", "0"));
    json_free(open);
    struct json *won = ask(mine, "records.patch", request);
    printf("changed " DEAL ": stage %s, version %s\n",
           member(json_get(won, "values"), "stage", "unknown"), member(won, "version", ""));
    json_free(won);
    history(mine);
    crm_close(mine);
}

int main(void) {
    char folder[] = "/tmp/tour-XXXXXX";
    ASSERT(mkdtemp(folder) != NULL);
    char path[64];
    snprintf(path, sizeof path, "%s/tour.crm", folder);

    // A clock that steps and ids that count, so that every run prints the same. A host passes NULL.
    crm_handle crm = 0;
    crm_error *error = NULL;
    check(crm_open(path, REPLAY, &crm, &error), error);
    define(crm);
    crm_handle importer = 0;
    check(crm_acting_as(crm, "import:pipeline", "first load", &importer, &error), error);
    import(importer);
    crm_close(importer);
    figures(crm);
    change(crm);
    crm_close(crm);

    check(crm_open(path, REPLAY, &crm, &error), error);
    puts("closed and opened again");
    opportunities(crm);
    history(crm);
    struct json *report = ask(crm, "database.verify", "{}");
    printf("verified %s records: %s\n", member(report, "records", "0"),
           json_get(report, "is_ok")->kind == JSON_TRUE ? "ok" : "damaged");
    json_free(report);
    crm_close(crm);
    remove(path);
    rmdir(folder);
    return 0;
}
