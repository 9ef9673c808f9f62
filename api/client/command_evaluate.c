/*
 * evaluate, evaluation: how well a model does on labelled rows. Asked for here and waited for, or
 * what was measured before: of a job, or by id.
 */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/lines.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ASK_AGAIN_MS = 500, CLASSES_SHOWN = 20, ERRORS_SHOWN = 10 };

/* ---- printing -------------------------------------------------------------------------------- */

static void
write_measures(const json_t *evaluation, struct buf *out)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)field(evaluation, "measures"), name, value)
        if (json_is_number(value))
            buf_printf(out, "%s%s %.4f", out->length > 0 ? ", " : "", name,
                       json_number_value(value));
}

static void
write_status(const json_t *evaluation, struct buf *out)
{
    buf_append_string(out, field_text(evaluation, "status", "?"));
    if (field_integer(evaluation, "rows", -1) >= 0)
        buf_printf(out, ", %lld rows", (long long)field_integer(evaluation, "rows", 0));
}

static void
write_model(const json_t *evaluation, struct buf *out)
{
    buf_append_string(out, field_text(evaluation, "model", ""));
}

static void
write_file(const json_t *evaluation, struct buf *out)
{
    buf_append_string(out, field_text(evaluation, "file", "rows of the training file"));
}

static void
write_id(const json_t *evaluation, struct buf *out)
{
    buf_append_string(out, field_text(evaluation, "id", ""));
}

static void
write_error(const json_t *evaluation, struct buf *out)
{
    const char *message = field_text(evaluation, "error.message", NULL);
    if (message != NULL)
        buf_printf(out, "%s [%s]", message, field_text(evaluation, "error.code", "?"));
}

static void
write_mcnemar(const json_t *evaluation, struct buf *out)
{
    buf_printf(out, "accuracy %.4f; right where the other is wrong: %lld here, %lld there; p %.4g",
               field_number(evaluation, "comparison.measures.accuracy"),
               (long long)field_integer(evaluation, "comparison.only_this_right", 0),
               (long long)field_integer(evaluation, "comparison.only_other_right", 0),
               field_number(evaluation, "comparison.p_value"));
}

static void
write_comparison(const json_t *evaluation, struct buf *out)
{
    if (field(evaluation, "comparison") == NULL)
        return;
    if (field(evaluation, "comparison.this_nearer") != NULL)
        buf_printf(out, "mae %.4f; nearer the truth: %lld rows here, %lld there; p %.4g",
                   field_number(evaluation, "comparison.measures.mae"),
                   (long long)field_integer(evaluation, "comparison.this_nearer", 0),
                   (long long)field_integer(evaluation, "comparison.other_nearer", 0),
                   field_number(evaluation, "comparison.p_value"));
    else if (field(evaluation, "comparison.p_value") == NULL)
        buf_append_string(out, "a model of another task: no test");
    else
        write_mcnemar(evaluation, out);
}

static const struct line lines[] = {
    {"evaluation", write_id},    {"model", write_model}, {"file", write_file},
    {"status", write_status},    {"error", write_error}, {"measures", write_measures},
    {"other", write_comparison},
};

static void
print_classes(const json_t *evaluation)
{
    const json_t *classes = field(evaluation, "per_class");
    for (size_t i = 0; i < json_array_size(classes) && i < CLASSES_SHOWN; i++) {
        const json_t *one = json_array_get(classes, i);
        lines_say("  %s: precision %.4f, recall %.4f, f1 %.4f, %lld rows",
                  field_text(one, "label", "?"), field_number(one, "precision"),
                  field_number(one, "recall"), field_number(one, "f1"),
                  (long long)field_integer(one, "support", 0));
    }
    if (json_array_size(classes) > CLASSES_SHOWN)
        lines_say("  and %zu more: see --json", json_array_size(classes) - CLASSES_SHOWN);
}

static void
print_errors(const json_t *evaluation)
{
    const json_t *errors = field(evaluation, "errors");
    for (size_t i = 0; i < json_array_size(errors) && i < ERRORS_SHOWN; i++) {
        const json_t *one = json_array_get(errors, i);
        lines_say("  line %lld: %s, predicted %s (%.3f): %s",
                  (long long)field_integer(one, "line", 0), field_text(one, "label", "?"),
                  field_text(one, "predicted", "?"), field_number(one, "probability"),
                  field_text(one, "text", ""));
    }
}

