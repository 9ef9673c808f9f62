/*
 * RoBERTa's kind: no normalizer, ByteLevel, BPE, <s> A </s> (</s> B </s>); see tokenizer_kind.h.
 * transformers' RobertaTokenizer takes add_prefix_space and trim_offsets from
 * tokenizer_config.json.
 */
#include "core/text/tokenizer_kind.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/text/tokenizer_json.h"
#include "core/text/tokenizer_write.h"

#include <string.h>

static const char *const standard[SPECIAL_COUNT] = {
    [SPECIAL_BOS] = "<s>",     [SPECIAL_EOS] = "</s>",  [SPECIAL_UNK] = "<unk>",
    [SPECIAL_SEP] = "</s>",    [SPECIAL_PAD] = "<pad>", [SPECIAL_CLS] = "<s>",
    [SPECIAL_MASK] = "<mask>",
};

/* ---- vocab.json and merges.txt --------------------------------------------------------------- */

static bool
has_files(const char *folder, struct arena *arena)
{
    return fileio_exists(arena_printf(arena, "%s/%s", folder, TOKENIZER_TOKENS_FILE)) &&
           fileio_exists(arena_printf(arena, "%s/%s", folder, TOKENIZER_MERGES_FILE));
}

/* A merge as "left right"; the line ends at its NUL and is cut at the blank. */
static int
add_line(struct tokenizer *tokenizer, char *line, struct err *err)
{
    char *blank = strchr(line, ' ');
    if (blank == NULL || blank == line || blank[1] == '\0' || strchr(blank + 1, ' ') != NULL)
        return err_set(err, ERR_INVALID, "merge %zu ('%.40s') is not two tokens and a blank",
                       bpe_merge_count(tokenizer->bpe) + 1, line);
    *blank = '\0';
    return bpe_add_merge(tokenizer->bpe, tokenizer->vocab, line, blank + 1, err);
}

/* One merge a line; the first line may tell the format's version, empty ones say nothing. */
static int
read_merge_lines(const struct buf *text, struct tokenizer *out, struct err *err)
{
    const char *at = buf_string(text);
    const char *end = at + text->length;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop != NULL ? stop : end) - at);
        const char *line = at;
        at += length + 1;
        if (length > 0 && line[length - 1] == '\r')
            length--;
        if (length == 0 || (length >= 8 && memcmp(line, "#version", 8) == 0))
            continue;
        if (length > 2 * VOCAB_MAX_TOKEN_BYTES + 1 || memchr(line, '\0', length) != NULL)
            return err_set(err, ERR_INVALID, "merge %zu is too long or holds U+0000",
                           bpe_merge_count(out->bpe) + 1);
        char copy[2 * VOCAB_MAX_TOKEN_BYTES + 2];
        memcpy(copy, line, length);
        copy[length] = '\0';
        if (add_line(out, copy, err) != 0)
            return err->code;
    }
    return 0;
}

static int
read_merges_file(const char *path, struct tokenizer *out, struct err *err)
{
    struct buf text = {0};
    int status = fileio_read(path, TOKENIZER_MAX_MERGES_BYTES, &text, err);
    if (status == 0)
        status = read_merge_lines(&text, out, err);
    buf_fini(&text);
    return status == 0 ? 0 : err_prefix(err, "%s", path);
}

static int
read_files(const char *folder, size_t vocab_size, struct tokenizer *out, struct err *err)
{
    const char *path = arena_printf(out->arena, "%s/%s", folder, TOKENIZER_TOKENS_FILE);
    json_t *vocab = json_parse_file(path, TOKENIZER_MAX_JSON_BYTES, err);
    if (vocab == NULL)
        return err->code;
    int status = tokenizer_json_vocab(vocab, vocab_size, out->vocab, err);
    json_decref(vocab);
    if (status != 0)
        return err_prefix(err, "%s", path);
    path = arena_printf(out->arena, "%s/%s", folder, TOKENIZER_MERGES_FILE);
    return read_merges_file(path, out, err);
}

