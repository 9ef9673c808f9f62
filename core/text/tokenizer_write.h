/*
 * What the kinds of tokenizers need to write their part of a folder.
 */
#ifndef CORE_TEXT_TOKENIZER_WRITE_H
#define CORE_TEXT_TOKENIZER_WRITE_H

#include "core/base/err.h"
#include "core/text/tokenizer_parts.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* {"token": id, ...}; tokens by id, NULL where an id has none. New reference. */
json_t *tokenizer_write_vocab(const struct tokenizer *tokenizer, const char **tokens);

/* The templates as TemplateProcessing. New reference. */
json_t *tokenizer_write_templates(const struct tokenizer *tokenizer, const char **tokens);

/* Are the templates those of the kind's class, with the tokens that have these roles? */
bool tokenizer_has_class_templates(const struct tokenizer *tokenizer);

/* Write a file of a folder durably; of a JSON value, which is released in any case. */
int tokenizer_write_file(const char *folder, const char *name, const char *text, size_t length,
                         struct err *err);
int tokenizer_write_json_take(const char *folder, const char *name, json_t *value, struct err *err);

#endif
