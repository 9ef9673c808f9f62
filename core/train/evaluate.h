/*
 * Evaluation: one pass over a labelled token store, dropout off.
 *
 * Rows are taken longest first, so that the rows of a batch are alike and its chunks of one size.
 * Batches depend on the lengths alone, never on the number of threads. Where a text is several
 * rows, its windows, these come one behind the other and before all other texts; what is said of
 * the text is the mean of what is said of them (text_means.h).
 */
#ifndef CORE_TRAIN_EVALUATE_H
#define CORE_TRAIN_EVALUATE_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/data/batch.h"
#include "core/data/tokens.h"
#include "core/eval/evaluation.h"
#include "core/model/network.h"
#include "core/model/workspace.h"
#include "core/train/text_means.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A batch holds at most so many rows and tokens; a longer row is a batch of its own. */
enum { EVALUATE_ROWS = 256, EVALUATE_TOKENS = 2048 };

/* Workspace and batch for inference, and the store that they are used for at present. */
struct evaluator {
    const struct token_store *store;
    struct workspace workspace;
    struct batch batch;
    uint32_t *order; /* (order_capacity): rows of the store: first those of texts with several, as
                        they stand, then longest first, equals as they stand */
    size_t order_capacity;
    size_t *starts; /* (longest + 1): where rows of a length go in the order; scratch */
    size_t width;   /* the most numbers of a row that are averaged: labels, or the hidden size */
    struct text_means means; /* of a store that has windows */
};

struct evaluation {
    double loss;     /* mean over the texts, or over the tokens with a class; the plain loss */
    double accuracy; /* fraction of them; NaN where nothing is right or wrong */
};

/*
 * Reserve for stores whose rows have at most `longest` tokens, and for pools of at most `threads`
 * threads. Memory is paid for as it is used, and kept. ERR_MEMORY.
 */
int evaluator_reserve(struct evaluator *evaluator, const struct model_config *config,
                      size_t longest, size_t threads, struct err *err);

/* Turn to a store with at least one row and none longer than was reserved for; ERR_MEMORY. */
int evaluator_use(struct evaluator *evaluator, const struct token_store *store, struct err *err);

/* Reserve for one store with at least one row, no more than it needs, and turn to it; ERR_MEMORY.
 */
int evaluator_init(struct evaluator *evaluator, const struct token_store *store,
                   const struct model_config *config, size_t threads, struct err *err);

struct evaluator_room {
    size_t threads;
    size_t bytes; /* of memory to have at least, for others to lie in */
};

/* The same for a workspace that will be the host of others. */
int evaluator_init_host(struct evaluator *evaluator, const struct token_store *store,
                        const struct model_config *config, const struct evaluator_room *room,
                        struct err *err);

/*
 * The same in the memory of a workspace that is idle whenever the evaluator runs, and for its
 * number of threads; in memory of its own where that has fewer than evaluator_bytes.
 */
int evaluator_init_in(struct evaluator *evaluator, const struct token_store *store,
                      const struct model_config *config, const struct workspace *host,
                      struct err *err);

/* Bytes that the workspace of evaluator_init takes; 0 for a store without rows. */
size_t evaluator_bytes(const struct token_store *store, const struct model_config *config,
                       size_t threads);
void evaluator_fini(struct evaluator *evaluator);

/* Who receives the results of a run. */
struct evaluator_visitor {
    /* called for each batch: row r of workspace->logits is of text batch->sources[r] */
    void (*visit)(void *context, const struct batch *batch, const struct workspace *workspace);
    /* NULL, or asked by every thread, also within a batch; once true it must stay so */
    bool (*should_stop)(void *context);
    void *context;
};

/* Run the network over the whole store; false when it was stopped. */
bool evaluator_run(struct evaluator *evaluator, const struct network *network, struct pool *pool,
                   const struct evaluator_visitor *visitor);

/*
 * For visitors: what `count` numbers of a row of the batch come to for its text. NULL while windows
 * of the text are to come; else valid until the next call.
 */
const float *evaluator_text(struct evaluator *evaluator, const struct batch *batch, size_t row,
                            const float *x, size_t count);

/* A pass over the evaluator's store that is measured. */
struct evaluate_call {
    struct evaluator *evaluator;
    const struct network *network;
    struct pool *pool;
    struct evaluation_outputs *outputs; /* of the store's texts: they take logits; NULL: none */
    bool (*should_stop)(void *context); /* as the visitor's */
    void *context;
};

/* Mean loss and accuracy over the store; false when should_stop said so. */
bool evaluate(const struct evaluate_call *call, struct evaluation *out);

#endif
