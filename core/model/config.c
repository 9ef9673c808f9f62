/*
 * config.json, read as from hostile hands; see config.h.
 *
 * The numbers are rows of two tables: key, place in the struct, range, and the default of
 * transformers' BertConfig. Whatever would change the mathematics in a way that is not built here
 * (a decoder, relative positions, another activation) is refused by name.
 */
#include "core/model/config.h"

#include "core/base/json.h"
#include "core/base/utf8.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONFIG_MAX_BYTES = 16 * 1024 * 1024,
    QUOTED_BYTES = 64,
    DEFAULT_LABEL_COUNT = 2, /* transformers leaves id2label out for two nameless labels */
    MIN_SEQUENCE_TOKENS = 3  /* [CLS], one token, [SEP] */
};

struct whole_key {
    const char *key;
    size_t member;
    json_int_t least, most, standard;
};

static const struct whole_key whole_keys[] = {
    {"hidden_size", offsetof(struct model_config, hidden_size), 1, CONFIG_MAX_HIDDEN, 768},
    {"num_hidden_layers", offsetof(struct model_config, layers), 1, CONFIG_MAX_LAYERS, 12},
    {"num_attention_heads", offsetof(struct model_config, heads), 1, CONFIG_MAX_HIDDEN, 12},
    {"intermediate_size", offsetof(struct model_config, intermediate_size), 1,
     CONFIG_MAX_INTERMEDIATE, 3072},
    {"vocab_size", offsetof(struct model_config, vocab_size), 1, CONFIG_MAX_VOCAB, 30522},
    {"max_position_embeddings", offsetof(struct model_config, max_positions), MIN_SEQUENCE_TOKENS,
     CONFIG_MAX_POSITIONS, 512},
    {"type_vocab_size", offsetof(struct model_config, type_vocab_size), 1, CONFIG_MAX_TYPES, 2},
};

struct real_key {
    const char *key;
    size_t member;
    double least, below; /* least <= value < below */
    double standard;
};

static const struct real_key real_keys[] = {
    {"layer_norm_eps", offsetof(struct model_config, layer_norm_eps), 0.0, 1.0, 1e-12},
    {"initializer_range", offsetof(struct model_config, initializer_range), 0.0, 10.0, 0.02},
    {"hidden_dropout_prob", offsetof(struct model_config, hidden_dropout), 0.0, 1.0, 0.1},
    {"attention_probs_dropout_prob", offsetof(struct model_config, attention_dropout), 0.0, 1.0,
     0.1},
};