/* ---- tokenizer.json -------------------------------------------------------------------------- */

/* A merge is "left right", or [left, right] in newer files. */
static int
read_merge(const json_t *value, struct tokenizer *tokenizer, struct err *err)
{
    char line[2 * VOCAB_MAX_TOKEN_BYTES + 2];
    size_t number = bpe_merge_count(tokenizer->bpe) + 1;
    const char *left = json_string_value(json_array_get(value, 0));
    const char *right = json_string_value(json_array_get(value, 1));
    int length = -1;
    if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value))
        length = snprintf(line, sizeof line, "%s", json_string_value(value));
    else if (json_array_size(value) == 2 && left != NULL && right != NULL)
        length = snprintf(line, sizeof line, "%s %s", left, right);
    if (length < 0)
        return err_set(err, ERR_INVALID,
                       "merge %zu is neither a string of two tokens nor an array of two", number);
    if ((size_t)length >= sizeof line)
        return err_set(err, ERR_INVALID, "merge %zu has tokens of more than %d bytes", number,
                       VOCAB_MAX_TOKEN_BYTES);
    return add_line(tokenizer, line, err);
}

static int
read_model(const json_t *model, size_t vocab_size, struct tokenizer *tokenizer, struct err *err)
{
    const json_t *merges = json_object_get(model, "merges");
    const json_t *merge;
    size_t i;
    if (!json_is_array(merges))
        return err_set(err, ERR_INVALID, "model: 'merges' is not an array");
    if (tokenizer_json_vocab(json_object_get(model, "vocab"), vocab_size, tokenizer->vocab, err) !=
        0)
        return err_prefix(err, "model");
    json_array_foreach (merges, i, merge)
        if (read_merge(merge, tokenizer, err) != 0)
            return err_prefix(err, "model");
    return 0;
}

/* Something of the model that must not be: neither null nor false, 0 or "". */
static int
refuse_set(const json_t *model, const char *key, struct err *err)
{
    const json_t *value = json_object_get(model, key);
    if (value == NULL || json_is_null(value) || json_is_false(value) ||
        (json_is_string(value) && json_string_length(value) == 0) ||
        (json_is_number(value) && !(json_number_value(value) > 0)))
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "model: '%s' is not supported", key);
}

static int
read_model_switches(const json_t *model, struct tokenizer *tokenizer, struct err *err)
{
    const char *refused[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix",
                             "byte_fallback", "ignore_merges"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (refuse_set(model, refused[i], err) != 0)
            return err->code;
    const json_t *unknown = json_object_get(model, "unk_token");
    if (unknown != NULL && !json_is_null(unknown) && !json_is_string(unknown))
        return err_set(err, ERR_INVALID, "model: 'unk_token' is neither a string nor null");
    tokenizer->unknown.token = arena_copy_string(tokenizer->arena, json_string_value(unknown));
    tokenizer->unknown.fuse = json_is_true(json_object_get(model, "fuse_unk"));
    return 0;
}

/* A switch of a component, with the value that it has when it is not there. */
static bool
switch_of(const json_t *object, const char *key, bool absent)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : absent;
}

static int
read_pre_tokenizer(const json_t *value, struct tokenizer *tokenizer, struct err *err)
{
    const char *type = tokenizer_json_type(&value, "pre_tokenizer", "pretokenizers", err);
    if (type == NULL)
        return err->code;
    if (strcmp(type, "ByteLevel") != 0)
        return tokenizer_json_refuse("pre_tokenizer", type, "ByteLevel", err);
    if (!switch_of(value, "use_regex", true))
        return err_set(err, ERR_UNSUPPORTED,
                       "pre_tokenizer: ByteLevel with use_regex false is not supported");
    tokenizer->add_prefix_space = switch_of(value, "add_prefix_space", true);
    return 0;
}

static void
read_trimming(const json_t *value, struct tokenizer *tokenizer)
{
    tokenizer->trims = switch_of(value, "trim_offsets", true);
    tokenizer->trims_prefix = switch_of(value, "add_prefix_space", true);
}

