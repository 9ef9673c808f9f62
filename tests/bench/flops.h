/*
 * The useful work of a pass through the network: what the mathematics asks for, however it is done.
 *
 * A matrix product of m x n x k is 2 m n k operations. Every weight takes part in one product a
 * token forward and, in training, two backward: 6 operations by parameter and token. Attention's
 * two products of a row of S tokens are 4 H S^2 forward, four of the same kind backward: 12 H S^2.
 * Of the last layer only keys and values exist for all tokens; queries and all that follows exist
 * for one token a row. Everything that is not a product, and products made a second time
 * (attention's probabilities in backward), count nothing.
 */
#ifndef TESTS_BENCH_FLOPS_H
#define TESTS_BENCH_FLOPS_H

#include "core/model/config.h"

#include <stdbool.h>

/* What a batch holds: sum(1), sum(S) and sum(S^2) over its rows; they may be means. */
struct flops_batch {
    double rows, tokens, squares;
};

double flops_useful(const struct model_config *config, const struct flops_batch *batch,
                    bool training);

/* The formula with the model's numbers, in one line for people; lives in arena. */
const char *flops_formula(const struct model_config *config, struct arena *arena);

#endif
