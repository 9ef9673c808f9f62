/*
 * Text to token ids, equal to the Rust `tokenizers` library id for id.
 *
 * Use: tokenizer_open(model folder) once, tokenizer_encode from any thread, tokenizer_write into
 * the folder of a fine-tuned model. Pipeline: added tokens are split out of the raw text, then
 * normalizer.h (clean, CJK, accents, case), words.h (blanks and punctuation), wordpiece.h,
 * truncation, and template.h: [CLS] A [SEP] (B [SEP]). Which file of a folder decides what stands
 * at the top of tokenizer_open.c.
 */
#ifndef CORE_TEXT_TOKENIZER_H
#define CORE_TEXT_TOKENIZER_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer;

/* Raised when the same text may give other ids than before; stored with every model. */
enum { TOKENIZER_VERSION = 1 };

/* A text, or a pair of texts when second is not NULL. UTF-8, lengths in bytes; U+0000 is legal. */
struct text {
    const char *first;
    size_t first_length;
    const char *second;
    size_t second_length;
};

/* Token ids and token types (0: first text, 1: second) end to end; grows as buf.h does. */
struct token_list {
    uint32_t *ids;
    uint8_t *types;
    size_t count;
    size_t capacity;
};

/*
 * Read tokenizer.json, or vocab.txt with tokenizer_config.json where there is none, from a model
 * folder. vocab_size is the model's (config.json): an id beyond it is refused. Padding and the
 * length of a truncation section are ignored. ERR_NOT_FOUND when the folder has neither file;
 * ERR_UNSUPPORTED names a component of tokenizer.json that is not of the BERT family; ERR_INVALID
 * for damage.
 */
int tokenizer_open(const char *folder, size_t vocab_size, struct tokenizer **out, struct err *err);
void tokenizer_free(struct tokenizer *tokenizer);

/*
 * Append the ids of one text or pair, special tokens included, to out. max_length counts special
 * tokens; 0 means no limit. Otherwise it must be at least 3 (4 for a pair). Invalid UTF-8 is
 * ERR_INVALID with the byte offset, and out is left as it was. Thread-safe.
 */
int tokenizer_encode(const struct tokenizer *tokenizer, const struct text *text, size_t max_length,
                     struct token_list *out, struct err *err);

/* Number of ids, added tokens included (the greatest id + 1). */
size_t tokenizer_vocab_size(const struct tokenizer *tokenizer);

uint32_t tokenizer_pad_id(const struct tokenizer *tokenizer);

/* The id of what the vocabulary has no pieces for. */
uint32_t tokenizer_unknown_id(const struct tokenizer *tokenizer);

/*
 * Write vocab.txt, tokenizer.json (truncation and padding null) and tokenizer_config.json (with
 * model_max_length) durably into a folder, so that AutoTokenizer.from_pretrained reads them.
 */
int tokenizer_write(const struct tokenizer *tokenizer, size_t model_max_length, const char *folder,
                    struct err *err);

void token_list_fini(struct token_list *list);

/* Append one token. */
void token_list_push(struct token_list *list, uint32_t id, uint8_t type);

#endif
