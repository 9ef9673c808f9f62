/*
 * The handlers: parse, call the service, encode. One per row of the route table.
 *
 * A handler returns exactly one reply. It may use the request's arena, captures, query, body and
 * faults; it knows no SQL, no paths, no tensors, and nothing of the HTTP library.
 */
#ifndef API_HANDLERS_HANDLERS_H
#define API_HANDLERS_HANDLERS_H

#include "api/reply.h"
#include "api/request.h"

struct reply handle_file_create(struct request *request);
struct reply handle_files_list(struct request *request);
struct reply handle_file_get(struct request *request);
struct reply handle_file_delete(struct request *request);
struct reply handle_file_content(struct request *request);

struct reply handle_job_create(struct request *request);
struct reply handle_jobs_list(struct request *request);
struct reply handle_job_get(struct request *request);
struct reply handle_job_cancel(struct request *request);
struct reply handle_job_events(struct request *request);
struct reply handle_job_metrics(struct request *request);
struct reply handle_job_checkpoints(struct request *request);

struct reply handle_models_list(struct request *request);
struct reply handle_model_get(struct request *request);
struct reply handle_model_delete(struct request *request);
struct reply handle_model_files(struct request *request);
struct reply handle_model_file(struct request *request);

struct reply handle_classifications(struct request *request);

struct reply handle_livez(struct request *request);
struct reply handle_readyz(struct request *request);
struct reply handle_version(struct request *request);

#endif
