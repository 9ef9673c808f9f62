/*
 * THE table of heads: what stands between the encoder's last layer and the logits.
 *
 * A row of the table says which of the last layer's outputs a head looks at, whether it drops them
 * out, and how it brings them to what is classified: by a dense layer (H,H) and its activation, or
 * as they are. Behind that every head has dropout and the classifier (K,H). Forward, backward and
 * weight gradients are one mechanism that the row drives.
 *
 * A head has O outputs of K logits: one for each row of the batch or, for tokens, one for each
 * token. Where it looks at more than the first token of a row, it is wide: the last layer is then
 * computed for every token.
 *
 * Dropout uses the site RNG_CLASSIFIER_DROPOUT: layer 0 before the classifier, 1 before the dense
 * layer; the numbers are those of the row or of the token.
 */
#ifndef CORE_MODEL_HEAD_H
#define CORE_MODEL_HEAD_H

#include "core/model/config.h"

#include <stdbool.h>
#include <stddef.h>

struct chunk;
struct outputs;
struct pass;
struct weight;

enum head_place {
    HEAD_FIRST, /* the first token of each row */
    HEAD_MEAN,  /* the mean over each row's tokens, special ones among them */
    HEAD_TOKENS
};

/* What is done to a row's vector (H) before the last dropout. */
enum head_bend {
    BEND_NOT,
    BEND_UNIT /* to length 1; zero stays */,
    BEND_TANH,
    BEND_RELU,
    BEND_GELU
};

struct head {
    enum head_place place;
    bool drops_input; /* dropout before the dense layer, too */
    bool dense;       /* a head of tokens has none, and does not bend */
    enum head_bend bend;
};

/* The head of a config, by family, task and pooling; TASK_AUTO has that of classification. */
const struct head *head_of(const struct model_config *config);

/* Does it need all outputs of the last layer? */
bool head_is_wide(const struct model_config *config);

/* Its outputs, O, for so many rows and tokens. */
size_t head_outputs(const struct model_config *config, size_t rows, size_t tokens);

/* ---- private to core/model ------------------------------------------------------------------- */

enum { HEAD_WEIGHTS_MAX = 2 };

/* A chunk's outputs, among those of the batch: rows or tokens. */
struct outputs head_range(const struct chunk *chunk);

/* From the last layer's outputs to the logits of the chunk's. */
void head_forward(const struct chunk *chunk);

/* From the logits' gradient to that by the last layer's outputs: d_first of a narrow layer, d_x of
 * a wide one. */
void head_backward(const struct chunk *chunk);

/* The weights (HEAD_WEIGHTS_MAX) whose gradients are due after head_backward of all chunks; returns
 * how many. */
size_t head_weights(const struct pass *pass, struct weight *list);

/* Write the biases' gradients or, to accumulate, add to them. */
void head_biases(const struct pass *pass, bool accumulate, float *gradients);

#endif
