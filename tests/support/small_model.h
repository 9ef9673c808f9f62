/*
 * Small networks for tests: random or read from a folder, rows of tokens, and runs that train them.
 *
 * A run is what core/train/trainer.c does in one step, without files and events: fill a batch,
 * forward, backward, norm, update. Whatever cannot be had fails the running test.
 */
#ifndef TESTS_SUPPORT_SMALL_MODEL_H
#define TESTS_SUPPORT_SMALL_MODEL_H

#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/data/batch.h"
#include "core/model/encoder.h"
#include "core/train/optimizer.h"

#include <stddef.h>
#include <stdint.h>

struct small_model {
    struct arena *arena;
    struct model_config config;
    struct tensor_layout layout;
    float *parameters; /* (layout.total) */
    struct gemm_engine *engine;
    struct network network;
};

/*
 * A random model of this shape. Weights have deviation 0.15, so that every part of a small network
 * matters: with the usual 0.02 activations and softmax would work near zero, where they are linear.
 */
void small_model_random(struct small_model *model, const struct model_config *config,
                        uint64_t seed);

/* The model that transformers saved in a folder: config.json and model.safetensors. */
void small_model_read(struct small_model *model, const char *folder);

void small_model_free(struct small_model *model);

/* Rows of 1..longest random tokens, the word 0 and token types 0 and 1 among them; with labels of
 * rows or, for token classification, of two tokens in three. */
void small_rows_random(struct token_store *store, size_t rows, size_t longest,
                       const struct model_config *config, uint64_t seed);

/* Append a row; release the store with token_store_fini. */
void small_rows_append(struct token_store *store, const uint32_t *ids, const uint8_t *types,
                       size_t length, uint32_t label);

/* The same for tokens: a label, or LABEL_NONE, for each. */
void small_rows_append_tokens(struct token_store *store, const uint32_t *ids, const uint8_t *types,
                              size_t length, const uint32_t *labels);

/* Plain Adam, constant rate 1e-3, nothing else: a start for designated changes. */
struct train_params small_params(void);

struct small_run {
    struct small_model *model;
    const struct token_store *store;
    struct train_params params;
    struct pool *pool;
    struct workspace workspace;
    struct batch batch;
    struct optimizer_state optimizer;
    float *gradients; /* (layout.total) */
};

/* A run in which a batch is any selection of rows of the store, with room for all of them. */
void small_run_open(struct small_run *run, struct small_model *model,
                    const struct token_store *store, const struct train_params *params,
                    size_t threads);

/* The same; a batch is taken in groups of at most so many tokens (0: as a job would). */
void small_run_open_in_groups(struct small_run *run, struct small_model *model,
                              const struct token_store *store, const struct train_params *params,
                              size_t threads, size_t group_tokens);
void small_run_close(struct small_run *run);

/* Fill the batch with all rows of the store and pass forward; the mean loss. Gradients are lost. */
double small_run_forward(struct small_run *run, size_t step);

/* The gradients of that pass. */
void small_run_backward(struct small_run *run, size_t step);

/* Both, in groups; the mean loss. */
double small_run_both(struct small_run *run, size_t step);

/* Both and an update at this learning rate; the mean loss before the update. */
double small_run_step(struct small_run *run, size_t step, double learning_rate);

/* A copy of the gradients, released with free(): a forward pass may write over them. */
float *small_run_gradients(const struct small_run *run);

/* A copy of the parameters, released with free(). */
float *small_model_copy(const struct small_model *model);

#endif
