/*
 * If-Match on requests that change something: it is done only when what the client saw is what is
 * there. The tag is that of a GET of the same thing, /v1/fine_tuning/jobs/{job} for …/cancel.
 */
#ifndef API_PRECONDITION_H
#define API_PRECONDITION_H

#include "api/request.h"

/* -1 with PRECONDITION_FAILED, or with the fault that GET of the thing has. */
int precondition_check(struct request *request);

#endif
