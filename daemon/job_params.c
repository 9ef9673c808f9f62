/*
 * Walking a create-job request: every key meets its row, every fault is collected; job_params.h.
 *
 * A parameter may stand in three places. Each sighting is remembered with its place, so that two
 * different values are refused rather than one of them silently winning.
 */
#include "daemon/job_params.h"

#include "core/base/buf.h"
#include "core/base/json.h"
#include "daemon/job_params_value.h"
#include "daemon/suggest.h"

#include <string.h>

enum { ROWS_MAX = 64 };

/* Not both of a pair. 0 of max_steps means absent. */
static const struct {
    const char *first, *second;
    const char *remedy;
} exclusive[] = {
    {"n_epochs", "max_steps", "give the length of the training in one of them"},
    {"warmup_steps", "warmup_ratio", "give the warm-up in one of them"},
};

struct walk {
    enum job_params_use use;
    struct arena *arena;
    struct job_request *out;
    struct fault_list *faults;
    const struct param_row *rows;
    size_t row_count;
    const json_t *seen[ROWS_MAX]; /* by row: the first value that is neither null nor "auto" */
    const char *where[ROWS_MAX];  /* and where it stands */
};

static bool
is_legal_at(const struct walk *walk, const struct param_row *row, unsigned place)
{
    if (place == PLACE_TOP && walk->use == JOB_PARAMS_RUN)
        place |= PLACE_RUN;
    return (row->places & place) != 0;
}

/* Index of the row, or row_count; rows that the program of this use does not have do not exist. */
static size_t
find_row(const struct walk *walk, const char *name)
{
    size_t i = 0;
    while (i < walk->row_count && strcmp(walk->rows[i].name, name) != 0)
        i++;
    if (i < walk->row_count && walk->rows[i].places == PLACE_RUN && walk->use != JOB_PARAMS_RUN)
        return walk->row_count;
    return i;
}

static const char *
legal_names(const struct walk *walk, const char *const *names)
{
    struct buf list = {0};
    for (size_t i = 0; i < walk->row_count; i++) {
        if (names[i] != NULL && walk->rows[i].type != PARAM_NOT_BUILT)
            buf_printf(&list, "%s%s", list.length > 0 ? ", " : "", names[i]);
    }
    const char *text = arena_copy_string(walk->arena, buf_string(&list));
    buf_fini(&list);
    return text;
}

static int
refuse_unknown(struct walk *walk, const char *key, const char *where, unsigned place)
{
    const char *names[ROWS_MAX] = {NULL};
    for (size_t i = 0; i < walk->row_count; i++) {
        if (is_legal_at(walk, &walk->rows[i], place))
            names[i] = walk->rows[i].name;
    }
    const char *nearest = suggest_nearest(key, names, walk->row_count);
    if (nearest != NULL)
        return fault_add(walk->faults, FAULT_UNKNOWN_PARAMETER, where,
                         "Unknown parameter '%s'; did you mean '%s'?", where, nearest);
    return fault_add(walk->faults, FAULT_UNKNOWN_PARAMETER, where,
                     "Unknown parameter '%s'; known here are: %s.", where,
                     legal_names(walk, names));
}

static int
refuse_not_built(struct walk *walk, const struct param_row *row, const char *where)
{
    return fault_add(walk->faults, FAULT_NOT_SUPPORTED_YET, where,
                     "'%s' is not supported yet; leave it out. (%s)", where, row->doc);
}

/* 3 and 3.0 are the same value. */
static bool
same_value(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a);
        double y = json_number_value(b);
        return x <= y && x >= y;
    }
    return json_equal(a, b) != 0;
}

static void
take_value(struct walk *walk, size_t i, const char *where, const json_t *json)
{
    struct param_value value = {.row = &walk->rows[i], .where = where, .json = json};
    if (job_params_value_is_auto(&value))
        return;
    if (walk->seen[i] == NULL) {
        walk->seen[i] = json;
        walk->where[i] = where;
        job_params_value_set(&value, walk->arena, walk->out, walk->faults);
    } else if (!same_value(walk->seen[i], json)) {
        fault_add(walk->faults, FAULT_INVALID_PARAMETER, where,
                  "'%s' is %s but '%s' is %s; give the value in one place.", where,
                  job_params_value_quote(json, walk->arena), walk->where[i],
                  job_params_value_quote(walk->seen[i], walk->arena));
    }
}

