/*
 * The stored parameters of a job: printed from the table, read back by the table; job_params.h.
 *
 * Names are ours and values are numbers or names of choices, so the text needs no escaping.
 */
#include "core/base/buf.h"
#include "core/base/json.h"
#include "daemon/job_params_value.h"
#include "daemon/json_append.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void
print_real(struct buf *text, double value)
{
    if (isnan(value))
        buf_append_string(text, "\"auto\"");
    else
        json_append_real(text, value);
}

static void
print_choice(struct buf *text, const struct param_row *row, unsigned value)
{
    const struct param_choice *choice = row->choices;
    while (choice->name != NULL && choice->value != value)
        choice++;
    buf_printf(text, "\"%s\"", choice->name != NULL ? choice->name : "auto");
}

static void
print_stopping(struct buf *text, const struct early_stopping *stopping)
{
    if (stopping->patience == PARAMS_AUTO) {
        buf_append_string(text, "\"auto\"");
    } else if (stopping->patience == 0) {
        buf_append_string(text, "null");
    } else {
        buf_printf(text, "{\"patience\":%" PRId64 ",\"min_delta\":", stopping->patience);
        json_append_real(text, stopping->min_delta);
        buf_append_string(text, "}");
    }
}

static void
print_row(struct buf *text, const struct param_row *row, const struct job_request *request)
{
    const char *field = (const char *)request + row->offset;
    int64_t integer = 0;
    double reals[2] = {0};
    unsigned choice = 0;
    buf_printf(text, "%s\"%s\":", text->length > 1 ? "," : "", row->name);
    if (row->type == PARAM_INTEGER || row->type == PARAM_BOOLEAN) {
        memcpy(&integer, field, sizeof integer);
        if (integer == PARAMS_AUTO)
            buf_append_string(text, row->optional ? "null" : "\"auto\"");
        else if (row->type == PARAM_BOOLEAN)
            buf_append_string(text, integer != 0 ? "true" : "false");
        else
            buf_printf(text, "%" PRId64, integer);
    } else if (row->type == PARAM_REAL) {
        memcpy(reals, field, sizeof reals[0]);
        print_real(text, reals[0]);
    } else if (row->type == PARAM_CHOICE || row->type == PARAM_METHOD) {
        memcpy(&choice, field, sizeof choice);
        print_choice(text, row, choice);
    } else if (row->type == PARAM_STOPPING) {
        print_stopping(text, (const struct early_stopping *)(const void *)field);
    } else {
        memcpy(reals, field, sizeof reals);
        if (isnan(reals[0]) || isnan(reals[1])) {
            buf_append_string(text, "\"auto\"");
            return;
        }
        buf_append_string(text, "[");
        print_real(text, reals[0]);
        buf_append_string(text, ",");
        print_real(text, reals[1]);
        buf_append_string(text, "]");
    }
}

const char *
job_params_print(const struct train_params *params, struct arena *arena)
{
    struct job_request request = {.params = *params};
    struct buf text = {0};
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    buf_append_string(&text, "{");
    for (size_t i = 0; i < count; i++) {
        if (job_params_is_stored(&rows[i]))
            print_row(&text, &rows[i], &request);
    }
    buf_append_string(&text, "}");
    const char *copy = arena_copy_bytes(arena, text.data, text.length);
    buf_fini(&text);
    return copy;
}

const char *
job_params_explain(const struct train_choices *choices, struct arena *arena)
{
    struct buf text = {0};
    for (size_t i = 0; i < choices->count; i++) {
        const struct train_choice *choice = &choices->items[i];
        buf_printf(&text, "%s%s = %s (%s)", i > 0 ? "; " : "Chosen for this job: ", choice->name,
                   choice->value, choice->reason);
    }
    buf_append_string(&text, choices->count > 0 ? "." : "Every parameter was given.");
    const char *copy = arena_copy_bytes(arena, text.data, text.length);
    buf_fini(&text);
    return copy;
}

static int
restore_member(const char *key, const json_t *json, struct job_request *out,
               struct fault_list *faults)
{
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    size_t i = 0;
    while (i < count && (!job_params_is_stored(&rows[i]) || strcmp(rows[i].name, key) != 0))
        i++;
    if (i == count)
        return fault_add(faults, FAULT_UNKNOWN_PARAMETER, key, "unknown parameter '%s'", key);
    struct param_value value = {.row = &rows[i], .where = key, .json = json, .trusted = true};
    return job_params_value_set(&value, faults->arena, out, faults);
}

int
job_params_restore(const char *json, struct train_params *out, struct err *err)
{
    struct job_request request = {.params = train_params_auto()};
    int status = 0;
    json_t *object = json_parse(json, strlen(json), false, err);
    if (object == NULL)
        return err_prefix(err, "stored parameters");
    struct fault_list faults = {.arena = arena_new()};
    const char *key;
    json_t *member;
    json_object_foreach (object, key, member)
        restore_member(key, member, &request, &faults);
    if (!json_is_object(object))
        status = err_set(err, ERR_INVALID, "stored parameters: not a JSON object");
    else if (faults.count > 0)
        status = err_set(err, ERR_INVALID, "stored parameters: %s", faults.items[0].message);
    else
        *out = request.params;
    arena_free(faults.arena);
    json_decref(object);
    return status;
}
