/*
 * config.json, read as from hostile hands; see config.h. The head's part is config_head.c.
 *
 * The numbers are rows of two tables: key, place in the struct, range, and the default that
 * transformers gives each family; DistilBERT has names of its own for most keys. Whatever would
 * change the mathematics in a way that is not built here (a decoder, relative positions, another
 * activation) is refused by name.
 */
#include "core/model/config.h"

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/model/config_parts.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX_BYTES = 16 * 1024 * 1024, QUOTED_BYTES = 64 };

static const struct family {
    const char *name;  /* model_type */
    const char *class; /* what the names of its classes begin with */
} families[FAMILY_COUNT] = {
    [FAMILY_BERT] = {"bert", "Bert"},
    [FAMILY_DISTILBERT] = {"distilbert", "DistilBert"},
    [FAMILY_ELECTRA] = {"electra", "Electra"},
    [FAMILY_ROBERTA] = {"roberta", "Roberta"},
};

struct whole_key {
    const char *key, *distilbert; /* NULL: the family has no such key, and the value is standard */
    size_t member;
    json_int_t least, most, standard[FAMILY_COUNT];
};

static const struct whole_key whole_keys[] = {
    {"hidden_size",
     "dim",
     offsetof(struct model_config, hidden_size),
     1,
     CONFIG_MAX_HIDDEN,
     {768, 768, 256, 768}},
    {"num_hidden_layers",
     "n_layers",
     offsetof(struct model_config, layers),
     1,
     CONFIG_MAX_LAYERS,
     {12, 6, 12, 12}},
    {"num_attention_heads",
     "n_heads",
     offsetof(struct model_config, heads),
     1,
     CONFIG_MAX_HIDDEN,
     {12, 12, 4, 12}},
    {"intermediate_size",
     "hidden_dim",
     offsetof(struct model_config, intermediate_size),
     1,
     CONFIG_MAX_INTERMEDIATE,
     {3072, 3072, 1024, 3072}},
    {"vocab_size",
     "vocab_size",
     offsetof(struct model_config, vocab_size),
     1,
     CONFIG_MAX_VOCAB,
     {30522, 30522, 30522, 50265}},
    {"max_position_embeddings",
     "max_position_embeddings",
     offsetof(struct model_config, max_positions),
     CONFIG_MIN_SEQUENCE_TOKENS,
     CONFIG_MAX_POSITIONS,
     {512, 512, 512, 512}},
    {"type_vocab_size",
     NULL,
     offsetof(struct model_config, type_vocab_size),
     1,
     CONFIG_MAX_TYPES,
     {2, 0, 2, 2}},
};

struct real_key {
    const char *key, *distilbert;
    size_t member;
    double least, below; /* least <= value < below */
    double standard;
};

static const struct real_key real_keys[] = {
    {"layer_norm_eps", NULL, offsetof(struct model_config, layer_norm_eps), 0.0, 1.0, 1e-12},
    {"initializer_range", "initializer_range", offsetof(struct model_config, initializer_range),
     0.0, 10.0, 0.02},
    {"hidden_dropout_prob", "dropout", offsetof(struct model_config, hidden_dropout), 0.0, 1.0,
     0.1},
    {"attention_probs_dropout_prob", "attention_dropout",
     offsetof(struct model_config, attention_dropout), 0.0, 1.0, 0.1},
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
    {"gelu_accurate", ACTIVATION_GELU_TANH},
    {"relu", ACTIVATION_RELU},
    {"silu", ACTIVATION_SILU},
    {"swish", ACTIVATION_SILU},
};

enum { ACTIVATION_NAME_COUNT = sizeof activation_names / sizeof activation_names[0] };

char *
config_quoted(struct arena *arena, const json_t *value)
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

/* ---- numbers --------------------------------------------------------------------------------- */

static int
check_whole(const json_t *value, const char *key, const struct whole_key *row, struct arena *arena,
            struct err *err)
{
    json_int_t number = json_integer_value(value);
    if (value == NULL || (json_is_integer(value) && number >= row->least && number <= row->most))
        return 0;
    return err_set(err, ERR_INVALID,
                   "config.json: %s is %s; a whole number from %lld to %lld "
                   "is possible",
                   key, config_quoted(arena, value), (long long)row->least, (long long)row->most);
}

