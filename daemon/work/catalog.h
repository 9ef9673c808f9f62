/*
 * The catalog: every name that a request can give a model, and the folder that it stands for.
 *
 * Names are looked up in this order: alias, base model, fine-tuned model, checkpoint. Fine-tuned
 * models and checkpoints are rows of the store and are asked for each time; nothing is remembered.
 */
#ifndef DAEMON_WORK_CATALOG_H
#define DAEMON_WORK_CATALOG_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/models.h"
#include "daemon/store/store.h"
#include "daemon/work/base_models.h"

#include <stdbool.h>
#include <stdint.h>

enum catalog_kind { CATALOG_BASE, CATALOG_FINE_TUNED, CATALOG_CHECKPOINT };

struct catalog_alias {
    const char *name;
    const char *model;
};

struct catalog_aliases {
    const struct catalog_alias *items;
    size_t count;
};

/* Borrowed parts. The table of aliases may be replaced while others read; an old one must live on.
 */
struct catalog {
    const struct data_dir *dir;
    struct base_models *bases;
    const struct catalog_aliases *_Atomic aliases; /* NULL: none */
};

struct catalog_model {
    enum catalog_kind kind;
    const char *id; /* never an alias */
    const char *folder;
    const char *root; /* the base model at the bottom; equal to id for a base model */
    int64_t created_at;
    const char *job_id; /* NULL for a base model */
    const char *task;   /* NULL for a base model without labels */
    struct model_shape shape;
    const char *files_json;        /* NULL for a base model */
    const char *row_id;            /* of a checkpoint's row, NULL otherwise */
    int64_t step;                  /* of a checkpoint */
    const struct base_model *base; /* NULL for the others */
};

/*
 * Refuse aliases that hide a base model or stand for another alias: ERR_INVALID. One that stands
 * for nothing known is only logged, since it may name a model that is yet to be trained.
 */
int catalog_check_aliases(const struct catalog *catalog, struct err *err);

/* Find a model by name; ERR_NOT_FOUND with a sentence that says how to see what there is. */
int catalog_find(const struct catalog *catalog, struct db *db, const char *name,
                 struct arena *arena, struct catalog_model *out, struct err *err);

/* Does a base model or an alias have this name? */
bool catalog_is_taken(const struct catalog *catalog, const char *name);

/* The entry of a base model, and of a fine-tuned model's row. */
struct catalog_model catalog_from_base(const struct base_model *base);
struct catalog_model catalog_from_row(const struct catalog *catalog, const struct model_row *row,
                                      struct arena *arena);

#endif
