/*
 * tokenizer.json; see tokenizer_json.h.
 *
 * An object with version, truncation, padding, added_tokens, normalizer, pre_tokenizer,
 * post_processor, decoder and model, where each component says its type. Of a model without a type
 * (older files) the keys tell the kind. Padding, the length in truncation, and the decoder do not
 * matter here.
 */
#include "core/text/tokenizer_json.h"

#include "core/base/json.h"
#include "core/text/tokenizer_config.h"

#include <stdlib.h>
#include <string.h>

/* An object's type, or "" when it is null or absent; NULL with an error when it has none. */
static const char *
component_type(const json_t *value, const char *name, struct err *err)
{
    if (value == NULL || json_is_null(value))
        return "";
    const char *type = json_string_value(json_object_get(value, "type"));
    if (type == NULL)
        err_set(err, ERR_INVALID, "%s has no type", name);
    return type;
}

static int
refuse(const char *name, const char *type, const char *supported, struct err *err)
{
    if (*type == '\0')
        return err_set(err, ERR_UNSUPPORTED, "a tokenizer without %s is not supported; %s is", name,
                       supported);
    return err_set(err, ERR_UNSUPPORTED, "%s of type '%s' is not supported; %s is", name, type,
                   supported);
}

static int
read_switch(const json_t *object, const char *key, bool *out, struct err *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value))
        return err_set(err, ERR_INVALID, "normalizer: '%s' is neither true nor false", key);
    *out = json_is_true(value);
    return 0;
}

static int
read_normalizer(const json_t *value, struct tokenizer *tokenizer, struct err *err)
{
    struct normalizer *normalizer = &tokenizer->normalizer;
    const char *type = component_type(value, "normalizer", err);
    if (type == NULL)
        return err->code;
    const json_t *parts = json_object_get(value, "normalizers");
    if (strcmp(type, "Sequence") == 0 && json_array_size(parts) == 1) {
        value = json_array_get(parts, 0);
        type = component_type(value, "normalizer", err);
        if (type == NULL)
            return err->code;
    }
    if (*type == '\0') { /* none: the text as it is */
        tokenizer->strip_accents = CHOICE_NO;
        return 0;
    }
    if (strcmp(type, "BertNormalizer") != 0)
        return refuse("normalizer", type, "BertNormalizer", err);
    if (read_switch(value, "clean_text", &normalizer->clean_text, err) != 0 ||
        read_switch(value, "handle_chinese_chars", &normalizer->handle_chinese_chars, err) != 0 ||
        read_switch(value, "lowercase", &normalizer->lowercase, err) != 0)
        return err->code;
    const json_t *strip = json_object_get(value, "strip_accents");
    if (strip == NULL || json_is_null(strip))
        return 0;
    if (!json_is_boolean(strip))
        return err_set(err, ERR_INVALID, "normalizer: 'strip_accents' is neither boolean nor null");
    tokenizer->strip_accents = json_is_true(strip) ? CHOICE_YES : CHOICE_NO;
    return 0;
}

static int
read_pre_tokenizer(const json_t *value, struct err *err)
{
    const char *type = component_type(value, "pre_tokenizer", err);
    if (type == NULL)
        return err->code;
    return strcmp(type, "BertPreTokenizer") == 0
               ? 0
               : refuse("pre_tokenizer", type, "BertPreTokenizer", err);
}

/* A required string of the model. */
static int
read_model_string(const json_t *model, const char *key, struct arena *arena, const char **out,
                  struct err *err)
{
    const json_t *value = json_object_get(model, key);
    if (!json_is_string(value))
        return err_set(err, ERR_INVALID, "model: '%s' is not a string", key);
    *out = arena_copy_string(arena, json_string_value(value));
    return 0;
}

/* Two tokens of one id would make the written file ambiguous; the model could not tell them apart.
 */
static int
read_token(struct vocab *vocab, const char *token, const json_t *value, size_t vocab_size,
           unsigned char *seen, struct err *err)
{
    json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
    if (id < 0)
        return err_set(err, ERR_INVALID,
                       "model: the id of token '%.40s' is not an integer from 0 on", token);
    if ((uint64_t)id >= vocab_size || id > UINT32_MAX)
        return err_set(err, ERR_INVALID,
                       "model: token '%.40s' has id %lld, but the model has only %zu embeddings "
                       "(vocab_size of config.json)",
                       token, (long long)id, vocab_size);
    if (seen[id])
        return err_set(err, ERR_INVALID, "model: token '%.40s' has id %lld, as another token has",
                       token, (long long)id);
    seen[id] = 1;
    return vocab_add(vocab, token, strlen(token), (uint32_t)id, err);
}

