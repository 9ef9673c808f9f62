/* Queries by table; see input.h. */
#include "api/input.h"

#include "api/operation.h"
#include "api/request.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const input_orders[] = {"desc", "asc", NULL};

static const struct input_row *
find_row(const struct request *request, const char *name)
{
    const struct input_row *row = request->match.route->operation->query;
    while (row->name != NULL && strcmp(row->name, name) != 0)
        row++;
    assert(row->name != NULL);
    return row;
}

static bool
parse_integer(const char *text, const struct input_row *row, int64_t *out)
{
    char *end = NULL;
    bool starts_well = (*text >= '0' && *text <= '9') || *text == '-';
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!starts_well || *end != '\0' || errno != 0 || value < row->min || value > row->max)
        return false;
    *out = value;
    return true;
}

static int
check_integer(const struct input_row *row, const char *text, struct fault_list *faults)
{
    int64_t value;
    if (parse_integer(text, row, &value))
        return 0;
    if (row->max == INT64_MAX)
        return fault_add(faults, FAULT_INVALID_PARAMETER, row->name,
                         "'%s' must be a whole number from %" PRId64 " on.", row->name, row->min);
    return fault_add(faults, FAULT_INVALID_PARAMETER, row->name,
                     "'%s' must be a whole number from %" PRId64 " to %" PRId64 ".", row->name,
                     row->min, row->max);
}

static bool
parse_boolean(const char *text, bool *out)
{
    *out = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    return *out || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static int
check_boolean(const struct input_row *row, const char *text, struct fault_list *faults)
{
    bool value;
    if (parse_boolean(text, &value))
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, row->name, "'%s' must be true or false.",
                     row->name);
}

static size_t
find_choice(const struct input_row *row, const char *text)
{
    size_t i = 0;
    while (row->choices[i] != NULL && strcmp(row->choices[i], text) != 0)
        i++;
    return i;
}

static int
check_choice(const struct input_row *row, const char *text, struct fault_list *faults)
{
    struct buf names = {0};
    if (row->choices[find_choice(row, text)] != NULL)
        return 0;
    for (const char *const *choice = row->choices; *choice != NULL; choice++)
        buf_printf(&names, "%s'%s'", choice == row->choices ? "" : " or ", *choice);
    int result = fault_add(faults, FAULT_INVALID_PARAMETER, row->name, "'%s' must be %s.",
                           row->name, buf_string(&names));
    buf_fini(&names);
    return result;
}

/* Does a key of the query belong to a row that may stand several times? */
static bool
is_texts_key(const struct input_row *row, const char *key)
{
    size_t length = strlen(row->name);
    return strncmp(key, row->name, length) == 0 &&
           (key[length] == '\0' || strcmp(key + length, "[]") == 0);
}

/* "name[key]"; "name" alone is how the Node SDK says that there are none. */
static bool
is_pairs_key(const struct input_row *row, const char *key)
{
    size_t length = strlen(row->name);
    return strncmp(key, row->name, length) == 0 && key[length] == '[';
}

static int
check_texts(const struct input_row *row, const struct target *target, struct fault_list *faults)
{
    int64_t count = 0;
    for (size_t i = 0; i < target->query_count; i++) {
        if (!is_texts_key(row, target->query[i].key))
            continue;
        for (const char *text = target->query[i].value; *text != '\0';) {
            size_t length = strcspn(text, ",");
            count += length > 0;
            text += length + (text[length] == ',');
        }
    }
    if (count <= row->max)
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, row->name,
                     "'%s' can hold at most %" PRId64 " names.", row->name, row->max);
}

static int
check_pairs(const struct input_row *row, const struct target *target, struct fault_list *faults)
{
    int64_t count = 0;
    for (size_t i = 0; i < target->query_count; i++) {
        const char *key = target->query[i].key;
        if (!is_pairs_key(row, key))
            continue;
        size_t name_length = strlen(key) - strlen(row->name);
        bool nested = strstr(key, "][") != NULL; /* an object where a text is wanted */
        if (name_length < 3 || key[strlen(key) - 1] != ']' || nested)
            return fault_add(faults, FAULT_INVALID_PARAMETER, row->name,
                             "A filter by %s is written %s[key]=value.", row->name, row->name);
        count++;
    }
    if (count <= row->max)
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, row->name,
                     "At most %" PRId64 " filters by %s are possible.", row->max, row->name);
}

