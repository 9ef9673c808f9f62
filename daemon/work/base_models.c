/*
 * Scanning the models directories; see base_models.h for what counts as a model.
 */
#include "daemon/work/base_models.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/fileio.h"
#include "core/base/mem.h"
#include "daemon/log.h"

#define HUB_PREFIX    "models--"
#define HUB_SEPARATOR "--"

enum { REVISION_MAX_BYTES = 256 };

struct base_models {
    pthread_mutex_t mutex; /* guards all below */
    struct arena *arena;
    struct base_model **items; /* each in the arena: never moved, never freed before the end */
    size_t count;
    size_t capacity;
    struct base_models *absorbed; /* whose models were taken over: later scans, imports; a list */
};

static bool
id_is_legal(const char *id)
{
    size_t length = strlen(id);
    return length > 0 && length <= BASE_MODEL_ID_MAX &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               length;
}

static bool
is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int64_t
modified_at(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)status.st_mtim.tv_sec : 0;
}

static bool
has_file(struct arena *arena, const char *folder, const char *name)
{
    return fileio_exists(arena_printf(arena, "%s/%s", folder, name));
}

static bool
has_tokenizer(struct arena *arena, const char *folder)
{
    return has_file(arena, folder, "tokenizer.json") || has_file(arena, folder, "vocab.txt") ||
           (has_file(arena, folder, "vocab.json") && has_file(arena, folder, "merges.txt"));
}

static void
append(struct base_models *models, struct base_model *model)
{
    if (models->count == models->capacity) {
        models->capacity = models->capacity == 0 ? 16 : 2 * models->capacity;
        models->items = mem_resize(models->items, models->capacity, sizeof(struct base_model *));
    }
    models->items[models->count++] = model;
}

bool
base_models_is_reserved(const char *id)
{
    return strcmp(id, "import") == 0;
}

/* What a folder with a config.json is, or why it is no model. */
static int
describe(struct base_models *models, const char *id, const char *folder, struct base_model **out,
         struct err *err)
{
    struct base_model *model = arena_alloc(models->arena, sizeof *model);
    if (!id_is_legal(id))
        return err_set(err, ERR_INVALID, "its name must be 1 to %d of A-Z a-z 0-9 . _ -",
                       BASE_MODEL_ID_MAX);
    if (base_models_is_reserved(id))
        return err_set(err, ERR_INVALID, "no model can be called '%s': give it another name", id);
    if (model_dir_summarize(folder, false, models->arena, &model->summary, err) != 0)
        return err->code;
    if (!has_tokenizer(models->arena, folder))
        return err_set(
            err, ERR_INVALID,
            "it has neither tokenizer.json nor vocab.txt, nor vocab.json with merges.txt");
    model->id = arena_copy_string(models->arena, id);
    model->folder = arena_copy_string(models->arena, folder);
    model->created_at = modified_at(arena_printf(models->arena, "%s/config.json", folder));
    *out = model;
    return 0;
}

/* A folder with a config.json: take it in, or say in the log why not. */
static int
consider(struct base_models *models, const char *id, const char *folder, struct err *err)
{
    struct base_model *model = NULL;
    struct err why;
    if (describe(models, id, folder, &model, &why) != 0) {
        log_warn("skip model folder=%s reason=\"%s\"", folder, why.message);
        return 0;
    }
    if (models->count == BASE_MODELS_MAX)
        return err_set(err, ERR_INVALID, "there are more than %d base models", BASE_MODELS_MAX);
    append(models, model);
    return 0;
}

/* The newest sub-folder of a hub model's snapshots/, or NULL. */
static const char *
newest_snapshot(struct arena *arena, const char *snapshots)
{
    const char *newest = NULL;
    int64_t newest_time = 0;
    DIR *listing = opendir(snapshots);
    if (listing == NULL)
        return NULL;
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        if (entry->d_name[0] == '.')
            continue;
        const char *path = arena_printf(arena, "%s/%s", snapshots, entry->d_name);
        int64_t time = modified_at(path);
        bool later = newest == NULL || time > newest_time ||
                     (time == newest_time && strcmp(path, newest) > 0);
        if (is_folder(path) && later) {
            newest = path;
            newest_time = time;
        }
    }
    closedir(listing);
    return newest;
}

