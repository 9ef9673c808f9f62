/* Rows into paths, and paths held against the disk; see inventory.h. */
#include "daemon/store/inventory.h"

#include "core/base/fileio.h"
#include "core/train/resume_state.h"
#include "daemon/store/ids.h"
#include "daemon/store/list.h"
#include "daemon/store/migrate.h"
#include "daemon/store/query.h"
#include "daemon/store/resume_states.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME_MAX_BYTES = 100 };

static const char *const resume_files[] = {INVENTORY_SUMS_FILE, "state.json", "state.safetensors"};

static const char *const kind_names[] = {
    [INVENTORY_RESUME_STATE] = "resume states",
    [INVENTORY_CHECKPOINT] = "checkpoints",
    [INVENTORY_PART] = "parts of uploads",
    [INVENTORY_FILE] = "files",
    [INVENTORY_MODEL] = "models",
    [INVENTORY_BASE_MODEL] = "imported base models",
};

_Static_assert(sizeof kind_names / sizeof kind_names[0] == INVENTORY_KIND_COUNT,
               "a name for each kind");

const char *
inventory_kind_name(enum inventory_kind kind)
{
    return kind_names[kind];
}

int
inventory_open(const char *database, const char *scratch, struct db **out, struct err *err)
{
    size_t applied = 0;
    struct migration_list list = migrate_embedded();
    *out = NULL;
    if (!fileio_exists(database))
        return err_set(err, ERR_NOT_FOUND, "there is no database %s", database);
    if (migrate_inspect(database, list, &applied, err) != 0)
        return err->code;
    if (applied == list.count)
        return db_open_read_only(database, out, err);
    if (fileio_copy(database, scratch, err) != 0 || migrate_run(scratch, list, err) != 0)
        return err->code;
    return db_open_read_only(scratch, out, err);
}

/* ---- listing --------------------------------------------------------------------------------- */

struct listing {
    struct db *db;
    const struct data_dir *dir;
    struct arena *arena;
    struct row_list items;
};

static void
add(struct listing *listing, const struct inventory_item *item)
{
    struct inventory_item *slot = list_add(&listing->items, listing->arena);
    *slot = *item;
    slot->inside = slot->path + strlen(data_dir_root(listing->dir)) + 1;
}

static int
refuse_name(const char *what, const char *name, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "the database names a stored %s '%.64s', which no %s is called: it is damaged; "
                   "restore a backup",
                   what, name != NULL ? name : "", what);
}

static bool
is_id(enum id_kind kind, const char *text)
{
    return text != NULL && ids_is_valid(kind, text);
}

/* A name that our own listing of a folder would have taken (work/folder_files.h). */
static bool
is_name(const char *name)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "._-";
    size_t length = name != NULL ? strlen(name) : 0;
    return length > 0 && length <= NAME_MAX_BYTES && name[0] != '.' &&
           strspn(name, allowed) == length;
}

static int
take_resume_state(struct listing *listing, struct query *query, struct err *err)
{
    struct arena *arena = listing->arena;
    const char *job_id = query_take_text(query, arena);
    int64_t step = query_take_integer(query);
    bool pending = query_take_integer(query) != 0;
    if (!is_id(ID_JOB, job_id))
        return refuse_name("job", job_id, err);
    const char *folder = data_dir_resume_state_path(
        listing->dir, job_id, resume_states_name(step, pending, arena), arena);
    for (size_t i = 0; i < sizeof resume_files / sizeof resume_files[0]; i++) {
        const struct inventory_item item = {
            .kind = INVENTORY_RESUME_STATE,
            .path = arena_printf(arena, "%s/%s", folder, resume_files[i]),
            .bytes = -1,
        };
        add(listing, &item);
    }
    return 0;
}

/* The columns name, bytes, sha256 of a file in a model's folder. */
static int
take_model_file(struct listing *listing, struct query *query, const char *folder,
                enum inventory_kind kind, struct err *err)
{
    const char *name = query_take_text(query, listing->arena);
    if (!is_name(name))
        return refuse_name("file of a model", name, err);
    const struct inventory_item item = {
        .kind = kind,
        .path = arena_printf(listing->arena, "%s/%s", folder, name),
        .bytes = query_take_integer(query),
        .sha256 = query_take_text(query, listing->arena),
    };
    add(listing, &item);
    return 0;
}

static int
take_checkpoint(struct listing *listing, struct query *query, struct err *err)
{
    const char *job_id = query_take_text(query, listing->arena);
    int64_t step = query_take_integer(query);
    if (!is_id(ID_JOB, job_id))
        return refuse_name("job", job_id, err);
    const char *folder = data_dir_checkpoint_path(listing->dir, job_id, step, listing->arena);
    return take_model_file(listing, query, folder, INVENTORY_CHECKPOINT, err);
}

