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

// The id of the deal.
static void deal_id(crm_handle crm, char id[40]) {
    struct json *deal = ask(crm, "records.get_by", BY_DEAL);
    snprintf(id, 40, "%s", member(deal, "id", ""));
    json_free(deal);
}

// Two activities with the deal, and everything that happened with it in one order.
static void happen(crm_handle crm) {
    tell(crm, "activity_kinds.define_preset", "{\"preset\": \"call\"}");
    tell(crm, "activity_kinds.define_preset", "{\"preset\": \"meeting\"}");
    char id[40], request[512];
    deal_id(crm, id);
    snprintf(request, sizeof request,
             "{\"kind\": \"call\", \"at\": \"2017-12-28T15:00:00Z\", \"direction\": \"inbound\","
             "\"subject\": {\"type\": \"opportunity\", \"id\": \"%s\"}, \"properties\": {\"minutes\": 20}}",
             id);
    tell(crm, "activities.record", request);
    snprintf(request, sizeof request,
             "{\"kind\": \"meeting\", \"at\": \"2017-12-30T09:00:00Z\","
             "\"subject\": {\"type\": \"opportunity\", \"id\": \"%s\"}}",
             id);
    tell(crm, "activities.record", request);
    snprintf(request, sizeof request, "{\"type\": \"opportunity\", \"id\": \"%s\"}", id);
    struct json *page = ask(crm, "timeline.list", request);
    const struct json *entries = json_get(page, "entries");
    for (size_t i = 0; i < entries->count; i++) {
        // An item is an object of one member, which is named after its sort.
        const struct json *item = json_get(entries->items[i], "item")->items[0];
        printf("timeline: %.10s, %s\n", member(entries->items[i], "at", ""), member(item, "kind", ""));
    }
    json_free(page);
}

static const char *truth(const struct json *json) {
    return json_get(json, "is_true")->kind == JSON_TRUE ? "true" : "false";
}

// A condition about the deal, whether it is true, and which of its parts are.
static void explain(crm_handle crm) {
    char id[40], request[512];
    deal_id(crm, id);
    snprintf(request, sizeof request,
             "{\"type\": \"opportunity\", \"id\": \"%s\", \"at\": \"2017-12-31T00:00:00Z\", \"condition\":"
             "\"stage = \\\"Won\\\" and (count(meeting within 7d) >= 1 or count(call within 30d) >= 2)\"}",
             id);
    struct json *plan = ask(crm, "conditions.explain", request);
    const struct json *answer = json_get(plan, "answer");
    printf("condition: %s\n", truth(answer));
    const struct json *leaves = json_get(answer, "leaves");
    for (size_t i = 0; i < leaves->count; i++)
        printf("because: %s, %s, %s\n", member(leaves->items[i], "path", ""), truth(leaves->items[i]),
               member(leaves->items[i], "reason", ""));
    json_free(plan);
}

static void print_share(const struct json *cell) {
    const struct json *rate = json_get(cell, "value");
    if (rate->kind == JSON_NULL)
        printf("nothing");
    else
        printf("%.4f", strtod(rate->text, NULL));
    printf(" (%s/%s)", member(cell, "numerator", "0"), member(cell, "denominator", "0"));
}

// The win rate by product and agent.
static void pivot(crm_handle crm) {
    struct json *table =
        ask(crm, "query.pivot",
            "{\"type\": \"opportunity\", \"where\": \"stage in (\\\"Won\\\", \\\"Lost\\\")\","
            "\"rows\": [{\"field\": \"name\", \"related\": \"product\"}],"
            "\"columns\": [{\"field\": \"name\", \"related\": \"agent\"}],"
            "\"measure\": {\"share\": \"stage = \\\"Won\\\"\"}}");
    const struct json *products = json_get(table, "row_labels");
    const struct json *agents = json_get(table, "column_labels");
    printf("pivot: %lu products by %lu agents\n", (unsigned long)products->count,
           (unsigned long)agents->count);
    for (size_t i = 0; i < products->count; i++) {
        const struct json *product = products->items[i]->items[0];
        printf("pivot: %s: ", product->kind == JSON_NULL ? "unknown" : product->text);
        print_share(json_get(table, "row_totals")->items[i]);
        printf(", of %s ", agents->items[0]->items[0]->text);
        print_share(json_get(table, "cells")->items[i]->items[0]);
        puts("");
    }
    printf("pivot: all ");
    print_share(json_get(table, "total"));
    puts("");
    json_free(table);
}