/* The snapshot that refs/main names, else the newest; NULL when there is none. */
static const char *
hub_snapshot(struct arena *arena, const char *folder)
{
    struct buf revision = {0};
    struct err ignored;
    const char *snapshots = arena_printf(arena, "%s/snapshots", folder);
    const char *found = NULL;
    if (fileio_read(arena_printf(arena, "%s/refs/main", folder), REVISION_MAX_BYTES, &revision,
                    &ignored) == 0) {
        const char *text = buf_string(&revision);
        const char *name = arena_copy_bytes(arena, text, strcspn(text, "\r\n \t"));
        if (id_is_legal(name) && name[0] != '.')
            found = arena_printf(arena, "%s/%s", snapshots, name);
    }
    buf_fini(&revision);
    return found != NULL && is_folder(found) ? found : newest_snapshot(arena, snapshots);
}

/* models--org--name -> name */
static const char *
hub_model_name(const char *name)
{
    const char *last = name + strlen(HUB_PREFIX);
    for (const char *next = last; (next = strstr(next, HUB_SEPARATOR)) != NULL;) {
        next += strlen(HUB_SEPARATOR);
        last = next;
    }
    return last;
}

/* One entry of a models directory. */
static int
consider_entry(struct base_models *models, const char *directory, const char *name, struct err *err)
{
    const char *path = arena_printf(models->arena, "%s/%s", directory, name);
    if (name[0] == '.' || !is_folder(path))
        return 0;
    if (has_file(models->arena, path, "config.json"))
        return consider(models, name, path, err);
    if (strncmp(name, HUB_PREFIX, strlen(HUB_PREFIX)) != 0)
        return 0;
    const char *snapshot = hub_snapshot(models->arena, path);
    if (snapshot == NULL || !has_file(models->arena, snapshot, "config.json"))
        return 0;
    return consider(models, hub_model_name(name), snapshot, err);
}

/* A models directory that is itself a model: its own name is the id, also for "." */
static int
consider_itself(struct base_models *models, const char *directory, struct err *err)
{
    char *real = realpath(directory, NULL);
    if (real == NULL)
        return err_set_errno(err, "models directory %s", directory);
    const char *slash = strrchr(real, '/');
    int code = consider(models, slash == NULL ? real : slash + 1, real, err);
    free(real);
    return code;
}

static int
scan_directory(struct base_models *models, const char *directory, struct err *err)
{
    if (has_file(models->arena, directory, "config.json"))
        return consider_itself(models, directory, err);
    DIR *listing = opendir(directory);
    if (listing == NULL) {
        int code = errno;
        return err_set(err, ERR_INVALID, "models directory %s cannot be read: %s", directory,
                       code == ENOENT ? "it does not exist" : strerror(code));
    }
    int code = 0;
    for (struct dirent *entry = readdir(listing); entry != NULL && code == 0;
         entry = readdir(listing))
        code = consider_entry(models, directory, entry->d_name, err);
    closedir(listing);
    return code;
}

static int
compare_ids(const void *a, const void *b)
{
    const struct base_model *const *first = a;
    const struct base_model *const *second = b;
    return strcmp((*first)->id, (*second)->id);
}

