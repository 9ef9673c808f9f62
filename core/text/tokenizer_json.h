/*
 * The reader of tokenizer.json, the Rust library's own file, and what readers of its parts share.
 */
#ifndef CORE_TEXT_TOKENIZER_JSON_H
#define CORE_TEXT_TOKENIZER_JSON_H

#include "core/base/err.h"
#include "core/text/tokenizer_kind.h"
#include "core/text/tokenizer_parts.h"

#include <jansson.h>

/* What is known before the file is read. */
struct tokenizer_json_request {
    const char *path;
    size_t vocab_size;                 /* of the model */
    const struct tokenizer_kind *kind; /* the only one that will do, or NULL */
    bool as_written;                   /* read all components, not the vocabulary alone */
};

/*
 * Fill kind, vocabulary, model and truncation side of a tokenizer from a file, and append its added
 * tokens to the list; as_written also what its other components say. ERR_UNSUPPORTED names a
 * component that no kind has.
 */
int tokenizer_json_read(const struct tokenizer_json_request *request, struct tokenizer *tokenizer,
                        struct added_token_list *added, struct err *err);

/*
 * A component's type, or "" when it is null or absent; NULL with an error when it has none. Of a
 * "Sequence" of a single component, which stands in its member `list`, *value becomes that one.
 */
const char *tokenizer_json_type(const json_t **value, const char *name, const char *list,
                                struct err *err);

/* ERR_UNSUPPORTED for a component of a type, "" for none. */
int tokenizer_json_refuse(const char *name, const char *type, const char *supported,
                          struct err *err);

/* Read {"token": id, ...}; every id once and below vocab_size. */
int tokenizer_json_vocab(const json_t *object, size_t vocab_size, struct vocab *vocab,
                         struct err *err);

#endif