// Calls an operation with a plan, exactly as it was given, and reads the answer.
static struct json *with_plan(crm_handle crm, const char *operation, const crm_buffer *plan) {
    size_t size = plan->len + sizeof "{\"plan\": }";
    char *request = (char *)malloc(size);
    ASSERT(request != NULL);
    snprintf(request, size, "{\"plan\": %s}", plan->data);
    struct json *answer = ask(crm, operation, request);
    free(request);
    return answer;
}

static void accounts(crm_handle crm) {
    struct json *count = ask(crm, "records.count", "{\"type\": \"account\"}");
    printf("accounts %s\n", count->text);
    json_free(count);
}

// An import that is looked at before it is made, and taken back afterwards.
static void plan(crm_handle crm) {
    const char *request =
        "{\"type\": \"account\", \"mode\": \"upsert\", \"key\": [\"name\"], \"source\": {\"text\":"
        "\"account,sector\\nAcme Corporation,technology\\nInitrode,finance\\n\"}, \"columns\": ["
        "{\"column\": \"account\", \"attribute\": \"name\"},"
        "{\"column\": \"sector\", \"attribute\": \"sector\"}]}";
    crm_buffer text = CRM_BUFFER_INIT;
    crm_error *error = NULL;
    check(crm_call(crm, "imports.plan", request, strlen(request), &text, &error), error);
    struct json *planned = json_read(text.data);
    printf("plan: %s create, %s update, %s error\n", member(planned, "create", "0"),
           member(planned, "update", "0"), member(planned, "error", "0"));
    json_free(planned);
    struct json *page = with_plan(crm, "imports.plan_rows", &text);
    const struct json *rows = json_get(page, "rows");
    for (size_t i = 0; i < rows->count; i++) {
        const struct json *changes = json_get(rows->items[i], "changes");
        for (size_t k = 0; k < changes->count; k++)
            printf("planned: row %s, %s from %s to %s\n", member(rows->items[i], "row", "0"),
                   member(changes->items[k], "attribute", ""),
                   member(changes->items[k], "old", "nothing"), member(changes->items[k], "new", ""));
    }
    json_free(page);
    struct json *run = with_plan(crm, "imports.apply", &text);
    crm_buffer_free(&text);
    const struct json *done = json_get(run, "import");
    printf("applied: %s created, %s updated\n", member(done, "created", "0"),
           member(done, "updated", "0"));
    accounts(crm);
    char name[64];
    snprintf(name, sizeof name, "{\"id\": \"%s\"}", member(done, "id", ""));
    json_free(run);
    struct json *report = ask(crm, "imports.revert", name);
    printf("reverted: %s archived, %s restored, %s left\n", member(report, "archived", "0"),
           member(report, "restored", "0"), member(report, "left_count", "0"));
    json_free(report);
    accounts(crm);
}

// Appends an activity with a deal, on a day.
static char *happened(char *end, const char *kind, const char *id, const char *day) {
    return end + sprintf(end,
                         "{\"kind\": \"%s\", \"at\": \"%sT00:00:00Z\","
                         "\"subject\": {\"type\": \"opportunity\", \"id\": \"%s\"}},",
                         kind, day, id);
}

