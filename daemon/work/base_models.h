/*
 * The base models of this machine: Hugging Face folders below the models directories.
 *
 * Scanned once at start and never changed, so any thread may read. In a models directory counts:
 * every sub-folder with a config.json (its name is the model's id); the hub's cache layout,
 * models--<org>--<name>/snapshots/<revision> (the id is <name>, the revision the one that refs/main
 * names, else the newest). A directory that itself holds a config.json is one model and nothing
 * else. What is no BERT or has no vocabulary is left out with a line in the log.
 */
#ifndef DAEMON_WORK_BASE_MODELS_H
#define DAEMON_WORK_BASE_MODELS_H

#include "core/base/err.h"
#include "core/hub/model_dir.h"

#include <stddef.h>
#include <stdint.h>

enum { BASE_MODEL_ID_MAX = 96, BASE_MODELS_MAX = 10000 };

struct base_model {
    const char *id; /* [A-Za-z0-9._-]{1,96} */
    const char *folder;
    int64_t created_at;           /* when its config.json was written, unix seconds */
    struct model_summary summary; /* without hash */
};

struct base_models;

/*
 * Scan the directories. ERR_INVALID for two models of one name (both folders are named) and for a
 * directory that cannot be read.
 */
int base_models_scan(const char *const *directories, size_t count, struct base_models **out,
                     struct err *err);

/* NULL is fine. */
void base_models_free(struct base_models *models);

/* In the order of ids. */
size_t base_models_count(const struct base_models *models);
const struct base_model *base_models_at(const struct base_models *models, size_t index);

/* NULL when there is none. */
const struct base_model *base_models_find(const struct base_models *models, const char *id);

#endif
