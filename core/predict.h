/*
 * Texts to class probabilities with a fine-tuned model: weights shared, workspace private.
 *
 * The workspace is kept between calls and grows with the longest text; memory is paid for as larger
 * batches come, up to EVALUATE_TOKENS tokens at a time.
 */
#ifndef CORE_PREDICT_H
#define CORE_PREDICT_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/model/config.h"
#include "core/text/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

struct predictor;

/* Load a fine-tuned model folder; ERR_UNSUPPORTED when it has no classifier of ours (a base model).
 */
int predictor_open(const char *folder, const struct gemm_engine *engine, struct predictor **out,
                   struct err *err);
void predictor_free(struct predictor *predictor);

const struct model_config *predictor_config(const struct predictor *predictor);

/* Does the model take texts of this kind? ERR_INVALID ("input 3: ...") for a pair where it knows
 * single texts alone. */
int predictor_check(const struct predictor *predictor, const struct text *texts, size_t count,
                    struct err *err);

/*
 * probabilities (count, K) = softmax of the model on each text, truncated to the length that it was
 * trained with; lengths (count), or NULL: tokens that the model saw of each. One caller at a time
 * per predictor; the number of threads may change from call to call. A text's result does not
 * depend on its neighbours (to 1e-6). ERR_INVALID for invalid UTF-8 ("input 3: ...") and as
 * predictor_check, ERR_MEMORY.
 */
int predictor_run(struct predictor *predictor, struct pool *pool, const struct text *texts,
                  size_t count, float *probabilities, uint32_t *lengths, struct err *err);

#endif
