/*
 * The request that creates a job, in the OpenAPI document: the parameter table as schemas; see
 * openapi_parts.h.
 */
#include "api/openapi_parts.h"

#include "daemon/parameters.h"

#include <string.h>

static void
write_bounds(struct json_out *out, const struct parameter *parameter)
{
    json_out_real(out, parameter->min_open ? "exclusiveMinimum" : "minimum", parameter->min);
    json_out_real(out, parameter->max_open ? "exclusiveMaximum" : "maximum", parameter->max);
}

/* {"type": type, bounds} in a list of what a value may be. */
static void
write_number(struct json_out *out, const struct parameter *parameter, const char *type)
{
    json_out_object(out, NULL);
    json_out_string(out, "type", type);
    write_bounds(out, parameter);
    json_out_end_object(out);
}

static void
write_text(struct json_out *out, const struct parameter *parameter)
{
    json_out_object(out, NULL);
    json_out_string(out, "type", "string");
    json_out_real(out, "minLength", parameter->min);
    json_out_real(out, "maxLength", parameter->max);
    if (parameter->word)
        json_out_string(out, "pattern", "^[A-Za-z0-9_-]+$");
    json_out_end_object(out);
}

static void
write_choices(struct json_out *out, const struct parameter *parameter)
{
    json_out_object(out, NULL);
    json_out_array(out, "enum");
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++)
        json_out_string(out, NULL, *choice);
    json_out_end_array(out);
    json_out_end_object(out);
}

static void
write_two_numbers(struct json_out *out, const struct parameter *parameter)
{
    json_out_object(out, NULL);
    json_out_string(out, "type", "array");
    json_out_integer(out, "minItems", 2);
    json_out_integer(out, "maxItems", 2);
    json_out_object(out, "items");
    json_out_string(out, "type", "number");
    write_bounds(out, parameter);
    json_out_end_object(out);
    json_out_end_object(out);
}

static void
write_columns(struct json_out *out, const struct parameter *parameter)
{
    static const char *const names[] = {"text", "text_pair", "label"};
    json_out_object(out, NULL);
    json_out_string(out, "type", "object");
    json_out_object(out, "properties");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_out_object(out, names[i]);
        json_out_string(out, "type", "string");
        json_out_real(out, "minLength", parameter->min);
        json_out_real(out, "maxLength", parameter->max);
        json_out_end_object(out);
    }
    json_out_end_object(out);
    json_out_bool(out, "additionalProperties", false);
    json_out_end_object(out);
}

static void
write_weights(struct json_out *out, const struct parameter *parameter)
{
    json_out_raw(out, NULL, "{\"const\":\"balanced\"}");
    json_out_object(out, NULL);
    json_out_string(out, "type", "object");
    json_out_integer(out, "minProperties", 1);
    json_out_object(out, "additionalProperties");
    json_out_string(out, "type", "number");
    write_bounds(out, parameter);
    json_out_end_object(out);
    json_out_end_object(out);
}

#define HYPERPARAMETERS "{\"$ref\":\"#/components/schemas/FineTuningHyperparameters\"}"

static const char metadata[] = "{\"type\":\"object\",\"maxProperties\":16,\"propertyNames\":"
                               "{\"minLength\":1,\"maxLength\":64},\"additionalProperties\":"
                               "{\"type\":\"string\",\"maxLength\":512}}";
#define METHOD_NAME "{\"enum\":[\"supervised\",\"linear_probe\"]}"
#define METHOD_OBJECT                                                                              \
    "{\"type\":[\"object\",\"null\"],\"properties\":{\"hyperparameters\":" HYPERPARAMETERS         \
    "},\"additionalProperties\":false}"

static const char method[] =
    "{\"type\":\"object\",\"properties\":{\"type\":" METHOD_NAME ",\"supervised\":" METHOD_OBJECT
    ",\"linear_probe\":" METHOD_OBJECT "},\"required\":[\"type\"],\"additionalProperties\":false}";

static const char stopping[] =
    "{\"type\":\"object\",\"properties\":{\"patience\":{\"type\":\"integer\",\"minimum\":1,"
    "\"maximum\":1000000},\"min_delta\":{\"type\":[\"number\",\"null\"],\"minimum\":0,"
    "\"maximum\":1000000000},\"metric\":{\"type\":[\"string\",\"null\"]}},\"required\":["
    "\"patience\"],"
    "\"additionalProperties\":false}";

