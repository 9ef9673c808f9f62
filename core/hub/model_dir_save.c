/*
 * A fine-tuned model as a folder that transformers' from_pretrained loads; see model_dir.h.
 *
 * config.json repeats the base's shape under transformers' names and adds the object "finetuned",
 * which transformers keeps and ignores:
 *   {"task", "target", "max_seq_length", "tokenizer_version", "numerics", "data_sha256",
 *    "base_sha256"}.
 */
#include "core/hub/model_dir.h"

#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/hub/safetensors.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SHORT_DIGITS = 15, /* enough for any decimal that a person wrote */
    EXACT_DIGITS = 17  /* enough for any double */
};

/* Digits with which all of the config's reals are read back as they were. */
static size_t
real_digits(const struct model_config *config)
{
    const double reals[] = {config->layer_norm_eps, config->initializer_range,
                            config->hidden_dropout, config->attention_dropout,
                            config->classifier_dropout};
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        char text[32];
        snprintf(text, sizeof text, "%.*g", SHORT_DIGITS, reals[i]);
        if (strtod(text, NULL) != reals[i])
            return EXACT_DIGITS;
    }
    return SHORT_DIGITS;
}

static void
set_count(json_t *object, const char *key, size_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void
set_string(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, value == NULL ? json_null() : json_string(value));
}

static void
add_shape(json_t *root, const struct model_config *config)
{
    set_count(root, "hidden_size", config->hidden_size);
    set_count(root, "num_hidden_layers", config->layers);
    set_count(root, "num_attention_heads", config->heads);
    set_count(root, "intermediate_size", config->intermediate_size);
    set_count(root, "vocab_size", config->vocab_size);
    set_count(root, "max_position_embeddings", config->max_positions);
    set_count(root, "type_vocab_size", config->type_vocab_size);
    json_object_set_new(root, "pad_token_id",
                        config->pad_token_id == CONFIG_NO_PAD
                            ? json_null()
                            : json_integer((json_int_t)config->pad_token_id));
    set_string(root, "position_embedding_type", "absolute");
    set_string(root, "hidden_act", activation_name(config->activation));
    json_object_set_new(root, "layer_norm_eps", json_real(config->layer_norm_eps));
    json_object_set_new(root, "initializer_range", json_real(config->initializer_range));
    json_object_set_new(root, "hidden_dropout_prob", json_real(config->hidden_dropout));
    json_object_set_new(root, "attention_probs_dropout_prob", json_real(config->attention_dropout));
    json_object_set_new(root, "classifier_dropout", json_real(config->classifier_dropout));
}

static void
add_labels(json_t *root, const struct model_config *config)
{
    json_t *names = json_object();
    json_t *ids = json_object();
    for (size_t i = 0; i < config->label_count; i++) {
        char key[32];
        snprintf(key, sizeof key, "%zu", i);
        set_string(names, key, config->labels[i]);
        set_count(ids, config->labels[i], i);
    }
    json_object_set_new(root, "id2label", names);
    json_object_set_new(root, "label2id", ids);
}

static json_t *
config_object(const struct model_save *save)
{
    json_t *root = json_pack("{s:[s],s:s,s:s,s:s}", "architectures",
                             "BertForSequenceClassification", "model_type", "bert", "dtype",
                             "float32", "problem_type", "single_label_classification");
    add_shape(root, save->config);
    add_labels(root, save->config);
    json_t *ours = json_object();
    set_string(ours, "task", save->task);
    set_string(ours, "target", save->target);
    set_count(ours, "max_seq_length", save->config->max_seq_length);
    set_count(ours, "tokenizer_version", TOKENIZER_VERSION);
    set_string(ours, "numerics", save->numerics_key);
    set_string(ours, "data_sha256", save->data_sha256);
    set_string(ours, "base_sha256", save->base_sha256);
    json_object_set_new(root, "finetuned", ours);
    return root;
}

static int
write_config(const struct model_save *save, const char *path, struct err *err)
{
    json_t *root = config_object(save);
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(real_digits(save->config)));
    json_decref(root);
    if (text == NULL)
        return err_set(err, ERR_MEMORY, "config.json does not fit into memory");
    int rc = fileio_write(path, text, strlen(text), err);
    free(text);
    return rc;
}

static int
write_weights(const struct model_save *save, struct arena *arena, const char *path, struct err *err)
{
    const struct tensor_layout *layout = save->layout;
    struct safetensors_source *sources = arena_array(arena, layout->count, sizeof *sources);
    for (size_t i = 0; i < layout->count; i++) {
        const struct tensor *tensor = &layout->tensors[i];
        sources[i] = (struct safetensors_source){
            .name = tensor->name,
            .vector = tensor->vector,
            .rows = tensor->rows,
            .columns = tensor->columns,
            .values = save->parameters + tensor->offset,
            .rest = tensor->kind == TENSOR_WORD_EMBEDDING ? save->words_at_rest : NULL,
        };
    }
    return safetensors_write(path, sources, layout->count, err);
}

static int
write_files(const struct model_save *save, struct arena *arena, const char *folder, struct err *err)
{
    int rc = fileio_make_folder(folder, err);
    if (rc == 0)
        rc = write_config(save, arena_printf(arena, "%s/config.json", folder), err);
    if (rc == 0)
        rc = write_weights(save, arena, arena_printf(arena, "%s/" MODEL_WEIGHTS_FILE, folder), err);
    if (rc == 0)
        rc = tokenizer_write(save->tokenizer, save->config->max_seq_length, folder, err);
    return rc;
}

int
model_dir_save(const struct model_save *save, const char *folder, struct err *err)
{
    assert(save->config->label_count > 0 && save->config->max_seq_length > 0);
    struct stat status;
    if (lstat(folder, &status) == 0)
        return err_set(err, ERR_CONFLICT, "save model: %s exists already", folder);
    struct arena *arena = arena_new();
    const char *temporary = arena_printf(arena, "%s.tmp", folder);
    int rc = fileio_remove_tree(temporary, err); /* what a crash may have left */
    if (rc == 0)
        rc = write_files(save, arena, temporary, err);
    if (rc == 0)
        rc = fileio_rename(temporary, folder, err);
    if (rc != 0) {
        struct err ignored;
        fileio_remove_tree(temporary, &ignored);
        err_prefix(err, "save model");
    }
    arena_free(arena);
    return rc;
}