/* ByteLevel trims places, RobertaProcessing does too, the others put special tokens around. */
static int
read_post_processor(const json_t *value, struct tokenizer *tokenizer, struct err *err)
{
    const char *type = json_string_value(json_object_get(value, "type"));
    const json_t *list = json_object_get(value, "processors");
    if (type != NULL && strcmp(type, "Sequence") == 0 && json_array_size(list) == 2) {
        const json_t *first = json_array_get(list, 0);
        const char *first_type = json_string_value(json_object_get(first, "type"));
        if (first_type != NULL && strcmp(first_type, "ByteLevel") == 0) {
            read_trimming(first, tokenizer);
            return templates_read(json_array_get(list, 1), &tokenizer->templates, err);
        }
    }
    if (type != NULL && strcmp(type, "ByteLevel") == 0) {
        read_trimming(value, tokenizer);
        return templates_read(NULL, &tokenizer->templates, err);
    }
    if (type != NULL && strcmp(type, "RobertaProcessing") == 0)
        read_trimming(value, tokenizer);
    return templates_read(value, &tokenizer->templates, err);
}

static int
read_components(const json_t *file, struct tokenizer *tokenizer, struct err *err)
{
    const json_t *normalizer = json_object_get(file, "normalizer");
    const char *type = tokenizer_json_type(&normalizer, "normalizer", "normalizers", err);
    if (type == NULL)
        return err->code;
    if (*type != '\0')
        return err_set(err, ERR_UNSUPPORTED,
                       "normalizer of type '%s' is not supported with a BPE model", type);
    if (read_model_switches(json_object_get(file, "model"), tokenizer, err) != 0 ||
        read_pre_tokenizer(json_object_get(file, "pre_tokenizer"), tokenizer, err) != 0)
        return err->code;
    return read_post_processor(json_object_get(file, "post_processor"), tokenizer, err);
}

static void
configure(struct tokenizer *tokenizer, const struct tokenizer_config *config)
{
    tokenizer->unknown = (struct bpe_unknown){0};
    tokenizer->add_prefix_space = config->add_prefix_space;
    tokenizer->trims = config->trim_offsets;
    tokenizer->trims_prefix = config->add_prefix_space;
}

static int
prepare(struct tokenizer *tokenizer, struct err *err)
{
    return bpe_prepare(tokenizer->bpe, tokenizer->vocab, &tokenizer->unknown, err);
}