/* Each member of an object of parameters; prefix is "" or ends in a point. */
static void take_object(struct walk *walk, const json_t *object, const char *prefix,
                        unsigned place);

static void
take_group(struct walk *walk, const json_t *json, const char *where)
{
    if (json_is_object(json))
        take_object(walk, json, arena_printf(walk->arena, "%s.", where), PLACE_HYPERPARAMETERS);
    else
        fault_add(walk->faults, FAULT_INVALID_PARAMETER, where,
                  "%s is %s; it must be an object of hyperparameters.", where,
                  job_params_value_quote(json, walk->arena));
}

/* The method's name, at the top or as method.type. */
static void
take_method_name(struct walk *walk, const struct param_row *row, const json_t *type,
                 const char *where)
{
    const char *name = json_is_string(type) ? json_string_value(type) : "";
    struct param_value value = {.row = row, .where = where, .json = type};
    if (type == NULL || json_is_null(type))
        fault_add(walk->faults, FAULT_MISSING_PARAMETER, where,
                  "method has no type; write \"type\": \"supervised\" or \"linear_probe\".");
    else if (strcmp(name, "dpo") == 0 || strcmp(name, "reinforcement") == 0)
        fault_add(walk->faults, FAULT_NOT_SUPPORTED_YET, where,
                  "%s \"%s\" is not supported; use \"supervised\" or \"linear_probe\".", where,
                  name);
    else if (strcmp(name, "supervised") != 0 && strcmp(name, "linear_probe") != 0)
        fault_add(walk->faults, FAULT_INVALID_PARAMETER, where,
                  "%s is %s; it must be \"supervised\" or \"linear_probe\".", where,
                  job_params_value_quote(type, walk->arena));
    else
        job_params_value_set(&value, walk->arena, walk->out, walk->faults);
}

/* What stands under the method's own name: its hyperparameters. */
static void
take_method_object(struct walk *walk, const json_t *method, const char *place)
{
    if (!json_is_object(method)) {
        fault_add(walk->faults, FAULT_INVALID_PARAMETER, place,
                  "%s is %s; it must be an object with hyperparameters.", place,
                  job_params_value_quote(method, walk->arena));
        return;
    }
    const char *key;
    json_t *json;
    json_object_foreach ((json_t *)method, key, json) {
        const char *where =
            arena_printf(walk->arena, "%s.%s", place, job_params_value_cut(key, walk->arena));
        if (strcmp(key, "hyperparameters") != 0)
            fault_add(walk->faults, FAULT_UNKNOWN_PARAMETER, where,
                      "Unknown parameter '%s'; known here is: hyperparameters.", where);
        else if (!json_is_null(json))
            take_group(walk, json, where);
    }
}

/* "linear_probe", or {"type": "supervised", "supervised": {"hyperparameters": {…}}} */
static void
take_method(struct walk *walk, const struct param_row *row, const json_t *method)
{
    if (json_is_string(method)) {
        take_method_name(walk, row, method, "method");
        return;
    }
    if (!json_is_object(method)) {
        fault_add(walk->faults, FAULT_INVALID_PARAMETER, "method",
                  "method is %s; it must be \"supervised\", \"linear_probe\" or an object with "
                  "type and supervised.",
                  job_params_value_quote(method, walk->arena));
        return;
    }
    take_method_name(walk, row, json_object_get(method, "type"), "method.type");
    const char *key;
    json_t *json;
    json_object_foreach ((json_t *)method, key, json) {
        const char *where =
            arena_printf(walk->arena, "method.%s", job_params_value_cut(key, walk->arena));
        if (strcmp(key, "type") == 0 || json_is_null(json))
            continue;
        if (strcmp(key, "supervised") == 0 || strcmp(key, "linear_probe") == 0)
            take_method_object(walk, json, where);
        else if (strcmp(key, "dpo") == 0 || strcmp(key, "reinforcement") == 0)
            fault_add(walk->faults, FAULT_NOT_SUPPORTED_YET, where,
                      "'%s' is not supported; use \"supervised\".", where);
        else
            fault_add(walk->faults, FAULT_UNKNOWN_PARAMETER, where,
                      "Unknown parameter '%s'; known here are: type, supervised, linear_probe.",
                      where);
    }
}

