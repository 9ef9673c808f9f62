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

static const struct tokenizer_kind *const kinds[] = {&tokenizer_kind_wordpiece,
                                                     &tokenizer_kind_bpe};

const char *
tokenizer_json_type(const json_t **value, const char *name, const char *list, struct err *err)
{
    const json_t *parts = json_object_get(*value, list);
    const char *type = json_string_value(json_object_get(*value, "type"));
    if (type != NULL && strcmp(type, "Sequence") == 0 && json_array_size(parts) == 1)
        *value = json_array_get(parts, 0);
    if (*value == NULL || json_is_null(*value))
        return "";
    type = json_string_value(json_object_get(*value, "type"));
    if (type == NULL)
        err_set(err, ERR_INVALID, "%s has no type", name);
    return type;
}

int
tokenizer_json_refuse(const char *name, const char *type, const char *supported, struct err *err)
{
    if (*type == '\0')
        return err_set(err, ERR_UNSUPPORTED, "a tokenizer without %s is not supported; %s is", name,
                       supported);
    return err_set(err, ERR_UNSUPPORTED, "%s of type '%.40s' is not supported; %s is", name, type,
                   supported);
}

/* Two tokens of one id would make the written file ambiguous; the model could not tell them apart.
 */
static int
read_token(struct vocab *vocab, const char *token, const json_t *value, size_t vocab_size,
           unsigned char *seen, struct err *err)
{
    json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
    if (id < 0)
        return err_set(err, ERR_INVALID, "the id of token '%.40s' is not an integer from 0 on",
                       token);
    if ((uint64_t)id >= vocab_size || id > UINT32_MAX)
        return err_set(err, ERR_INVALID,
                       "token '%.40s' has id %lld, but the model has only %zu embeddings "
                       "(vocab_size of config.json)",
                       token, (long long)id, vocab_size);
    if (seen[id])
        return err_set(err, ERR_INVALID, "token '%.40s' has id %lld, as another token has", token,
                       (long long)id);
    seen[id] = 1;
    return vocab_add(vocab, token, strlen(token), (uint32_t)id, err);
}

int
tokenizer_json_vocab(const json_t *object, size_t vocab_size, struct vocab *vocab, struct err *err)
{
    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "'vocab' is not an object");
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

/* The kind that a model is of; files of older versions do not tell its type. */
static const struct tokenizer_kind *
find_kind(const json_t *model, const struct tokenizer_kind *expected, struct err *err)
{
    const char *type = json_string_value(json_object_get(model, "type"));
    if (type == NULL)
        type = json_object_get(model, "merges") != NULL ? "BPE" : "WordPiece";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(type, kinds[i]->model) == 0 && (expected == NULL || expected == kinds[i]))
            return kinds[i];
    tokenizer_json_refuse("model", type, expected != NULL ? expected->model : "WordPiece or BPE",
                          err);
    return NULL;
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
    if (direction != NULL && strcmp(direction, "Left") == 0)
        tokenizer->truncation = TRUNCATION_TAIL;
}

static int
read_parts(const json_t *file, const struct tokenizer_json_request *request,
           struct tokenizer *tokenizer, struct added_token_list *added, struct err *err)
{
    const json_t *model = json_object_get(file, "model");
    if (!json_is_object(file))
        return err_set(err, ERR_INVALID, "it is not a JSON object");
    if (!json_is_object(model))
        return err_set(err, ERR_INVALID, "it has no model");
    tokenizer->kind = find_kind(model, request->kind, err);
    if (tokenizer->kind == NULL)
        return err->code;
    read_side(json_object_get(file, "truncation"), tokenizer);
    if (request->as_written && tokenizer->kind->read_components(file, tokenizer, err) != 0)
        return err->code;
    if (tokenizer->kind->read_model(model, request->vocab_size, tokenizer, err) != 0)
        return err->code;
    return read_added(json_object_get(file, "added_tokens"), tokenizer->arena, added, err);
}

int
tokenizer_json_read(const struct tokenizer_json_request *request, struct tokenizer *tokenizer,
                    struct added_token_list *added, struct err *err)
{
    json_t *file = json_parse_file(request->path, TOKENIZER_MAX_JSON_BYTES, err);
    if (file == NULL)
        return err->code;
    int status = read_parts(file, request, tokenizer, added, err);
    json_decref(file);
    return status == 0 ? 0 : err_prefix(err, "%s", request->path);
}
