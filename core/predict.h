/*
 * Texts to class probabilities with a fine-tuned model: weights shared, workspace private.
 */
#ifndef CORE_PREDICT_H
#define CORE_PREDICT_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/model/config.h"
#include "core/text/tokenizer.h"

#include <stddef.h>

struct predictor;

/* Load a fine-tuned model folder; ERR_UNSUPPORTED when it has no classifier of ours (a base model).
 */
int predictor_open(const char *folder, const struct gemm_engine *engine, struct predictor **out,
                   struct err *err);
void predictor_free(struct predictor *predictor);

const struct model_config *predictor_config(const struct predictor *predictor);

/*
 * probabilities (count, K) = softmax of the model on each text, truncated to the length that it was
 * trained with; *tokens (may be NULL) = how many tokens the model saw. One caller at a time per
 * predictor. A text's result does not depend on its neighbours (to 1e-6). ERR_INVALID for invalid
 * UTF-8 ("input 3: ..."), ERR_MEMORY.
 */
int predictor_run(struct predictor *predictor, struct pool *pool, const struct text *texts,
                  size_t count, float *probabilities, size_t *tokens, struct err *err);

#endif
