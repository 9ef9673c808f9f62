/* Flat JSON of our own; see flat_json.h. */
#include "daemon/store/flat_json.h"

#include "core/base/decimal.h"

#include <string.h>

struct flat_json
flat_json_open(const char *text)
{
    struct flat_json json = {.at = text == NULL ? "" : text};
    flat_json_expect(&json, '{');
    return json;
}

void
flat_json_expect(struct flat_json *json, char byte)
{
    json->broken = json->broken || *json->at != byte;
    if (!json->broken)
        json->at++;
}

bool
flat_json_name(struct flat_json *json, const char **name, size_t *length)
{
    if (json->broken)
        return false;
    if (*json->at == '}') {
        json->at++;
        return false;
    }
    if (json->at[-1] != '{')
        flat_json_expect(json, ',');
    flat_json_expect(json, '"');
    *name = json->at;
    *length = strcspn(json->at, "\"\\");
    json->at += *length;
    flat_json_expect(json, '"');
    flat_json_expect(json, ':');
    return !json->broken;
}

double
flat_json_number(struct flat_json *json)
{
    const char *end = json->at;
    double value = json->broken ? 0 : decimal_read(json->at, &end);
    json->broken = json->broken || end == json->at;
    if (json->broken)
        return 0;
    json->at = end;
    return value;
}

bool
flat_json_is_done(const struct flat_json *json)
{
    return !json->broken && *json->at == '\0' && json->at[-1] == '}';
}
