/*
 * The models used last stay loaded: at most RESIDENT_MODELS_MAX, the one used longest ago goes.
 *
 * A model whose weights have been replaced since (a checkpoint that a job has made again) is loaded
 * anew.
 *
 * For one thread at a time.
 */
#ifndef DAEMON_WORK_RESIDENT_MODELS_H
#define DAEMON_WORK_RESIDENT_MODELS_H

#include "core/base/err.h"
#include "core/gemm/gemm.h"
#include "core/predict.h"

#include <sys/stat.h>

enum { RESIDENT_MODELS_MAX = 2 };

/* A loaded model; predictor NULL: a free place. */
struct resident_model {
    char *folder;
    struct stat weights; /* as they were just before; all zero: there were none */
    struct predictor *predictor;
};

/* All zero but for the engine: nothing is loaded yet. */
struct resident_models {
    const struct gemm_engine *engine;
    struct resident_model places[RESIDENT_MODELS_MAX]; /* the last used first */
};

/* The model of a folder, loaded when it is not yet; errors as predictor_open. Valid until another
 * one is asked for. */
int resident_models_get(struct resident_models *models, const char *folder, struct predictor **out,
                        struct err *err);

/* Unload the model of a folder, if it is loaded, and those of folders below it. */
void resident_models_drop(struct resident_models *models, const char *folder);

/* Unload all. */
void resident_models_fini(struct resident_models *models);

#endif