static int
take_part(struct listing *listing, struct query *query, struct err *err)
{
    const char *upload_id = query_take_text(query, listing->arena);
    const char *part_id = query_take_text(query, listing->arena);
    if (!is_id(ID_UPLOAD, upload_id) || !is_id(ID_PART, part_id))
        return refuse_name("part", part_id, err);
    const struct inventory_item item = {
        .kind = INVENTORY_PART,
        .path = data_dir_part_path(listing->dir, upload_id, part_id, listing->arena),
        .bytes = query_take_integer(query),
    };
    add(listing, &item);
    return 0;
}

static int
take_file(struct listing *listing, struct query *query, struct err *err)
{
    const char *id = query_take_text(query, listing->arena);
    if (!is_id(ID_FILE, id))
        return refuse_name("file", id, err);
    const struct inventory_item item = {
        .kind = INVENTORY_FILE,
        .path = data_dir_file_path(listing->dir, id, listing->arena),
        .bytes = query_take_integer(query),
        .sha256 = query_take_text(query, listing->arena),
    };
    add(listing, &item);
    return 0;
}

static int
take_model(struct listing *listing, struct query *query, struct err *err)
{
    const char *job_id = query_take_text(query, listing->arena);
    if (!is_id(ID_JOB, job_id))
        return refuse_name("model", job_id, err);
    const char *folder = data_dir_model_path(listing->dir, job_id, listing->arena);
    return take_model_file(listing, query, folder, INVENTORY_MODEL, err);
}

typedef int take_row(struct listing *listing, struct query *query, struct err *err);

