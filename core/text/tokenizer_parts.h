/*
 * What a tokenizer is made of: shared by its readers, its writer and the encoder, by nobody else.
 */
#ifndef CORE_TEXT_TOKENIZER_PARTS_H
#define CORE_TEXT_TOKENIZER_PARTS_H

#include "core/base/mem.h"
#include "core/text/added_tokens.h"
#include "core/text/bpe.h"
#include "core/text/normalizer.h"
#include "core/text/template.h"
#include "core/text/truncation.h"
#include "core/text/vocab.h"
#include "core/text/windows.h"
#include "core/text/wordpiece.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Files of a model folder and the most that is read of each. */
#define TOKENIZER_JSON_FILE   "tokenizer.json"
#define TOKENIZER_VOCAB_FILE  "vocab.txt"
#define TOKENIZER_TOKENS_FILE "vocab.json"
#define TOKENIZER_MERGES_FILE "merges.txt"
#define TOKENIZER_CONFIG_FILE "tokenizer_config.json"
#define TOKENIZER_MAP_FILE    "special_tokens_map.json"
#define TOKENIZER_ADDED_FILE  "added_tokens.json"

enum {
    TOKENIZER_MAX_JSON_BYTES = 64 * 1024 * 1024,
    TOKENIZER_MAX_MERGES_BYTES = 64 * 1024 * 1024,
    TOKENIZER_MAX_CONFIG_BYTES = 16 * 1024 * 1024,
    TOKENIZER_MAX_CHARACTERS = 1000000 /* of a word, that a file may ask for */
};

/* Tokens with a role; the order is the one in which the reference adds them. */
enum special_role {
    SPECIAL_BOS,
    SPECIAL_EOS,
    SPECIAL_UNK,
    SPECIAL_SEP,
    SPECIAL_PAD,
    SPECIAL_CLS,
    SPECIAL_MASK,
    SPECIAL_COUNT
};

enum choice { CHOICE_AUTO, CHOICE_NO, CHOICE_YES };

struct tokenizer_kind;

struct tokenizer {
    struct arena *arena; /* strings below */
    const struct tokenizer_kind *kind;
    struct vocab *vocab;

    /* of WordPiece; all zero otherwise, and the normalizer then changes nothing */
    struct wordpiece wordpiece;
    struct normalizer normalizer;
    enum choice strip_accents; /* as written; the normalizer has what follows from it */

    /* of BPE */
    struct bpe *bpe;
    struct bpe_unknown unknown;
    bool add_prefix_space; /* a blank before a text that has none */
    bool trims;            /* places do not cover the blanks of tokens, trim.h */
    bool trims_prefix;     /* ... but that of a first token */

    struct added_tokens *added;
    struct templates templates;
    const char *roles[SPECIAL_COUNT]; /* NULL: none */
    uint32_t pad_id;
    size_t vocab_size;          /* greatest id + 1 */
    size_t left_out;            /* tokens of the files that the model has no embeddings for */
    enum truncation truncation; /* never TRUNCATION_AUTO */
    struct text_windows windows;
};

/* Added tokens as files list them; an id only gives the order, as in the reference. */
struct added_token_list {
    struct added_token *tokens;
    size_t count;
    size_t capacity;
};

/* Append a token whose content lives elsewhere; ERR_INVALID beyond ADDED_TOKENS_MAX. */
int added_token_list_push(struct added_token_list *list, const struct added_token *token,
                          struct err *err);

#endif
