/*
 * The operations of the routes that use a model, for the route table; see operation.h.
 */
#ifndef API_OPERATIONS_USE_H
#define API_OPERATIONS_USE_H

#include "api/operation.h"

extern const struct operation chat_classifications_operation, chat_completions_operation,
    embeddings_operation, moderations_operation, responses_operation,
    token_classifications_operation;

#endif