static int
list_rows(struct listing *listing, enum statement statement, take_row *take, struct err *err)
{
    struct query query = query_begin(listing->db, statement);
    int result = 0;
    while ((result = query_step(&query, err)) > 0)
        if ((result = take(listing, &query, err)) != 0)
            break;
    query_end(&query);
    return result;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in a folder, sorted, without those that begin with a dot; an absent folder is empty. */
static int
read_folder(const char *path, struct arena *arena, struct row_list *names, struct err *err)
{
    *names = (struct row_list){.size = sizeof(const char *)};
    DIR *folder = opendir(path);
    if (folder == NULL)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_set_errno(err, "read folder %s", path);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        if (entry->d_name[0] != '.')
            *(const char **)list_add(names, arena) = arena_copy_string(arena, entry->d_name);
    closedir(folder);
    if (names->count > 0)
        qsort(names->items, names->count, names->size, compare_names);
    return 0;
}

static int
list_base_model(struct listing *listing, const char *folder, struct err *err)
{
    struct row_list names;
    if (read_folder(folder, listing->arena, &names, err) != 0)
        return err->code;
    for (size_t i = 0; i < names.count; i++) {
        struct stat status;
        const char *name = ((const char **)names.items)[i];
        struct inventory_item item = {
            .kind = INVENTORY_BASE_MODEL,
            .path = arena_printf(listing->arena, "%s/%s", folder, name),
        };
        if (!is_name(name) || lstat(item.path, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        item.bytes = status.st_size;
        add(listing, &item);
    }
    return 0;
}

static int
list_base_models(struct listing *listing, struct err *err)
{
    struct row_list ids;
    const char *all = data_dir_base_models_path(listing->dir, listing->arena);
    if (read_folder(all, listing->arena, &ids, err) != 0)
        return err->code;
    for (size_t i = 0; i < ids.count; i++) {
        const char *id = ((const char **)ids.items)[i];
        if (data_dir_is_model_id(id) &&
            list_base_model(listing, data_dir_base_model_path(listing->dir, id, listing->arena),
                            err) != 0)
            return err->code;
    }
    return 0;
}

int
inventory_list(struct db *db, const struct data_dir *dir, struct arena *arena,
               struct inventory *out, struct err *err)
{
    struct listing listing = {
        .db = db, .dir = dir, .arena = arena, .items = {.size = sizeof(struct inventory_item)}};
    *out = (struct inventory){0};
    if (list_rows(&listing, STATEMENT_STORED_RESUME_STATES, take_resume_state, err) != 0 ||
        list_rows(&listing, STATEMENT_STORED_CHECKPOINTS, take_checkpoint, err) != 0 ||
        list_rows(&listing, STATEMENT_STORED_PARTS, take_part, err) != 0 ||
        list_rows(&listing, STATEMENT_STORED_FILES, take_file, err) != 0 ||
        list_rows(&listing, STATEMENT_STORED_MODELS, take_model, err) != 0 ||
        list_base_models(&listing, err) != 0)
        return err_prefix(err, "list what is stored");
    *out = (struct inventory){listing.items.items, listing.items.count};
    return 0;
}

/* ---- checking -------------------------------------------------------------------------------- */

/* The whole state, by its sums and as what it must hold. */
static int
check_resume_state(const struct inventory_item *item, struct err *err)
{
    struct arena *arena = arena_new();
    size_t length = strlen(item->path) - strlen("/" INVENTORY_SUMS_FILE);
    struct resume_file *state = NULL;
    int code = resume_state_open(arena_copy_bytes(arena, item->path, length), &state, err);
    if (code == 0)
        resume_state_close(state);
    else if (code != ERR_NOT_FOUND)
        err_set(err, ERR_INVALID, "%.*s is damaged: %.600s",
                (int)(strlen(item->inside) - strlen("/" INVENTORY_SUMS_FILE)), item->inside,
                arena_copy_string(arena, err->message));
    arena_free(arena);
    return code == 0 ? 0 : err->code;
}

static int
check_bytes(const struct inventory_item *item, struct err *err)
{
    char hex[65];
    if (item->sha256 == NULL)
        return 0;
    if (fileio_sha256(item->path, hex, err) != 0)
        return err->code;
    if (strcmp(hex, item->sha256) != 0)
        return err_set(err, ERR_INVALID, "%s is damaged: its bytes are not those that were stored",
                       item->inside);
    return 0;
}

static bool
is_sums(const struct inventory_item *item)
{
    const char *slash = strrchr(item->inside, '/');
    return item->kind == INVENTORY_RESUME_STATE && strcmp(slash + 1, INVENTORY_SUMS_FILE) == 0;
}

int
inventory_check(const struct inventory_item *item, struct err *err)
{
    struct stat status;
    if (lstat(item->path, &status) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? err_set(err, ERR_NOT_FOUND, "%s is missing", item->inside)
                   : err_set_errno(err, "look at %s", item->inside);
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_INVALID, "%s is no plain file", item->inside);
    if (item->bytes >= 0 && status.st_size != item->bytes)
        return err_set(err, ERR_INVALID, "%s is damaged: it has %lld bytes, and %lld were stored",
                       item->inside, (long long)status.st_size, (long long)item->bytes);
    return is_sums(item) ? check_resume_state(item, err) : check_bytes(item, err);
}

const struct inventory_item *
inventory_find(const struct inventory *inventory, const char *inside)
{
    for (size_t i = 0; i < inventory->count; i++)
        if (strcmp(inventory->items[i].inside, inside) == 0)
            return &inventory->items[i];
    return NULL;
}

/* ---- orphans --------------------------------------------------------------------------------- */

struct search {
    const char **named; /* sorted */
    size_t count;
    size_t root_length; /* of the data directory's path, with its slash */
    int64_t before;
    struct arena *arena;
    struct inventory_orphans *out;
};

static void
look_at(struct search *search, const char *path, const struct stat *status)
{
    const char *inside = path + search->root_length;
    struct inventory_orphans *out = search->out;
    if ((search->count > 0 &&
         bsearch(&inside, search->named, search->count, sizeof inside, compare_names) != NULL) ||
        status->st_ctime >= search->before)
        return;
    if (out->count == 0)
        out->first = arena_copy_string(search->arena, inside);
    out->count++;
    out->bytes += status->st_size;
}

/* Our folders are four deep; one that is deeper is somebody else's and is counted as it stands. */
static int
search_folder(struct search *search, const char *path, int depth, struct err *err)
{
    enum { DEPTH_MAX = 8 };
    struct row_list names;
    if (read_folder(path, search->arena, &names, err) != 0)
        return err->code;
    for (size_t i = 0; i < names.count; i++) {
        struct stat status;
        const char *entry =
            arena_printf(search->arena, "%s/%s", path, ((const char **)names.items)[i]);
        if (lstat(entry, &status) != 0)
            continue; /* gone meanwhile */
        if (!S_ISDIR(status.st_mode) || depth == DEPTH_MAX)
            look_at(search, entry, &status);
        else if (search_folder(search, entry, depth + 1, err) != 0)
            return err->code;
    }
    return 0;
}

int
inventory_find_orphans(const struct inventory *inventory, const struct data_dir *dir,
                       int64_t before, struct arena *arena, struct inventory_orphans *out,
                       struct err *err)
{
    static const char *const folders[] = {"files", "jobs", "models", "uploads"};
    struct search search = {
        .named = arena_array(arena, inventory->count, sizeof *search.named),
        .count = inventory->count,
        .root_length = strlen(data_dir_root(dir)) + 1,
        .before = before,
        .arena = arena,
        .out = out,
    };
    *out = (struct inventory_orphans){0};
    for (size_t i = 0; i < inventory->count; i++)
        search.named[i] = inventory->items[i].inside;
    if (inventory->count > 0)
        qsort(search.named, search.count, sizeof *search.named, compare_names);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (search_folder(&search, arena_printf(arena, "%s/%s", data_dir_root(dir), folders[i]), 1,
                          err) != 0)
            return err->code;
    return 0;
}