/* What a value may be, as members of "anyOf". */
static void
write_alternatives(struct json_out *out, const struct parameter *parameter)
{
    bool automatic = false;
    switch (parameter->kind) {
    case PARAMETER_TEXT:
        write_text(out, parameter);
        break;
    case PARAMETER_INTEGER:
        write_number(out, parameter, "integer");
        automatic = true;
        break;
    case PARAMETER_NUMBER:
        write_number(out, parameter, "number");
        automatic = true;
        break;
    case PARAMETER_BOOLEAN:
        json_out_raw(out, NULL, "{\"type\":\"boolean\"}");
        automatic = true;
        break;
    case PARAMETER_CHOICE: /* "auto" is one of them */
        write_choices(out, parameter);
        break;
    case PARAMETER_TWO_NUMBERS:
        write_two_numbers(out, parameter);
        automatic = true;
        break;
    case PARAMETER_STOPPING:
        json_out_raw(out, NULL, stopping);
        automatic = true;
        break;
    case PARAMETER_WEIGHTS:
        write_weights(out, parameter);
        break;
    case PARAMETER_COLUMNS:
        write_columns(out, parameter);
        break;
    case PARAMETER_METADATA:
        json_out_raw(out, NULL, metadata);
        break;
    case PARAMETER_METHOD:
        json_out_raw(out, NULL, METHOD_NAME);
        json_out_raw(out, NULL, method);
        break;
    case PARAMETER_HYPERPARAMETERS:
        json_out_raw(out, NULL, HYPERPARAMETERS);
        break;
    case PARAMETER_NOT_BUILT:
        break;
    }
    if (automatic)
        json_out_raw(out, NULL, "{\"const\":\"auto\"}");
    if (!parameter->required)
        json_out_raw(out, NULL, "{\"type\":\"null\"}");
}

/* Does the schema say what the value must be so that people see it, too? */
static bool
is_told_by_schema(const struct parameter *parameter)
{
    return parameter->kind != PARAMETER_COLUMNS && parameter->kind != PARAMETER_METADATA &&
           parameter->kind != PARAMETER_METHOD && !parameter->word;
}

static void
write_parameter(struct json_out *out, const struct parameter *parameter)
{
    struct buf doc = {0};
    buf_append_string(&doc, parameter->doc);
    if (!is_told_by_schema(parameter))
        buf_printf(&doc, " Must be %s.", parameter->accepts);
    if (parameter->default_text != NULL)
        buf_printf(&doc, " When left out: %s.", parameter->default_text);
    json_out_object(out, parameter->name);
    json_out_array(out, "anyOf");
    write_alternatives(out, parameter);
    json_out_end_array(out);
    json_out_string(out, "description", buf_string(&doc));
    json_out_end_object(out);
    buf_fini(&doc);
}

struct list {
    const struct parameter *items;
    size_t count;
};

/* {"type": "object", "properties": …} of all parameters, or of the hyperparameters. */
static void
write_object(struct json_out *out, const char *name, const struct list *list, bool hyperparameters)
{
    json_out_object(out, name);
    json_out_string(out, "type", "object");
    json_out_object(out, "properties");
    for (size_t i = 0; i < list->count; i++) {
        const struct parameter *parameter = &list->items[i];
        if (parameter->kind != PARAMETER_NOT_BUILT &&
            (parameter->is_hyperparameter || !hyperparameters))
            write_parameter(out, parameter);
    }
    json_out_end_object(out);
    if (!hyperparameters) {
        json_out_array(out, "required");
        for (size_t i = 0; i < list->count; i++) {
            if (list->items[i].required)
                json_out_string(out, NULL, list->items[i].name);
        }
        json_out_end_array(out);
    }
    json_out_bool(out, "additionalProperties", false);
    json_out_end_object(out);
}

void
openapi_write_job_schemas(struct json_out *out)
{
    struct arena *arena = arena_new();
    struct list list = {0};
    list.items = parameters_list(arena, &list.count);
    write_object(out, "CreateFineTuningJobRequest", &list, false);
    write_object(out, "FineTuningHyperparameters", &list, true);
    arena_free(arena);
}
