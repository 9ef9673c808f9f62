/*
 * The linear probe: a classifier on what a network that is left as it is says of the training rows.
 *
 * Features are what the network's head brings to its classifier (model/head.h): with POOL_MEAN the
 * mean over a row's tokens, of unit length where the config says normalize; of a head of tokens the
 * last layer's output at each token that has a class. Those of a text that is read in windows are
 * the mean of its windows' features, as its logits will be of theirs. They are computed once, then
 * brought to a mean of zero and a mean square length of one, so that one strength of regularisation
 * fits every model; a linear model is fitted to them (probe/linear.h: softmax for classes, one
 * against the rest for labels, ridge for numbers) and folded back, so that the network's own
 * classifier answers as the probe does.
 *
 * What was measured to choose C and the features stands in tests/bench/ACCURACY.md.
 */
#ifndef CORE_PROBE_PROBE_H
#define CORE_PROBE_PROBE_H

#include "core/probe/linear.h"
#include "core/train/evaluate.h"

#include <stdbool.h>
#include <stddef.h>

#define PROBE_C         10.0
#define PROBE_TOLERANCE 1e-4 /* of the gradient of the mean loss: scikit-learn's default */

enum { PROBE_ITERATIONS = 1000 };

struct probe_call {
    struct evaluator *evaluator;   /* turned to the rows to learn from */
    const struct network *network; /* its head's pooling is what is wanted */
    struct pool *pool;
    bool (*should_stop)(void *context); /* NULL, or asked by every thread; once true it stays so */
    void *context;
};

struct probe_facts {
    size_t outputs; /* texts, or tokens with a class, that were learned from */
    struct linear_result fit;
};

/* Bytes that probe_fit takes for so many outputs; SIZE_MAX when there are too many weights. */
size_t probe_bytes(size_t outputs, const struct model_config *config);

/*
 * Fit, and write the classifier's weights and biases into parameters, which are the network's.
 * Targets that are standardised give an output in those units. ERR_STOPPED; ERR_MEMORY; ERR_INVALID
 * when no row says anything; ERR_DIVERGED when the network's outputs are not finite.
 */
int probe_fit(const struct probe_call *call, float *parameters, struct probe_facts *facts,
              struct err *err);

/* At most `most` texts of a store, evenly spaced, as a store of its own, to be released;
 * ERR_MEMORY.
 */
int probe_thin(const struct token_store *store, size_t most, struct token_store *out,
               struct err *err);

#endif
