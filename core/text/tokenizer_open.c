/*
 * From a folder's files to a tokenizer; see tokenizer.h.
 *
 * The rules are those of transformers 5. Its classes for BERT and RoBERTa take no more from a
 * tokenizer.json than the vocabulary, the merges and the added tokens: all else (case, accents, a
 * blank put before the text, the names of special tokens) comes from tokenizer_config.json or is
 * the class's default, whatever tokenizer.json says. Other classes (PreTrainedTokenizerFast) use
 * tokenizer.json as it is. Where there is no tokenizer_config.json we also take tokenizer.json as
 * it is, as the Rust library does: transformers would lower-case every text of a BERT then, even
 * where the file says that the model is cased.
 */
#include "core/text/tokenizer.h"

#include "core/base/fileio.h"
#include "core/base/mem.h"
#include "core/text/tokenizer_config.h"
#include "core/text/tokenizer_json.h"
#include "core/text/tokenizer_kind.h"
#include "core/text/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

/* Classes of transformers that we follow; several are one by another name. */
static const struct {
    const char *name;
    const struct tokenizer_kind *kind;
} classes[] = {
    {"BertTokenizer", &tokenizer_kind_wordpiece},
    {"DistilBertTokenizer", &tokenizer_kind_wordpiece},
    {"ElectraTokenizer", &tokenizer_kind_wordpiece},
    {"MobileBertTokenizer", &tokenizer_kind_wordpiece},
    {"LayoutLMTokenizer", &tokenizer_kind_wordpiece},
    {"SqueezeBertTokenizer", &tokenizer_kind_wordpiece},
    {"LxmertTokenizer", &tokenizer_kind_wordpiece},
    {"RobertaTokenizer", &tokenizer_kind_bpe},
};

/* Everything that lives only while a folder is read. */
struct opening {
    const char *folder;
    size_t vocab_size; /* of the model */
    struct tokenizer *tokenizer;
    struct tokenizer_config config;
    struct added_token_list from_json;
};

/* The kind of a class, or NULL for others and for none. */
static const struct tokenizer_kind *
class_kind(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0] && name != NULL; i++)
        if (strcmp(name, classes[i].name) == 0)
            return classes[i].kind;
    return NULL;
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

/* What no file says about special tokens is as the class has it. */
static void
fill_roles(struct opening *opening)
{
    struct tokenizer_config *config = &opening->config;
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        const char *standard = opening->tokenizer->kind->standard[i];
        if (config->named[i])
            continue;
        config->roles[i] = (struct added_token){.content = standard, .special = true};
        for (size_t k = 0; k < config->added.count && !config->lists_added; k++) {
            struct added_token *token = &config->added.tokens[k];
            if (standard == NULL || strcmp(token->content, standard) != 0)
                continue;
            token->special = true;
            token->normalized = false;
        }
    }
}

/* Which token has which role; of a tokenizer.json as it is only those that it adds. */
static void
set_roles(struct tokenizer *tokenizer, const struct tokenizer_config *config)
{
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        const char *name =
            config->named[i] ? config->roles[i].content : tokenizer->kind->standard[i];
        const struct added_token *token =
            name == NULL ? NULL : added_tokens_find(tokenizer->added, name);
        tokenizer->roles[i] = token == NULL ? NULL : token->content;
        if (i == SPECIAL_PAD && token != NULL)
            tokenizer->pad_id = token->id;
    }
}

static int
set_class_templates(struct tokenizer *tokenizer, struct err *err)
{
    const enum special_role needed[] = {SPECIAL_CLS, SPECIAL_SEP};
    uint32_t ids[2] = {0, 0};
    for (size_t i = 0; i < 2; i++) {
        const char *name = tokenizer->roles[needed[i]];
        if (name == NULL)
            return err_set(err, ERR_INVALID, "there is no %s", special_role_key(needed[i]));
        ids[i] = added_tokens_find(tokenizer->added, name)->id;
    }
    tokenizer->templates = tokenizer->kind->templates(ids[0], ids[1]);
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
    tokenizer->truncation = strcmp(side, "left") == 0 ? TRUNCATION_TAIL : TRUNCATION_HEAD;
    return 0;
}