static int
read_whole(const json_t *root, const struct whole_key *row, struct arena *arena,
           struct model_config *out, struct err *err)
{
    const char *key = out->family == FAMILY_DISTILBERT ? row->distilbert : row->key;
    const json_t *value = key == NULL ? NULL : json_object_get(root, key);
    if (check_whole(value, key, row, arena, err) != 0)
        return err->code;
    *(size_t *)(void *)((char *)out + row->member) =
        (size_t)(value == NULL ? row->standard[out->family] : json_integer_value(value));
    return 0;
}

static int
check_real(const json_t *value, const char *key, const struct real_key *row, struct arena *arena,
           double *out, struct err *err)
{
    double number = value == NULL ? row->standard : json_number_value(value);
    bool inside = number >= row->least && number < row->below;
    if ((value != NULL && !json_is_number(value)) || !inside)
        return err_set(err, ERR_INVALID,
                       "config.json: %s is %s; a number from %g to less than %g "
                       "is possible",
                       key, config_quoted(arena, value), row->least, row->below);
    *out = number;
    return 0;
}

static int
read_real(const json_t *root, const struct real_key *row, struct arena *arena,
          struct model_config *out, struct err *err)
{
    const char *key = out->family == FAMILY_DISTILBERT ? row->distilbert : row->key;
    const json_t *value = key == NULL ? NULL : json_object_get(root, key);
    return check_real(value, key, row, arena, (double *)(void *)((char *)out + row->member), err);
}

static int
read_numbers(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    for (size_t i = 0; i < sizeof whole_keys / sizeof whole_keys[0]; i++)
        if (read_whole(root, &whole_keys[i], arena, out, err) != 0)
            return err->code;
    for (size_t i = 0; i < sizeof real_keys / sizeof real_keys[0]; i++)
        if (read_real(root, &real_keys[i], arena, out, err) != 0)
            return err->code;
    if (out->initializer_range == 0.0) /* as transformers reads it */
        out->initializer_range = 0.02;
    if (out->hidden_size % out->heads != 0)
        return err_set(err, ERR_INVALID,
                       "config.json: %s %zu is not a multiple of "
                       "%s %zu",
                       out->family == FAMILY_DISTILBERT ? "dim" : "hidden_size", out->hidden_size,
                       out->family == FAMILY_DISTILBERT ? "n_heads" : "num_attention_heads",
                       out->heads);
    return 0;
}

/* ---- what families have of their own --------------------------------------------------------- */

static int
read_embedding_size(const json_t *root, struct arena *arena, struct model_config *out,
                    struct err *err)
{
    const struct whole_key row = {"embedding_size",
                                  NULL,
                                  offsetof(struct model_config, embedding_size),
                                  1,
                                  CONFIG_MAX_HIDDEN,
                                  {[FAMILY_ELECTRA] = 128}};
    return out->family == FAMILY_ELECTRA ? read_whole(root, &row, arena, out, err) : 0;
}

/* RoBERTa's positions begin behind the padding token's id. */
static int
move_positions(struct model_config *out, struct err *err)
{
    if (out->family != FAMILY_ROBERTA)
        return 0;
    if (out->pad_token_id == CONFIG_NO_PAD)
        return err_set(err, ERR_INVALID,
                       "config.json: pad_token_id is null; \"roberta\" needs one, since its "
                       "positions begin behind it");
    out->first_position = out->pad_token_id + 1;
    if (out->max_positions < out->first_position + CONFIG_MIN_SEQUENCE_TOKENS)
        return err_set(err, ERR_INVALID,
                       "config.json: max_position_embeddings is %zu, but \"roberta\" begins to "
                       "count behind pad_token_id %zu, and at least %d more are needed",
                       out->max_positions, out->pad_token_id, CONFIG_MIN_SEQUENCE_TOKENS);
    out->max_positions -= out->first_position;
    return 0;
}

/* null means "as hidden_dropout_prob" for the classifier's dropout, and "none" for the PAD token.
 */
