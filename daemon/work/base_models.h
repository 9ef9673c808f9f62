/*
 * The base models of this machine: Hugging Face folders below the models directories.
 *
 * Scanned at the start, and again when somebody asks for it; in between only imported models come
 * and go. Any thread may ask: what it is given stays valid until base_models_free, also when the
 * model is removed. In a models
 * directory counts: every sub-folder with a config.json (its name is the model's id); the hub's
 * cache layout, models--<org>--<name>/snapshots/<revision> (the id is <name>, the revision the one
 * that refs/main names, else the newest). A directory that itself holds a config.json is one model
 * and nothing else. What is no BERT or has no vocabulary is left out with a line in the log.
 */
#ifndef DAEMON_WORK_BASE_MODELS_H
#define DAEMON_WORK_BASE_MODELS_H

#include "core/base/err.h"
#include "core/hub/model_dir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BASE_MODEL_ID_MAX = 96, BASE_MODELS_MAX = 10000 };

struct base_model {
    const char *id; /* [A-Za-z0-9._-]{1,96} */
    const char *folder;
    int64_t created_at;           /* when its config.json was written, unix seconds */
    struct model_summary summary; /* without hash */
};

/* A word that has a meaning of its own where an id may stand (POST /v1/models/import). */
bool base_models_is_reserved(const char *id);

struct base_models;

/*
 * Scan the directories. ERR_INVALID for two models of one name (both folders are named) and for a
 * directory that cannot be read.
 */
int base_models_scan(const char *const *directories, size_t count, struct base_models **out,
                     struct err *err);

/* NULL is fine. */
void base_models_free(struct base_models *models);

size_t base_models_count(struct base_models *models);

/* All as they are now, in the order of ids; the array is in the arena. */
const struct base_model *const *base_models_all(struct base_models *models, struct arena *arena,
                                                size_t *count);

/* NULL when there is none. */
const struct base_model *base_models_find(struct base_models *models, const char *id);

/* Take in a folder that has been put in place. ERR_CONFLICT when the id is taken; ERR_INVALID when
 * it is no model, or the models are too many. */
int base_models_add(struct base_models *models, const char *id, const char *folder,
                    struct err *err);

/* Forget a model; false when it is not there (any more). */
bool base_models_remove(struct base_models *models, const char *id);

/*
 * Forget those that are dropped (and are still the ones in place), and take in whatever a later
 * scan has found under ids that are not taken; the scan is gone afterwards. Returns how many came.
 */
size_t base_models_exchange_take(struct base_models *models, struct base_models *fresh,
                                 const struct base_model *const *dropped, size_t count);

#endif
