/* Bodies by table; see input.h. */
#include "api/input.h"

#include "api/operation.h"
#include "api/request.h"
#include "core/base/json.h"

#include <inttypes.h>
#include <string.h>

static const struct input_row *
find_row(const struct input_row *rows, const char *name)
{
    for (const struct input_row *row = rows; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0)
            return row;
    }
    return NULL;
}

static int
unknown_member(const struct input_row *rows, const char *name, struct fault_list *faults)
{
    struct buf names = {0};
    for (const struct input_row *row = rows; row->name != NULL; row++) {
        if (!row->unused && !row->not_built)
            buf_printf(&names, "%s'%s'", names.length == 0 ? "" : ", ", row->name);
    }
    int result =
        fault_add(faults, FAULT_UNKNOWN_PARAMETER, name,
                  "'%.100s' is not known here; the parameters are %s.", name, buf_string(&names));
    buf_fini(&names);
    return result;
}

static int
wrong(const struct input_row *row, const char *what, struct fault_list *faults)
{
    return fault_add(faults, FAULT_INVALID_PARAMETER, row->name, "'%s' must be %s.", row->name,
                     what);
}

static size_t
count_characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static int
check_text(const struct input_row *row, const json_t *value, struct fault_list *faults)
{
    if (!json_is_string(value))
        return wrong(row, "a string", faults);
    size_t length = count_characters(json_string_value(value));
    if (row->max == 0 || (length >= (size_t)row->min && length <= (size_t)row->max))
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, row->name,
                     "'%s' must have %" PRId64 " to %" PRId64 " characters; it has %zu.", row->name,
                     row->min, row->max, length);
}

static int
check_range(const struct input_row *row, const json_t *value, struct fault_list *faults)
{
    bool whole = row->kind == INPUT_INTEGER;
    bool right_type = whole ? json_is_integer(value) : json_is_number(value);
    double number = json_number_value(value);
    if (right_type && number >= (double)row->min && number <= (double)row->max)
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, row->name,
                     "'%s' must be a %snumber from %" PRId64 " to %" PRId64 ".", row->name,
                     whole ? "whole " : "", row->min, row->max);
}

static int
check_choice(const struct input_row *row, const json_t *value, struct fault_list *faults)
{
    struct buf names = {0};
    for (const char *const *choice = row->choices; *choice != NULL; choice++) {
        if (json_is_string(value) && strcmp(*choice, json_string_value(value)) == 0) {
            buf_fini(&names);
            return 0;
        }
        buf_printf(&names, "%s'%s'", choice == row->choices ? "" : " or ", *choice);
    }
    int result = wrong(row, buf_string(&names), faults);
    buf_fini(&names);
    return result;
}

static int
check_texts(const struct input_row *row, const json_t *value, struct fault_list *faults)
{
    size_t i = 0;
    const json_t *item = NULL;
    if (!json_is_array(value) || json_array_size(value) > (size_t)row->max ||
        json_array_size(value) < (size_t)row->min)
        return fault_add(faults, FAULT_INVALID_PARAMETER, row->name,
                         "'%s' must be an array of %" PRId64 " to %" PRId64 " strings.", row->name,
                         row->min, row->max);
    json_array_foreach (value, i, item) {
        if (!json_is_string(item))
            return wrong(row, "an array of strings", faults);
    }
    return 0;
}

static int
check_pairs(const struct input_row *row, const json_t *value, struct fault_list *faults)
{
    const char *key = NULL;
    json_t *text = NULL;
    if (!json_is_object(value) || json_object_size(value) > (size_t)row->max)
        return fault_add(faults, FAULT_INVALID_PARAMETER, row->name,
                         "'%s' must be an object of at most %" PRId64 " strings.", row->name,
                         row->max);
    json_object_foreach ((json_t *)value, key, text) {
        if (*key == '\0' || !json_is_string(text))
            return wrong(row, "an object of strings, each with a name", faults);
    }
    return 0;
}

static bool
asks_for_nothing(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_NULL:
    case JSON_FALSE:
        return true;
    case JSON_TRUE:
        return false;
    case JSON_OBJECT:
        return json_object_size(value) == 0;
    case JSON_ARRAY:
        return json_array_size(value) == 0;
    case JSON_STRING:
        return json_string_length(value) == 0;
    case JSON_INTEGER:
        return json_integer_value(value) == 0;
    case JSON_REAL:
        return false;
    }
    return false;
}

static int
check_member(const struct input_row *row, const json_t *value, struct fault_list *faults)
{
    if (row->unused)
        return 0;
    if (row->not_built)
        return asks_for_nothing(value)
                   ? 0
                   : fault_add(faults, FAULT_NOT_SUPPORTED_YET, row->name,
                               "'%s' is not supported. %s", row->name, row->doc);
    switch (row->kind) {
    case INPUT_TEXT:
        return check_text(row, value, faults);
    case INPUT_INTEGER:
    case INPUT_NUMBER:
        return check_range(row, value, faults);
    case INPUT_BOOLEAN:
        return json_is_boolean(value) ? 0 : wrong(row, "true or false", faults);
    case INPUT_CHOICE:
        return check_choice(row, value, faults);
    case INPUT_TEXTS:
        return check_texts(row, value, faults);
    case INPUT_PAIRS:
        return check_pairs(row, value, faults);
    case INPUT_FLAG:
    case INPUT_FILE:
    case INPUT_VALUE:
        break;
    }
    return 0;
}

static int
check_members(const struct input_row *rows, const json_t *body, struct fault_list *faults)
{
    const char *key = NULL;
    json_t *value = NULL;
    int result = 0;
    json_object_foreach ((json_t *)body, key, value) {
        const struct input_row *row = find_row(rows, key);
        if (row == NULL)
            result = unknown_member(rows, key, faults);
        else if (!json_is_null(value) && check_member(row, value, faults) != 0)
            result = -1;
    }
    for (const struct input_row *row = rows; row->name != NULL; row++) {
        if (row->required && body_member(body, row->name) == NULL)
            result = fault_add(faults, FAULT_MISSING_PARAMETER, row->name, "'%s' is missing: %s",
                               row->name, row->doc);
    }
    return result;
}

json_t *
input_read_body(struct request *request)
{
    struct err err;
    struct fault_list *faults = &request->faults;
    json_t *body = json_parse(buf_string(&request->body), request->body.length, false, &err);
    if (body == NULL) {
        fault_add(faults, FAULT_INVALID_JSON, NULL, "The body is %s.", err.message);
        return NULL;
    }
    if (!json_is_object(body))
        fault_add(faults, FAULT_INVALID_JSON, NULL, "The body must be a JSON object.");
    else if (check_members(request->match.route->operation->body, body, faults) == 0)
        return body;
    json_decref(body);
    return NULL;
}

const json_t *
body_member(const json_t *body, const char *name)
{
    const json_t *member = json_object_get(body, name);
    return json_is_null(member) ? NULL : member;
}