/* Everything that follows from what was read. */
static int
finish(struct opening *opening, bool as_written, struct err *err)
{
    struct tokenizer *tokenizer = opening->tokenizer;
    if (tokenizer->kind->prepare(tokenizer, err) != 0)
        return err->code;
    normalizer_init(&tokenizer->normalizer);
    set_roles(tokenizer, &opening->config);
    if (!as_written && set_class_templates(tokenizer, err) != 0)
        return err->code;
    if (set_vocab_size(opening, err) != 0 ||
        set_side(tokenizer, opening->config.truncation_side, err) != 0)
        return err->code;
    return added_tokens_prepare(tokenizer->added, &tokenizer->normalizer, err);
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
build_class(struct opening *opening, struct err *err)
{
    fill_roles(opening);
    opening->tokenizer->kind->configure(opening->tokenizer, &opening->config);
    int status = opening->config.lists_added ? add_list(opening, &opening->config.added, err)
                                             : add_merged(opening, err);
    if (status != 0 || add_specials(opening, err) != 0)
        return err->code;
    return finish(opening, false, err);
}

static int
open_json(struct opening *opening, const char *path, struct err *err)
{
    const struct tokenizer_config *config = &opening->config;
    struct tokenizer_json_request request = {
        .path = path,
        .vocab_size = opening->vocab_size,
        .kind = class_kind(config->class_name),
    };
    request.as_written = !config->present || (request.kind == NULL && config->class_name != NULL);
    if (tokenizer_json_read(&request, opening->tokenizer, &opening->from_json, err) != 0)
        return err->code;
    return request.as_written ? build_as_written(opening, err) : build_class(opening, err);
}

/* The vocabulary in files of its own; the class tells the kind, or else which files there are. */
static int
open_files(struct opening *opening, struct err *err)
{
    struct tokenizer *tokenizer = opening->tokenizer;
    const char *class_name = opening->config.class_name;
    const struct tokenizer_kind *kind = class_kind(class_name);
    const struct tokenizer_kind *const all[] = {&tokenizer_kind_wordpiece, &tokenizer_kind_bpe};
    if (class_name != NULL && kind == NULL)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: tokenizer_class '%.40s' is not supported without a %s; BertTokenizer "
                       "and RobertaTokenizer are",
                       TOKENIZER_CONFIG_FILE, class_name, TOKENIZER_JSON_FILE);
    for (size_t i = 0; i < sizeof all / sizeof all[0] && tokenizer->kind == NULL; i++)
        if ((kind == NULL || kind == all[i]) &&
            all[i]->has_files(opening->folder, tokenizer->arena))
            tokenizer->kind = all[i];
    if (tokenizer->kind == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "%s has neither %s nor %s (of a BERT) nor %s and %s (of a RoBERTa)",
                       opening->folder, TOKENIZER_JSON_FILE, TOKENIZER_VOCAB_FILE,
                       TOKENIZER_TOKENS_FILE, TOKENIZER_MERGES_FILE);
    if (tokenizer->kind->read_files(opening->folder, opening->vocab_size, tokenizer, err) != 0)
        return err->code;
    return build_class(opening, err);
}

static int
read_files(struct opening *opening, struct err *err)
{
    struct tokenizer *tokenizer = opening->tokenizer;
    const char *json =
        arena_printf(tokenizer->arena, "%s/%s", opening->folder, TOKENIZER_JSON_FILE);
    if (tokenizer_config_read(opening->folder, tokenizer->arena, &opening->config, err) != 0)
        return err->code;
    return fileio_exists(json) ? open_json(opening, json, err) : open_files(opening, err);
}

int
tokenizer_open(const char *folder, size_t vocab_size, struct tokenizer **out, struct err *err)
{
    struct tokenizer *tokenizer = mem_small(sizeof *tokenizer);
    *tokenizer = (struct tokenizer){.arena = arena_new(),
                                    .vocab = vocab_new(),
                                    .bpe = bpe_new(),
                                    .added = added_tokens_new(),
                                    .truncation = TRUNCATION_HEAD};
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
