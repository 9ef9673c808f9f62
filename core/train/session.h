/*
 * Everything that a training run holds while it lives: tokens, parameters, optimizer, workspaces.
 */
#ifndef CORE_TRAIN_SESSION_H
#define CORE_TRAIN_SESSION_H

#include "core/base/pages.h"
#include "core/data/batch.h"
#include "core/hub/model_map.h"
#include "core/model/network.h"
#include "core/model/workspace.h"
#include "core/train/evaluate.h"
#include "core/train/optimizer.h"
#include "core/train/order.h"
#include "core/train/trainer.h"

struct session {
    const struct train_plan *plan;
    const struct train_observer *observer;
    struct arena *arena;
    struct tensor_layout layout;
    struct token_store training, validation, test;
    struct model_map model;       /* the parameters */
    struct safetensors_rest rest; /* where untouched word rows stand, if has_rest */
    bool has_rest;
    struct pages gradients; /* (total) floats */
    struct network network;
    struct optimizer_state optimizer;
    struct workspace workspace;
    struct batch batch;
    struct evaluator validator, tester; /* in use when their store has rows */
    uint32_t *lengths;                  /* (training rows), in tokens */
    uint32_t *order;                    /* (training rows): this epoch's */
};

/*
 * Tokenize the plan's files, load the model, reserve memory. Warnings about the model go to the
 * observer. On failure everything is released.
 */
int session_open(struct session *session, const struct train_plan *plan,
                 const struct train_request *request, const struct gemm_engine *engine,
                 struct pool *pool, const struct train_observer *observer, struct err *err);
void session_close(struct session *session);

/* The rule by which epochs visit the training rows. */
struct order session_order(const struct session *session);

/* The parameters as an array. */
float *session_parameters(const struct session *session);

/* Where word rows that no step has changed can be read, for a model_save; NULL: nowhere. */
const struct safetensors_rest *session_words_at_rest(const struct session *session);

#endif
