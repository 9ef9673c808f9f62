/*
 * If-Match on requests that change something: it is done only when what the client saw is what is
 * there. The tag is that of a GET of the same thing, /v1/fine_tuning/jobs/{job} for …/cancel.
 */
#ifndef API_PRECONDITION_H
#define API_PRECONDITION_H

#include "api/request.h"

/*
 * Jobs change while one looks, so their condition is asked by the service, in the transaction that
 * changes them: what to hand to service_job_change, NULL without If-Match. Of a handler of a row
 * below /v1/fine_tuning/jobs/{job}, for which precondition_check does nothing.
 */
const struct job_condition *precondition_of_job(struct request *request);

/* -1 with PRECONDITION_FAILED, or with the fault that GET of the thing has. */
int precondition_check(struct request *request);

#endif