// Records what happened with each deal of which it is known when it began.
static void replay(crm_handle crm) {
    struct json *deals =
        ask(crm, "query.select",
            "{\"type\": \"opportunity\", \"where\": \"engaged_on is set\", \"limit\": 10000, \"columns\": ["
            "{\"field\": \"id\"}, {\"field\": \"stage\"}, {\"field\": \"engaged_on\"}, {\"field\": \"closed_on\"}]}");
    const struct json *rows = json_get(deals, "rows");
    // An activity takes fewer bytes than this, and a deal has two at most.
    char *request = (char *)malloc(rows->count * 2 * 200 + 100);
    ASSERT(request != NULL);
    char *end = request + sprintf(request, "{\"all_or_nothing\": true, \"activities\": [");
    for (size_t i = 0; i < rows->count; i++) {
        struct json *const *row = rows->items[i]->items;
        end = happened(end, "deal_engaged", row[0]->text, row[2]->text);
        if (row[1]->kind != JSON_NULL && strcmp(row[1]->text, "Won") == 0)
            end = happened(end, "deal_won", row[0]->text, row[3]->text);
        if (row[1]->kind != JSON_NULL && strcmp(row[1]->text, "Lost") == 0)
            end = happened(end, "deal_lost", row[0]->text, row[3]->text);
    }
    json_free(deals);
    // The last comma gives way to the end.
    strcpy(end - 1, "]}");
    struct json *report = ask(crm, "activities.record_many", request);
    free(request);
    printf("replayed %lu activities\n", (unsigned long)json_get(report, "outcomes")->count);
    json_free(report);
}

// A part of one, with four places.
static void print_part(const struct json *part) {
    if (part->kind == JSON_NULL)
        printf("nothing");
    else
        printf("%.4f", strtod(part->text, NULL));
}

// Microseconds as whole days.
static void print_days(const struct json *micros) {
    if (micros->kind == JSON_NULL)
        printf("no");
    else
        printf("%lld", strtoll(micros->text, NULL, 10) / 86400000000LL);
}

// The pipeline replayed as a lifecycle: what happened with each deal moves it, when it happened.
static void stages(crm_handle crm) {
    tell(crm, "activity_kinds.define", "{\"name\": \"deal_engaged\"}");
    tell(crm, "activity_kinds.define", "{\"name\": \"deal_won\"}");
    tell(crm, "activity_kinds.define", "{\"name\": \"deal_lost\"}");
    tell(crm, "lifecycles.define",
         "{\"name\": \"pipeline\", \"type\": \"opportunity\", \"stages\": ["
         "{\"name\": \"prospecting\"}, {\"name\": \"engaging\"},"
         "{\"name\": \"won\", \"kind\": \"won\"}, {\"name\": \"lost\", \"kind\": \"lost\"}], \"triggers\": ["
         "{\"to\": \"engaging\", \"activity\": \"deal_engaged\"}, {\"to\": \"won\", \"activity\": \"deal_won\"},"
         "{\"to\": \"lost\", \"activity\": \"deal_lost\", \"reason\": \"not said\"}]}");
    replay(crm);

    struct json *funnel = ask(crm, "lifecycles.funnel", "{\"lifecycle\": \"pipeline\"}");
    const struct json *steps = json_get(funnel, "stages");
    for (size_t i = 0; i < steps->count; i++) {
        const struct json *step = steps->items[i];
        printf("funnel: %s: %s reached, %s went on (", member(step, "stage", ""),
               member(step, "reached", "0"), member(step, "went_on", "0"));
        print_part(json_get(step, "conversion"));
        printf("), %s lost (", member(step, "lost", "0"));
        print_part(json_get(step, "drop_off"));
        printf("), median ");
        print_days(json_get(step, "median_micros"));
        puts(" days");
    }
    json_free(funnel);
    char id[40], request[512];
    deal_id(crm, id);
    snprintf(request, sizeof request,
             "{\"lifecycle\": \"pipeline\", \"id\": \"%s\", \"at\": \"2018-01-31T00:00:00Z\"}", id);
    struct json *times = ask(crm, "lifecycles.times", request);
    const struct json *stood = json_get(times, "stages");
    for (size_t i = 0; i < stood->count; i++) {
        printf("time: %s: ", member(stood->items[i], "stage", ""));
        print_days(json_get(stood->items[i], "current_micros"));
        printf(" days now, ");
        print_days(json_get(stood->items[i], "latest_micros"));
        puts(" days before");
    }
    json_free(times);
    struct json *stuck = ask(crm, "lifecycles.stuck",
                             "{\"lifecycle\": \"pipeline\", \"longer_than\": \"400d\", \"limit\": 3,"
                             "\"at\": \"2018-01-31T00:00:00Z\"}");
    const struct json *waiting = json_get(stuck, "records");
    for (size_t i = 0; i < waiting->count; i++) {
        snprintf(request, sizeof request, "{\"type\": \"opportunity\", \"id\": \"%s\"}",
                 member(waiting->items[i], "id", ""));
        struct json *deal = ask(crm, "records.get", request);
        printf("stuck: %s, %s for ", member(json_get(deal, "values"), "code", "unknown"),
               member(waiting->items[i], "stage", ""));
        print_days(json_get(waiting->items[i], "micros"));
        puts(" days");
        json_free(deal);
    }
    json_free(stuck);
    snprintf(request, sizeof request,
             "{\"type\": \"opportunity\", \"id\": \"%s\", \"items\": [\"stage\"]}", id);
    struct json *page = ask(crm, "timeline.list", request);
    const struct json *entries = json_get(page, "entries");
    for (size_t i = 0; i < entries->count; i++) {
        const struct json *move = json_get(json_get(entries->items[i], "item"), "stage");
        printf("moved: %.10s, %s, %lu skipped\n", member(entries->items[i], "at", ""),
               member(move, "stage", ""), (unsigned long)json_get(move, "implied")->count);
    }
    json_free(page);
    struct json *drawing = ask(crm, "lifecycles.draw", "{\"lifecycle\": \"pipeline\"}");
    printf("%s", member(drawing, "text", ""));
    json_free(drawing);
}

