/*
 * Text to token ids, equal to the Rust `tokenizers` library id for id.
 *
 * Use: tokenizer_open(model folder) once, tokenizer_encode from any thread, tokenizer_write into
 * the folder of a fine-tuned model. Pipeline: added tokens are split out of the raw text; what is
 * left goes the way of the tokenizer's kind (tokenizer_kind.h): BERT's is normalizer.h (clean, CJK,
 * accents, case), words.h (blanks and punctuation) and wordpiece.h; RoBERTa's is byte_words.h and
 * bpe.h. Then truncation, and template.h: [CLS] A [SEP] (B [SEP]). Which file of a folder decides
 * what stands at the top of tokenizer_open.c.
 *
 * A list with places (token_list.h) also says where in the text each token stands, and the number
 * of its word: of the words between blanks and punctuation that tokenizer_encode finds, or of the
 * given ones in tokenizer_encode_words.
 */
#ifndef CORE_TEXT_TOKENIZER_H
#define CORE_TEXT_TOKENIZER_H

#include "core/base/err.h"
#include "core/data/word.h"
#include "core/text/token_list.h"
#include "core/text/truncation.h"
#include "core/text/windows.h"

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

/* A text of which the caller knows the words; what stands between them is not looked at. */
struct text_words {
    const char *bytes;
    const struct data_word *words;
    size_t count; /* of words */
};

/*
 * Read tokenizer.json, or where there is none vocab.txt, or vocab.json and merges.txt, with
 * tokenizer_config.json, from a model folder. vocab_size is the model's (config.json): an id beyond
 * it is refused, except for a few at the end of a vocab.txt (tokenizer_left_out). Padding and the
 * length of a truncation section are ignored. ERR_NOT_FOUND when the folder has none of these;
 * ERR_UNSUPPORTED names a component of tokenizer.json that neither BERT nor RoBERTa has;
 * ERR_INVALID for damage.
 */
int tokenizer_open(const char *folder, size_t vocab_size, struct tokenizer **out, struct err *err);
void tokenizer_free(struct tokenizer *tokenizer);

/*
 * Append the ids of one text or pair, special tokens included, to out. max_length counts special
 * tokens; 0 means no limit. Otherwise it must be at least 3 (4 for a pair). Invalid UTF-8 is
 * ERR_INVALID with the byte offset, and out is left as it was. Thread-safe.
 *
 * The texts of a pair share the room: the shorter one keeps what it has as long as that is at most
 * half, else both are cut to half. Truncation says which part of each is kept.
 *
 * With windows a text alone, of which no places are asked for, is not cut: its windows are appended
 * end to end (windows.h). ERR_INVALID then also when it has more than WINDOWS_MAX of them, and when
 * max_length leaves no room for the stride and a token more.
 */
int tokenizer_encode(const struct tokenizer *tokenizer, const struct text *text, size_t max_length,
                     struct token_list *out, struct err *err);

/*
 * The same for a text of known words, each of which is tokenized by itself (the reference's
 * is_split_into_words). Truncation counts tokens and may cut within a word. out must have places;
 * words of its tokens are indexes of the given words, starts and ends are bytes of the text. A
 * byte-level tokenizer puts a blank before each word, as the reference asks for (add_prefix_space).
 */
int tokenizer_encode_words(const struct tokenizer *tokenizer, const struct text_words *text,
                           size_t max_length, struct token_list *out, struct err *err);

/* Which part of long texts is kept, and how to change it: before threads share the tokenizer. */
enum truncation tokenizer_truncation(const struct tokenizer *tokenizer);
void tokenizer_set_truncation(struct tokenizer *tokenizer, enum truncation truncation);

/* Whether long texts become windows; before threads share the tokenizer. With the truncation "tail"
 * the first window is the end of a text. */
void tokenizer_set_windows(struct tokenizer *tokenizer, struct text_windows windows);

/* Number of ids, added tokens included (the greatest id + 1). */
size_t tokenizer_vocab_size(const struct tokenizer *tokenizer);

/* Tokens at the end of a vocab.txt that the model has no embeddings for: they count as unknown. */
size_t tokenizer_left_out(const struct tokenizer *tokenizer);

uint32_t tokenizer_pad_id(const struct tokenizer *tokenizer);

/* Special tokens around a text, or around and between two. */
size_t tokenizer_special_count(const struct tokenizer *tokenizer, bool pair);

/* The id of what the vocabulary has no pieces for. */
uint32_t tokenizer_unknown_id(const struct tokenizer *tokenizer);

/* What the files of a tokenizer say of the model that they belong to. */
struct tokenizer_model {
    size_t max_length; /* in tokens; 0: nothing is said */
    bool typeless;     /* it takes no token types, so transformers must not hand it any */
};

/*
 * Write vocab.txt or vocab.json and merges.txt, tokenizer.json (truncation and padding null) and
 * tokenizer_config.json durably into a folder, so that AutoTokenizer.from_pretrained reads them.
 */
int tokenizer_write(const struct tokenizer *tokenizer, struct tokenizer_model model,
                    const char *folder, struct err *err);

#endif