static bool
is_same_folder(const char *a, const char *b)
{
    struct stat first;
    struct stat second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* Sort by id. A folder reached on two ways counts once; two folders of one name are refused. */
static int
settle_names(struct base_models *models, struct err *err)
{
    size_t kept = 0;
    if (models->count > 0)
        qsort(models->items, models->count, sizeof(struct base_model *), compare_ids);
    for (size_t i = 0; i < models->count; i++) {
        struct base_model *model = models->items[i];
        const struct base_model *before = kept > 0 ? models->items[kept - 1] : NULL;
        if (before == NULL || strcmp(before->id, model->id) != 0) {
            models->items[kept++] = model;
            continue;
        }
        if (!is_same_folder(before->folder, model->folder))
            return err_set(
                err, ERR_INVALID,
                "two base models are called '%s': %s and %s. Rename or remove one of them",
                model->id, before->folder, model->folder);
    }
    models->count = kept;
    return 0;
}

static struct base_models *
new_models(void)
{
    struct base_models *models = mem_small(sizeof *models);
    *models = (struct base_models){.arena = arena_new()};
    pthread_mutex_init(&models->mutex, NULL);
    return models;
}

int
base_models_scan(const char *const *directories, size_t count, struct base_models **out,
                 struct err *err)
{
    struct base_models *models = new_models();
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = scan_directory(models, directories[i], err);
    if (code == 0)
        code = settle_names(models, err);
    if (code != 0) {
        base_models_free(models);
        return code;
    }
    *out = models;
    return 0;
}

void
base_models_free(struct base_models *models)
{
    while (models != NULL) {
        struct base_models *next = models->absorbed;
        arena_free(models->arena);
        pthread_mutex_destroy(&models->mutex);
        free(models->items);
        free(models);
        models = next;
    }
}

size_t
base_models_count(struct base_models *models)
{
    pthread_mutex_lock(&models->mutex);
    size_t count = models->count;
    pthread_mutex_unlock(&models->mutex);
    return count;
}

const struct base_model *const *
base_models_all(struct base_models *models, struct arena *arena, size_t *count)
{
    pthread_mutex_lock(&models->mutex);
    const struct base_model **all = arena_array(arena, models->count, sizeof *all);
    for (size_t i = 0; i < models->count; i++)
        all[i] = models->items[i];
    *count = models->count;
    pthread_mutex_unlock(&models->mutex);
    return all;
}

/* The place of the model of that id, or where it would stand; with the lock held. */
static size_t
find_place(const struct base_models *models, const char *id, bool *is_there)
{
    size_t place = 0;
    while (place < models->count && strcmp(models->items[place]->id, id) < 0)
        place++;
    *is_there = place < models->count && strcmp(models->items[place]->id, id) == 0;
    return place;
}

const struct base_model *
base_models_find(struct base_models *models, const char *id)
{
    bool is_there = false;
    pthread_mutex_lock(&models->mutex);
    size_t place = find_place(models, id, &is_there);
    const struct base_model *model = is_there ? models->items[place] : NULL;
    pthread_mutex_unlock(&models->mutex);
    return model;
}

/* With the lock held. */
static void
insert(struct base_models *models, size_t place, struct base_model *model)
{
    append(models, model);
    memmove(models->items + place + 1, models->items + place,
            (models->count - 1 - place) * sizeof(struct base_model *));
    models->items[place] = model;
}

/* With the lock held. */
static void
take_out(struct base_models *models, size_t place)
{
    models->count--;
    memmove(models->items + place, models->items + place + 1,
            (models->count - place) * sizeof(struct base_model *));
}

/* Models that own memory, from now on that of `models`. With the lock held. */
static void
absorb(struct base_models *models, struct base_models *fresh)
{
    fresh->absorbed = models->absorbed;
    models->absorbed = fresh;
}

/* With the lock held. */
static int
add(struct base_models *models, struct base_models *fresh, struct base_model *model,
    struct err *err)
{
    bool is_there = false;
    size_t place = find_place(models, model->id, &is_there);
    if (is_there)
        return err_set(err, ERR_CONFLICT, "there is a base model '%s' already", model->id);
    if (models->count == BASE_MODELS_MAX)
        return err_set(err, ERR_INVALID, "there are %d base models already", BASE_MODELS_MAX);
    insert(models, place, model);
    absorb(models, fresh);
    return 0;
}

/* The folder is read before the lock is taken. */
int
base_models_add(struct base_models *models, const char *id, const char *folder, struct err *err)
{
    struct base_models *fresh = new_models();
    struct base_model *model = NULL;
    int code = describe(fresh, id, folder, &model, err);
    if (code == 0) {
        pthread_mutex_lock(&models->mutex);
        code = add(models, fresh, model, err);
        pthread_mutex_unlock(&models->mutex);
    }
    if (code != 0)
        base_models_free(fresh);
    return code;
}

bool
base_models_remove(struct base_models *models, const char *id)
{
    bool is_there = false;
    pthread_mutex_lock(&models->mutex);
    size_t place = find_place(models, id, &is_there);
    if (is_there)
        take_out(models, place);
    pthread_mutex_unlock(&models->mutex);
    return is_there;
}

size_t
base_models_exchange_take(struct base_models *models, struct base_models *fresh,
                          const struct base_model *const *dropped, size_t count)
{
    size_t added = 0;
    bool is_there = false;
    pthread_mutex_lock(&models->mutex);
    for (size_t i = 0; i < count; i++) {
        size_t place = find_place(models, dropped[i]->id, &is_there);
        if (is_there && models->items[place] == dropped[i])
            take_out(models, place);
    }
    for (size_t i = 0; i < fresh->count; i++) {
        size_t place = find_place(models, fresh->items[i]->id, &is_there);
        if (is_there)
            continue;
        insert(models, place, fresh->items[i]);
        added++;
    }
    if (added > 0)
        absorb(models, fresh);
    pthread_mutex_unlock(&models->mutex);
    if (added == 0)
        base_models_free(fresh);
    return added;
}