// Thousandths of a point.
static void print_points(long long thousandths) {
    printf("%lld.%03lld", thousandths / 1000, thousandths % 1000);
}

static long long whole(const struct json *json, const char *key) {
    return strtoll(member(json, key, "0"), NULL, 10);
}

// Defines the score, and says how many accounts have one by it.
static void define_score(crm_handle crm) {
    tell(crm, "scores.define",
         "{\"name\": \"promise\", \"type\": \"account\", \"groups\": ["
         "{\"name\": \"fit\", \"rules\": [{\"name\": \"sector\", \"field\": \"sector\", \"values\": ["
         "{\"value\": \"software\", \"points\": 20}, {\"value\": \"technology\", \"points\": 15},"
         "{\"value\": \"finance\", \"points\": 10}]},"
         "{\"name\": \"size\", \"field\": \"employees\", \"points\": 2, \"per\": 1000, \"max\": 30}]},"
         "{\"name\": \"deals\", \"rules\": [{\"name\": \"bought\", \"points\": 20,"
         "\"where\": \"related(inverse opportunity.account: stage = \\\"Won\\\") >= 45\"}]},"
         "{\"name\": \"talks\", \"max\": 60, \"fade\": {\"kind\": \"half_life\", \"span\": \"P30D\"},"
         "\"rules\": [{\"name\": \"met\", \"activity\": \"meeting\", \"points\": 20}]}],"
         "\"thresholds\": [{\"name\": \"warm\", \"at_least\": 70}, {\"name\": \"hot\", \"at_least\": 80}]}");
    tell(crm, "scores.publish", "{\"model\": \"promise\"}");
    struct json *report = ask(crm, "scores.rescore", "{\"model\": \"promise\"}");
    printf("scored %s accounts\n", member(report, "records", "0"));
    json_free(report);
}