/* Ignoring what a parameter asks for would be a lie. */
static int
check_not_built(const struct input_row *row, const char *text, struct fault_list *faults)
{
    if (*text == '\0' || strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
        return 0;
    return fault_add(faults, FAULT_NOT_SUPPORTED_YET, row->name,
                     "The query parameter '%s' is not supported yet; leave it out.", row->name);
}

static int
check_value(const struct input_row *row, const char *text, struct fault_list *faults)
{
    if (row->not_built)
        return check_not_built(row, text, faults);
    switch (row->kind) {
    case INPUT_INTEGER:
        return check_integer(row, text, faults);
    case INPUT_BOOLEAN:
        return check_boolean(row, text, faults);
    case INPUT_CHOICE:
        return check_choice(row, text, faults);
    case INPUT_TEXT:
    case INPUT_FLAG:
    case INPUT_TEXTS:
    case INPUT_PAIRS:
    case INPUT_NUMBER:
    case INPUT_FILE:
    case INPUT_VALUE:
        break;
    }
    return 0;
}

int
input_check_query(const struct input_row *rows, const struct target *target,
                  struct fault_list *faults)
{
    int result = 0;
    for (const struct input_row *row = rows; row != NULL && row->name != NULL; row++) {
        const char *text = target_query(target, row->name);
        int fault = 0;
        if (row->kind == INPUT_TEXTS)
            fault = check_texts(row, target, faults);
        else if (row->kind == INPUT_PAIRS)
            fault = check_pairs(row, target, faults);
        else if (text != NULL)
            fault = check_value(row, text, faults);
        else if (row->required)
            fault = fault_add(faults, FAULT_MISSING_PARAMETER, row->name,
                              "The query parameter '%s' is missing.", row->name);
        if (fault != 0)
            result = -1;
    }
    return result;
}

int64_t
query_integer(const struct request *request, const char *name)
{
    const struct input_row *row = find_row(request, name);
    const char *text = target_query(&request->target, name);
    int64_t value = row->standard;
    if (text != NULL)
        parse_integer(text, row, &value);
    return value;
}

bool
query_boolean(const struct request *request, const char *name)
{
    const struct input_row *row = find_row(request, name);
    const char *text = target_query(&request->target, row->name);
    bool value = false;
    if (text != NULL)
        parse_boolean(text, &value);
    return value;
}

bool
query_flag(const struct request *request, const char *name)
{
    return target_query(&request->target, find_row(request, name)->name) != NULL;
}

size_t
query_choice(const struct request *request, const char *name)
{
    const struct input_row *row = find_row(request, name);
    const char *text = target_query(&request->target, name);
    return text == NULL ? (size_t)row->standard : find_choice(row, text);
}

const char *
query_text(const struct request *request, const char *name)
{
    const char *text = target_query(&request->target, find_row(request, name)->name);
    return text != NULL && *text != '\0' ? text : NULL;
}

size_t
query_texts(struct request *request, const char *name, const char **out)
{
    const struct input_row *row = find_row(request, name);
    size_t count = 0;
    for (size_t i = 0; i < request->target.query_count; i++) {
        if (!is_texts_key(row, request->target.query[i].key))
            continue;
        for (const char *text = request->target.query[i].value; *text != '\0';) {
            size_t length = strcspn(text, ",");
            if (length > 0)
                out[count++] = arena_copy_bytes(request->arena, text, length);
            text += length + (text[length] == ',');
        }
    }
    return count;
}

size_t
query_pairs(struct request *request, const char *name, struct metadata_filter *out)
{
    const struct input_row *row = find_row(request, name);
    size_t before = strlen(name) + 1;
    size_t count = 0;
    for (size_t i = 0; i < request->target.query_count; i++) {
        const char *key = request->target.query[i].key;
        if (!is_pairs_key(row, key))
            continue;
        out[count++] = (struct metadata_filter){
            .key = arena_copy_bytes(request->arena, key + before, strlen(key) - before - 1),
            .value = request->target.query[i].value,
        };
    }
    return count;
}

struct page
query_page(const struct request *request)
{
    return (struct page){
        .after = query_text(request, "after"),
        .limit = (size_t)query_integer(request, "limit"),
        .ascending = query_choice(request, "order") == 1,
    };
}
