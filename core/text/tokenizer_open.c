/*
 * From a folder's files to a tokenizer; see tokenizer.h.
 *
 * The rules are those of transformers 5. Its BERT classes take no more from a tokenizer.json than
 * the vocabulary and the added tokens: case, accents and the names of special tokens come from
 * tokenizer_config.json or are BERT's defaults, whatever tokenizer.json says. Other classes
 * (PreTrainedTokenizerFast) use tokenizer.json as it is. Where there is no tokenizer_config.json we
 * also take tokenizer.json as it is, as the Rust library does: transformers would lower-case every
 * text then, even where the file says that the model is cased.
 */
#include "core/text/tokenizer.h"

#include "core/base/fileio.h"
#include "core/base/mem.h"
#include "core/text/tokenizer_config.h"
#include "core/text/tokenizer_json.h"
#include "core/text/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

/* Classes that are transformers' BertTokenizer by another name. */
static const char *const bert_classes[] = {
    "BertTokenizer",     "DistilBertTokenizer",  "ElectraTokenizer", "MobileBertTokenizer",
    "LayoutLMTokenizer", "SqueezeBertTokenizer", "LxmertTokenizer",
};

/* Everything that lives only while a folder is read. */
struct opening {
    const char *folder;
    size_t vocab_size; /* of the model */
    struct tokenizer *tokenizer;
    struct tokenizer_config config;
    struct added_token_list from_json;
};

static bool
is_bert_class(const char *name)
{
    if (name == NULL)
        return true;
    for (size_t i = 0; i < sizeof bert_classes / sizeof bert_classes[0]; i++)
        if (strcmp(name, bert_classes[i]) == 0)
            return true;
    return false;
}

/* What a token must satisfy to be added. */
enum fit { FIT_REQUIRED, FIT_OPTIONAL };

/*
 * Add a token under the id that the reference gives it. One that the model has no embedding for is
 * refused, or left out when only a default asks for it ("[MASK]" of a vocabulary without it).
 */
static int
add_token(struct opening *opening, const struct added_token *token, enum fit fit, struct err *err)
{
    struct tokenizer *tokenizer = opening->tokenizer;
    struct added_token added = *token;
    if (*added.content == '\0')
        return 0;
    added.id = added_tokens_next_id(tokenizer->added, tokenizer->vocab, added.content);
    if (added.id < opening->vocab_size)
        return added_tokens_add(tokenizer->added, &added, err);
    if (fit == FIT_OPTIONAL)
        return 0;
    return err_set(err, ERR_INVALID,
                   "added token '%s' gets id %u, but the model has only %zu embeddings "
                   "(vocab_size of config.json)",
                   added.content, added.id, opening->vocab_size);
}

static int
add_list(struct opening *opening, const struct added_token_list *list, struct err *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (add_token(opening, &list->tokens[i], FIT_REQUIRED, err) != 0)
            return err->code;
    return 0;
}

/*
 * What tokenizer.json and the older added_tokens.json list, in the order of the ids; where both
 * have a token for an id, tokenizer.json's counts.
 */
static int
add_merged(struct opening *opening, struct err *err)
{
    const struct added_token_list *json = &opening->from_json;
    const struct added_token_list *file = &opening->config.added;
    added_token_list_sort(&opening->from_json);
    size_t i = 0;
    size_t k = 0;
    while (i < json->count || k < file->count) {
        bool from_file =
            i == json->count || (k < file->count && file->tokens[k].id < json->tokens[i].id);
        const struct added_token *next = from_file ? &file->tokens[k++] : &json->tokens[i++];
        if (!from_file && k < file->count && file->tokens[k].id == next->id)
            k++;
        if (add_token(opening, next, FIT_REQUIRED, err) != 0)
            return err->code;
    }
    return 0;
}

/* Special tokens count as added unless a list has added them with flags of its own. */
static int
add_special(struct opening *opening, const struct added_token *token, enum fit fit, struct err *err)
{
    if (token->content == NULL || added_tokens_find(opening->tokenizer->added, token->content))
        return 0;
    return add_token(opening, token, fit, err);
}

