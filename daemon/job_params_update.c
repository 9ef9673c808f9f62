/* Walking the body of a PATCH: the rows that may change after a job was accepted; job_params.h. */
#include "core/base/json.h"
#include "daemon/job_params.h"
#include "daemon/job_params_value.h"
#include "daemon/suggest.h"

#include <string.h>

static const char *const changeable[] = {"metadata", "priority"};

enum { CHANGEABLE_COUNT = sizeof changeable / sizeof changeable[0] };

static const struct param_row *
find_row(const char *name)
{
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

/* Fixed since the job was created, or never known. */
static int
refuse_key(const char *key, struct arena *arena, struct fault_list *faults)
{
    const char *name = job_params_value_cut(key, arena);
    if (find_row(key) != NULL)
        return fault_add(faults, FAULT_INVALID_PARAMETER, name,
                         "'%s' cannot be changed after the job was created; metadata and priority "
                         "can. Create a new job instead.",
                         name);
    const char *nearest = suggest_nearest(key, changeable, CHANGEABLE_COUNT);
    if (nearest != NULL)
        return fault_add(faults, FAULT_UNKNOWN_PARAMETER, name,
                         "Unknown parameter '%s'; did you mean '%s'?", name, nearest);
    return fault_add(faults, FAULT_UNKNOWN_PARAMETER, name,
                     "Unknown parameter '%s'; known here are: metadata, priority.", name);
}

static int
take_member(const char *key, const json_t *json, struct arena *arena, struct job_update *out,
            struct fault_list *faults)
{
    struct job_request request = {0};
    const struct param_value value = {.row = find_row(key), .where = key, .json = json};
    bool is_metadata = strcmp(key, changeable[0]) == 0;
    if (!is_metadata && strcmp(key, changeable[1]) != 0)
        return refuse_key(key, arena, faults);
    if (!json_is_null(json) && job_params_value_set(&value, arena, &request, faults) != 0)
        return -1;
    if (is_metadata) {
        out->has_metadata = true;
        out->metadata_json = request.metadata_json;
    } else {
        out->has_priority = true;
        out->priority = request.priority;
    }
    return 0;
}

int
job_params_parse_update(const char *body, size_t length, struct arena *arena,
                        struct job_update *out, struct fault_list *faults)
{
    struct err err;
    size_t before = faults->count;
    *out = (struct job_update){0};
    json_t *json = json_parse(body, length, false, &err);
    if (json == NULL)
        return fault_add(faults, FAULT_INVALID_JSON, NULL, "The request is %s.", err.message);
    const char *key;
    json_t *member;
    if (!json_is_object(json))
        fault_add(faults, FAULT_INVALID_JSON, NULL,
                  "The request is %s; it must be a JSON object such as {\"priority\": 5}.",
                  job_params_value_quote(json, arena));
    json_object_foreach (json, key, member)
        take_member(key, member, arena, out, faults);
    json_decref(json);
    return faults->count > before ? -1 : 0;
}