static int
read_nullable(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    bool distilbert = out->family == FAMILY_DISTILBERT;
    const char *key = distilbert ? "seq_classif_dropout" : "classifier_dropout";
    const json_t *dropout = json_object_get(root, key);
    const struct real_key row = {key, key, 0, 0.0, 1.0, distilbert ? 0.2 : out->hidden_dropout};
    if (check_real(json_is_null(dropout) && !distilbert ? NULL : dropout, key, &row, arena,
                   &out->classifier_dropout, err) != 0)
        return err->code;
    out->pad_token_id = CONFIG_NO_PAD;
    if (json_is_null(json_object_get(root, "pad_token_id")))
        return 0;
    const struct whole_key pad = {"pad_token_id",
                                  "pad_token_id",
                                  offsetof(struct model_config, pad_token_id),
                                  0,
                                  (json_int_t)out->vocab_size - 1,
                                  {[FAMILY_ROBERTA] = 1}};
    return read_whole(root, &pad, arena, out, err);
}

static int
read_activation(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    const char *key = out->family == FAMILY_DISTILBERT ? "activation" : "hidden_act";
    const json_t *value = json_object_get(root, key);
    const char *name = value == NULL ? "gelu" : json_string_value(value);
    for (size_t i = 0; name != NULL && i < ACTIVATION_NAME_COUNT; i++) {
        if (strcmp(name, activation_names[i].name) == 0) {
            out->activation = activation_names[i].activation;
            return 0;
        }
    }
    return err_set(err, ERR_UNSUPPORTED,
                   "config.json: %s is %s; possible are \"gelu\", "
                   "\"gelu_new\", \"gelu_pytorch_tanh\", \"relu\" and \"silu\"",
                   key, config_quoted(arena, value));
}

/* ---- the family ------------------------------------------------------------------------------ */

static int
find_family(const json_t *root, struct arena *arena, enum model_family *out, struct err *err)
{
    const json_t *type = json_object_get(root, "model_type");
    for (size_t i = 0; i < FAMILY_COUNT && json_is_string(type); i++) {
        *out = (enum model_family)i;
        if (strcmp(json_string_value(type), families[i].name) == 0)
            return 0;
    }
    return err_set(err, ERR_UNSUPPORTED,
                   "config.json: model_type is %s; possible are \"bert\", \"distilbert\", "
                   "\"electra\" and \"roberta\"",
                   config_quoted(arena, type));
}

/* Find the family, and refuse what is no plain encoder of it. */
static int
read_family(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    if (!json_is_object(root))
        return err_set(err, ERR_INVALID, "config.json does not hold an object");
    if (find_family(root, arena, &out->family, err) != 0)
        return err->code;
    const json_t *position = json_object_get(root, "position_embedding_type");
    bool absolute = position == NULL || (json_is_string(position) &&
                                         strcmp(json_string_value(position), "absolute") == 0);
    if (!absolute)
        return err_set(err, ERR_UNSUPPORTED,
                       "config.json: position_embedding_type is %s; only "
                       "\"absolute\" is possible",
                       config_quoted(arena, position));
    static const char *const decoder_keys[] = {"is_decoder", "add_cross_attention"};
    for (size_t i = 0; i < sizeof decoder_keys / sizeof decoder_keys[0]; i++) {
        const json_t *value = json_object_get(root, decoder_keys[i]);
        if (value != NULL && !json_is_false(value))
            return err_set(err, ERR_UNSUPPORTED,
                           "config.json: %s is %s; only false is possible: "
                           "an encoder is trained here",
                           decoder_keys[i], config_quoted(arena, value));
    }
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

int
model_config_read(const char *folder, struct arena *arena, struct model_config *out,
                  struct err *err)
{
    *out = (struct model_config){0};
    json_t *root =
        json_parse_file(arena_printf(arena, "%s/config.json", folder), CONFIG_MAX_BYTES, err);
    if (root == NULL)
        return err->code;
    int rc = read_family(root, arena, out, err);
    if (rc == 0)
        rc = read_numbers(root, arena, out, err);
    if (rc == 0)
        rc = read_embedding_size(root, arena, out, err);
    if (rc == 0)
        rc = read_nullable(root, arena, out, err);
    if (rc == 0)
        rc = move_positions(out, err);
    if (rc == 0)
        rc = read_activation(root, arena, out, err);
    if (rc == 0)
        rc = config_read_head(root, arena, out, err);
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

const char *
model_family_name(enum model_family family)
{
    return families[family].name;
}

const char *
model_family_class(enum model_family family)
{
    return families[family].class;
}

double
model_config_head_dropout(const struct model_config *config, enum task task)
{
    bool tokens = config->family == FAMILY_DISTILBERT && task == TASK_TOKEN_CLASSIFICATION;
    return tokens ? config->hidden_dropout : config->classifier_dropout;
}
