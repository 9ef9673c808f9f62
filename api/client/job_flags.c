/* Options from the parameter table; see job_flags.h. */
#include "api/client/job_flags.h"

#include "core/base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "n_epochs" as "n-epochs" */
static const char *
option_name(const char *parameter, struct arena *arena)
{
    char *name = arena_copy_string(arena, parameter);
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '_')
            *c = '-';
    }
    return name;
}

static bool
is_own(const struct option_table *own, const char *name)
{
    for (size_t i = 0; i < own->count; i++) {
        if (strcmp(own->rows[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Files are uploaded first, by options of their own; objects of objects are for --param. */
static bool
is_offered(const struct parameter *parameter)
{
    static const char ending[] = "_file";
    size_t length = strlen(parameter->name);
    bool file = length >= sizeof ending &&
                strcmp(parameter->name + length - (sizeof ending - 1), ending) == 0;
    return !file && parameter->kind != PARAMETER_HYPERPARAMETERS &&
           parameter->kind != PARAMETER_NOT_BUILT;
}

/* "adam|adamw|sgd" */
static const char *
choices_text(const struct parameter *parameter, struct arena *arena)
{
    struct buf text = {0};
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++)
        buf_printf(&text, "%s%s", text.length > 0 ? "|" : "", *choice);
    const char *copy = arena_copy_string(arena, buf_string(&text));
    buf_fini(&text);
    return copy;
}

static const char *
placeholder(const struct parameter *parameter, struct arena *arena)
{
    switch (parameter->kind) {
    case PARAMETER_INTEGER:
        return "N";
    case PARAMETER_NUMBER:
        return "X";
    case PARAMETER_TWO_NUMBERS:
        return "X,Y";
    case PARAMETER_BOOLEAN:
        return "[true|false]";
    case PARAMETER_CHOICE:
    case PARAMETER_METHOD:
        return choices_text(parameter, arena);
    case PARAMETER_STOPPING:
        return "PATIENCE|NAME=VALUE";
    case PARAMETER_WEIGHTS:
        return "balanced|LABEL=X";
    case PARAMETER_COLUMNS:
    case PARAMETER_METADATA:
        return "NAME=VALUE";
    case PARAMETER_TEXT:
    case PARAMETER_HYPERPARAMETERS:
    case PARAMETER_NOT_BUILT:
        break;
    }
    return "TEXT";
}

static const char *
option_doc(const struct parameter *parameter, struct arena *arena)
{
    if (parameter->default_text == NULL)
        return parameter->doc;
    return arena_printf(arena, "%s Default: %s.", parameter->doc, parameter->default_text);
}

void
job_flags_init(struct job_flags *out, const struct option_table *own, struct arena *arena)
{
    out->parameters = parameters_list(arena, &out->count);
    struct option_row *rows = arena_array(arena, own->count + out->count, sizeof *rows);
    if (own->count > 0)
        memcpy(rows, own->rows, own->count * sizeof *rows);
    out->table = (struct option_table){.rows = rows, .count = own->count};
    for (size_t i = 0; i < out->count; i++) {
        const struct parameter *parameter = &out->parameters[i];
        const char *name = option_name(parameter->name, arena);
        if (is_offered(parameter) && !is_own(own, name))
            rows[out->table.count++] = (struct option_row){
                .name = name,
                .value = placeholder(parameter, arena),
                .doc = option_doc(parameter, arena),
            };
    }
}

/* Is an option's name a parameter's, with '-' for '_'? */
static bool
is_name_of(const char *option, const char *parameter)
{
    while (*option != '\0' && (*option == *parameter || (*option == '-' && *parameter == '_'))) {
        option++;
        parameter++;
    }
    return *option == '\0' && *parameter == '\0';
}

const struct parameter *
job_flags_find(const struct job_flags *flags, const char *option)
{
    for (size_t i = 0; i < flags->count; i++) {
        if (is_offered(&flags->parameters[i]) && is_name_of(option, flags->parameters[i].name))
            return &flags->parameters[i];
    }
    return NULL;
}

static int
wrong(const struct parameter *parameter, const char *value, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s must be %s, not '%.100s'", parameter->name,
                   parameter->accepts, value);
}

static int
set(json_t *body, const struct parameter *parameter, json_t *value_taken, struct err *err)
{
    if (value_taken != NULL && json_object_set_new(body, parameter->name, value_taken) == 0)
        return 0;
    return err_set(err, ERR_INVALID, "%s: the value is not UTF-8", parameter->name);
}

static int
set_number(json_t *body, const struct parameter *parameter, const char *text, struct err *err)
{
    struct err ignored;
    json_t *value = json_parse(text, strlen(text), false, &ignored);
    bool good =
        parameter->kind == PARAMETER_INTEGER ? json_is_integer(value) : json_is_number(value);
    if (good)
        return set(body, parameter, value, err);
    json_decref(value);
    return wrong(parameter, text, err);
}

/* "0.9,0.999" */
static int
set_two_numbers(json_t *body, const struct parameter *parameter, const char *text, struct err *err)
{
    struct err ignored;
    struct buf array = {0};
    buf_printf(&array, "[%s]", text);
    json_t *value = json_parse(array.data, array.length, false, &ignored);
    buf_fini(&array);
    if (json_array_size(value) == 2 && json_is_number(json_array_get(value, 0)) &&
        json_is_number(json_array_get(value, 1)))
        return set(body, parameter, value, err);
    json_decref(value);
    return err_set(err, ERR_INVALID,
                   "%s must be two numbers with a comma between them, not '%.100s'",
                   parameter->name, text);
}

static int
set_choice(json_t *body, const struct parameter *parameter, const char *text, struct err *err)
{
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++) {
        if (strcmp(*choice, text) == 0)
            return set(body, parameter, json_string(text), err);
    }
    return wrong(parameter, text, err);
}

static int
set_boolean(json_t *body, const struct parameter *parameter, const char *text, struct err *err)
{
    if (text == NULL || strcmp(text, "true") == 0)
        return set(body, parameter, json_true(), err);
    if (strcmp(text, "false") == 0)
        return set(body, parameter, json_false(), err);
    return wrong(parameter, text, err);
}

/* One more NAME=VALUE of an object. */
static int
add_pair(json_t *body, const struct parameter *parameter, const char *text, struct err *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return err_set(err, ERR_INVALID, "%s must be NAME=VALUE, not '%.100s'", parameter->name,
                       text);
    json_t *object = json_object_get(body, parameter->name);
    if (!json_is_object(object)) {
        object = json_object();
        if (set(body, parameter, object, err) != 0)
            return -1;
    }
    if (json_object_setn_new(object, text, (size_t)(equals - text), json_string(equals + 1)) != 0)
        return err_set(err, ERR_INVALID, "%s: the pair is not UTF-8", parameter->name);
    return 0;
}

/* balanced, or one more LABEL=2.5; a label may have a '=' of its own. */
static int
add_weight(json_t *body, const struct parameter *parameter, const char *text, struct err *err)
{
    const char *equals = strrchr(text, '=');
    char *end = NULL;
    if (equals == NULL && strcmp(text, "balanced") == 0)
        return set(body, parameter, json_string(text), err);
    double number = equals != NULL ? strtod(equals + 1, &end) : 0;
    if (equals == NULL || equals == text || end == equals + 1 || *end != '\0' || !isfinite(number))
        return err_set(err, ERR_INVALID, "%s must be balanced or LABEL=NUMBER, not '%.100s'",
                       parameter->name, text);
    json_t *object = json_object_get(body, parameter->name);
    if (!json_is_object(object)) {
        object = json_object();
        if (set(body, parameter, object, err) != 0)
            return -1;
    }
    if (json_object_setn_new(object, text, (size_t)(equals - text), json_real(number)) != 0)
        return err_set(err, ERR_INVALID, "%s: the label is not UTF-8", parameter->name);
    return 0;
}

/* 3, which is the patience, or one of patience=3, min_delta=0.01, metric=valid_loss. */
static int
add_stopping(json_t *body, const struct parameter *parameter, const char *text, struct err *err)
{
    const char *equals = strchr(text, '=');
    const char *value = equals != NULL ? equals + 1 : text;
    char *end = NULL;
    double number = strtod(value, &end);
    json_t *object = json_object_get(body, parameter->name);
    if (!json_is_object(object)) {
        object = json_object();
        if (set(body, parameter, object, err) != 0)
            return -1;
    }
    json_t *json =
        end != value && *end == '\0' && isfinite(number) ? json_real(number) : json_string(value);
    size_t length = equals != NULL ? (size_t)(equals - text) : strlen("patience");
    if (json_object_setn_new(object, equals != NULL ? text : "patience", length, json) != 0)
        return err_set(err, ERR_INVALID, "%s: the value is not UTF-8", parameter->name);
    return 0;
}

int
job_flags_set(const struct parameter *parameter, const char *value, json_t *body, struct err *err)
{
    bool automatic = value != NULL && strcmp(value, "auto") == 0;
    switch (parameter->kind) {
    case PARAMETER_INTEGER:
    case PARAMETER_NUMBER:
        return automatic ? set(body, parameter, json_string(value), err)
                         : set_number(body, parameter, value, err);
    case PARAMETER_TWO_NUMBERS:
        return automatic ? set(body, parameter, json_string(value), err)
                         : set_two_numbers(body, parameter, value, err);
    case PARAMETER_BOOLEAN:
        return automatic ? set(body, parameter, json_string(value), err)
                         : set_boolean(body, parameter, value, err);
    case PARAMETER_CHOICE:
        return set_choice(body, parameter, value, err);
    case PARAMETER_WEIGHTS:
        return add_weight(body, parameter, value, err);
    case PARAMETER_STOPPING:
        return automatic ? set(body, parameter, json_string(value), err)
                         : add_stopping(body, parameter, value, err);
    case PARAMETER_COLUMNS:
    case PARAMETER_METADATA:
        return add_pair(body, parameter, value, err);
    case PARAMETER_TEXT:
    case PARAMETER_METHOD:
    case PARAMETER_HYPERPARAMETERS:
    case PARAMETER_NOT_BUILT:
        break;
    }
    return set(body, parameter, json_string(value), err);
}
