/* The ragged token store; see tokens.h. */
#include "core/data/tokens.h"

#include "core/base/mem.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 1024 };

/* Make room for one more row. */
static int
grow(struct token_store *store, struct err *err)
{
    if (store->rows < store->capacity)
        return 0;
    size_t capacity = store->capacity == 0 ? FIRST_CAPACITY : store->capacity * 2;
    size_t bytes = 0;
    size_t *offsets = NULL;
    uint32_t *labels = NULL;
    if (mem_multiply(capacity + 1, sizeof *offsets, &bytes))
        offsets = realloc(store->offsets, bytes);
    if (offsets != NULL) {
        store->offsets = offsets;
        labels = realloc(store->labels, capacity * sizeof *labels);
    }
    if (labels == NULL)
        return err_set(err, ERR_MEMORY, "%zu tokenized rows do not fit into memory", capacity);
    store->labels = labels;
    store->capacity = capacity;
    store->offsets[0] = 0;
    return 0;
}

int
token_store_append(struct token_store *store, const struct tokenizer *tokenizer,
                   const struct text *text, size_t max_length, uint32_t label, struct err *err)
{
    if (grow(store, err) != 0 ||
        tokenizer_encode(tokenizer, text, max_length, &store->tokens, err) != 0)
        return err->code;
    size_t length = store->tokens.count - store->offsets[store->rows];
    store->labels[store->rows] = label;
    store->rows++;
    store->offsets[store->rows] = store->tokens.count;
    if (length > store->longest)
        store->longest = length;
    return 0;
}

void
token_store_fini(struct token_store *store)
{
    token_list_fini(&store->tokens);
    free(store->offsets);
    free(store->labels);
    *store = (struct token_store){0};
}
