/*
 * A fine-tuned model as a folder that transformers' from_pretrained loads; see model_dir.h.
 *
 * config.json repeats the base's shape under the names that transformers has for its family, and
 * adds the object "finetuned", which transformers keeps and ignores:
 *   {"task", "target", "max_seq_length", "tokenizer_version", "numerics", "data_sha256",
 *    "base_sha256"}, and where they are not as usual {"pooling": "mean", "normalize"},
 *   {"thresholds"}, {"temperature"}.
 * A classifier on mean-pooled outputs has no class in transformers: its folder names the encoder's,
 * so that nobody is given answers of a head that is not there.
 */
#include "core/hub/model_dir.h"

#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/hub/safetensors.h"

#include <assert.h>
#include <stddef.h>
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

/* The shape's keys; DistilBERT has names of its own, or NULL where it has no such key. */
static const struct {
    const char *key, *distilbert;
    size_t member;
} count_keys[] = {
    {"hidden_size", "dim", offsetof(struct model_config, hidden_size)},
    {"num_hidden_layers", "n_layers", offsetof(struct model_config, layers)},
    {"num_attention_heads", "n_heads", offsetof(struct model_config, heads)},
    {"intermediate_size", "hidden_dim", offsetof(struct model_config, intermediate_size)},
    {"vocab_size", "vocab_size", offsetof(struct model_config, vocab_size)},
    {"max_position_embeddings", "max_position_embeddings",
     offsetof(struct model_config, max_positions)},
    {"type_vocab_size", NULL, offsetof(struct model_config, type_vocab_size)},
};

static const struct {
    const char *key, *distilbert;
    size_t member;
} real_keys[] = {
    {"layer_norm_eps", NULL, offsetof(struct model_config, layer_norm_eps)},
    {"initializer_range", "initializer_range", offsetof(struct model_config, initializer_range)},
    {"hidden_dropout_prob", "dropout", offsetof(struct model_config, hidden_dropout)},
    {"attention_probs_dropout_prob", "attention_dropout",
     offsetof(struct model_config, attention_dropout)},
    {"classifier_dropout", "seq_classif_dropout",
     offsetof(struct model_config, classifier_dropout)},
};

static void
add_counts(json_t *root, const struct model_config *config)
{
    for (size_t i = 0; i < sizeof count_keys / sizeof count_keys[0]; i++) {
        bool distilbert = config->family == FAMILY_DISTILBERT;
        const char *key = distilbert ? count_keys[i].distilbert : count_keys[i].key;
        const void *member = (const char *)config + count_keys[i].member;
        bool positions = member == &config->max_positions;
        if (key != NULL)
            set_count(root, key,
                      *(const size_t *)member + (positions ? config->first_position : 0));
    }
}

static void
add_reals(json_t *root, const struct model_config *config)
{
    for (size_t i = 0; i < sizeof real_keys / sizeof real_keys[0]; i++) {
        bool distilbert = config->family == FAMILY_DISTILBERT;
        const char *key = distilbert ? real_keys[i].distilbert : real_keys[i].key;
        const void *member = (const char *)config + real_keys[i].member;
        if (key != NULL)
            json_object_set_new(root, key, json_real(*(const double *)member));
    }
}

static void
add_shape(json_t *root, const struct model_config *config)
{
    bool distilbert = config->family == FAMILY_DISTILBERT;
    add_counts(root, config);
    if (config->family == FAMILY_ELECTRA)
        set_count(root, "embedding_size", model_config_embedding_size(config));
    json_object_set_new(root, "pad_token_id",
                        config->pad_token_id == CONFIG_NO_PAD
                            ? json_null()
                            : json_integer((json_int_t)config->pad_token_id));
    if (!distilbert)
        set_string(root, "position_embedding_type", "absolute");
    set_string(root, distilbert ? "activation" : "hidden_act", activation_name(config->activation));
    add_reals(root, config);
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

/* The class that transformers is to load the folder with. */
static json_t *
architecture(const struct model_config *config)
{
    const char *ending = config->task == TASK_TOKEN_CLASSIFICATION ? "ForTokenClassification"
                         : config->pooling == POOL_MEAN            ? "Model"
                                                                   : "ForSequenceClassification";
    return json_sprintf("%s%s", model_family_class(config->family), ending);
}

static json_t *
threshold_list(const struct model_config *config)
{
    json_t *list = json_array();
    for (size_t i = 0; i < config->label_count; i++)
        json_array_append_new(list, json_real((double)config->thresholds[i]));
    return list;
}

static json_t *
finetuned_object(const struct model_save *save)
{
    const struct model_config *config = save->config;
    json_t *ours = json_object();
    set_string(ours, "task", save->task);
    set_string(ours, "target", save->target);
    set_count(ours, "max_seq_length", config->max_seq_length);
    if (config->truncation == TRUNCATION_TAIL || config->truncation == TRUNCATION_HEAD_TAIL)
        set_string(ours, "truncation", truncation_name(config->truncation));
    if (config->windows.wanted)
        set_count(ours, "stride", config->windows.stride);
    if (config->pooling == POOL_MEAN) {
        set_string(ours, "pooling", "mean");
        json_object_set_new(ours, "normalize", json_boolean(config->normalize));
    }
    if (config->thresholds != NULL)
        json_object_set_new(ours, "thresholds", threshold_list(config));
    if (config->temperature > 0)
        json_object_set_new(ours, "temperature", json_real(config->temperature));
    set_count(ours, "tokenizer_version", TOKENIZER_VERSION);
    set_string(ours, "numerics", save->numerics_key);
    set_string(ours, "data_sha256", save->data_sha256);
    set_string(ours, "base_sha256", save->base_sha256);
    return ours;
}

static json_t *
config_object(const struct model_save *save)
{
    const struct model_config *config = save->config;
    enum task task = config->task == TASK_AUTO ? TASK_CLASSIFICATION : config->task;
    json_t *root = json_pack("{s:[o],s:s,s:s}", "architectures", architecture(config), "model_type",
                             model_family_name(config->family), "dtype", "float32");
    if (model_config_problem(task) != NULL)
        set_string(root, "problem_type", model_config_problem(task));
    add_shape(root, config);
    add_labels(root, config);
    json_object_set_new(root, "finetuned", finetuned_object(save));
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

/* A tensor's values as they are saved: a classifier in the units of the data. */
static const float *
saved_values(const struct model_save *save, struct arena *arena, const struct tensor *tensor)
{
    const float *values = save->parameters + tensor->offset;
    bool bias = tensor->kind == TENSOR_CLASSIFIER_BIAS;
    if (save->output_scale == NULL || (tensor->kind != TENSOR_CLASSIFIER_WEIGHT && !bias))
        return values;
    size_t width = bias ? 1 : tensor->columns;
    float *folded = arena_array(arena, save->config->label_count * width, sizeof *folded);
    for (size_t k = 0; k < save->config->label_count; k++)
        for (size_t i = 0; i < width; i++) {
            double value = (double)values[k * width + i] * (double)save->output_scale[k];
            folded[k * width + i] = (float)(bias ? value + (double)save->output_shift[k] : value);
        }
    return folded;
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
            .values = saved_values(save, arena, tensor),
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
        rc = tokenizer_write(save->tokenizer,
                             (struct tokenizer_model){save->config->max_seq_length,
                                                      save->config->type_vocab_size == 0},
                             folder, err);
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