/* transformers' names of the activations that are one of ours; the first of each is written. */
static const struct {
    const char *name;
    enum activation activation;
} activation_names[] = {
    {"gelu", ACTIVATION_GELU},
    {"gelu_python", ACTIVATION_GELU},
    {"gelu_new", ACTIVATION_GELU_TANH},
    {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
    {"gelu_python_tanh", ACTIVATION_GELU_TANH},
    {"gelu_fast", ACTIVATION_GELU_TANH},
    {"relu", ACTIVATION_RELU},
    {"silu", ACTIVATION_SILU},
    {"swish", ACTIVATION_SILU},
};

enum { ACTIVATION_NAME_COUNT = sizeof activation_names / sizeof activation_names[0] };

/* A value as it stands in config.json, cut to a length that fits a message. */
static char *
quoted(struct arena *arena, const json_t *value)
{
    if (value == NULL)
        return arena_copy_string(arena, "missing");
    char *text = json_text(value);
    size_t length = strlen(text);
    size_t kept = utf8_clip(text, length, QUOTED_BYTES);
    char *copy = arena_printf(arena, "%.*s%s", (int)kept, text, kept < length ? "…" : "");
    free(text);
    return copy;
}

static int
read_whole(const json_t *root, const struct whole_key *row, struct arena *arena,
           struct model_config *out, struct err *err)
{
    const json_t *value = json_object_get(root, row->key);
    json_int_t number = value == NULL ? row->standard : json_integer_value(value);
    if ((value != NULL && !json_is_integer(value)) || number < row->least || number > row->most)
        return err_set(err, ERR_INVALID,
                       "config.json: %s is %s; a whole number from %lld to %lld "
                       "is possible",
                       row->key, quoted(arena, value), (long long)row->least, (long long)row->most);
    *(size_t *)(void *)((char *)out + row->member) = (size_t)number;
    return 0;
}

static int
check_real(const json_t *value, const struct real_key *row, struct arena *arena, double *out,
           struct err *err)
{
    double number = value == NULL ? row->standard : json_number_value(value);
    bool inside = number >= row->least && number < row->below;
    if ((value != NULL && !json_is_number(value)) || !inside)
        return err_set(err, ERR_INVALID,
                       "config.json: %s is %s; a number from %g to less than %g "
                       "is possible",
                       row->key, quoted(arena, value), row->least, row->below);
    *out = number;
    return 0;
}

static int
read_numbers(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    for (size_t i = 0; i < sizeof whole_keys / sizeof whole_keys[0]; i++)
        if (read_whole(root, &whole_keys[i], arena, out, err) != 0)
            return err->code;
    for (size_t i = 0; i < sizeof real_keys / sizeof real_keys[0]; i++) {
        const struct real_key *row = &real_keys[i];
        double *member = (double *)(void *)((char *)out + row->member);
        if (check_real(json_object_get(root, row->key), row, arena, member, err) != 0)
            return err->code;
    }
    if (out->initializer_range == 0.0) /* as transformers reads it */
        out->initializer_range = 0.02;
    if (out->hidden_size % out->heads != 0)
        return err_set(err, ERR_INVALID,
                       "config.json: hidden_size %zu is not a multiple of "
                       "num_attention_heads %zu",
                       out->hidden_size, out->heads);
    return 0;
}

/* null means "as hidden_dropout_prob" for the classifier's dropout, and "none" for the PAD token.
 */
static int
read_nullable(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *dropout = json_object_get(root, "classifier_dropout");
    const struct real_key row = {"classifier_dropout", 0, 0.0, 1.0, out->hidden_dropout};
    if (check_real(json_is_null(dropout) ? NULL : dropout, &row, arena, &out->classifier_dropout,
                   err) != 0)
        return err->code;
    out->pad_token_id = CONFIG_NO_PAD;
    if (json_is_null(json_object_get(root, "pad_token_id")))
        return 0;
    const struct whole_key pad = {"pad_token_id", offsetof(struct model_config, pad_token_id), 0,
                                  (json_int_t)out->vocab_size - 1, 0};
    return read_whole(root, &pad, arena, out, err);
}

static int
read_activation(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *value = json_object_get(root, "hidden_act");
    const char *name = value == NULL ? "gelu" : json_string_value(value);
    for (size_t i = 0; name != NULL && i < ACTIVATION_NAME_COUNT; i++) {
        if (strcmp(name, activation_names[i].name) == 0) {
            out->activation = activation_names[i].activation;
            return 0;
        }
    }
    return err_set(err, ERR_UNSUPPORTED,
                   "config.json: hidden_act is %s; possible are \"gelu\", "
                   "\"gelu_new\", \"gelu_pytorch_tanh\", \"relu\" and \"silu\"",
                   quoted(arena, value));
}

/* Refuse what is no plain BERT encoder. */
static int
check_family(const json_t *root, struct arena *arena, struct err *err)
{
    if (!json_is_object(root))
        return err_set(err, ERR_INVALID, "config.json does not hold an object");
    const json_t *type = json_object_get(root, "model_type");
    if (!json_is_string(type) || strcmp(json_string_value(type), "bert") != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "config.json: model_type is %s; only \"bert\" is "
                       "possible",
                       quoted(arena, type));
    const json_t *position = json_object_get(root, "position_embedding_type");
    bool absolute = position == NULL || (json_is_string(position) &&
                                         strcmp(json_string_value(position), "absolute") == 0);
    if (!absolute)
        return err_set(err, ERR_UNSUPPORTED,
                       "config.json: position_embedding_type is %s; only "
                       "\"absolute\" is possible",
                       quoted(arena, position));
    static const char *const decoder_keys[] = {"is_decoder", "add_cross_attention"};
    for (size_t i = 0; i < sizeof decoder_keys / sizeof decoder_keys[0]; i++) {
        const json_t *value = json_object_get(root, decoder_keys[i]);
        if (value != NULL && !json_is_false(value))
            return err_set(err, ERR_UNSUPPORTED,
                           "config.json: %s is %s; only false is possible: "
                           "an encoder is trained here",
                           decoder_keys[i], quoted(arena, value));
    }
    return 0;
}

/* Does the folder say that its head chooses one of several labels? */
static bool
has_classifier(const json_t *root)
{
    const json_t *problem = json_object_get(root, "problem_type");
    if (json_is_string(problem) &&
        strcmp(json_string_value(problem), "single_label_classification") != 0)
        return false;
    size_t index = 0;
    json_t *value = NULL;
    json_array_foreach (json_object_get(root, "architectures"), index, value) {
        if (json_is_string(value) &&
            strcmp(json_string_value(value), "BertForSequenceClassification") == 0)
            return true;
    }
    return false;
}

/* The names that transformers gives to labels without names. */
static void
name_labels(struct arena *arena, struct model_config *out)
{
    for (size_t i = 0; i < out->label_count; i++)
        out->labels[i] = arena_printf(arena, "LABEL_%zu", i);
}

static int
read_label_map(const json_t *map, struct arena *arena, struct model_config *out, struct err *err)
{
    for (size_t i = 0; i < out->label_count; i++) {
        const char *key = arena_printf(arena, "%zu", i);
        const json_t *name = json_object_get(map, key);
        if (!json_is_string(name))
            return err_set(err, ERR_INVALID,
                           "config.json: id2label[\"%s\"] is %s; the keys must "
                           "be \"0\" to \"%zu\" and every value a label's name",
                           key, quoted(arena, name), out->label_count - 1);
        out->labels[i] = arena_copy_string(arena, json_string_value(name));
    }
    return 0;
}

static int
read_labels(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    if (!has_classifier(root))
        return 0;
    const json_t *map = json_object_get(root, "id2label");
    const json_t *number = json_object_get(root, "num_labels");
    bool has_map = map != NULL && !json_is_null(map);
    if (has_map && !json_is_object(map))
        return err_set(err, ERR_INVALID,
                       "config.json: id2label is %s; an object from id to name "
                       "is possible",
                       quoted(arena, map));
    json_int_t count = has_map                   ? (json_int_t)json_object_size(map)
                       : json_is_integer(number) ? json_integer_value(number)
                                                 : DEFAULT_LABEL_COUNT;
    if (count < 1 || count > CONFIG_MAX_LABELS)
        return err_set(err, ERR_INVALID,
                       "config.json: the model has %lld labels; 1 to %d are "
                       "possible",
                       (long long)count, CONFIG_MAX_LABELS);
    if (count == 1) /* a regression */
        return 0;
    out->label_count = (size_t)count;
    out->labels = arena_array(arena, out->label_count, sizeof *out->labels);
    if (has_map)
        return read_label_map(map, arena, out, err);
    name_labels(arena, out);
    return 0;
}

/* What model_dir_save left for us. */
static int
read_finetuned(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *ours = json_object_get(root, "finetuned");
    if (ours == NULL)
        return 0;
    const json_t *length = json_object_get(ours, "max_seq_length");
    json_int_t most = (json_int_t)out->max_positions;
    if (!json_is_integer(length) || json_integer_value(length) < MIN_SEQUENCE_TOKENS ||
        json_integer_value(length) > most)
        return err_set(err, ERR_INVALID,
                       "config.json: finetuned.max_seq_length is %s; a whole "
                       "number from %d to max_position_embeddings (%lld) is possible",
                       quoted(arena, length), MIN_SEQUENCE_TOKENS, (long long)most);
    out->max_seq_length = (size_t)json_integer_value(length);
    return 0;
}

int
model_config_read(const char *folder, struct arena *arena, struct model_config *out,
                  struct err *err)
{
    *out = (struct model_config){0};
    json_t *root =
        json_parse_file(arena_printf(arena, "%s/config.json", folder), CONFIG_MAX_BYTES, err);
    if (root == NULL)
        return err->code;
    int rc = check_family(root, arena, err);
    if (rc == 0)
        rc = read_numbers(root, arena, out, err);
    if (rc == 0)
        rc = read_nullable(root, arena, out, err);
    if (rc == 0)
        rc = read_activation(root, arena, out, err);
    if (rc == 0)
        rc = read_labels(root, arena, out, err);
    if (rc == 0)
        rc = read_finetuned(root, arena, out, err);
    json_decref(root);
    return rc;
}

const char *
activation_name(enum activation activation)
{
    for (size_t i = 0; i < ACTIVATION_NAME_COUNT; i++)
        if (activation_names[i].activation == activation)
            return activation_names[i].name;
    assert(!"every activation has a name");
    return "gelu";
}
