/*
 * ls: the jobs as a table, one row a job. A column is a row of the table below.
 */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/table.h"
#include "api/client/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
write_id(const json_t *job, struct buf *out)
{
    buf_append_string(out, field_text(job, "id", "?"));
}

static void
write_status(const json_t *job, struct buf *out)
{
    buf_append_string(out, field_text(job, "status", "?"));
}

static void
write_done(const json_t *job, struct buf *out)
{
    double percent = field_number(job, "progress.percent");
    if (!isnan(percent))
        buf_printf(out, "%.0f%%", percent);
}

/* The best that is known: of the test file, else of the validation rows, else of training. */
static void
write_accuracy(const json_t *job, struct buf *out)
{
    static const char *const names[] = {"metrics.test_accuracy", "metrics.valid_accuracy",
                                        "metrics.train_accuracy"};
    static const char *const marks[] = {"test", "valid", "train"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        double accuracy = field_number(job, names[i]);
        if (!isnan(accuracy)) {
            buf_printf(out, "%.3f %s", accuracy, marks[i]);
            return;
        }
    }
}

/* One unit is enough for "how long ago": "5 min", "3 d". */
static void
write_age(const json_t *job, struct buf *out)
{
    double age = difftime(time(NULL), (time_t)field_integer(job, "created_at", 0));
    struct buf full = {0};
    text_append_duration(&full, age > 0 ? age : 0);
    const char *text = buf_string(&full);
    const char *blank = strchr(text, ' ');
    const char *second = blank != NULL ? strchr(blank + 1, ' ') : NULL;
    buf_append(out, text, second != NULL ? (size_t)(second - text) : strlen(text));
    buf_fini(&full);
}

static void
write_model(const json_t *job, struct buf *out)
{
    buf_append_string(out, field_text(job, "model", "?"));
}

static const struct column columns[] = {
    {"JOB", 30, false, write_id},  {"STATUS", 9, false, write_status},
    {"DONE", 4, true, write_done}, {"ACCURACY", 11, false, write_accuracy},
    {"AGE", 6, true, write_age},   {"MODEL", 10, false, write_model},
};

static const struct table table = {columns, sizeof columns / sizeof columns[0], "no jobs yet"};

/* "limit=20&metadata[team]=red" */
static int
write_query(struct client *client, const struct call *call, struct buf *out)
{
    int64_t limit = 20;
    struct err err;
    if (options_number(&call->given, "limit", 1, 1000, &limit, &err) != 0)
        return client_usage(client, call->command, "%s", err.message);
    buf_printf(out, "?limit=%lld", (long long)limit);
    for (size_t i = 0; i < call->given.count; i++) {
        const struct option_given *given = &call->given.given[i];
        const char *equals = given->value != NULL ? strchr(given->value, '=') : NULL;
        if (strcmp(given->name, "metadata") != 0)
            continue;
        if (equals == NULL || equals == given->value)
            return client_usage(client, call->command, "--metadata %s: it must be NAME=VALUE",
                                given->value);
        const char *name =
            arena_copy_bytes(client->arena, given->value, (size_t)(equals - given->value));
        name = http_path(client, "&metadata%5B", name, "%5D=");
        buf_append_string(out, http_path(client, name, equals + 1, ""));
    }
    return CLIENT_OK;
}

int
command_ls(struct client *client, const struct call *call)
{
    struct buf query = {0};
    json_t *list = NULL;
    int result = write_query(client, call, &query);
    if (result == CLIENT_OK)
        result = http_get(client,
                          arena_printf(client->arena, "/v1/fine_tuning/jobs%s", buf_string(&query)),
                          &list);
    buf_fini(&query);
    if (result != CLIENT_OK)
        return result;
    if (client->json)
        field_print(list, stdout);
    else
        table_print(&table, list);
    json_decref(list);
    return CLIENT_OK;
}