static uint32_t
unknown_id(const struct tokenizer *tokenizer)
{
    const char *name = tokenizer->unknown.token;
    uint32_t id = UINT32_MAX;
    if (name == NULL)
        name = tokenizer->roles[SPECIAL_UNK];
    if (name != NULL && added_tokens_find(tokenizer->added, name) != NULL)
        return added_tokens_find(tokenizer->added, name)->id;
    if (name != NULL)
        vocab_find(tokenizer->vocab, name, strlen(name), &id);
    return id;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool
is_class(const struct tokenizer *tokenizer)
{
    return tokenizer->unknown.token == NULL &&
           tokenizer->trims_prefix == tokenizer->add_prefix_space;
}

static void
write_config(const struct tokenizer *tokenizer, json_t *config)
{
    json_object_set_new(config, "add_prefix_space", json_boolean(tokenizer->add_prefix_space));
    json_object_set_new(config, "trim_offsets", json_boolean(tokenizer->trims));
}

static json_t *
byte_level(const struct tokenizer *tokenizer, bool add_prefix_space)
{
    return json_pack("{s:s,s:b,s:b,s:b}", "type", "ByteLevel", "add_prefix_space", add_prefix_space,
                     "trim_offsets", tokenizer->trims, "use_regex", 1);
}

/* A merge's two tokens with a blank between. */
static void
merge_text(const struct tokenizer *tokenizer, const char **tokens, size_t rank, struct buf *out)
{
    struct bpe_merge merge = bpe_merge_at(tokenizer->bpe, rank);
    buf_printf(out, "%s %s", tokens[merge.left], tokens[merge.right]);
}

static json_t *
merges_to_json(const struct tokenizer *tokenizer, const char **tokens)
{
    json_t *list = json_array();
    for (size_t rank = 0; rank < bpe_merge_count(tokenizer->bpe); rank++) {
        struct buf text = {0};
        merge_text(tokenizer, tokens, rank, &text);
        json_array_append_new(list, json_string(buf_string(&text)));
        buf_fini(&text);
    }
    return list;
}

/* A special token as [text, id]. */
static json_t *
role_to_json(const struct tokenizer *tokenizer, enum special_role role)
{
    const char *name = tokenizer->roles[role];
    return json_pack("[s,I]", name, (json_int_t)added_tokens_find(tokenizer->added, name)->id);
}

/* RobertaProcessing where that says it all, else trimming and a template one after the other. */
static json_t *
post_processor_to_json(const struct tokenizer *tokenizer, const char **tokens)
{
    if (tokenizer_has_class_templates(tokenizer))
        return json_pack("{s:s,s:o,s:o,s:b,s:b}", "type", "RobertaProcessing", "sep",
                         role_to_json(tokenizer, SPECIAL_SEP), "cls",
                         role_to_json(tokenizer, SPECIAL_CLS), "trim_offsets", tokenizer->trims,
                         "add_prefix_space", tokenizer->trims_prefix);
    return json_pack("{s:s,s:[o,o]}", "type", "Sequence", "processors",
                     byte_level(tokenizer, tokenizer->trims_prefix),
                     tokenizer_write_templates(tokenizer, tokens));
}

static void
write_components(const struct tokenizer *tokenizer, const char **tokens, json_t *file)
{
    json_object_set_new(file, "normalizer", json_null());
    json_object_set_new(file, "pre_tokenizer", byte_level(tokenizer, tokenizer->add_prefix_space));
    json_object_set_new(file, "post_processor", post_processor_to_json(tokenizer, tokens));
    json_object_set_new(file, "decoder", byte_level(tokenizer, true));
    json_object_set_new(file, "model",
                        json_pack("{s:s,s:n,s:s?,s:n,s:n,s:b,s:b,s:b,s:o,s:o}", "type", "BPE",
                                  "dropout", "unk_token", tokenizer->unknown.token,
                                  "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                                  tokenizer->unknown.fuse, "byte_fallback", 0, "ignore_merges", 0,
                                  "vocab", tokenizer_write_vocab(tokenizer, tokens), "merges",
                                  merges_to_json(tokenizer, tokens)));
}

static int
write_files(const struct tokenizer *tokenizer, const char **tokens, const char *folder,
            struct err *err)
{
    struct buf lines = {0};
    int status = tokenizer_write_json_take(folder, TOKENIZER_TOKENS_FILE,
                                           tokenizer_write_vocab(tokenizer, tokens), err);
    if (status != 0)
        return status;
    buf_append_string(&lines, "#version: 0.2\n");
    for (size_t rank = 0; rank < bpe_merge_count(tokenizer->bpe); rank++) {
        merge_text(tokenizer, tokens, rank, &lines);
        buf_append_string(&lines, "\n");
    }
    status =
        tokenizer_write_file(folder, TOKENIZER_MERGES_FILE, buf_string(&lines), lines.length, err);
    buf_fini(&lines);
    return status;
}

const struct tokenizer_kind tokenizer_kind_bpe = {
    .model = "BPE",
    .class_name = "RobertaTokenizer",
    .standard = standard,
    .encode = encoding_bpe,
    .has_files = has_files,
    .read_files = read_files,
    .read_model = read_model,
    .read_components = read_components,
    .configure = configure,
    .templates = templates_roberta,
    .prepare = prepare,
    .unknown_id = unknown_id,
    .is_class = is_class,
    .write_config = write_config,
    .write_components = write_components,
    .write_files = write_files,
};
