/*
 * Checking one value against its row and storing it; see job_params_value.h.
 *
 * Values are stored through the row's offset with memcpy, so that one function serves every field
 * of a type. JSON has no NaN and no infinity, and the parser refuses numbers beyond a double.
 */
#include "daemon/job_params_value.h"

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/train/class_weights.h"
#include "daemon/suggest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CUT_BYTES = 64, CHOICES_MAX = 32, PATIENCE_MAX = 1000000 };

/* Enumerations are stored as unsigned. */
_Static_assert(sizeof(enum preset) == sizeof(unsigned) && sizeof(enum task) == sizeof(unsigned) &&
                   sizeof(enum optimizer) == sizeof(unsigned) &&
                   sizeof(enum lr_scheduler) == sizeof(unsigned) &&
                   sizeof(enum gemm_precision) == sizeof(unsigned) &&
                   sizeof(enum batching) == sizeof(unsigned) &&
                   sizeof(enum truncation) == sizeof(unsigned) &&
                   sizeof(enum dedupe) == sizeof(unsigned) &&
                   sizeof(enum metric) == sizeof(unsigned) &&
                   sizeof(enum train_method) == sizeof(unsigned) &&
                   sizeof(enum init_head) == sizeof(unsigned),
               "every choice has the size of unsigned");
_Static_assert(offsetof(struct train_params, beta2) ==
                   offsetof(struct train_params, beta1) + sizeof(double),
               "betas are neighbours");

/* Whole numbers up to here are exact in a double. */
static const double exact_limit = 9007199254740992.0;

/* Code points of valid UTF-8. */
static size_t
characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

const char *
job_params_value_cut(const char *text, struct arena *arena)
{
    size_t length = strlen(text);
    size_t kept = utf8_clip(text, length, CUT_BYTES);
    return arena_printf(arena, "%.*s%s", (int)kept, text, kept < length ? "..." : "");
}

const char *
job_params_value_quote(const json_t *json, struct arena *arena)
{
    char *text = json_text(json);
    const char *quote = job_params_value_cut(text, arena);
    free(text);
    return quote;
}

static void
store(struct job_request *out, const struct param_row *row, const void *value, size_t size)
{
    memcpy((char *)out + row->offset, value, size);
}

/* The one sentence for a value that does not fit its row. */
static int
refuse(const struct param_value *value, struct arena *arena, struct fault_list *faults)
{
    return fault_add(faults, FAULT_INVALID_PARAMETER, value->where, "%s is %s; it must be %s.",
                     value->where, job_params_value_quote(value->json, arena),
                     job_params_describe(value->row, arena));
}

static bool
in_range(const struct param_value *value, double number)
{
    const struct param_row *row = value->row;
    if (value->trusted)
        return isfinite(number);
    bool low = row->min_open ? number > row->min : number >= row->min;
    bool high = row->max_open ? number < row->max : number <= row->max;
    return low && high;
}

bool
job_params_value_is_auto(const struct param_value *value)
{
    enum param_type type = value->row->type;
    if (value->row->optional && json_is_null(value->json)) /* of stored parameters */
        return true;
    return (type == PARAM_INTEGER || type == PARAM_REAL || type == PARAM_BOOLEAN ||
            type == PARAM_BETAS || type == PARAM_CHOICE || type == PARAM_STOPPING) &&
           json_is_string(value->json) && strcmp(json_string_value(value->json), "auto") == 0;
}

static int
set_text(const struct param_value *value, struct arena *arena, struct job_request *out,
         struct fault_list *faults)
{
    static const char word_characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (!json_is_string(value->json))
        return refuse(value, arena, faults);
    const char *text = json_string_value(value->json);
    if (!in_range(value, (double)characters(text)) ||
        (value->row->word && text[strspn(text, word_characters)] != '\0'))
        return refuse(value, arena, faults);
    const char *copy = arena_copy_string(arena, text);
    store(out, value->row, &copy, sizeof copy);
    return 0;
}

