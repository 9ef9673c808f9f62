/*
 * What a route says of itself: the parameters it takes, the answers it gives, the faults it can
 * find. Rows of the route table point to these; /openapi.json, /docs and the checks of a request
 * come from them.
 */
#ifndef API_OPERATION_H
#define API_OPERATION_H

#include "api/fields.h"
#include "api/input.h"
#include "daemon/fault.h"

/* One way to answer well; a table ends with status 0. */
struct answer_row {
    unsigned status;
    const struct field_object *object; /* of a JSON answer; NULL: see media */
    const char *media;                 /* of another answer; NULL with no object: it has no body */
    const char *doc;
};

struct operation {
    const char *id;    /* as OpenAI's SDKs name the call, where they have it */
    const char *group; /* heading under which it stands */
    const char *summary;
    const char *doc; /* NULL: the summary says it all */
    const struct input_row *query, *body, *form;
    bool is_job_request; /* the body is the parameter table of jobs (daemon/parameters.h) */
    bool uses_model;     /* the answer waits until a model has had its turn */
    const struct answer_row *answers;
    const enum fault_code *faults; /* beside those of every request; ends with FAULT_CODE_COUNT */
    const char *example;           /* a body */
};

/* What a file may be uploaded for, the last one NULL. */
extern const char *const file_purposes[];

/* Rows whose greatest count handlers make room for. */
enum { METADATA_MAX_FILTERS = 16, METRICS_MAX_NAMES = 64 };

#define OPERATION_FAULTS(...) ((const enum fault_code[]){__VA_ARGS__, FAULT_CODE_COUNT})

/* Groups in their order, the last one NULL; the documents' headings. */
struct operation_group {
    const char *name, *doc;
};
extern const struct operation_group operation_groups[];

extern const struct operation file_create_operation, files_list_operation, file_get_operation,
    file_delete_operation, file_content_operation;
extern const struct operation job_create_operation, jobs_list_operation, job_get_operation,
    job_cancel_operation, job_events_operation, job_metrics_operation, job_stream_operation,
    job_checkpoints_operation;
extern const struct operation upload_create_operation, upload_part_operation,
    upload_complete_operation, upload_cancel_operation, file_report_operation, file_rows_operation;
extern const struct operation model_import_operation, model_archive_operation;
extern const struct operation models_list_operation, model_get_operation, model_delete_operation,
    model_files_operation, model_file_operation;
extern const struct operation classifications_operation;
extern const struct operation livez_operation, readyz_operation, healthz_operation,
    version_operation, openapi_operation, docs_operation, docs_file_operation;

struct route;

/* Can this route answer with this fault? Every request's faults, and its own. */
bool operation_has_fault(const struct route *route, enum fault_code code);

#endif
