/* THE route table; see routes.h. */
#include "api/routes.h"

#include "api/handlers/handlers.h"

#include <string.h>

#define JOBS "/v1/fine_tuning/jobs"

static const struct route rows[] = {
    {"POST", "/v1/files", BODY_FORM, true, handle_file_create, {0}},
    {"GET", "/v1/files", BODY_NONE, true, handle_files_list, {0}},
    {"GET", "/v1/files/{file}", BODY_NONE, false, handle_file_get, {0}},
    {"DELETE", "/v1/files/{file}", BODY_NONE, false, handle_file_delete, {0}},
    {"GET", "/v1/files/{file}/content", BODY_NONE, false, handle_file_content, {0}},

    {"POST", JOBS, BODY_JSON, true, handle_job_create, {"dry_run"}},
    {"GET", JOBS, BODY_NONE, true, handle_jobs_list, {0}},
    {"GET", JOBS "/{job}", BODY_NONE, false, handle_job_get, {"wait"}},
    {"POST", JOBS "/{job}/cancel", BODY_NONE, false, handle_job_cancel, {0}},
    {"GET", JOBS "/{job}/events", BODY_NONE, false, handle_job_events, {0}},
    {"GET", JOBS "/{job}/metrics", BODY_NONE, false, handle_job_metrics, {"max_points"}},
    {"GET", JOBS "/{job}/checkpoints", BODY_NONE, false, handle_job_checkpoints, {0}},

    {"GET", "/v1/models", BODY_NONE, false, handle_models_list, {0}},
    {"GET", "/v1/models/{model}", BODY_NONE, false, handle_model_get, {0}},
    {"DELETE", "/v1/models/{model}", BODY_NONE, false, handle_model_delete, {0}},
    {"GET", "/v1/models/{model}/files", BODY_NONE, true, handle_model_files, {0}},
    {"GET", "/v1/models/{model}/files/{name}", BODY_NONE, true, handle_model_file, {0}},

    {"POST", "/v1/classifications", BODY_JSON, true, handle_classifications, {0}},

    {"GET", "/livez", BODY_NONE, false, handle_livez, {0}},
    {"GET", "/readyz", BODY_NONE, false, handle_readyz, {0}},
    {"GET", "/healthz", BODY_NONE, false, handle_readyz, {0}},
    {"GET", "/version", BODY_NONE, false, handle_version, {0}},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

const struct route *
routes_row(size_t i)
{
    return i < ROW_COUNT ? &rows[i] : NULL;
}

/* Compare one segment of a row's path with one of the target. */
static bool
segment_matches(const char *pattern, size_t length, const char *segment)
{
    if (pattern[0] == '{')
        return segment[0] != '\0';
    return strlen(segment) == length && memcmp(pattern, segment, length) == 0;
}

static bool
path_matches(const struct route *row, const struct target *target,
             const char *captures[ROUTE_MAX_CAPTURES])
{
    const char *pattern = row->path;
    size_t captured = 0;
    for (size_t i = 0; i < target->segment_count; i++) {
        if (*pattern++ != '/')
            return false;
        size_t length = strcspn(pattern, "/");
        if (!segment_matches(pattern, length, target->segments[i]))
            return false;
        if (pattern[0] == '{')
            captures[captured++] = target->segments[i];
        pattern += length;
    }
    return *pattern == '\0' && target->segment_count > 0;
}

static void
add_method(struct buf *allow, const char *method)
{
    if (allow->length > 0)
        buf_append_string(allow, ", ");
    buf_append_string(allow, method);
    if (strcmp(method, "GET") == 0)
        buf_append_string(allow, ", HEAD");
}

void
routes_match(const char *method, const struct target *target, struct arena *arena,
             struct route_match *out)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    struct buf allow = {0};
    *out = (struct route_match){0};
    for (size_t i = 0; i < ROW_COUNT && !target->too_deep; i++) {
        const char *captures[ROUTE_MAX_CAPTURES] = {NULL, NULL};
        if (!path_matches(&rows[i], target, captures))
            continue;
        out->path_exists = true;
        add_method(&allow, rows[i].method);
        if (strcmp(rows[i].method, wanted) == 0) {
            out->route = &rows[i];
            memcpy(out->captures, captures, sizeof captures);
        }
    }
    if (out->path_exists)
        out->allow = arena_printf(arena, "%s, OPTIONS", buf_string(&allow));
    buf_fini(&allow);
}
