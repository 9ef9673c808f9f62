/*
 * Where special tokens stand around the texts: [CLS] A [SEP], [CLS] A [SEP] B [SEP].
 */
#ifndef CORE_TEXT_TEMPLATE_H
#define CORE_TEXT_TEMPLATE_H

#include "core/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEMPLATE_MAX_PIECES = 16, TEMPLATE_TYPES = 2 };

enum template_kind { TEMPLATE_FIRST, TEMPLATE_SECOND, TEMPLATE_SPECIAL };

struct template_piece {
    enum template_kind kind;
    uint8_t type;
    uint32_t id; /* of a special token */
};

struct template
{
    struct template_piece pieces[TEMPLATE_MAX_PIECES];
    size_t count;
    size_t specials;
};

/* What encodings of one text and of two look like. */
struct templates {
    struct template single;
    struct template pair;
};

/* BERT's own, and RoBERTa's: <s> A </s> </s> B </s>, all of type 0. */
struct templates templates_bert(uint32_t cls, uint32_t sep);
struct templates templates_roberta(uint32_t cls, uint32_t sep);

bool templates_equal(const struct templates *a, const struct templates *b);

/*
 * Read the post_processor of a tokenizer.json: TemplateProcessing, BertProcessing,
 * RobertaProcessing or null (the texts alone). ERR_UNSUPPORTED names another type, or a template
 * that this program cannot follow: texts more than once or out of order, token types above 1.
 */
int templates_read(const json_t *value, struct templates *out, struct err *err);

/* As TemplateProcessing; name(context, id) gives a special token's text. New reference. */
json_t *templates_to_json(const struct templates *templates,
                          const char *(*name)(const void *context, uint32_t id),
                          const void *context);

#endif
