/*
 * Tokens end to end: what encoding appends to.
 *
 * A list tells besides, when it is asked to, which word of the text each token belongs to and where
 * in the text it stands. That takes memory and time, so it is off unless with_places is set.
 */
#ifndef CORE_TEXT_TOKEN_LIST_H
#define CORE_TEXT_TOKEN_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The word of a special token that the template adds. */
#define TOKEN_NO_WORD UINT32_MAX

/*
 * Token ids and token types (0: first text, 1: second); grows as buf.h does. Starts and ends are
 * bytes of the text that the token belongs to, 0 and 0 for special tokens; characters are never
 * divided, so the tokens of one character have the same place.
 */
struct token_list {
    uint32_t *ids;
    uint8_t *types;
    uint32_t *words; /* these three are NULL unless with_places is set before the first token */
    size_t *starts;
    size_t *ends;
    size_t count;
    size_t capacity;
    bool with_places;
};

void token_list_fini(struct token_list *list);

/* Make room for one token at least. */
void token_list_grow(struct token_list *list);

/* Append one token; its place is to be set by the caller. */
static inline void
token_list_push(struct token_list *list, uint32_t id, uint8_t type)
{
    if (list->count == list->capacity)
        token_list_grow(list);
    list->ids[list->count] = id;
    list->types[list->count] = type;
    list->count++;
}

/* Append all tokens of another list, which has places if this one has. */
void token_list_append(struct token_list *list, const struct token_list *other);

/* The same for those from index `from` on. */
void token_list_append_from(struct token_list *list, const struct token_list *other, size_t from);

/* Take `count` tokens out, from index `from` on. */
void token_list_remove(struct token_list *list, size_t from, size_t count);

#endif