static int
add_specials(struct opening *opening, struct err *err)
{
    const struct tokenizer_config *config = &opening->config;
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        enum fit fit = i == SPECIAL_CLS || i == SPECIAL_SEP ? FIT_REQUIRED : FIT_OPTIONAL;
        if (add_special(opening, &config->roles[i], fit, err) != 0)
            return err->code;
    }
    for (size_t i = 0; i < config->extras.count; i++)
        if (add_special(opening, &config->extras.tokens[i], FIT_REQUIRED, err) != 0)
            return err->code;
    return 0;
}

/* BertTokenizer: all but the vocabulary and the added tokens is BERT's, or tokenizer_config.json's.
 */
static void
configure_bert(struct opening *opening)
{
    struct tokenizer *tokenizer = opening->tokenizer;
    struct tokenizer_config *config = &opening->config;
    for (size_t i = 0; i < SPECIAL_COUNT; i++)
        if (!config->named[i])
            config->roles[i] =
                (struct added_token){.content = special_role_standard(i), .special = true};
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

/* Which token has which role; of a tokenizer.json as it is only those that it adds. */
static void
set_roles(struct tokenizer *tokenizer, const struct tokenizer_config *config)
{
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        const char *name = config->named[i] ? config->roles[i].content : special_role_standard(i);
        const struct added_token *token =
            name == NULL ? NULL : added_tokens_find(tokenizer->added, name);
        tokenizer->roles[i] = token == NULL ? NULL : token->content;
        if (i == SPECIAL_PAD && token != NULL)
            tokenizer->pad_id = token->id;
    }
}

static int
set_bert_templates(struct tokenizer *tokenizer, struct err *err)
{
    const enum special_role needed[] = {SPECIAL_CLS, SPECIAL_SEP};
    uint32_t ids[2] = {0, 0};
    for (size_t i = 0; i < 2; i++) {
        const char *name = tokenizer->roles[needed[i]];
        if (name == NULL)
            return err_set(err, ERR_INVALID, "there is no %s", special_role_key(needed[i]));
        ids[i] = added_tokens_find(tokenizer->added, name)->id;
    }
    tokenizer->templates = templates_bert(ids[0], ids[1]);
    return 0;
}

static int
check_template(const struct template *template, size_t vocab_size, struct err *err)
{
    for (size_t i = 0; i < template->count; i++)
        if (template->pieces[i].kind == TEMPLATE_SPECIAL && template->pieces[i].id >= vocab_size)
            return err_set(err, ERR_INVALID,
                           "post_processor adds id %u, but the model has only %zu embeddings "
                           "(vocab_size of config.json)",
                           template->pieces[i].id, vocab_size);
    return 0;
}

/* The greatest id + 1; an id beyond the model's embeddings is refused. */
static int
set_vocab_size(struct opening *opening, struct err *err)
{
    struct tokenizer *tokenizer = opening->tokenizer;
    for (size_t i = 0; i < vocab_count(tokenizer->vocab); i++) {
        struct vocab_entry entry = vocab_entry(tokenizer->vocab, i);
        if (entry.id >= opening->vocab_size)
            return err_set(err, ERR_INVALID,
                           "token '%.40s' has id %u, but the model has only %zu embeddings "
                           "(vocab_size of config.json)",
                           entry.bytes, entry.id, opening->vocab_size);
        if (entry.id >= tokenizer->vocab_size)
            tokenizer->vocab_size = (size_t)entry.id + 1;
    }
    for (size_t i = 0; i < added_tokens_count(tokenizer->added); i++) {
        uint32_t id = added_tokens_at(tokenizer->added, i)->id;
        if (id >= tokenizer->vocab_size)
            tokenizer->vocab_size = (size_t)id + 1;
    }
    if (check_template(&tokenizer->templates.single, opening->vocab_size, err) != 0)
        return err->code;
    return check_template(&tokenizer->templates.pair, opening->vocab_size, err);
}

static int
set_side(struct tokenizer *tokenizer, const char *side, struct err *err)
{
    if (side == NULL)
        return 0;
    if (strcmp(side, "left") != 0 && strcmp(side, "right") != 0)
        return err_set(err, ERR_INVALID, "truncation_side is '%s', neither 'left' nor 'right'",
                       side);
    tokenizer->truncate_left = strcmp(side, "left") == 0;
    return 0;
}

