/*
 * Tensors of a layout, found in a folder's weights; see model_source.h.
 *
 * Every tensor is looked up under the names it may have, and its shape and dtype are checked,
 * before anybody reads a value.
 */
#include "core/hub/model_source.h"

#include "core/base/buf.h"
#include "core/base/utf8.h"
#include "core/hub/zip_reader.h"
#include "core/model/start.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 128 };

/* Old checkpoints call LayerNorm's weight gamma and its bias beta. */
static const struct {
    const char *ending, *old;
} old_endings[] = {
    {"LayerNorm.weight", "LayerNorm.gamma"},
    {"LayerNorm.bias", "LayerNorm.beta"},
};

static const struct stored_tensor *
find_either(const struct weight_set *weights, const char *prefix, const char *name)
{
    const struct stored_tensor *entry = weight_set_find(weights, name);
    if (entry == NULL && strncmp(name, prefix, strlen(prefix)) == 0)
        entry = weight_set_find(weights, name + strlen(prefix));
    return entry;
}

/* Look a tensor up under all the names that it may have. */
static const struct stored_tensor *
find_tensor(const struct model_source *source, const char *name)
{
    const struct weight_set *weights = source->weights;
    const char *prefix = tensor_prefix(source->config.family);
    const struct stored_tensor *entry = find_either(weights, prefix, name);
    for (size_t i = 0; entry == NULL && i < sizeof old_endings / sizeof old_endings[0]; i++) {
        const char *ending = strstr(name, old_endings[i].ending);
        if (ending == NULL)
            continue;
        char old[NAME_BYTES];
        snprintf(old, sizeof old, "%.*s%s", (int)(ending - name), name, old_endings[i].old);
        entry = find_either(weights, prefix, old);
    }
    return entry;
}

static bool
has_shape(const struct stored_tensor *entry, const struct tensor *tensor)
{
    if (tensor->vector)
        return entry->rank == 1 && entry->shape[0] == tensor->columns;
    return entry->rank == 2 && entry->shape[0] == tensor->rows &&
           entry->shape[1] == tensor->columns;
}

/* "(3, 4)", as numpy writes a shape. */
static void
print_shape(struct buf *out, const uint64_t *shape, size_t rank)
{
    buf_append_string(out, "(");
    for (size_t i = 0; i < rank; i++)
        buf_printf(out, "%s%llu", i > 0 ? ", " : "", (unsigned long long)shape[i]);
    buf_append_string(out, rank == 1 ? ",)" : ")");
}

/* Refuse a tensor: missing when entry is NULL, else misshapen. */
static int
refuse_tensor(const struct model_source *source, const struct tensor *tensor,
              const struct stored_tensor *entry, struct err *err)
{
    const uint64_t wanted[2] = {tensor->rows, tensor->columns};
    struct buf text = {0};
    if (entry == NULL)
        buf_append_string(&text, "is missing");
    else {
        buf_append_string(&text, "has shape ");
        print_shape(&text, entry->shape, entry->rank);
    }
    buf_append_string(&text, "; by config.json it must have shape ");
    print_shape(&text, tensor->vector ? wanted + 1 : wanted, tensor->vector ? 1 : 2);
    err_set(err, ERR_INVALID, "%s: tensor '%s' %s",
            entry == NULL ? weight_set_name(source->weights) : entry->file->name, tensor->name,
            buf_string(&text));
    buf_fini(&text);
    return err->code;
}

static bool
is_classifier(const struct tensor *tensor)
{
    return tensor->kind == TENSOR_CLASSIFIER_WEIGHT || tensor->kind == TENSOR_CLASSIFIER_BIAS;
}

static bool
is_pooler(const struct tensor *tensor)
{
    return tensor->kind == TENSOR_POOLER_WEIGHT || tensor->kind == TENSOR_POOLER_BIAS;
}

/* *entry = what the file brings for a tensor, NULL when the tensor may and must start afresh. */
static int
match_tensor(const struct model_source *source, const struct tensor *tensor,
             const struct stored_tensor **entry, struct err *err)
{
    *entry = find_tensor(source, tensor->name);
    bool fits = *entry != NULL && has_shape(*entry, tensor);
    if (!fits && is_classifier(tensor)) {
        *entry = NULL;
        return 0;
    }
    if (*entry == NULL && is_pooler(tensor))
        return 0;
    if (!fits)
        return refuse_tensor(source, tensor, *entry, err);
    if ((*entry)->type == STORED_OTHER)
        return err_set(err, ERR_INVALID,
                       "%s: tensor '%s' has dtype %s; F32, F16, BF16 and F64 are possible",
                       (*entry)->file->name, tensor->name, (*entry)->type_name);
    return 0;
}

/* Weight and bias belong together: half a pooler or classifier in the file is none. */
static void
drop_halves(const struct tensor_layout *layout, const struct stored_tensor **entries)
{
    for (size_t i = 0; i + 1 < layout->count; i++) {
        enum tensor_kind kind = layout->tensors[i].kind;
        if (kind != TENSOR_POOLER_WEIGHT && kind != TENSOR_CLASSIFIER_WEIGHT)
            continue;
        if (entries[i] == NULL || entries[i + 1] == NULL)
            entries[i] = entries[i + 1] = NULL;
    }
}

static void
report_missing(const struct tensor_layout *layout, const struct model_source *source,
               struct model_load_report *report)
{
    report->random_weights = source->weights == NULL;
    for (size_t i = 0; i < layout->count && source->weights != NULL; i++) {
        if (source->entries[i] != NULL)
            continue;
        if (is_pooler(&layout->tensors[i]) && source->config.family == FAMILY_BERT)
            report->missing_pooler = true;
        else
            report->missing_classifier = true;
    }
}

int
model_source_open(const char *folder, const struct tensor_layout *layout, struct model_source *out,
                  struct model_load_report *report, struct err *err)
{
    *report = (struct model_load_report){0};
    *out = (struct model_source){.arena = arena_new()};
    out->entries = arena_array(out->arena, layout->count, sizeof *out->entries);
    if (model_config_read(folder, out->arena, &out->config, err) != 0 ||
        weight_set_open(folder, &out->weights, err) != 0)
        return err->code;
    if (out->weights != NULL) {
        for (size_t i = 0; i < layout->count; i++)
            if (match_tensor(out, &layout->tensors[i], &out->entries[i], err) != 0)
                return err->code;
        drop_halves(layout, out->entries);
    }
    report_missing(layout, out, report);
    return 0;
}

void
model_source_close(struct model_source *source)
{
    weight_set_close(source->weights);
    arena_free(source->arena);
}

int
model_source_verify(const struct model_source *source, const struct tensor_layout *layout,
                    struct err *err)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct stored_tensor *entry = source->entries[i];
        if (entry != NULL && entry->part != NULL && zip_reader_check(entry->part, err) != 0)
            return err_prefix(err, "%s: tensor '%s'", entry->file->name, entry->name);
    }
    return 0;
}

void
model_source_read(const struct model_source *source, const struct tensor_layout *layout,
                  size_t index, uint64_t seed, float *parameters)
{
    if (source->entries[index] != NULL)
        stored_tensor_to_float(source->entries[index], parameters + layout->tensors[index].offset);
    else
        tensor_start(layout, index, &source->config, seed, parameters);
}
