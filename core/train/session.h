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
#include "core/probe/probe.h"
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
    struct evaluator prober;            /* of METHOD_LINEAR_PROBE, or while a head is probed */
    struct token_store probed;          /* the rows that it learns from, where not all */
    bool *untouched;                    /* (V): no word row changes in a probe */
    struct pages panels;                /* network.panels of METHOD_LINEAR_PROBE */
    struct evaluation_outputs validation_outputs, test_outputs; /* the same */
    uint32_t *lengths;                                          /* (training rows), in tokens */
    uint32_t *order;           /* (rows of an epoch): this epoch's */
    struct oversample repeats; /* of the plan */
};

/*
 * Tokenize the plan's files, load the model, reserve memory. Warnings about the model go to the
 * observer. On failure everything is released.
 */
int session_open(struct session *session, const struct train_plan *plan,
                 const struct train_request *request, const struct gemm_engine *engine,
                 struct pool *pool, const struct train_observer *observer, struct err *err);
void session_close(struct session *session);

/*
 * Put the parameters of a model that was saved of this session (word rows that no step has touched
 * are what they were) in place of the present ones. Errors as model_map_load; the parameters may be
 * a mixture then.
 */
int session_restore_model(struct session *session, const char *folder, struct err *err);

/*
 * Bring a classifier that answers in the data's units, as a saved model does, to the standardised
 * units that a regression is trained in: W / scale, (b - shift) / scale. Nothing for other tasks.
 */
void session_standardise_head(struct session *session);

struct session_probe {
    struct pool *pool;
    bool (*should_stop)(void *context);
    void *context;
};

/*
 * Fit a linear probe of the parameters as they are, and put it in the classifier's place; before
 * the first step. Errors as probe_fit.
 */
int session_probe_head(struct session *session, const struct session_probe *how,
                       struct probe_facts *facts, struct err *err);

/* What a session of METHOD_LINEAR_PROBE has in place of a training workspace, with room for what is
 * measured afterwards. Private to session. */
int session_reserve_probe(struct session *session, const struct evaluator_room *room,
                          struct err *err);

/* The rule by which epochs visit the training rows. */
struct order session_order(const struct session *session);

/* The parameters as an array. */
float *session_parameters(const struct session *session);

/* Where word rows that no step has changed can be read, for a model_save; NULL: nowhere. */
const struct safetensors_rest *session_words_at_rest(const struct session *session);

#endif
