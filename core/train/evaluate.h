/*
 * Evaluation: one pass over a labelled token store, dropout off.
 */
#ifndef CORE_TRAIN_EVALUATE_H
#define CORE_TRAIN_EVALUATE_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/data/batch.h"
#include "core/data/tokens.h"
#include "core/model/network.h"
#include "core/model/workspace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Workspace and batch for inference over one store, rows in their order. */
struct evaluator {
    const struct token_store *store;
    struct workspace workspace;
    struct batch batch;
    uint32_t *picked;
};

struct evaluation {
    double loss;     /* mean over the rows, natural logarithm */
    double accuracy; /* fraction of rows */
};

/* Reserve for a store with at least one row; ERR_MEMORY. */
int evaluator_init(struct evaluator *evaluator, const struct token_store *store,
                   const struct model_config *config, size_t threads, struct err *err);
void evaluator_fini(struct evaluator *evaluator);

/* Called for each batch: row r of workspace->logits is store row batch->sources[r]; false ends. */
typedef bool evaluator_visit(void *context, const struct batch *batch,
                             const struct workspace *workspace);

/* Run the network over the whole store; false when a visit ended it. */
bool evaluator_run(struct evaluator *evaluator, const struct network *network, struct pool *pool,
                   evaluator_visit *visit, void *context);

/* Mean loss and accuracy over the store; false when should_stop (asked between batches) said so. */
bool evaluate(struct evaluator *evaluator, const struct network *network, struct pool *pool,
              bool (*should_stop)(void *context), void *context, struct evaluation *out);

#endif