/* 3.0 is a whole number too: some clients write every number with a point. */
static int
set_integer(const struct param_value *value, struct arena *arena, struct job_request *out,
            struct fault_list *faults)
{
    double number = json_number_value(value->json);
    if (!json_is_number(value->json) || fabs(number) > exact_limit || number != floor(number) ||
        !in_range(value, number))
        return refuse(value, arena, faults);
    int64_t integer = (int64_t)number;
    store(out, value->row, &integer, sizeof integer);
    return 0;
}

static int
set_real(const struct param_value *value, struct arena *arena, struct job_request *out,
         struct fault_list *faults)
{
    double number = json_number_value(value->json);
    if (!json_is_number(value->json) || !in_range(value, number))
        return refuse(value, arena, faults);
    store(out, value->row, &number, sizeof number);
    return 0;
}

static int
set_boolean(const struct param_value *value, struct arena *arena, struct job_request *out,
            struct fault_list *faults)
{
    if (!json_is_boolean(value->json))
        return refuse(value, arena, faults);
    int64_t integer = json_is_true(value->json) ? 1 : 0;
    store(out, value->row, &integer, sizeof integer);
    return 0;
}

static int
refuse_choice(const struct param_value *value, struct arena *arena, struct fault_list *faults)
{
    const char *names[CHOICES_MAX];
    size_t count = 0;
    for (const struct param_choice *choice = value->row->choices;
         choice->name != NULL && count < CHOICES_MAX; choice++)
        names[count++] = choice->name;
    const char *nearest = json_is_string(value->json)
                              ? suggest_nearest(json_string_value(value->json), names, count)
                              : NULL;
    if (nearest == NULL)
        return refuse(value, arena, faults);
    return fault_add(faults, FAULT_INVALID_PARAMETER, value->where,
                     "%s is %s; did you mean \"%s\"? It must be %s.", value->where,
                     job_params_value_quote(value->json, arena), nearest,
                     job_params_describe(value->row, arena));
}

static int
set_choice(const struct param_value *value, struct arena *arena, struct job_request *out,
           struct fault_list *faults)
{
    const char *text = json_is_string(value->json) ? json_string_value(value->json) : "";
    const struct param_choice *choice = value->row->choices;
    while (choice->name != NULL && strcmp(choice->name, text) != 0)
        choice++;
    if (choice->name == NULL)
        return refuse_choice(value, arena, faults);
    if (!choice->built)
        return fault_add(faults, FAULT_NOT_SUPPORTED_YET, value->where,
                         "%s \"%s\" is not supported yet; use %s.", value->where, choice->name,
                         job_params_describe(value->row, arena));
    store(out, value->row, &choice->value, sizeof choice->value);
    return 0;
}

static int
set_betas(const struct param_value *value, struct arena *arena, struct job_request *out,
          struct fault_list *faults)
{
    double betas[2] = {0};
    if (json_array_size(value->json) != 2)
        return refuse(value, arena, faults);
    for (size_t i = 0; i < 2; i++) {
        const json_t *item = json_array_get(value->json, i);
        betas[i] = json_number_value(item);
        if (!json_is_number(item) || !in_range(value, betas[i]))
            return refuse(value, arena, faults);
    }
    store(out, value->row, betas, sizeof betas);
    return 0;
}

/* The three columns as names, and where each is stored. */
static const char *const column_names[] = {"text", "text_pair", "label"};
enum { COLUMN_COUNT = sizeof column_names / sizeof column_names[0] };