/* Everything that follows from what was read. */
static int
finish(struct opening *opening, bool as_written, struct err *err)
{
    struct tokenizer *tokenizer = opening->tokenizer;
    struct normalizer *normalizer = &tokenizer->normalizer;
    normalizer->strip_accents = tokenizer->strip_accents == CHOICE_YES ||
                                (tokenizer->strip_accents == CHOICE_AUTO && normalizer->lowercase);
    normalizer_init(normalizer);
    tokenizer->wordpiece.vocab = tokenizer->vocab;
    if (tokenizer->wordpiece.unknown == NULL)
        return err_set(err, ERR_INVALID, "there is no unk_token");
    if (wordpiece_init(&tokenizer->wordpiece, err) != 0)
        return err->code;
    set_roles(tokenizer, &opening->config);
    if (!as_written && set_bert_templates(tokenizer, err) != 0)
        return err->code;
    if (set_vocab_size(opening, err) != 0 ||
        set_side(tokenizer, opening->config.truncation_side, err) != 0)
        return err->code;
    return added_tokens_prepare(tokenizer->added, normalizer, err);
}

/* tokenizer.json as it is: its tokens, then what tokenizer_config.json names besides. */
static int
build_as_written(struct opening *opening, struct err *err)
{
    const struct tokenizer_config *config = &opening->config;
    if (add_list(opening, &opening->from_json, err) != 0)
        return err->code;
    if (config->present &&
        (add_list(opening, &config->added, err) != 0 || add_specials(opening, err) != 0))
        return err->code;
    return finish(opening, true, err);
}

static int
build_bert(struct opening *opening, struct err *err)
{
    configure_bert(opening);
    int status = opening->config.lists_added ? add_list(opening, &opening->config.added, err)
                                             : add_merged(opening, err);
    if (status != 0 || add_specials(opening, err) != 0)
        return err->code;
    return finish(opening, false, err);
}

static int
read_files(struct opening *opening, struct err *err)
{
    struct tokenizer *tokenizer = opening->tokenizer;
    const struct tokenizer_config *config = &opening->config;
    const char *json =
        arena_printf(tokenizer->arena, "%s/%s", opening->folder, TOKENIZER_JSON_FILE);
    const char *list =
        arena_printf(tokenizer->arena, "%s/%s", opening->folder, TOKENIZER_VOCAB_FILE);
    if (tokenizer_config_read(opening->folder, tokenizer->arena, &opening->config, err) != 0)
        return err->code;
    if (fileio_exists(json)) {
        bool as_written = !config->present || !is_bert_class(config->class_name);
        if (tokenizer_json_read(json, opening->vocab_size, as_written, tokenizer,
                                &opening->from_json, err) != 0)
            return err->code;
        return as_written ? build_as_written(opening, err) : build_bert(opening, err);
    }
    if (!fileio_exists(list))
        return err_set(err, ERR_NOT_FOUND, "%s has neither %s nor %s", opening->folder,
                       TOKENIZER_JSON_FILE, TOKENIZER_VOCAB_FILE);
    if (!is_bert_class(config->class_name))
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: tokenizer_class '%s' is not supported without a %s; BertTokenizer is",
                       TOKENIZER_CONFIG_FILE, config->class_name, TOKENIZER_JSON_FILE);
    if (vocab_read(tokenizer->vocab, list, TOKENIZER_MAX_VOCAB_BYTES, err) != 0)
        return err->code;
    return build_bert(opening, err);
}

int
tokenizer_open(const char *folder, size_t vocab_size, struct tokenizer **out, struct err *err)
{
    struct tokenizer *tokenizer = mem_small(sizeof *tokenizer);
    *tokenizer =
        (struct tokenizer){.arena = arena_new(), .vocab = vocab_new(), .added = added_tokens_new()};
    struct opening opening = {.folder = folder, .vocab_size = vocab_size, .tokenizer = tokenizer};
    int status = read_files(&opening, err);
    tokenizer_config_fini(&opening.config);
    free(opening.from_json.tokens);
    if (status != 0) {
        tokenizer_free(tokenizer);
        return err_prefix(err, "tokenizer of %s", folder);
    }
    *out = tokenizer;
    return 0;
}
