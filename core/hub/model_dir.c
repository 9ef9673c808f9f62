/* What is in a model folder, without loading it; see model_dir.h. */
#include "core/hub/model_dir.h"

#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/hub/model_weights.h"

#include <sys/stat.h>

enum { MAX_CONFIG_BYTES = 16 * 1024 * 1024 };

/* Weights that other programs read; only the first is read here. */
static const struct {
    const char *file;
    const char *refusal; /* NULL: read */
} weights_files[] = {
    {MODEL_WEIGHTS_FILE, NULL},
    {"model.safetensors.index.json", "its weights are split over several files"},
    {"pytorch_model.bin", "its weights are a PyTorch pickle"},
    {"pytorch_model.bin.index.json", "its weights are PyTorch pickles, split over several files"},
    {"tf_model.h5", "its weights are those of TensorFlow"},
    {"flax_model.msgpack", "its weights are those of Flax"},
};

int
model_weights_find(const char *folder, struct arena *arena, const char **path, struct err *err)
{
    *path = NULL;
    for (size_t i = 0; i < sizeof weights_files / sizeof weights_files[0]; i++) {
        const char *candidate = arena_printf(arena, "%s/%s", folder, weights_files[i].file);
        if (!fileio_exists(candidate))
            continue;
        if (weights_files[i].refusal != NULL)
            return err_set(err, ERR_UNSUPPORTED,
                           "the model has %s, and no model.safetensors: %s, "
                           "which is not supported yet; load it in transformers and save it with "
                           "save_pretrained(folder, max_shard_size=\"100GB\")",
                           weights_files[i].file, weights_files[i].refusal);
        *path = candidate;
        return 0;
    }
    return 0;
}

static int
measure_weights(const char *path, bool with_hash, struct model_summary *out, struct err *err)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return err_set_errno(err, "stat %s", path);
    out->has_weights = true;
    out->bytes = (int64_t)status.st_size;
    return with_hash ? fileio_sha256(path, out->sha256, err) : 0;
}

int
model_dir_summarize(const char *folder, bool with_hash, struct arena *arena,
                    struct model_summary *out, struct err *err)
{
    struct tensor_layout layout;
    const char *path = NULL;
    *out = (struct model_summary){0};
    if (model_config_read(folder, arena, &out->config, err) != 0)
        return err->code;
    struct arena *scratch = arena_new();
    int rc = tensor_layout_build(&out->config, scratch, &layout, err);
    if (rc == 0)
        rc = model_weights_find(folder, scratch, &path, err);
    if (rc == 0)
        out->parameters = layout.parameters;
    if (rc == 0 && path != NULL)
        rc = measure_weights(path, with_hash, out, err);
    arena_free(scratch);
    return rc;
}

const char *
model_dir_target(const char *folder, struct arena *arena)
{
    struct err err;
    json_t *root =
        json_parse_file(arena_printf(arena, "%s/config.json", folder), MAX_CONFIG_BYTES, &err);
    const json_t *target = json_object_get(json_object_get(root, "finetuned"), "target");
    const char *text = json_string_value(target);
    const char *copy = text == NULL || *text == '\0' ? NULL : arena_copy_string(arena, text);
    json_decref(root);
    return copy;
}
