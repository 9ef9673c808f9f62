/*
 * The kinds of tokenizers: what BERT's way and RoBERTa's way do differently, as two tables of
 * functions. Shared by the readers, the writer and the encoder, by nobody else.
 */
#ifndef CORE_TEXT_TOKENIZER_KIND_H
#define CORE_TEXT_TOKENIZER_KIND_H

#include "core/text/encoding.h"
#include "core/text/tokenizer_config.h"
#include "core/text/tokenizer_parts.h"

#include <jansson.h>

struct tokenizer_kind {
    const char *model;           /* its type in tokenizer.json */
    const char *class_name;      /* transformers' class of this kind */
    const char *const *standard; /* (SPECIAL_COUNT): the class's special tokens, or NULL */
    encoding_function *encode;

    /* Does the folder have the vocabulary in files of its own? Read it from there. */
    bool (*has_files)(const char *folder, struct arena *arena);
    int (*read_files)(const char *folder, size_t vocab_size, struct tokenizer *out,
                      struct err *err);

    /* The model of a tokenizer.json: the vocabulary and what belongs to it. */
    int (*read_model)(const json_t *model, size_t vocab_size, struct tokenizer *out,
                      struct err *err);
    /* What a tokenizer.json says besides, where it is followed as it is written. */
    int (*read_components)(const json_t *file, struct tokenizer *out, struct err *err);
    /* The same as transformers' class has it, whatever tokenizer.json says. */
    void (*configure)(struct tokenizer *out, const struct tokenizer_config *config);
    struct templates (*templates)(uint32_t cls, uint32_t sep);

    /* Whatever follows from all that was read. */
    int (*prepare)(struct tokenizer *out, struct err *err);
    uint32_t (*unknown_id)(const struct tokenizer *tokenizer);

    /* Would the class give the same ids and places, given its templates and special tokens? */
    bool (*is_class)(const struct tokenizer *tokenizer);
    void (*write_config)(const struct tokenizer *tokenizer, json_t *config);
    /* normalizer, pre_tokenizer, post_processor, decoder and model of tokenizer.json; tokens by id
     */
    void (*write_components)(const struct tokenizer *tokenizer, const char **tokens, json_t *file);
    int (*write_files)(const struct tokenizer *tokenizer, const char **tokens, const char *folder,
                       struct err *err);
};

extern const struct tokenizer_kind tokenizer_kind_wordpiece;
extern const struct tokenizer_kind tokenizer_kind_bpe;

#endif
