/* What is in a model folder, without loading it; see model_dir.h. */
#include "core/hub/model_dir.h"

#include "core/base/json.h"
#include "core/hub/model_weights.h"

enum { MAX_CONFIG_BYTES = 16 * 1024 * 1024 };

static int
measure_weights(const char *folder, const struct model_weights *weights, bool with_hash,
                struct model_summary *out, struct err *err)
{
    out->has_weights = true;
    if (model_weights_bytes(folder, weights, &out->bytes, err) != 0)
        return err->code;
    return with_hash ? model_weights_hash(folder, weights, NULL, NULL, out->sha256, err) : 0;
}

int
model_dir_summarize(const char *folder, bool with_hash, struct arena *arena,
                    struct model_summary *out, struct err *err)
{
    struct tensor_layout layout;
    struct model_weights weights;
    *out = (struct model_summary){0};
    if (model_config_read(folder, arena, &out->config, err) != 0)
        return err->code;
    struct arena *scratch = arena_new();
    int rc = tensor_layout_build(&out->config, scratch, &layout, err);
    if (rc == 0)
        rc = model_weights_find(folder, scratch, &weights, err);
    if (rc == 0)
        out->parameters = layout.parameters;
    if (rc == 0 && weights.head != NULL)
        rc = measure_weights(folder, &weights, with_hash, out, err);
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
