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
struct reply handle_file_report(struct request *request);
struct reply handle_file_rows(struct request *request);

struct reply handle_upload_create(struct request *request);
struct reply handle_upload_part(struct request *request);
struct reply handle_upload_complete(struct request *request);
struct reply handle_upload_cancel(struct request *request);

/* 200 with the job as it is now. */
struct reply reply_job(const struct job_info *job);

struct reply handle_job_create(struct request *request);
struct reply handle_jobs_list(struct request *request);
struct reply handle_job_get(struct request *request);
struct reply handle_job_cancel(struct request *request);
struct reply handle_job_pause(struct request *request);
struct reply handle_job_resume(struct request *request);
struct reply handle_job_retry(struct request *request);
struct reply handle_job_update(struct request *request);
struct reply handle_job_delete(struct request *request);
struct reply handle_job_events(struct request *request);
struct reply handle_job_metrics(struct request *request);
struct reply handle_job_stream(struct request *request);
struct reply handle_job_checkpoints(struct request *request);

struct reply handle_job_evaluation(struct request *request);
struct reply handle_evaluation_create(struct request *request);
struct reply handle_evaluations_list(struct request *request);
struct reply handle_evaluation_get(struct request *request);
struct reply handle_evaluation_delete(struct request *request);

struct reply handle_models_list(struct request *request);
struct reply handle_model_get(struct request *request);
struct reply handle_model_delete(struct request *request);
struct reply handle_model_files(struct request *request);
struct reply handle_model_file(struct request *request);
struct reply handle_model_archive(struct request *request);
struct reply handle_model_import(struct request *request);

struct reply handle_chat_classifications(struct request *request);
struct reply handle_chat_completions(struct request *request);
struct reply handle_classifications(struct request *request);
struct reply handle_embeddings(struct request *request);
struct reply handle_moderations(struct request *request);
struct reply handle_responses(struct request *request);
struct reply handle_token_classifications(struct request *request);

struct reply handle_queue_get(struct request *request);
struct reply handle_queue_pause(struct request *request);
struct reply handle_queue_resume(struct request *request);
struct reply handle_system(struct request *request);

struct reply handle_docs(struct request *request);
struct reply handle_docs_file(struct request *request);
struct reply handle_openapi(struct request *request);

struct reply handle_livez(struct request *request);
struct reply handle_readyz(struct request *request);
struct reply handle_version(struct request *request);

#endif
