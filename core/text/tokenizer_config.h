/*
 * What stands beside a vocabulary: tokenizer_config.json, special_tokens_map.json and
 * added_tokens.json, read as transformers 5 reads them.
 */
#ifndef CORE_TEXT_TOKENIZER_CONFIG_H
#define CORE_TEXT_TOKENIZER_CONFIG_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/text/tokenizer_parts.h"

#include <jansson.h>
#include <stdbool.h>

struct tokenizer_config {
    bool present;           /* there is a tokenizer_config.json */
    const char *class_name; /* without "Fast"; NULL when not named */
    bool do_lower_case;
    bool tokenize_chinese_chars;
    enum choice strip_accents;
    bool add_prefix_space;
    bool trim_offsets;
    const char *truncation_side;             /* NULL when not named */
    bool named[SPECIAL_COUNT];               /* the files say something about the role */
    struct added_token roles[SPECIAL_COUNT]; /* what; content is NULL for "none" */
    bool lists_added; /* tokenizer_config.json lists all added tokens: other files do not count */
    struct added_token_list added;  /* from the list, or from added_tokens.json, where nothing
                                       tells special ones but the roles that files name */
    struct added_token_list extras; /* special tokens without a role of ours */
};

/* Read whichever of the three files a folder has. Strings live in arena; call fini in any case. */
int tokenizer_config_read(const char *folder, struct arena *arena, struct tokenizer_config *out,
                          struct err *err);
void tokenizer_config_fini(struct tokenizer_config *config);

/*
 * A token as an object with content and flags, or as a plain string, which is special and not
 * normalized.
 */
int added_token_read(const json_t *value, struct arena *arena, struct added_token *out,
                     struct err *err);

/* The key of a role in tokenizer_config.json, "cls_token". */
const char *special_role_key(enum special_role role);

/* Put a list into the order of the ids that the files state. */
void added_token_list_sort(struct added_token_list *list);

#endif