static int
set_column(const struct param_value *columns, const char *key, const json_t *json,
           struct arena *arena, const char *names[COLUMN_COUNT], struct fault_list *faults)
{
    const char *where = arena_printf(arena, "columns.%s", job_params_value_cut(key, arena));
    size_t i = 0;
    while (i < COLUMN_COUNT && strcmp(column_names[i], key) != 0)
        i++;
    if (i == COLUMN_COUNT) {
        const char *nearest = suggest_nearest(key, column_names, COLUMN_COUNT);
        return fault_add(faults, FAULT_UNKNOWN_PARAMETER, where,
                         "Unknown parameter '%s'%s%s%s; known are text, text_pair and label.",
                         where, nearest != NULL ? "; did you mean '" : "",
                         nearest != NULL ? nearest : "", nearest != NULL ? "'" : "");
    }
    if (json_is_null(json))
        return 0;
    const char *name = json_is_string(json) ? json_string_value(json) : "";
    if (!in_range(columns, (double)characters(name)))
        return fault_add(faults, FAULT_INVALID_PARAMETER, where,
                         "%s is %s; it must be the name of a column, %g to %g characters.", where,
                         job_params_value_quote(json, arena), columns->row->min, columns->row->max);
    for (size_t k = 0; k < COLUMN_COUNT; k++) {
        if (names[k] != NULL && strcmp(names[k], name) == 0)
            return fault_add(faults, FAULT_INVALID_PARAMETER, where,
                             "columns.%s and columns.%s both name the column \"%s\"; each needs a "
                             "column of its own.",
                             column_names[k], key, job_params_value_cut(name, arena));
    }
    names[i] = arena_copy_string(arena, name);
    return 0;
}

static int
set_columns(const struct param_value *value, struct arena *arena, struct job_request *out,
            struct fault_list *faults)
{
    if (!json_is_object(value->json))
        return refuse(value, arena, faults);
    const char *names[COLUMN_COUNT] = {NULL};
    size_t before = faults->count;
    const char *key;
    json_t *json;
    json_object_foreach ((json_t *)value->json, key, json)
        set_column(value, key, json, arena, names, faults);
    if (faults->count > before)
        return -1;
    out->columns =
        (struct data_columns){.text = names[0], .text_pair = names[1], .label = names[2]};
    return 0;
}

static int
refuse_stopping(const struct param_value *value, const char *key, const char *wanted,
                struct arena *arena, struct fault_list *faults)
{
    const char *where = arena_printf(arena, "%s.%s", value->where, key);
    return fault_add(faults, FAULT_INVALID_PARAMETER, where, "%s is %s; it must be %s.", where,
                     job_params_value_quote(json_object_get(value->json, key), arena), wanted);
}

/* The metric of validation rows with this name, or METRIC_AUTO. */
static enum metric
find_metric(const char *name)
{
    for (int m = 0; m < METRIC_COUNT; m++)
        if (metric_is_of_validation((enum metric)m) &&
            strcmp(metric_name((enum metric)m), name) == 0)
            return (enum metric)m;
    return METRIC_AUTO;
}

static int
set_stopping_member(const struct param_value *value, const char *key, struct early_stopping *out,
                    struct arena *arena, struct fault_list *faults)
{
    static const char *const keys[] = {"metric", "patience", "min_delta"};
    const json_t *json = json_object_get(value->json, key);
    double number = json_number_value(json);
    if (strcmp(key, "patience") == 0) {
        if (!json_is_number(json) || !(number >= 1 && number <= PATIENCE_MAX) ||
            number != floor(number))
            return refuse_stopping(value, key, "a whole number from 1 to 1000000", arena, faults);
        out->patience = (int64_t)number;
    } else if (strcmp(key, "min_delta") == 0) {
        if (!json_is_number(json) || !(number >= 0 && number <= 1e9))
            return refuse_stopping(value, key, "a number from 0 to 1e9", arena, faults);
        out->min_delta = number;
    } else if (strcmp(key, "metric") == 0) {
        out->metric = json_is_string(json) ? find_metric(json_string_value(json)) : METRIC_AUTO;
        if (out->metric == METRIC_AUTO)
            return refuse_stopping(value, key,
                                   "one of those that metric_for_best_model can be, such as "
                                   "\"valid_loss\"",
                                   arena, faults);
    } else {
        const char *where =
            arena_printf(arena, "%s.%s", value->where, job_params_value_cut(key, arena));
        const char *nearest = suggest_nearest(key, keys, sizeof keys / sizeof keys[0]);
        return fault_add(faults, FAULT_UNKNOWN_PARAMETER, where,
                         "Unknown parameter '%s'%s%s%s; known are metric, patience and min_delta.",
                         where, nearest != NULL ? "; did you mean '" : "",
                         nearest != NULL ? nearest : "", nearest != NULL ? "'" : "");
    }
    return 0;
}