static int
read_vocab(const json_t *object, size_t vocab_size, struct vocab *vocab, struct err *err)
{
    unsigned char *seen = mem_array(vocab_size, 1);
    if (seen == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a vocabulary of %zu tokens", vocab_size);
    const char *token;
    json_t *id;
    int status = 0;
    json_object_foreach ((json_t *)object, token, id) {
        status = read_token(vocab, token, id, vocab_size, seen, err);
        if (status != 0)
            break;
    }
    free(seen);
    return status;
}

static int
read_model(const json_t *model, size_t vocab_size, struct tokenizer *tokenizer, struct err *err)
{
    const char *type = json_string_value(json_object_get(model, "type"));
    if (type == NULL && json_object_get(model, "merges") != NULL)
        type = "BPE";
    if (type != NULL && strcmp(type, "WordPiece") != 0)
        return refuse("model", type, "WordPiece", err);
    struct wordpiece *wordpiece = &tokenizer->wordpiece;
    if (read_model_string(model, "unk_token", tokenizer->arena, &wordpiece->unknown, err) != 0 ||
        read_model_string(model, "continuing_subword_prefix", tokenizer->arena, &wordpiece->prefix,
                          err) != 0)
        return err->code;
    const json_t *most = json_object_get(model, "max_input_chars_per_word");
    json_int_t characters = json_is_integer(most) ? json_integer_value(most) : -1;
    if (characters < 0 || characters > TOKENIZER_MAX_CHARACTERS)
        return err_set(err, ERR_INVALID,
                       "model: 'max_input_chars_per_word' is not an integer from 0 to %d",
                       TOKENIZER_MAX_CHARACTERS);
    wordpiece->max_characters = (size_t)characters;
    const json_t *vocab = json_object_get(model, "vocab");
    if (!json_is_object(vocab))
        return err_set(err, ERR_INVALID, "model: 'vocab' is not an object");
    return read_vocab(vocab, vocab_size, tokenizer->vocab, err);
}

static int
read_added(const json_t *value, struct arena *arena, struct added_token_list *list, struct err *err)
{
    size_t i;
    json_t *item;
    if (value != NULL && !json_is_array(value))
        return err_set(err, ERR_INVALID, "added_tokens is not an array");
    json_array_foreach (value, i, item) {
        struct added_token token;
        if (!json_is_object(item))
            return err_set(err, ERR_INVALID, "added_tokens holds something that is no object");
        if (added_token_read(item, arena, &token, err) != 0 ||
            added_token_list_push(list, &token, err) != 0)
            return err->code;
    }
    return 0;
}

/* Of a truncation only the side counts: "left" cuts the beginning. */
static void
read_side(const json_t *truncation, struct tokenizer *tokenizer)
{
    const char *direction = json_string_value(json_object_get(truncation, "direction"));
    tokenizer->truncate_left = direction != NULL && strcmp(direction, "Left") == 0;
}

/* The components around the model: what happens to a text before and after. */
static int
read_components(const json_t *file, struct tokenizer *tokenizer, struct err *err)
{
    if (read_normalizer(json_object_get(file, "normalizer"), tokenizer, err) != 0 ||
        read_pre_tokenizer(json_object_get(file, "pre_tokenizer"), err) != 0)
        return err->code;
    return templates_read(json_object_get(file, "post_processor"), &tokenizer->templates, err);
}

static int
read_parts(const json_t *file, size_t vocab_size, bool as_written, struct tokenizer *tokenizer,
           struct added_token_list *added, struct err *err)
{
    if (!json_is_object(file))
        return err_set(err, ERR_INVALID, "it is not a JSON object");
    read_side(json_object_get(file, "truncation"), tokenizer);
    if (as_written && read_components(file, tokenizer, err) != 0)
        return err->code;
    const json_t *model = json_object_get(file, "model");
    if (!json_is_object(model))
        return err_set(err, ERR_INVALID, "it has no model");
    if (read_model(model, vocab_size, tokenizer, err) != 0)
        return err->code;
    return read_added(json_object_get(file, "added_tokens"), tokenizer->arena, added, err);
}

int
tokenizer_json_read(const char *path, size_t vocab_size, bool as_written,
                    struct tokenizer *tokenizer, struct added_token_list *added, struct err *err)
{
    json_t *file = json_parse_file(path, TOKENIZER_MAX_JSON_BYTES, err);
    if (file == NULL)
        return err->code;
    int status = read_parts(file, vocab_size, as_written, tokenizer, added, err);
    json_decref(file);
    return status == 0 ? 0 : err_prefix(err, "%s", path);
}
