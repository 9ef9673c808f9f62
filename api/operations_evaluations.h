/* Operations of evaluations, for rows of the route table. */
#ifndef API_OPERATIONS_EVALUATIONS_H
#define API_OPERATIONS_EVALUATIONS_H

#include "api/operation.h"

extern const struct operation evaluation_create_operation, evaluations_list_operation,
    evaluation_get_operation, evaluation_delete_operation, job_evaluation_operation;

#endif
