/*
 * A tokenizer into a folder, for ourselves and for transformers; see tokenizer.h.
 *
 * tokenizer.json holds everything. tokenizer_config.json repeats what transformers' BertTokenizer
 * takes from there instead; a tokenizer that this class cannot express is written as a
 * PreTrainedTokenizerFast, which takes tokenizer.json as it is. vocab.txt is for other programs.
 */
#include "core/text/tokenizer.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/text/tokenizer_config.h"
#include "core/text/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

static json_t *
choice_to_json(enum choice choice)
{
    return choice == CHOICE_AUTO ? json_null() : json_boolean(choice == CHOICE_YES);
}

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

static bool
ends_blank(const char *token)
{
    size_t length = strlen(token);
    return length > 0 && strchr(" \t\r\v\f", token[length - 1]) != NULL;
}

/*
 * One line an id. An id without a token, and a token that a line cannot hold, get a line with
 * blanks inside, which is no word and so matches nothing.
 */
static void
vocab_text(const char **tokens, size_t count, struct buf *out)
{
    while (count > 0 && tokens[count - 1] == NULL)
        count--;
    for (size_t id = 0; id < count; id++) {
        const char *token = tokens[id];
        if (token == NULL || strchr(token, '\n') != NULL || ends_blank(token))
            buf_printf(out, "[no token %zu]\n", id);
        else
            buf_printf(out, "%s\n", token);
    }
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

static json_t *
normalizer_to_json(const struct tokenizer *tokenizer)
{
    const struct normalizer *normalizer = &tokenizer->normalizer;
    return json_pack("{s:s,s:b,s:b,s:o,s:b}", "type", "BertNormalizer", "clean_text",
                     normalizer->clean_text, "handle_chinese_chars",
                     normalizer->handle_chinese_chars, "strip_accents",
                     choice_to_json(tokenizer->strip_accents), "lowercase", normalizer->lowercase);
}

static json_t *
model_to_json(const struct tokenizer *tokenizer, const char **tokens)
{
    const struct wordpiece *wordpiece = &tokenizer->wordpiece;
    json_t *vocab = json_object();
    for (size_t id = 0; id < tokenizer->vocab_size; id++)
        if (tokens[id] != NULL)
            json_object_set_new(vocab, tokens[id], json_integer((json_int_t)id));
    return json_pack("{s:s,s:s,s:s,s:I,s:o}", "type", "WordPiece", "unk_token", wordpiece->unknown,
                     "continuing_subword_prefix", wordpiece->prefix, "max_input_chars_per_word",
                     (json_int_t)wordpiece->max_characters, "vocab", vocab);
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

static json_t *
tokenizer_to_json(const struct tokenizer *tokenizer, const char **tokens)
{
    struct naming naming = {.tokenizer = tokenizer, .tokens = tokens};
    return json_pack("{s:s,s:n,s:n,s:o,s:o,s:{s:s},s:o,s:{s:s,s:s,s:b},s:o}", "version", "1.0",
                     "truncation", "padding", "added_tokens", added_tokens_to_json(tokenizer),
                     "normalizer", normalizer_to_json(tokenizer), "pre_tokenizer", "type",
                     "BertPreTokenizer", "post_processor",
                     templates_to_json(&tokenizer->templates, name_of, &naming), "decoder", "type",
                     "WordPiece", "prefix", tokenizer->wordpiece.prefix, "cleanup", 1, "model",
                     model_to_json(tokenizer, tokens));
}

/* Would transformers' BertTokenizer, which sets most of tokenizer.json aside, give the same ids? */
static bool
is_bert(const struct tokenizer *tokenizer)
{
    const struct wordpiece *wordpiece = &tokenizer->wordpiece;
    const char *unk = tokenizer->roles[SPECIAL_UNK];
    const char *cls = tokenizer->roles[SPECIAL_CLS];
    const char *sep = tokenizer->roles[SPECIAL_SEP];
    if (!tokenizer->normalizer.clean_text || strcmp(wordpiece->prefix, "##") != 0 ||
        wordpiece->max_characters != WORDPIECE_DEFAULT_CHARACTERS)
        return false;
    if (unk == NULL || cls == NULL || sep == NULL || strcmp(unk, wordpiece->unknown) != 0)
        return false;
    struct templates bert = templates_bert(added_tokens_find(tokenizer->added, cls)->id,
                                           added_tokens_find(tokenizer->added, sep)->id);
    return templates_equal(&bert, &tokenizer->templates);
}

static json_t *
config_to_json(const struct tokenizer *tokenizer, size_t model_max_length)
{
    bool bert = is_bert(tokenizer);
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
                        json_string(bert ? "BertTokenizer" : "PreTrainedTokenizerFast"));
    if (model_max_length > 0)
        json_object_set_new(config, "model_max_length", json_integer((json_int_t)model_max_length));
    if (tokenizer->truncate_left)
        json_object_set_new(config, "truncation_side", json_string("left"));
    for (enum special_role role = 0; role < SPECIAL_COUNT; role++) {
        const char *name = tokenizer->roles[role];
        if (name != NULL) /* null keeps BertTokenizer from adding the token of its own accord */
            json_object_set_new(config, special_role_key(role), json_string(name));
        else if (bert && special_role_standard(role) != NULL)
            json_object_set_new(config, special_role_key(role), json_null());
    }
    if (!bert)
        return config;
    json_object_set_new(config, "do_lower_case", json_boolean(tokenizer->normalizer.lowercase));
    json_object_set_new(config, "tokenize_chinese_chars",
                        json_boolean(tokenizer->normalizer.handle_chinese_chars));
    json_object_set_new(config, "strip_accents", choice_to_json(tokenizer->strip_accents));
    return config;
}

static int
write_file(const char *folder, const char *name, const char *text, size_t length, struct err *err)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", folder, name);
    int status = fileio_write(buf_string(&path), text, length, err);
    buf_fini(&path);
    return status;
}

/* Write a value and release it. */
static int
write_json_take(const char *folder, const char *name, json_t *value, struct err *err)
{
    char *text = json_text(value);
    int status = write_file(folder, name, text, strlen(text), err);
    free(text);
    json_decref(value);
    return status;
}

int
tokenizer_write(const struct tokenizer *tokenizer, size_t model_max_length, const char *folder,
                struct err *err)
{
    struct buf lines = {0};
    const char **tokens = tokens_by_id(tokenizer);
    if (tokens == NULL)
        return err_set(err, ERR_MEMORY, "no memory to write a vocabulary of %zu tokens",
                       tokenizer->vocab_size);
    vocab_text(tokens, tokenizer->vocab_size, &lines);
    int status = write_file(folder, TOKENIZER_VOCAB_FILE, buf_string(&lines), lines.length, err);
    if (status == 0)
        status =
            write_json_take(folder, TOKENIZER_JSON_FILE, tokenizer_to_json(tokenizer, tokens), err);
    if (status == 0)
        status = write_json_take(folder, TOKENIZER_CONFIG_FILE,
                                 config_to_json(tokenizer, model_max_length), err);
    buf_fini(&lines);
    free(tokens);
    return status;
}