// The best accounts, and what a rule would do with them.
static void rank(crm_handle crm) {
    struct json *ranking =
        ask(crm, "scores.ranking",
            "{\"model\": \"promise\", \"at\": \"2026-01-02T00:00:00Z\", \"limit\": 3}");
    const struct json *best = json_get(ranking, "records");
    char request[1024];
    char *end =
        request + sprintf(request,
                          "{\"rule\": {\"name\": \"call_large\", \"type\": \"account\","
                          "\"on\": {\"score_crossed\": {\"score\": \"promise\", \"threshold\": \"hot\"}},"
                          "\"where\": \"employees >= 15000\","
                          "\"actions\": [{\"emit\": {\"event\": \"call\", \"fields\": [\"name\"]}}]},"
                          "\"records\": [");
    for (size_t i = 0; i < best->count; i++) {
        const char *id = member(best->items[i], "id", "");
        char name[128];
        snprintf(name, sizeof name, "{\"type\": \"account\", \"id\": \"%s\"}", id);
        struct json *account = ask(crm, "records.get", name);
        printf("ranked: %s, ", member(json_get(account, "values"), "name", "unknown"));
        print_points(whole(best->items[i], "score"));
        puts("");
        json_free(account);
        end += sprintf(end, "%s\"%s\"", i > 0 ? ", " : "", id);
    }
    strcpy(end, "]}");
    struct json *tried = ask(crm, "rules.simulate", request);
    printf("rule: would run for %s of %lu\n", member(tried, "would_run", "0"),
           (unsigned long)best->count);
    json_free(tried);
    json_free(ranking);
}

// Accounts scored, the best of them, a rule tried out, and a segment that moves with the score.
static void promise(crm_handle crm) {
    define_score(crm);
    rank(crm);
    struct json *defined = ask(crm, "segments.define",
                               "{\"name\": \"warm\", \"type\": \"account\","
                               "\"where\": \"score(\\\"promise\\\" >= 70)\"}");
    printf("segment: %s members\n", member(defined, "members", "0"));
    json_free(defined);
    struct json *account =
        ask(crm, "records.get_by",
            "{\"type\": \"account\", \"attribute\": \"name\", \"value\": \"Zotware\"}");
    char id[40], request[512];
    snprintf(id, sizeof id, "%s", member(account, "id", ""));
    json_free(account);
    snprintf(request, sizeof request,
             "{\"kind\": \"meeting\", \"at\": \"2025-12-31T09:00:00Z\","
             "\"subject\": {\"type\": \"account\", \"id\": \"%s\"}}",
             id);
    tell(crm, "activities.record", request);
    snprintf(request, sizeof request,
             "{\"model\": \"promise\", \"id\": \"%s\", \"at\": \"2026-01-02T00:00:00Z\"}", id);
    struct json *told = ask(crm, "scores.explain", request);
    printf("score: Zotware ");
    print_points(whole(json_get(told, "record"), "score"));
    puts("");
    const struct json *lines = json_get(told, "contributions");
    long long sum = 0;
    for (size_t i = 0; i < lines->count; i++) {
        const struct json *line = lines->items[i];
        printf("points: %s, %s: ", member(line, "group", "all"), member(line, "rule", "all"));
        print_points(whole(line, "after_total"));
        printf(" of ");
        print_points(whole(line, "raw"));
        puts("");
        sum += whole(line, "after_total");
    }
    printf("points: ");
    print_points(sum);
    puts(" in all");
    json_free(told);
    snprintf(request, sizeof request, "{\"segment\": \"warm\", \"id\": \"%s\"}", id);
    struct json *member_of = ask(crm, "segments.explain", request);
    struct json *sizes = ask(crm, "segments.sizes", "{\"segment\": \"warm\"}");
    printf("segment: %s members, Zotware is one: %s\n",
           member(json_get(sizes, "sizes")->items[0], "size", "0"),
           json_get(member_of, "is_member")->kind == JSON_TRUE ? "true" : "false");
    json_free(sizes);
    json_free(member_of);
    struct json *later = ask(crm, "timers.simulate", "{\"until\": \"2026-05-01T00:00:00Z\"}");
    const struct json *changes = json_get(later, "changes");
    for (size_t i = 0; i < changes->count; i++)
        printf("to come: %.10s, %s\n", member(changes->items[i], "at", ""),
               member(changes->items[i], "kind", ""));
    json_free(later);
}

// Says whether the person may be contacted now, or the first reason why not.
static void say(crm_handle crm, const char *question) {
    struct json *decision = ask(crm, "consents.decide", question);
    const struct json *reasons = json_get(decision, "reasons");
    if (reasons->count == 0) {
        puts("may we: yes");
    } else {
        printf("may we: no, %s\n", member(reasons->items[0], "text", ""));
    }
    json_free(decision);
}

