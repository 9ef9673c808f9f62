/* The operations of a job's life, of the queue and of the machine; see operation.h. */
#ifndef API_OPERATIONS_LIFE_H
#define API_OPERATIONS_LIFE_H

#include "api/operation.h"

extern const struct operation job_pause_operation, job_resume_operation, job_retry_operation,
    job_update_operation, job_delete_operation;
extern const struct operation queue_get_operation, queue_pause_operation, queue_resume_operation;
extern const struct operation system_operation;

#endif
