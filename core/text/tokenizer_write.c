/*
 * A tokenizer into a folder, for ourselves and for transformers; see tokenizer.h.
 *
 * tokenizer.json holds everything. tokenizer_config.json repeats what transformers' classes take
 * from there instead; a tokenizer that the class of its kind cannot express is written as a
 * PreTrainedTokenizerFast, which takes tokenizer.json as it is. The vocabulary's own files
 * (vocab.txt, or vocab.json and merges.txt) are for other programs.
 */
#include "core/text/tokenizer_write.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/text/tokenizer.h"
#include "core/text/tokenizer_config.h"
#include "core/text/tokenizer_kind.h"
#include "core/text/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

/* The tokens of the vocabulary by id, NULL where an id has none. */
static const char **
tokens_by_id(const struct tokenizer *tokenizer)
{
    const char **tokens = mem_array(tokenizer->vocab_size, sizeof *tokens);
    if (tokens == NULL)
        return NULL;
    for (size_t i = 0; i < vocab_count(tokenizer->vocab); i++) {
        struct vocab_entry entry = vocab_entry(tokenizer->vocab, i);
        tokens[entry.id] = entry.bytes;
    }
    return tokens;
}

static json_t *
added_token_to_json(const struct added_token *token)
{
    return json_pack("{s:s,s:b,s:b,s:b,s:b,s:b}", "content", token->content, "single_word",
                     token->single_word, "lstrip", token->lstrip, "rstrip", token->rstrip,
                     "normalized", token->normalized, "special", token->special);
}

/* The reference lists added tokens by id; additions follow one another, so ids do too. */
static json_t *
added_tokens_to_json(const struct tokenizer *tokenizer)
{
    json_t *list = json_array();
    for (size_t i = 0; i < added_tokens_count(tokenizer->added); i++) {
        const struct added_token *token = added_tokens_at(tokenizer->added, i);
        json_t *item = json_pack("{s:I}", "id", (json_int_t)token->id);
        json_t *flags = added_token_to_json(token);
        json_object_update(item, flags);
        json_decref(flags);
        json_array_append_new(list, item);
    }
    return list;
}

json_t *
tokenizer_write_vocab(const struct tokenizer *tokenizer, const char **tokens)
{
    json_t *vocab = json_object();
    for (size_t id = 0; id < tokenizer->vocab_size; id++)
        if (tokens[id] != NULL)
            json_object_set_new(vocab, tokens[id], json_integer((json_int_t)id));
    return vocab;
}

struct naming {
    const struct tokenizer *tokenizer;
    const char **tokens;
};

/* A special token's text: an added token's, else the vocabulary's. */
static const char *
name_of(const void *context, uint32_t id)
{
    const struct naming *naming = context;
    for (size_t i = 0; i < added_tokens_count(naming->tokenizer->added); i++)
        if (added_tokens_at(naming->tokenizer->added, i)->id == id)
            return added_tokens_at(naming->tokenizer->added, i)->content;
    if (id < naming->tokenizer->vocab_size && naming->tokens[id] != NULL)
        return naming->tokens[id];
    return "[no token]";
}

json_t *
tokenizer_write_templates(const struct tokenizer *tokenizer, const char **tokens)
{
    struct naming naming = {.tokenizer = tokenizer, .tokens = tokens};
    return templates_to_json(&tokenizer->templates, name_of, &naming);
}

static json_t *
tokenizer_to_json(const struct tokenizer *tokenizer, const char **tokens)
{
    json_t *file = json_pack("{s:s,s:n,s:n,s:o}", "version", "1.0", "truncation", "padding",
                             "added_tokens", added_tokens_to_json(tokenizer));
    tokenizer->kind->write_components(tokenizer, tokens, file);
    return file;
}

bool
tokenizer_has_class_templates(const struct tokenizer *tokenizer)
{
    const char *cls = tokenizer->roles[SPECIAL_CLS];
    const char *sep = tokenizer->roles[SPECIAL_SEP];
    if (cls == NULL || sep == NULL)
        return false;
    struct templates own = tokenizer->kind->templates(added_tokens_find(tokenizer->added, cls)->id,
                                                      added_tokens_find(tokenizer->added, sep)->id);
    return templates_equal(&own, &tokenizer->templates);
}

static json_t *
config_to_json(const struct tokenizer *tokenizer, const struct tokenizer_model *model)
{
    const struct tokenizer_kind *kind = tokenizer->kind;
    bool own = kind->is_class(tokenizer) && tokenizer_has_class_templates(tokenizer);
    json_t *config = json_object();
    json_t *decoder = json_object();
    for (size_t i = 0; i < added_tokens_count(tokenizer->added); i++) {
        const struct added_token *token = added_tokens_at(tokenizer->added, i);
        char id[16];
        snprintf(id, sizeof id, "%u", token->id);
        json_object_set_new(decoder, id, added_token_to_json(token));
    }
    json_object_set_new(config, "added_tokens_decoder", decoder);
    json_object_set_new(config, "tokenizer_class",
                        json_string(own ? kind->class_name : "PreTrainedTokenizerFast"));
    if (model->max_length > 0)
        json_object_set_new(config, "model_max_length",
                            json_integer((json_int_t)model->max_length));
    if (model->typeless)
        json_object_set_new(config, "model_input_names",
                            json_pack("[s,s]", "input_ids", "attention_mask"));
    if (tokenizer->truncation == TRUNCATION_TAIL)
        json_object_set_new(config, "truncation_side", json_string("left"));
    for (enum special_role role = 0; role < SPECIAL_COUNT; role++) {
        const char *name = tokenizer->roles[role];
        if (name != NULL) /* null keeps the class from adding the token of its own accord */
            json_object_set_new(config, special_role_key(role), json_string(name));
        else if (own && kind->standard[role] != NULL)
            json_object_set_new(config, special_role_key(role), json_null());
    }
    if (own)
        kind->write_config(tokenizer, config);
    return config;
}

int
tokenizer_write_file(const char *folder, const char *name, const char *text, size_t length,
                     struct err *err)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", folder, name);
    int status = fileio_write(buf_string(&path), text, length, err);
    buf_fini(&path);
    return status;
}

int
tokenizer_write_json_take(const char *folder, const char *name, json_t *value, struct err *err)
{
    char *text = json_text(value);
    int status = tokenizer_write_file(folder, name, text, strlen(text), err);
    free(text);
    json_decref(value);
    return status;
}

int
tokenizer_write(const struct tokenizer *tokenizer, struct tokenizer_model model, const char *folder,
                struct err *err)
{
    const char **tokens = tokens_by_id(tokenizer);
    if (tokens == NULL)
        return err_set(err, ERR_MEMORY, "no memory to write a vocabulary of %zu tokens",
                       tokenizer->vocab_size);
    int status = tokenizer->kind->write_files(tokenizer, tokens, folder, err);
    if (status == 0)
        status = tokenizer_write_json_take(folder, TOKENIZER_JSON_FILE,
                                           tokenizer_to_json(tokenizer, tokens), err);
    if (status == 0)
        status = tokenizer_write_json_take(folder, TOKENIZER_CONFIG_FILE,
                                           config_to_json(tokenizer, &model), err);
    free(tokens);
    return status;
}