static void
print_evaluation(const json_t *evaluation)
{
    lines_print(lines, sizeof lines / sizeof lines[0], evaluation);
    print_classes(evaluation);
    print_errors(evaluation);
}

/* ---- evaluate -------------------------------------------------------------------------------- */

/* The id of the rows: of a file of this name here, which is uploaded, else the name itself. */
static int
find_file(struct client *client, const char *name, const char **id)
{
    json_t *file = NULL;
    *id = name;
    if (access(name, F_OK) != 0)
        return CLIENT_OK;
    int result = http_upload(client, name, "fine-tune", &file);
    if (result == CLIENT_OK)
        *id = arena_copy_string(client->arena, field_text(file, "id", ""));
    json_decref(file);
    return result;
}

/* Ask until it has ended. *evaluation is replaced. */
static int
wait_for_end(struct client *client, json_t **evaluation)
{
    const struct timespec pause = {.tv_nsec = ASK_AGAIN_MS * 1000000L};
    const char *id = arena_copy_string(client->arena, field_text(*evaluation, "id", ""));
    for (;;) {
        const char *status = field_text(*evaluation, "status", "");
        if (strcmp(status, "queued") != 0 && strcmp(status, "running") != 0)
            return CLIENT_OK;
        nanosleep(&pause, NULL);
        json_t *now = NULL;
        int result = http_get(client, http_path(client, "/v1/evaluations/", id, ""), &now);
        if (result != CLIENT_OK)
            return result;
        json_decref(*evaluation);
        *evaluation = now;
    }
}

static int
order(struct client *client, const struct call *call, json_t **out)
{
    const char *model = options_value(&call->given, "model");
    const char *other = options_value(&call->given, "compare-to");
    const char *file = NULL;
    if (model == NULL)
        return client_usage(client, call->command, "--model is needed");
    int result = find_file(client, call->given.operands[0], &file);
    if (result != CLIENT_OK)
        return result;
    json_t *body = json_object();
    json_object_set_new(body, "model", json_string(model));
    json_object_set_new(body, "file", json_string(file));
    if (other != NULL)
        json_object_set_new(body, "compare_to", json_string(other));
    result = http_post(client, "/v1/evaluations", body, out);
    json_decref(body);
    return result;
}

int
command_evaluate(struct client *client, const struct call *call)
{
    json_t *evaluation = NULL;
    int result = order(client, call, &evaluation);
    if (result == CLIENT_OK && !options_has(&call->given, "no-wait"))
        result = wait_for_end(client, &evaluation);
    if (result == CLIENT_OK && client->json)
        field_print(evaluation, stdout);
    else if (result == CLIENT_OK)
        print_evaluation(evaluation);
    if (result == CLIENT_OK && strcmp(field_text(evaluation, "status", ""), "failed") == 0)
        result = client_problem(client, CLIENT_REFUSED, "the evaluation failed: %s",
                                field_text(evaluation, "error.message", "the daemon says not why"));
    json_decref(evaluation);
    return result;
}

/* ---- evaluation ------------------------------------------------------------------------------ */

static void
print_part(const json_t *of_job, const char *name)
{
    const json_t *part = field(of_job, name);
    if (part == NULL)
        return;
    lines_say("%s", name);
    print_evaluation(part);
}

int
command_evaluation(struct client *client, const struct call *call)
{
    const char *id = call->given.operands[0];
    json_t *answer = NULL;
    bool of_job = strncmp(id, "eval-", strlen("eval-")) != 0;
    int result = of_job ? http_get_job(client, id, "/evaluation", &answer)
                        : http_get(client, http_path(client, "/v1/evaluations/", id, ""), &answer);
    if (result != CLIENT_OK)
        return result;
    if (client->json) {
        field_print(answer, stdout);
    } else if (!of_job) {
        print_evaluation(answer);
    } else {
        print_part(answer, "validation");
        print_part(answer, "test");
        if (field(answer, "validation") == NULL && field(answer, "test") == NULL)
            lines_say("nothing was measured yet, or the job has no validation and test rows");
    }
    json_decref(answer);
    return CLIENT_OK;
}
