/* The doctor's checks of the data directory; see doctor.h. */
#include "daemon/doctor.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "daemon/store/data_dir_outside.h"
#include "daemon/store/db_check.h"
#include "daemon/store/inventory.h"
#include "daemon/store/migrate.h"
#include "daemon/work/budget.h"

#include <limits.h>
#include <time.h>

/* While a daemon runs, what is younger may be about to get its row. */
enum { FRESH_SECONDS = 600 };

static const char restore_remedy[] =
    "Stop the daemon, keep a copy of the data directory, and restore a backup beside it "
    "(finetuned restore).";

void
doctor_check_data_dir(struct doctor *doctor)
{
    static const char name[] = "data_dir";
    struct err err;
    int code = data_dir_look(doctor->config.data_dir, &doctor->dir, &err);
    if (code == ERR_NOT_FOUND) {
        doctor_find(doctor, name, DOCTOR_FAIL,
                    "Give --data-dir; a first start of the daemon makes the directory.", "%s",
                    err.message);
        return;
    }
    if (code != 0) {
        doctor_find(doctor, name, DOCTOR_FAIL, NULL, "%s", err.message);
        return;
    }
    doctor->user = data_dir_user(doctor->dir);
    const char *user = doctor->user > 0
                           ? arena_printf(doctor->arena, "used by process %ld", doctor->user)
                           : "used by no daemon";
    doctor_find(doctor, name, DOCTOR_OK, NULL, "%s, format %d, %s", data_dir_root(doctor->dir),
                DATA_DIR_FORMAT, user);
}

void
doctor_check_permissions(struct doctor *doctor)
{
    static const char name[] = "permissions";
    struct data_dir_modes modes;
    struct err err;
    if (data_dir_look_at_modes(doctor->dir, doctor->arena, &modes, &err) != 0)
        doctor_find(doctor, name, DOCTOR_FAIL, "Run the doctor as the user of the daemon.", "%s",
                    err.message);
    else if (modes.root_is_open)
        doctor_find(doctor, name, DOCTOR_FAIL,
                    "chmod 700 the data directory; a start of the daemon does it too.",
                    "other users may look into the data directory");
    else if (modes.open > 0)
        doctor_find(doctor, name, DOCTOR_WARN, "chmod -R go= the data directory.",
                    "%zu files or folders have rights for other users, such as %s", modes.open,
                    modes.first);
    else if (modes.root_is_alien)
        doctor_find(doctor, name, DOCTOR_WARN, "Run the doctor as the user of the daemon.",
                    "the data directory belongs to another user");
    else
        doctor_find(doctor, name, DOCTOR_OK, NULL, "only its own user may look into it");
}

static void
check_integrity(struct doctor *doctor, const char *path)
{
    static const char name[] = "database";
    struct db *db = NULL;
    struct err err;
    int code = db_open_read_only(path, &db, &err);
    if (code == 0)
        code = db_check(db, &err);
    db_close(db);
    if (code != 0)
        doctor_find(doctor, name, DOCTOR_FAIL, restore_remedy, "%s", err.message);
    else
        doctor_find(doctor, name, DOCTOR_OK, NULL, "all pages, indexes and references are sound");
}

void
doctor_check_database(struct doctor *doctor)
{
    static const char name[] = "schema";
    struct err err;
    size_t applied = 0;
    struct migration_list list = migrate_embedded();
    const char *path = data_dir_database_path(doctor->dir, doctor->arena);
    if (!fileio_exists(path)) {
        doctor_find(doctor, "database", DOCTOR_FAIL, "A start of the daemon makes one.",
                    "%s is missing", path);
        return;
    }
    int code = migrate_inspect(path, list, &applied, &err);
    if (code == ERR_UNSUPPORTED)
        doctor_find(doctor, name, DOCTOR_FAIL, NULL, "%s", err.message);
    else if (code != 0)
        doctor_find(doctor, "database", DOCTOR_FAIL, restore_remedy, "%s", err.message);
    else if (applied < list.count)
        doctor_find(doctor, name, DOCTOR_WARN,
                    "Start the daemon: it brings the database up to date.",
                    "the database has schema %zu, this program %zu", applied, list.count);
    else
        doctor_find(doctor, name, DOCTOR_OK, NULL, "%zu, the newest that this program knows",
                    applied);
    if (code == 0)
        check_integrity(doctor, path);
}

/* ---- stored files ---------------------------------------------------------------------------- */

struct stored {
    struct doctor *doctor;
    struct db *db;
    struct inventory inventory;
    size_t faults;
};

