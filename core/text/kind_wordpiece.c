/*
 * BERT's kind: BertNormalizer, BertPreTokenizer, WordPiece, [CLS] A [SEP] (B [SEP]); see
 * tokenizer_kind.h. transformers' BertTokenizer takes case, accents and ideographs from
 * tokenizer_config.json.
 */
#include "core/text/tokenizer_kind.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/text/tokenizer_json.h"
#include "core/text/tokenizer_write.h"

#include <string.h>

static const char *const standard[SPECIAL_COUNT] = {
    [SPECIAL_UNK] = "[UNK]", [SPECIAL_SEP] = "[SEP]",   [SPECIAL_PAD] = "[PAD]",
    [SPECIAL_CLS] = "[CLS]", [SPECIAL_MASK] = "[MASK]",
};

enum { MOST_LEFT_OUT = 100 }; /* one token in a hundred */

/* ---- reading --------------------------------------------------------------------------------- */

static bool
has_files(const char *folder, struct arena *arena)
{
    return fileio_exists(arena_printf(arena, "%s/%s", folder, TOKENIZER_VOCAB_FILE));
}

/* A few tokens more than the model has embeddings for are left out; with many more the two belong
 * to different models. */
static int
read_files(const char *folder, size_t vocab_size, struct tokenizer *out, struct err *err)
{
    const char *path = arena_printf(out->arena, "%s/%s", folder, TOKENIZER_VOCAB_FILE);
    if (vocab_read(out->vocab, path, vocab_size, &out->left_out, err) != 0)
        return err->code;
    if (out->left_out <= vocab_size / MOST_LEFT_OUT)
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s has %zu tokens, but the model has only %zu embeddings (vocab_size of "
                   "config.json)",
                   path, vocab_size + out->left_out, vocab_size);
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
    const char *type = tokenizer_json_type(&value, "normalizer", "normalizers", err);
    if (type == NULL)
        return err->code;
    if (*type == '\0') { /* none: the text as it is */
        tokenizer->strip_accents = CHOICE_NO;
        return 0;
    }
    if (strcmp(type, "BertNormalizer") != 0)
        return tokenizer_json_refuse("normalizer", type, "BertNormalizer", err);
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
read_components(const json_t *file, struct tokenizer *tokenizer, struct err *err)
{
    const json_t *pre_tokenizer = json_object_get(file, "pre_tokenizer");
    if (read_normalizer(json_object_get(file, "normalizer"), tokenizer, err) != 0)
        return err->code;
    const char *type = tokenizer_json_type(&pre_tokenizer, "pre_tokenizer", "pretokenizers", err);
    if (type == NULL)
        return err->code;
    if (strcmp(type, "BertPreTokenizer") != 0)
        return tokenizer_json_refuse("pre_tokenizer", type, "BertPreTokenizer", err);
    return templates_read(json_object_get(file, "post_processor"), &tokenizer->templates, err);
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

static int
read_model(const json_t *model, size_t vocab_size, struct tokenizer *tokenizer, struct err *err)
{
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
    if (tokenizer_json_vocab(json_object_get(model, "vocab"), vocab_size, tokenizer->vocab, err) !=
        0)
        return err_prefix(err, "model");
    return 0;
}

static void
configure(struct tokenizer *tokenizer, const struct tokenizer_config *config)
{
    tokenizer->normalizer = (struct normalizer){
        .clean_text = true,
        .handle_chinese_chars = config->tokenize_chinese_chars,
        .lowercase = config->do_lower_case,
    };
    tokenizer->strip_accents = config->strip_accents;
    tokenizer->wordpiece.prefix = "##";
    tokenizer->wordpiece.max_characters = WORDPIECE_DEFAULT_CHARACTERS;
    tokenizer->wordpiece.unknown = config->roles[SPECIAL_UNK].content;
}

static int
prepare(struct tokenizer *tokenizer, struct err *err)
{
    struct normalizer *normalizer = &tokenizer->normalizer;
    normalizer->strip_accents = tokenizer->strip_accents == CHOICE_YES ||
                                (tokenizer->strip_accents == CHOICE_AUTO && normalizer->lowercase);
    tokenizer->wordpiece.vocab = tokenizer->vocab;
    if (tokenizer->wordpiece.unknown == NULL)
        return err_set(err, ERR_INVALID, "there is no unk_token");
    return wordpiece_init(&tokenizer->wordpiece, err);
}

static uint32_t
unknown_id(const struct tokenizer *tokenizer)
{
    return tokenizer->wordpiece.unknown_id;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool
is_class(const struct tokenizer *tokenizer)
{
    const struct wordpiece *wordpiece = &tokenizer->wordpiece;
    const char *unk = tokenizer->roles[SPECIAL_UNK];
    return tokenizer->normalizer.clean_text && strcmp(wordpiece->prefix, "##") == 0 &&
           wordpiece->max_characters == WORDPIECE_DEFAULT_CHARACTERS && unk != NULL &&
           strcmp(unk, wordpiece->unknown) == 0;
}

static json_t *
choice_to_json(enum choice choice)
{
    return choice == CHOICE_AUTO ? json_null() : json_boolean(choice == CHOICE_YES);
}

static void
write_config(const struct tokenizer *tokenizer, json_t *config)
{
    json_object_set_new(config, "do_lower_case", json_boolean(tokenizer->normalizer.lowercase));
    json_object_set_new(config, "tokenize_chinese_chars",
                        json_boolean(tokenizer->normalizer.handle_chinese_chars));
    json_object_set_new(config, "strip_accents", choice_to_json(tokenizer->strip_accents));
}

static void
write_components(const struct tokenizer *tokenizer, const char **tokens, json_t *file)
{
    const struct normalizer *normalizer = &tokenizer->normalizer;
    const struct wordpiece *wordpiece = &tokenizer->wordpiece;
    json_object_set_new(file, "normalizer",
                        json_pack("{s:s,s:b,s:b,s:o,s:b}", "type", "BertNormalizer", "clean_text",
                                  normalizer->clean_text, "handle_chinese_chars",
                                  normalizer->handle_chinese_chars, "strip_accents",
                                  choice_to_json(tokenizer->strip_accents), "lowercase",
                                  normalizer->lowercase));
    json_object_set_new(file, "pre_tokenizer", json_pack("{s:s}", "type", "BertPreTokenizer"));
    json_object_set_new(file, "post_processor", tokenizer_write_templates(tokenizer, tokens));
    json_object_set_new(
        file, "decoder",
        json_pack("{s:s,s:s,s:b}", "type", "WordPiece", "prefix", wordpiece->prefix, "cleanup", 1));
    json_object_set_new(file, "model",
                        json_pack("{s:s,s:s,s:s,s:I,s:o}", "type", "WordPiece", "unk_token",
                                  wordpiece->unknown, "continuing_subword_prefix",
                                  wordpiece->prefix, "max_input_chars_per_word",
                                  (json_int_t)wordpiece->max_characters, "vocab",
                                  tokenizer_write_vocab(tokenizer, tokens)));
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
static int
write_files(const struct tokenizer *tokenizer, const char **tokens, const char *folder,
            struct err *err)
{
    struct buf lines = {0};
    size_t count = tokenizer->vocab_size;
    while (count > 0 && tokens[count - 1] == NULL)
        count--;
    for (size_t id = 0; id < count; id++) {
        const char *token = tokens[id];
        if (token == NULL || strchr(token, '\n') != NULL || ends_blank(token))
            buf_printf(&lines, "[no token %zu]\n", id);
        else
            buf_printf(&lines, "%s\n", token);
    }
    int status =
        tokenizer_write_file(folder, TOKENIZER_VOCAB_FILE, buf_string(&lines), lines.length, err);
    buf_fini(&lines);
    return status;
}

const struct tokenizer_kind tokenizer_kind_wordpiece = {
    .model = "WordPiece",
    .class_name = "BertTokenizer",
    .standard = standard,
    .encode = encoding_wordpiece,
    .has_files = has_files,
    .read_files = read_files,
    .read_model = read_model,
    .read_components = read_components,
    .configure = configure,
    .templates = templates_bert,
    .prepare = prepare,
    .unknown_id = unknown_id,
    .is_class = is_class,
    .write_config = write_config,
    .write_components = write_components,
    .write_files = write_files,
};
