/* The tensors of several files behind one list; see weight_set.h. */
#include "core/hub/weight_set.h"

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/hub/model_weights.h"
#include "core/hub/safetensors.h"
#include "core/hub/torch_zip.h"

#include <stdlib.h>
#include <string.h>

enum { QUOTED_NAME_BYTES = 128 };

/* One file: one of the two. */
struct part {
    struct safetensors *safetensors;
    struct torch_zip *torch;
};

struct weight_set {
    struct arena *arena;
    struct model_weights weights;
    struct part *parts;                   /* (weights.count) */
    const struct stored_tensor **tensors; /* (count), ascending by name */
    size_t count;
};

static size_t
part_count(const struct part *part)
{
    return part->torch != NULL ? torch_zip_count(part->torch)
                               : safetensors_count(part->safetensors);
}

static const struct stored_tensor *
part_at(const struct part *part, size_t index)
{
    return part->torch != NULL ? torch_zip_at(part->torch, index)
                               : safetensors_at(part->safetensors, index);
}

static int
open_parts(struct weight_set *set, const char *folder, struct err *err)
{
    const struct model_weights *weights = &set->weights;
    set->parts = arena_array(set->arena, weights->count, sizeof *set->parts);
    for (size_t i = 0; i < weights->count; i++) {
        const char *path = arena_printf(set->arena, "%s/%s", folder, weights->files[i]);
        struct part *part = &set->parts[i];
        int rc = weights->pickled ? torch_zip_open(path, &part->torch, err)
                                  : safetensors_open(path, &part->safetensors, err);
        if (rc != 0)
            return rc;
        set->count += part_count(part);
    }
    return 0;
}

static int
by_name(const void *left, const void *right)
{
    const struct stored_tensor *const *a = left;
    const struct stored_tensor *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

static int
list_tensors(struct weight_set *set, struct err *err)
{
    size_t count = 0;
    set->tensors = mem_array(set->count, sizeof *set->tensors);
    if (set->tensors == NULL)
        return err_set(err, ERR_MEMORY, "the list of tensors does not fit into memory");
    for (size_t i = 0; i < set->weights.count; i++)
        for (size_t t = 0; t < part_count(&set->parts[i]); t++)
            set->tensors[count++] = part_at(&set->parts[i], t);
    if (count > 0)
        qsort(set->tensors, count, sizeof *set->tensors, by_name);
    return 0;
}

/* ---- against the index ----------------------------------------------------------------------- */

static int
quoted(const char *name)
{
    return (int)utf8_clip(name, strlen(name), QUOTED_NAME_BYTES);
}

/* Does every tensor stand where the index says? Then none stands in two files. */
static int
check_files(const struct weight_set *set, struct err *err)
{
    const struct model_weights *weights = &set->weights;
    for (size_t i = 0; i < set->count; i++) {
        const struct stored_tensor *tensor = set->tensors[i];
        const struct weights_index_row *row = weights_index_find(&weights->index, tensor->name);
        if (row == NULL)
            return err_set(err, ERR_INVALID,
                           "%s has tensor '%.*s', of which %s knows nothing: they belong to "
                           "different models; copy all files from one place",
                           tensor->file->name, quoted(tensor->name), tensor->name, weights->head);
        if (strcmp(weights->files[row->file], tensor->file->name) != 0)
            return err_set(err, ERR_INVALID,
                           "%s has tensor '%.*s', which by %s stands in %s: copy all files from "
                           "one place",
                           tensor->file->name, quoted(tensor->name), tensor->name, weights->head,
                           weights->files[row->file]);
    }
    return 0;
}

static int
check_index(const struct weight_set *set, struct err *err)
{
    const struct weights_index *index = &set->weights.index;
    if (!set->weights.indexed)
        return 0;
    if (check_files(set, err) != 0)
        return err->code;
    for (size_t i = 0; i < index->count; i++) {
        const char *name = index->rows[i].tensor;
        if (weight_set_find(set, name) == NULL)
            return err_set(err, ERR_INVALID,
                           "%s says that tensor '%.*s' stands in %s, and it does not: copy all "
                           "files from one place",
                           set->weights.head, quoted(name), name,
                           index->files[index->rows[i].file]);
    }
    return 0;
}

/* ---- the set --------------------------------------------------------------------------------- */

int
weight_set_open(const char *folder, struct weight_set **out, struct err *err)
{
    struct weight_set *set = mem_small(sizeof *set);
    *set = (struct weight_set){.arena = arena_new()};
    *out = NULL;
    int rc = model_weights_find(folder, set->arena, &set->weights, err);
    if (rc == 0 && set->weights.head != NULL) {
        if (open_parts(set, folder, err) != 0 || list_tensors(set, err) != 0 ||
            check_index(set, err) != 0)
            rc = err->code;
        else
            *out = set;
    }
    if (*out == NULL)
        weight_set_close(set);
    return rc;
}

void
weight_set_close(struct weight_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; set->parts != NULL && i < set->weights.count; i++) {
        safetensors_close(set->parts[i].safetensors);
        torch_zip_close(set->parts[i].torch);
    }
    free(set->tensors);
    arena_free(set->arena);
    free(set);
}

const char *
weight_set_name(const struct weight_set *set)
{
    return set->weights.head;
}

const struct stored_tensor *
weight_set_find(const struct weight_set *set, const char *name)
{
    const struct stored_tensor wanted = {.name = name};
    const struct stored_tensor *key = &wanted;
    if (set->count == 0)
        return NULL;
    const struct stored_tensor **found =
        bsearch(&key, set->tensors, set->count, sizeof *set->tensors, by_name);
    return found == NULL ? NULL : *found;
}
