/* Loaded models in order of their last use; see resident_models.h. */
#include "daemon/work/resident_models.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

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
    if (index == RESIDENT_MODELS_MAX) {
        struct predictor *predictor = NULL;
        index = find_room(models);
        unload(&models->places[index]); /* first: there may be no room for one more */
        if (predictor_open(folder, models->engine, &predictor, err) != 0)
            return err->code;
        models->places[index] = (struct resident_model){copy_text(folder), predictor};
    }
    touch(models, index);
    *out = models->places[0].predictor;
    return 0;
}

void
resident_models_drop(struct resident_models *models, const char *folder)
{
    size_t index = find(models, folder);
    if (index < RESIDENT_MODELS_MAX)
        unload(&models->places[index]);
}

void
resident_models_fini(struct resident_models *models)
{
    for (size_t i = 0; i < RESIDENT_MODELS_MAX; i++)
        unload(&models->places[i]);
}
