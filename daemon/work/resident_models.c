/* Loaded models in order of their last use; see resident_models.h. */
#include "daemon/work/resident_models.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/hub/model_weights.h"

/* False when there are none. */
static bool
look_at_weights(const char *folder, struct stat *out)
{
    struct arena *arena = arena_new();
    const char *head = model_weights_head(folder, arena);
    bool found = head != NULL && stat(head, out) == 0;
    arena_free(arena);
    return found;
}

/* Are no other weights there than were loaded? What is just being deleted may be used. */
static bool
is_current(const struct resident_model *place)
{
    struct stat now;
    const struct stat *then = &place->weights;
    if (!look_at_weights(place->folder, &now))
        return true;
    return now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
           now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

static void
unload(struct resident_model *place)
{
    predictor_free(place->predictor);
    free(place->folder);
    *place = (struct resident_model){0};
}

/* Move place `index` to the front. */
static void
touch(struct resident_models *models, size_t index)
{
    struct resident_model used = models->places[index];
    memmove(&models->places[1], &models->places[0], index * sizeof used);
    models->places[0] = used;
}

static char *
copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(mem_small(size), text, size);
}

/* Where the model of a folder is, or RESIDENT_MODELS_MAX. */
static size_t
find(const struct resident_models *models, const char *folder)
{
    size_t i = 0;
    while (i < RESIDENT_MODELS_MAX &&
           (models->places[i].predictor == NULL || strcmp(models->places[i].folder, folder) != 0))
        i++;
    return i;
}

/* A free place, or that of the model used longest ago. */
static size_t
find_room(const struct resident_models *models)
{
    size_t i = 0;
    while (i < RESIDENT_MODELS_MAX - 1 && models->places[i].predictor != NULL)
        i++;
    return i;
}

int
resident_models_get(struct resident_models *models, const char *folder, struct predictor **out,
                    struct err *err)
{
    size_t index = find(models, folder);
    if (index < RESIDENT_MODELS_MAX && !is_current(&models->places[index])) {
        unload(&models->places[index]);
        index = RESIDENT_MODELS_MAX;
    }
    if (index == RESIDENT_MODELS_MAX) {
        struct resident_model fresh = {.predictor = NULL};
        index = find_room(models);
        unload(&models->places[index]); /* first: there may be no room for one more */
        if (!look_at_weights(folder, &fresh.weights))
            fresh.weights = (struct stat){0};
        if (predictor_open(folder, models->engine, &fresh.predictor, err) != 0)
            return err->code;
        fresh.folder = copy_text(folder);
        models->places[index] = fresh;
    }
    touch(models, index);
    *out = models->places[0].predictor;
    return 0;
}

void
resident_models_drop(struct resident_models *models, const char *folder)
{
    size_t length = strlen(folder);
    for (size_t i = 0; i < RESIDENT_MODELS_MAX; i++) {
        const char *at = models->places[i].folder;
        if (at != NULL && strncmp(at, folder, length) == 0 &&
            (at[length] == '\0' || at[length] == '/'))
            unload(&models->places[i]);
    }
}

void
resident_models_fini(struct resident_models *models)
{
    for (size_t i = 0; i < RESIDENT_MODELS_MAX; i++)
        unload(&models->places[i]);
}
