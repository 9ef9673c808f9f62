/*
 * The reader of tokenizer.json, the Rust library's own file.
 */
#ifndef CORE_TEXT_TOKENIZER_JSON_H
#define CORE_TEXT_TOKENIZER_JSON_H

#include "core/base/err.h"
#include "core/text/tokenizer_parts.h"

/*
 * Fill vocabulary, WordPiece settings and truncation side of a tokenizer from a file, and append
 * its added tokens to the list; as_written also its normalizer switches and templates, for which
 * ERR_UNSUPPORTED names a component that is not of the BERT family.
 */
int tokenizer_json_read(const char *path, size_t vocab_size, bool as_written,
                        struct tokenizer *tokenizer, struct added_token_list *added,
                        struct err *err);

#endif
