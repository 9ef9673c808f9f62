/*
 * The inventory: every file that a database says is stored, and what is known about it.
 *
 * Rows say which; of files, models and checkpoints they also say size and SHA-256. A resume state
 * has sums of its own (core/train/resume_state.h). Imported base models have no rows: their folders
 * are the record, and what lies in them belongs to the inventory. Ids and names are judged before
 * they become paths: the database may come from a stranger's backup.
 */
#ifndef DAEMON_STORE_INVENTORY_H
#define DAEMON_STORE_INVENTORY_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/data_dir.h"
#include "daemon/store/db.h"

#include <stddef.h>
#include <stdint.h>

/* In the order of the list: what is replaced soonest comes first. */
enum inventory_kind {
    INVENTORY_RESUME_STATE,
    INVENTORY_CHECKPOINT,
    INVENTORY_PART, /* of a pending upload */
    INVENTORY_FILE,
    INVENTORY_MODEL,
    INVENTORY_BASE_MODEL, /* imported */
    INVENTORY_KIND_COUNT
};

/* "resume states", …: for people. */
const char *inventory_kind_name(enum inventory_kind kind);

/* The file of a resume state that holds the sums of the others; the first of each state. */
#define INVENTORY_SUMS_FILE "SHA256SUMS"

struct inventory_item {
    enum inventory_kind kind;
    const char *path;   /* where it is to be */
    const char *inside; /* the same, seen from the data directory: "files/file-…" */
    int64_t bytes;      /* < 0: no row says */
    const char *sha256; /* hex; NULL: no row says */
};

struct inventory {
    struct inventory_item *items;
    size_t count;
};

/*
 * A connection to ask for the list: to the database, or when that is of an older schema to a copy
 * at scratch that is brought up to date. The caller removes scratch.
 */
int inventory_open(const char *database, const char *scratch, struct db **out, struct err *err);

/* List them; dir is where they are to lie. ERR_INVALID when a row holds what can be no name. */
int inventory_list(struct db *db, const struct data_dir *dir, struct arena *arena,
                   struct inventory *out, struct err *err);

/* Is it there and what it was when it was stored? ERR_NOT_FOUND, or ERR_INVALID: how it differs;
 * both name it. Reads every byte. */
int inventory_check(const struct inventory_item *item, struct err *err);

/* The item of that place (seen from the data directory), or NULL. */
const struct inventory_item *inventory_find(const struct inventory *inventory, const char *inside);

/* Files in files/, models/, jobs/ and uploads/ that the inventory does not name. */
struct inventory_orphans {
    size_t count;
    int64_t bytes;
    const char *first; /* of them, by name, seen from the data directory; NULL: none */
};

/*
 * Changed before `before` (unix seconds), lest what is just being stored, whose row comes later, is
 * taken for one.
 */
int inventory_find_orphans(const struct inventory *inventory, const struct data_dir *dir,
                           int64_t before, struct arena *arena, struct inventory_orphans *out,
                           struct err *err);

#endif
