/*
 * Everything that a training run holds while it lives: tokens, parameters, optimizer, workspaces.
 */
#ifndef CORE_TRAIN_SESSION_H
#define CORE_TRAIN_SESSION_H

#include "core/base/pages.h"
#include "core/data/batch.h"
#include "core/model/network.h"
#include "core/model/workspace.h"
#include "core/train/evaluate.h"
#include "core/train/optimizer.h"
#include "core/train/trainer.h"

struct session {
    const struct train_plan *plan;
    const struct train_observer *observer;
    struct arena *arena;
    struct tensor_layout layout;
    struct tokenizer *tokenizer;
    struct token_store training, validation, test;
    struct pages parameters, gradients; /* (total) floats each */
    struct network network;
    struct optimizer_state optimizer;
    struct workspace workspace;
    struct batch batch;
    struct evaluator validator, tester; /* in use when their store has rows */
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

/* The parameters as an array. */
float *session_parameters(const struct session *session);

#endif