/* {"metric", "patience", "min_delta"}; null, which only stored parameters have here, is none. */
static int
set_stopping(const struct param_value *value, struct arena *arena, struct job_request *out,
             struct fault_list *faults)
{
    struct early_stopping stopping = {.patience = 0, .min_delta = 0, .metric = METRIC_AUTO};
    size_t before = faults->count;
    const char *key;
    json_t *json;
    if (!json_is_null(value->json) &&
        json_object_get(value->json, "patience") == NULL) /* of anything but an object NULL too */
        return refuse(value, arena, faults);
    json_object_foreach ((json_t *)(uintptr_t)value->json, key, json)
        if (!json_is_null(json) || strcmp(key, "patience") == 0)
            set_stopping_member(value, key, &stopping, arena, faults);
    if (faults->count > before)
        return -1;
    store(out, value->row, &stopping, sizeof stopping);
    return 0;
}

/* Labels are looked for when the plan is made. */
static int
set_weights(const struct param_value *value, struct arena *arena, struct job_request *out,
            struct fault_list *faults)
{
    const json_t *json = value->json;
    const char *label;
    json_t *weight;
    const char *copy = NULL;
    if (json_is_string(json) && strcmp(json_string_value(json), CLASS_WEIGHTS_BALANCED) == 0) {
        copy = CLASS_WEIGHTS_BALANCED;
    } else {
        if (json_object_size(json) == 0) /* of anything but an object 0 too */
            return refuse(value, arena, faults);
        json_object_foreach ((json_t *)(uintptr_t)json, label, weight)
            if (!json_is_number(weight) || !in_range(value, json_number_value(weight)))
                return refuse(value, arena, faults);
        char *text = json_text(json);
        copy = arena_copy_string(arena, text);
        free(text);
    }
    store(out, value->row, &copy, sizeof copy);
    return 0;
}

static int
set_metadata(const struct param_value *value, struct arena *arena, struct job_request *out,
             struct fault_list *faults)
{
    if (!json_is_object(value->json) || json_object_size(value->json) > METADATA_MAX_PAIRS)
        return refuse(value, arena, faults);
    const char *key;
    json_t *json;
    json_object_foreach ((json_t *)value->json, key, json) {
        size_t length = characters(key);
        if (length == 0 || length > METADATA_MAX_KEY || !json_is_string(json) ||
            characters(json_string_value(json)) > METADATA_MAX_VALUE)
            return fault_add(faults, FAULT_INVALID_PARAMETER, value->where,
                             "metadata \"%s\" is %s; metadata must be %s.",
                             job_params_value_cut(key, arena), job_params_value_quote(json, arena),
                             job_params_describe(value->row, arena));
    }
    char *text = json_text(value->json);
    out->metadata_json = arena_copy_string(arena, text);
    free(text);
    return 0;
}

int
job_params_value_set(const struct param_value *value, struct arena *arena, struct job_request *out,
                     struct fault_list *faults)
{
    if (job_params_value_is_auto(value))
        return 0; /* out holds "auto" already */
    switch (value->row->type) {
    case PARAM_TEXT:
        return set_text(value, arena, out, faults);
    case PARAM_INTEGER:
        return set_integer(value, arena, out, faults);
    case PARAM_REAL:
        return set_real(value, arena, out, faults);
    case PARAM_BOOLEAN:
        return set_boolean(value, arena, out, faults);
    case PARAM_CHOICE:
    case PARAM_METHOD:
        return set_choice(value, arena, out, faults);
    case PARAM_BETAS:
        return set_betas(value, arena, out, faults);
    case PARAM_STOPPING:
        return set_stopping(value, arena, out, faults);
    case PARAM_WEIGHTS:
        return set_weights(value, arena, out, faults);
    case PARAM_COLUMNS:
        return set_columns(value, arena, out, faults);
    case PARAM_METADATA:
        return set_metadata(value, arena, out, faults);
    case PARAM_GROUP:
    case PARAM_NOT_BUILT:
        break;
    }
    return refuse(value, arena, faults);
}