/* Once more, with what rows say now: it may have been deleted or replaced under our eyes. */
static bool
is_fault_still(struct stored *stored, const struct inventory_item *item, struct err *err)
{
    struct err ignored;
    struct inventory now;
    struct arena *arena = arena_new();
    bool still = true;
    if (inventory_list(stored->db, stored->doctor->dir, arena, &now, &ignored) == 0) {
        const struct inventory_item *again = inventory_find(&now, item->inside);
        still = again != NULL && inventory_check(again, err) != 0;
    }
    arena_free(arena);
    return still;
}

static const char *
remedy_of(enum inventory_kind kind)
{
    switch (kind) {
    case INVENTORY_RESUME_STATE:
        return "Nothing: the job goes on from an older state or from its beginning.";
    case INVENTORY_CHECKPOINT:
    case INVENTORY_MODEL:
        return "Restore a backup, or delete the model and train it again.";
    case INVENTORY_PART:
        return "Cancel the upload and begin it again.";
    case INVENTORY_FILE:
        return "Restore a backup, or delete the file and upload it again.";
    case INVENTORY_BASE_MODEL:
    case INVENTORY_KIND_COUNT:
        break;
    }
    return "Restore a backup, or import the model again.";
}

static void
check_items(struct stored *stored)
{
    struct err err;
    for (size_t i = 0; i < stored->inventory.count; i++) {
        const struct inventory_item *item = &stored->inventory.items[i];
        if (inventory_check(item, &err) == 0 || !is_fault_still(stored, item, &err))
            continue;
        if (++stored->faults <= DOCTOR_MAX_FAULTS)
            doctor_find(stored->doctor, "stored", DOCTOR_FAIL, remedy_of(item->kind), "%s",
                        err.message);
    }
    if (stored->faults > DOCTOR_MAX_FAULTS)
        doctor_find(stored->doctor, "stored", DOCTOR_FAIL, NULL, "and %zu more like these",
                    stored->faults - DOCTOR_MAX_FAULTS);
}

/* "3 files, 8 models": how many of each. */
static void
tell_sound(struct stored *stored)
{
    size_t counts[INVENTORY_KIND_COUNT] = {0};
    struct buf text = {0};
    for (size_t i = 0; i < stored->inventory.count; i++)
        counts[stored->inventory.items[i].kind]++;
    for (int kind = 0; kind < INVENTORY_KIND_COUNT; kind++)
        if (counts[kind] > 0)
            buf_printf(&text, "%s%s %zu", text.length > 0 ? ", " : "",
                       inventory_kind_name((enum inventory_kind)kind), counts[kind]);
    doctor_find(stored->doctor, "stored", DOCTOR_OK, NULL,
                "every file that the database names is whole (%s)",
                text.length > 0 ? buf_string(&text) : "there is none yet");
    buf_fini(&text);
}

static void
check_orphans(struct stored *stored)
{
    static const char name[] = "orphans";
    struct err err;
    struct inventory now;
    struct inventory_orphans orphans;
    struct doctor *doctor = stored->doctor;
    int64_t before = doctor->user > 0 ? (int64_t)time(NULL) - FRESH_SECONDS : INT64_MAX;
    if (inventory_list(stored->db, doctor->dir, doctor->arena, &now, &err) != 0 ||
        inventory_find_orphans(&now, doctor->dir, before, doctor->arena, &orphans, &err) != 0)
        doctor_find(doctor, name, DOCTOR_FAIL, NULL, "%s", err.message);
    else if (orphans.count > 0)
        doctor_find(doctor, name, DOCTOR_WARN,
                    "Start the daemon anew: it removes what it left behind. What is there still "
                    "was put there by somebody else.",
                    "files that no row names: %zu (%s), such as %s", orphans.count,
                    budget_size(orphans.bytes, doctor->arena), orphans.first);
    else
        doctor_find(doctor, name, DOCTOR_OK, NULL, "no file that no row names");
}

void
doctor_check_stored(struct doctor *doctor)
{
    struct stored stored = {.doctor = doctor};
    struct err err;
    size_t applied = 0;
    struct migration_list list = migrate_embedded();
    const char *path = data_dir_database_path(doctor->dir, doctor->arena);
    if (!fileio_exists(path) || migrate_inspect(path, list, &applied, &err) != 0)
        return; /* said above */
    if (applied < list.count) {
        doctor_find(doctor, "stored", DOCTOR_WARN, "Start the daemon, then ask again.",
                    "stored files were not checked: the database is of an older schema");
        return;
    }
    if (db_open_read_only(path, &stored.db, &err) != 0 ||
        inventory_list(stored.db, doctor->dir, doctor->arena, &stored.inventory, &err) != 0) {
        doctor_find(doctor, "stored", DOCTOR_FAIL, restore_remedy, "%s", err.message);
    } else {
        check_items(&stored);
        if (stored.faults == 0)
            tell_sound(&stored);
        check_orphans(&stored);
    }
    db_close(stored.db);
}