// A text as JSON writes it, with its quotes. The caller releases it.
static char *quoted(const char *text) {
    char *json = (char *)malloc(2 * strlen(text) + 3);
    ASSERT(json != NULL);
    char *end = json;
    *end++ = '"';
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            *end++ = '\\';
            *end++ = 'n';
            continue;
        }
        if (*text == '"' || *text == '\\') {
            *end++ = '\\';
        }
        *end++ = *text;
    }
    *end++ = '"';
    *end = '\0';
    return json;
}

// A person is asked, confirms, takes it back, sees what is known, and is erased.
static void permission(crm_handle crm) {
    tell(crm, "notices.publish",
         "{\"name\": \"news\", \"language\": \"en\", \"text\": \"We write once a week.\"}");
    tell(crm, "purposes.define",
         "{\"name\": \"news\", \"channels\": [\"email\"], \"notice\": \"news\", \"policy\": \"eu_strict\"}");
    struct json *ann = ask(crm, "records.create",
                           "{\"type\": \"contact\", \"values\": {\"given_name\": \"Ann\", \"email\": \"ann@example.org\"}}");
    char subject[128];
    snprintf(subject, sizeof subject, "\"subject\": {\"type\": \"contact\", \"id\": \"%s\"}",
             member(ann, "id", ""));
    json_free(ann);
    char question[256];
    snprintf(question, sizeof question, "{%s, \"channel\": \"email\", \"purpose\": \"news\"}", subject);
    say(crm, question);

    char request[512];
    snprintf(request, sizeof request,
             "{%s, \"channel\": \"email\", \"purpose\": \"news\", \"contact_point\": \"ann@example.org\"}", subject);
    struct json *waiting = ask(crm, "consents.request", request);
    snprintf(request, sizeof request, "{\"token\": \"%s\"}", member(waiting, "token", ""));
    json_free(waiting);
    struct json *event = ask(crm, "consents.confirm", request);
    printf("confirmed: version %s of the text\n", member(event, "notice_version", "0"));
    json_free(event);
    say(crm, question);
    snprintf(request, sizeof request, "{\"kind\": \"withdrawn\", %s, \"channel\": \"email\"}", subject);
    tell(crm, "consents.record", request);
    say(crm, question);

    snprintf(request, sizeof request, "{\"question\": %s}", question);
    struct json *proof = ask(crm, "consents.prove", request);
    char *document = quoted(member(proof, "document", ""));
    size_t length = strlen(document) + 128;
    char *check_it = (char *)malloc(length);
    ASSERT(check_it != NULL);
    snprintf(check_it, length, "{\"document\": %s, \"head\": \"%s\"}", document, member(proof, "head", ""));
    struct json *checked = ask(crm, "consents.check_proof", check_it);
    printf("proof: %s events, %s\n", member(checked, "events", "0"),
           json_get(checked, "is_valid")->kind == JSON_TRUE ? "valid" : "not valid");
    json_free(checked);
    json_free(proof);
    free(check_it);
    free(document);

    snprintf(request, sizeof request, "{%s}", subject);
    struct json *report = ask(crm, "privacy.access", request);
    const struct json *tables = json_get(report, "tables");
    for (size_t i = 0; i < tables->count; i++) {
        printf("%s%s in %s", i == 0 ? "known: " : ", ", member(tables->items[i], "rows", "0"),
               member(tables->items[i], "name", ""));
    }
    puts("");
    json_free(report);
    tell(crm, "privacy.erase", request);
    struct json *chain = ask(crm, "journal.verify", "{}");
    printf("erased: the chain %s\n",
           json_get(chain, "is_ok")->kind == JSON_TRUE ? "holds" : "is broken");
    json_free(chain);
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
    happen(crm);
    explain(crm);
    pivot(crm);
    plan(crm);
    stages(crm);
    promise(crm);
    permission(crm);
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
