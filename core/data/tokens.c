/* The ragged token store; see tokens.h. */
#include "core/data/tokens.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 1024, FIRST_TOKENS = 16 * 1024 };

static bool
grow_rows(struct token_store *store, size_t more)
{
    if (more <= store->capacity - store->rows)
        return true;
    size_t capacity = store->capacity == 0 ? FIRST_ROWS : store->capacity * 2;
    while (capacity - store->rows < more)
        capacity *= 2;
    if (!mem_try_resize(&store->offsets, capacity + 1, sizeof *store->offsets))
        return false;
    store->capacity = capacity;
    store->offsets[0] = 0;
    return true;
}

/* Make room for one more text of several rows, or behind such. The texts so far were rows each. */
static bool
grow_texts(struct token_store *store, size_t rows)
{
    size_t count = token_store_texts(store);
    if (store->texts == NULL && rows == 1)
        return true;
    if (store->texts != NULL && count < store->text_capacity)
        return true;
    bool first = store->texts == NULL;
    size_t capacity = count < FIRST_ROWS ? FIRST_ROWS : count * 2;
    if (!mem_try_resize(&store->texts, capacity + 1, sizeof *store->texts))
        return false;
    store->text_capacity = capacity;
    for (size_t i = 0; first && i <= count; i++)
        store->texts[i] = i;
    return true;
}

static bool
grow_tokens(struct token_arena *arena, size_t more)
{
    size_t needed = 0;
    if (!mem_add(arena->count, more, &needed))
        return false;
    if (needed <= arena->capacity && arena->capacity > 0)
        return true;
    size_t capacity = arena->capacity == 0 ? FIRST_TOKENS : arena->capacity;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity + capacity / 2;
    bool fits = arena->wide != NULL
                    ? mem_try_resize(&arena->wide, capacity, sizeof *arena->wide)
                    : mem_try_resize(&arena->narrow, capacity, sizeof *arena->narrow);
    if (!fits || (arena->types != NULL && !mem_try_resize(&arena->types, capacity, 1)))
        return false;
    arena->capacity = capacity;
    return true;
}

/* From two bytes a token to four. */
static bool
widen(struct token_arena *arena)
{
    uint32_t *wide = NULL;
    if (arena->wide != NULL)
        return true;
    if (!mem_try_resize(&wide, arena->capacity, sizeof *wide))
        return false;
    for (size_t i = 0; i < arena->count; i++)
        wide[i] = arena->narrow[i];
    free(arena->narrow);
    arena->narrow = NULL;
    arena->wide = wide;
    return true;
}

/* From no types, which are all 0, to a byte each. */
static bool
add_types(struct token_arena *arena)
{
    if (arena->types == NULL)
        arena->types = calloc(arena->capacity, 1);
    return arena->types != NULL;
}

/* Make room for a row, in a form that can hold its ids and types. */
static bool
make_room(struct token_arena *arena, const uint32_t *ids, const uint8_t *types, size_t length)
{
    uint32_t all_ids = 0;
    unsigned all_types = 0;
    for (size_t i = 0; i < length; i++) {
        all_ids |= ids[i];
        all_types |= types[i];
    }
    return grow_tokens(arena, length) && (all_ids <= UINT16_MAX || widen(arena)) &&
           (all_types == 0 || add_types(arena));
}

static void
append(struct token_arena *arena, const uint32_t *ids, const uint8_t *types, size_t length)
{
    if (arena->wide != NULL)
        memcpy(arena->wide + arena->count, ids, length * sizeof *ids);
    for (size_t i = 0; i < length && arena->wide == NULL; i++)
        arena->narrow[arena->count + i] = (uint16_t)ids[i];
    if (arena->types != NULL)
        memcpy(arena->types + arena->count, types, length);
    arena->count += length;
}

int
token_store_add_text(struct token_store *store, const struct text_tokens *text,
                     const struct target *target, struct err *err)
{
    struct token_arena *arena = &store->tokens;
    size_t rows = windows_in(text->length, text->row_length);
    if (text->length == 0)
        return err_set(err, ERR_INVALID,
                       "the text leaves no token, and the tokenizer puts no special tokens around "
                       "it: give it words, or leave it out");
    if (!grow_rows(store, rows) || !make_room(arena, text->ids, text->types, text->length) ||
        !grow_texts(store, rows))
        return err_set(err, ERR_MEMORY, "%zu tokenized rows do not fit into memory",
                       store->rows + rows);
    if (targets_add(&store->targets, target, err) != 0)
        return err->code;
    append(arena, text->ids, text->types, text->length);
    for (size_t left = text->length, i = 0; i < rows; i++) {
        size_t length = left < text->row_length ? left : text->row_length;
        store->rows++;
        store->offsets[store->rows] = store->offsets[store->rows - 1] + length;
        if (length > store->longest)
            store->longest = length;
        left -= length;
    }
    if (store->texts != NULL)
        store->texts[token_store_texts(store)] = store->rows;
    return 0;
}

int
token_store_add_row(struct token_store *store, const uint32_t *ids, const uint8_t *types,
                    size_t length, const struct target *target, struct err *err)
{
    const struct text_tokens text = {ids, types, length, length};
    return token_store_add_text(store, &text, target, err);
}

int
token_store_add(struct token_store *store, const uint32_t *ids, const uint8_t *types, size_t length,
                uint32_t label, struct err *err)
{
    return token_store_add_row(store, ids, types, length, &(struct target){.label = label}, err);
}

int
token_store_append(struct token_store *store, const struct tokenizer *tokenizer,
                   const struct text *text, size_t max_length, uint32_t label, struct err *err)
{
    struct token_list *list = &store->list;
    list->count = 0;
    if (tokenizer_encode(tokenizer, text, max_length, list, err) != 0)
        return err->code;
    const struct text_tokens tokens = {list->ids, list->types, list->count,
                                       max_length > 0 ? max_length : list->count};
    return token_store_add_text(store, &tokens, &(struct target){.label = label}, err);
}

void
token_store_fini(struct token_store *store)
{
    free(store->tokens.narrow);
    free(store->tokens.wide);
    free(store->tokens.types);
    free(store->offsets);
    free(store->texts);
    targets_fini(&store->targets);
    token_list_fini(&store->list);
    *store = (struct token_store){0};
}

size_t
token_store_text_of(const struct token_store *store, size_t row)
{
    size_t low = 0;
    size_t high = token_store_texts(store); /* texts[low] <= row < texts[high] */
    if (store->texts == NULL)
        return row;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (store->texts[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void
token_store_copy(const struct token_store *store, size_t from, size_t length, uint32_t *ids,
                 uint8_t *types)
{
    const struct token_arena *arena = &store->tokens;
    if (length == 0)
        return;
    if (arena->wide != NULL)
        memcpy(ids, arena->wide + from, length * sizeof *ids);
    for (size_t i = 0; i < length && arena->wide == NULL; i++)
        ids[i] = arena->narrow[from + i];
    if (arena->types != NULL)
        memcpy(types, arena->types + from, length);
    else
        memset(types, 0, length);
}

void
token_store_mark(const struct token_store *store, bool *used)
{
    const struct token_arena *arena = &store->tokens;
    for (size_t i = 0; i < arena->count; i++)
        used[arena->wide != NULL ? arena->wide[i] : arena->narrow[i]] = true;
}
