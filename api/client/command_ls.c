/*
 * ls: the jobs as a table of 80 columns, one row a job. A column is a row of the table below.
 */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/text.h"

#include <getopt.h>
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

/* The last column takes what the terminal has left. */
static const struct column {
    const char *title;
    size_t width;
    bool right;
    void (*write)(const json_t *job, struct buf *out);
} columns[] = {
    {"JOB", 30, false, write_id},  {"STATUS", 9, false, write_status},
    {"DONE", 4, true, write_done}, {"ACCURACY", 11, false, write_accuracy},
    {"AGE", 6, true, write_age},   {"MODEL", 10, false, write_model},
};

enum { COLUMN_COUNT = sizeof columns / sizeof columns[0], GAP = 2 };

static void
print_row(const json_t *job, size_t screen)
{
    struct buf line = {0};
    size_t used = 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const struct column *column = &columns[i];
        bool last = i + 1 == COLUMN_COUNT;
        struct buf cell = {0};
        size_t width = last && screen > used ? screen - used : column->width;
        if (job == NULL)
            buf_append_string(&cell, column->title);
        else
            column->write(job, &cell);
        text_append_cell(&line, buf_string(&cell), width, column->right);
        if (!last)
            buf_printf(&line, "%*s", GAP, "");
        used += width + GAP;
        buf_fini(&cell);
    }
    while (line.length > 0 && line.data[line.length - 1] == ' ')
        line.length--;
    printf("%.*s\n", (int)line.length, line.length > 0 ? line.data : "");
    buf_fini(&line);
}

static void
print_table(const json_t *list)
{
    const json_t *jobs = field(list, "data");
    size_t screen = text_columns(stdout);
    if (json_array_size(jobs) == 0) {
        printf("no jobs yet\n");
        return;
    }
    print_row(NULL, screen);
    for (size_t i = 0; i < json_array_size(jobs); i++)
        print_row(json_array_get(jobs, i), screen);
    if (json_is_true(field(list, "has_more")))
        printf("(there are older ones: --limit N shows more)\n");
}

int
command_ls(struct client *client, const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {{"limit", required_argument, NULL, 'l'}, {0}};
    const char *limit = "20";
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'l')
            return client_usage(client, command, "an option is not right");
        limit = optarg;
        if (limit[0] == '\0' || strspn(limit, "0123456789") != strlen(limit))
            return client_usage(client, command, "--limit must be a number");
    }
    if (optind < argc)
        return client_usage(client, command, "'%s' is too much", argv[optind]);
    json_t *list = NULL;
    int result = http_get(
        client, arena_printf(client->arena, "/v1/fine_tuning/jobs?limit=%s", limit), &list);
    if (result != CLIENT_OK)
        return result;
    if (client->json)
        field_print(list, stdout);
    else
        print_table(list);
    json_decref(list);
    return CLIENT_OK;
}
