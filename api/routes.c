/* THE route table; see routes.h. */
#include "api/routes.h"

#include "api/handlers/handlers.h"
#include "api/operation.h"
#include "api/operations_evaluations.h"
#include "api/operations_life.h"
#include "api/operations_use.h"

#include <string.h>

#define JOBS "/v1/fine_tuning/jobs"

static const struct route rows[] = {
    {"POST", "/v1/files", BODY_FORM, true, handle_file_create, &file_create_operation},
    {"GET", "/v1/files", BODY_NONE, true, handle_files_list, &files_list_operation},
    {"GET", "/v1/files/{file}", BODY_NONE, false, handle_file_get, &file_get_operation},
    {"DELETE", "/v1/files/{file}", BODY_NONE, true, handle_file_delete, &file_delete_operation},
    {"GET", "/v1/files/{file}/content", BODY_NONE, false, handle_file_content,
     &file_content_operation},
    {"GET", "/v1/files/{file}/report", BODY_NONE, true, handle_file_report, &file_report_operation},
    {"GET", "/v1/files/{file}/rows", BODY_NONE, true, handle_file_rows, &file_rows_operation},

    {"POST", "/v1/uploads", BODY_JSON, true, handle_upload_create, &upload_create_operation},
    {"POST", "/v1/uploads/{upload}/parts", BODY_PART, true, handle_upload_part,
     &upload_part_operation},
    {"POST", "/v1/uploads/{upload}/complete", BODY_JSON, true, handle_upload_complete,
     &upload_complete_operation},
    {"POST", "/v1/uploads/{upload}/cancel", BODY_NONE, true, handle_upload_cancel,
     &upload_cancel_operation},

    {"POST", JOBS, BODY_JSON, true, handle_job_create, &job_create_operation},
    {"GET", JOBS, BODY_NONE, true, handle_jobs_list, &jobs_list_operation},
    {"GET", JOBS "/{job}", BODY_NONE, false, handle_job_get, &job_get_operation},
    {"PATCH", JOBS "/{job}", BODY_JSON, true, handle_job_update, &job_update_operation},
    {"DELETE", JOBS "/{job}", BODY_NONE, true, handle_job_delete, &job_delete_operation},
    {"POST", JOBS "/{job}/pause", BODY_NONE, true, handle_job_pause, &job_pause_operation},
    {"POST", JOBS "/{job}/resume", BODY_NONE, true, handle_job_resume, &job_resume_operation},
    {"POST", JOBS "/{job}/retry", BODY_NONE, true, handle_job_retry, &job_retry_operation},
    {"POST", JOBS "/{job}/cancel", BODY_NONE, true, handle_job_cancel, &job_cancel_operation},
    {"GET", JOBS "/{job}/events", BODY_NONE, false, handle_job_events, &job_events_operation},
    {"GET", JOBS "/{job}/metrics", BODY_NONE, false, handle_job_metrics, &job_metrics_operation},
    {"GET", JOBS "/{job}/stream", BODY_NONE, false, handle_job_stream, &job_stream_operation},
    {"GET", JOBS "/{job}/checkpoints", BODY_NONE, false, handle_job_checkpoints,
     &job_checkpoints_operation},
    {"GET", JOBS "/{job}/evaluation", BODY_NONE, false, handle_job_evaluation,
     &job_evaluation_operation},

    {"GET", "/v1/models", BODY_NONE, false, handle_models_list, &models_list_operation},
    {"GET", "/v1/models/{model}", BODY_NONE, false, handle_model_get, &model_get_operation},
    {"DELETE", "/v1/models/{model}", BODY_NONE, true, handle_model_delete, &model_delete_operation},
    {"GET", "/v1/models/{model}/archive", BODY_NONE, true, handle_model_archive,
     &model_archive_operation},
    {"POST", "/v1/models/import", BODY_MODEL, true, handle_model_import, &model_import_operation},
    {"GET", "/v1/models/{model}/files", BODY_NONE, true, handle_model_files,
     &model_files_operation},
    {"GET", "/v1/models/{model}/files/{name}", BODY_NONE, true, handle_model_file,
     &model_file_operation},

    {"POST", "/v1/chat/classifications", BODY_JSON, true, handle_chat_classifications,
     &chat_classifications_operation},
    {"POST", "/v1/chat/completions", BODY_JSON, true, handle_chat_completions,
     &chat_completions_operation},
    {"POST", "/v1/classifications", BODY_JSON, true, handle_classifications,
     &classifications_operation},
    {"POST", "/v1/embeddings", BODY_JSON, true, handle_embeddings, &embeddings_operation},
    {"POST", "/v1/evaluations", BODY_JSON, true, handle_evaluation_create,
     &evaluation_create_operation},
    {"GET", "/v1/evaluations", BODY_NONE, false, handle_evaluations_list,
     &evaluations_list_operation},
    {"GET", "/v1/evaluations/{evaluation}", BODY_NONE, false, handle_evaluation_get,
     &evaluation_get_operation},
    {"DELETE", "/v1/evaluations/{evaluation}", BODY_NONE, true, handle_evaluation_delete,
     &evaluation_delete_operation},
    {"POST", "/v1/moderations", BODY_JSON, true, handle_moderations, &moderations_operation},
    {"POST", "/v1/responses", BODY_JSON, true, handle_responses, &responses_operation},
    {"POST", "/v1/token_classifications", BODY_JSON, true, handle_token_classifications,
     &token_classifications_operation},

    {"GET", "/v1/queue", BODY_NONE, false, handle_queue_get, &queue_get_operation},
    {"POST", "/v1/queue/pause", BODY_NONE, true, handle_queue_pause, &queue_pause_operation},
    {"POST", "/v1/queue/resume", BODY_NONE, true, handle_queue_resume, &queue_resume_operation},
    {"GET", "/v1/system", BODY_NONE, true, handle_system, &system_operation},

    {"GET", "/openapi.json", BODY_NONE, false, handle_openapi, &openapi_operation},
    {"GET", "/docs", BODY_NONE, false, handle_docs, &docs_operation},
    {"GET", "/docs/{asset}", BODY_NONE, false, handle_docs_file, &docs_file_operation},

    {"GET", "/livez", BODY_NONE, false, handle_livez, &livez_operation},
    {"GET", "/readyz", BODY_NONE, false, handle_readyz, &readyz_operation},
    {"GET", "/healthz", BODY_NONE, false, handle_readyz, &healthz_operation},
    {"GET", "/version", BODY_NONE, false, handle_version, &version_operation},
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

/* Segments in braces. */
static size_t
count_captures(const char *path)
{
    size_t count = 0;
    for (; *path != '\0'; path++)
        count += *path == '{';
    return count;
}

/* The path that a target means: of those that match, the one that names most of it itself. */
static const char *
find_path(const struct target *target)
{
    const char *best = NULL;
    for (size_t i = 0; i < ROW_COUNT && !target->too_deep; i++) {
        const char *captures[ROUTE_MAX_CAPTURES];
        const char *path = rows[i].path;
        if (path_matches(&rows[i], target, captures) &&
            (best == NULL || count_captures(path) < count_captures(best)))
            best = path;
    }
    return best;
}

void
routes_match(const char *method, const struct target *target, struct arena *arena,
             struct route_match *out)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    const char *path = find_path(target);
    struct buf allow = {0};
    *out = (struct route_match){.path_exists = path != NULL};
    for (size_t i = 0; i < ROW_COUNT && path != NULL; i++) {
        if (strcmp(rows[i].path, path) != 0)
            continue;
        add_method(&allow, rows[i].method);
        if (strcmp(rows[i].method, wanted) == 0) {
            out->route = &rows[i];
            path_matches(&rows[i], target, out->captures);
        }
    }
    if (out->path_exists)
        out->allow = arena_printf(arena, "%s, OPTIONS", buf_string(&allow));
    buf_fini(&allow);
}