static void
take_object(struct walk *walk, const json_t *object, const char *prefix, unsigned place)
{
    const char *key;
    json_t *json;
    json_object_foreach ((json_t *)object, key, json) {
        const char *where =
            arena_printf(walk->arena, "%s%s", prefix, job_params_value_cut(key, walk->arena));
        size_t i = find_row(walk, key);
        if (i == walk->row_count) {
            refuse_unknown(walk, key, where, place);
            continue;
        }
        const struct param_row *row = &walk->rows[i];
        if (!is_legal_at(walk, row, place))
            fault_add(walk->faults, FAULT_UNKNOWN_PARAMETER, where,
                      "'%s' cannot stand here; put '%s' at the top level of the request.", where,
                      key);
        else if (json_is_null(json))
            continue;
        else if (row->type == PARAM_METHOD)
            take_method(walk, row, json);
        else if (row->type == PARAM_GROUP)
            take_group(walk, json, where);
        else if (row->type != PARAM_NOT_BUILT)
            take_value(walk, i, where, json);
        else if (!json_is_array(json) || json_array_size(json) > 0)
            refuse_not_built(walk, row, where); /* an empty list asks for nothing */
    }
}

static void
check_required(struct walk *walk)
{
    for (size_t i = 0; i < walk->row_count; i++) {
        const struct param_row *row = &walk->rows[i];
        if (row->required && walk->seen[i] == NULL)
            fault_add(walk->faults, FAULT_MISSING_PARAMETER, row->name, "'%s' is missing: %s",
                      row->name, row->doc);
    }
}

static void
check_exclusive(struct walk *walk)
{
    for (size_t k = 0; k < sizeof exclusive / sizeof exclusive[0]; k++) {
        size_t a = find_row(walk, exclusive[k].first);
        size_t b = find_row(walk, exclusive[k].second);
        bool second_is_absent =
            walk->seen[b] == NULL || (strcmp(exclusive[k].second, "max_steps") == 0 &&
                                      json_number_value(walk->seen[b]) <= 0.0);
        if (walk->seen[a] == NULL || second_is_absent)
            continue;
        fault_add(walk->faults, FAULT_INVALID_PARAMETER, walk->where[b],
                  "'%s' and '%s' exclude each other; %s.", walk->where[a], walk->where[b],
                  exclusive[k].remedy);
    }
}

int
job_params_parse(const char *body, size_t length, enum job_params_use use, struct arena *arena,
                 struct job_request *out, struct fault_list *faults)
{
    struct walk walk = {.use = use, .arena = arena, .out = out, .faults = faults};
    walk.rows = job_params_table(&walk.row_count);
    size_t before = faults->count;
    *out = (struct job_request){.task = TASK_AUTO, .params = train_params_auto()};
    struct err err;
    json_t *json = json_parse(body, length, false, &err);
    if (json == NULL)
        return fault_add(faults, FAULT_INVALID_JSON, NULL, "The request is %s.", err.message);
    if (json_is_object(json)) {
        take_object(&walk, json, "", PLACE_TOP);
        check_required(&walk);
        check_exclusive(&walk);
    } else {
        fault_add(faults, FAULT_INVALID_JSON, NULL,
                  "The request is %s; it must be a JSON object such as {\"model\": \"...\", "
                  "\"training_file\": \"...\"}.",
                  job_params_value_quote(json, arena));
    }
    json_decref(json);
    return faults->count > before ? -1 : 0;
}
