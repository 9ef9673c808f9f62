/* Which faults a route can find; see operation.h. */
#include "api/operation.h"

#include "api/routes.h"

#include <string.h>

static bool
is_among(const enum fault_code *codes, enum fault_code code)
{
    while (codes != NULL && *codes != FAULT_CODE_COUNT && *codes != code)
        codes++;
    return codes != NULL && *codes == code;
}

/* What can be wrong with any request: its framing, its host, its size, and ourselves. */
static bool
is_common(enum fault_code code)
{
    static const enum fault_code common[] = {
        FAULT_BAD_REQUEST, FAULT_HOST_NOT_ALLOWED, FAULT_PROXY_WITHOUT_KEY, FAULT_BODY_TOO_LARGE,
        FAULT_INTERNAL,    FAULT_NOT_READY,        FAULT_CODE_COUNT};
    return is_among(common, code);
}

static bool
body_has_fault(const struct route *route, enum fault_code code)
{
    static const enum fault_code of_bodies[] = {FAULT_LENGTH_REQUIRED, FAULT_UNSUPPORTED_MEDIA_TYPE,
                                                FAULT_CODE_COUNT};
    static const enum fault_code of_json[] = {FAULT_INVALID_JSON, FAULT_INVALID_PARAMETER,
                                              FAULT_UNKNOWN_PARAMETER, FAULT_MISSING_PARAMETER,
                                              FAULT_CODE_COUNT};
    if (route->body == BODY_NONE)
        return false;
    bool may_be_json = route->body == BODY_JSON || route->body == BODY_MODEL;
    return is_among(of_bodies, code) || (may_be_json && is_among(of_json, code));
}

/* A change of a thing that can be shown is refused when If-Match names another state of it. */
static bool
can_be_conditional(const struct route *route)
{
    const char *end = strchr(route->path, '}');
    if (end == NULL || strcmp(route->method, "GET") == 0)
        return false;
    size_t length = (size_t)(end + 1 - route->path);
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        const struct route *other = routes_row(i);
        if (strcmp(other->method, "GET") == 0 && strlen(other->path) == length &&
            memcmp(other->path, route->path, length) == 0)
            return true;
    }
    return false;
}

static bool
row_has_fault(const struct input_row *row, enum fault_code code)
{
    if (row->not_built)
        return code == FAULT_NOT_SUPPORTED_YET;
    if (row->required && code == FAULT_MISSING_PARAMETER)
        return true;
    return row->kind != INPUT_TEXT && row->kind != INPUT_FLAG && code == FAULT_INVALID_PARAMETER;
}

bool
operation_has_fault(const struct route *route, enum fault_code code)
{
    const struct operation *operation = route->operation;
    if (is_common(code) || body_has_fault(route, code) || is_among(operation->faults, code))
        return true;
    if (code == FAULT_PRECONDITION_FAILED && can_be_conditional(route))
        return true;
    if (code == FAULT_NOT_FOUND && strchr(route->path, '{') != NULL)
        return true;
    for (const struct input_row *row = operation->query; row != NULL && row->name != NULL; row++) {
        if (row_has_fault(row, code))
            return true;
    }
    return false;
}
