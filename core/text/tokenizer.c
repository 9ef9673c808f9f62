/*
 * Encoding; see tokenizer.h.
 *
 * A text is cut at added tokens, each piece between is normalized in chunks that end at a blank,
 * and the words of a chunk become pieces. Nothing is allocated for a usual text but the list that
 * receives the ids.
 */
#include "core/text/tokenizer.h"

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/text/tokenizer_parts.h"
#include "core/text/words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that are normalized at once; a longer run without a blank takes memory from the heap. */
enum { CHUNK_BYTES = 2048, LIST_FIRST_CAPACITY = 64 };

void
token_list_fini(struct token_list *list)
{
    free(list->ids);
    free(list->types);
    *list = (struct token_list){0};
}

static void
list_grow(struct token_list *list)
{
    size_t capacity = list->capacity > 0 ? list->capacity : LIST_FIRST_CAPACITY / 2;
    if (!mem_multiply(capacity, 2, &capacity))
        capacity = SIZE_MAX;
    list->ids = mem_resize(list->ids, capacity, sizeof *list->ids);
    list->types = mem_resize(list->types, capacity, sizeof *list->types);
    list->capacity = capacity;
}

void
token_list_push(struct token_list *list, uint32_t id, uint8_t type)
{
    if (list->count == list->capacity)
        list_grow(list);
    list->ids[list->count] = id;
    list->types[list->count] = type;
    list->count++;
}

size_t
tokenizer_vocab_size(const struct tokenizer *tokenizer)
{
    return tokenizer->vocab_size;
}

uint32_t
tokenizer_pad_id(const struct tokenizer *tokenizer)
{
    return tokenizer->pad_id;
}

uint32_t
tokenizer_unknown_id(const struct tokenizer *tokenizer)
{
    return tokenizer->wordpiece.unknown_id;
}

void
tokenizer_free(struct tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    added_tokens_free(tokenizer->added);
    vocab_free(tokenizer->vocab);
    arena_free(tokenizer->arena);
    free(tokenizer);
}

/* One sequence on its way into a list. */
struct encoding {
    const struct tokenizer *tokenizer;
    uint8_t type;
    size_t enough; /* stop when the list holds so many */
    struct token_list *out;
};

static void
encode_words(const struct encoding *e, const char *bytes, size_t length)
{
    struct word_cursor cursor = {.at = bytes, .end = bytes + length};
    struct word word;
    while (e->out->count < e->enough && words_next(&cursor, &word))
        wordpiece_encode(&e->tokenizer->wordpiece, &word, e->type, e->out);
}

/* Normalized text: first the added tokens that are looked for in it. */
static void
encode_normalized(const struct encoding *e, const char *bytes, size_t length)
{
    if (!added_tokens_any_normalized(e->tokenizer->added)) {
        encode_words(e, bytes, length);
        return;
    }
    struct added_cursor cursor = added_tokens_walk(e->tokenizer->added, true, bytes, length);
    struct added_piece piece;
    while (added_tokens_next(&cursor, &piece)) {
        if (piece.token != NULL)
            token_list_push(e->out, piece.token->id, e->type);
        else
            encode_words(e, piece.bytes, piece.length);
    }
}

/*
 * The length of the next chunk: up to a blank, which no word and no run of marks crosses. Added
 * tokens may hold blanks, so normalized ones forbid chunks.
 */
static size_t
chunk_length(const struct encoding *e, const char *bytes, size_t length)
{
    if (length <= CHUNK_BYTES || added_tokens_any_normalized(e->tokenizer->added))
        return length;
    for (size_t end = CHUNK_BYTES; end > 0; end--)
        if (bytes[end - 1] == ' ' || bytes[end - 1] == '\n')
            return end;
    for (size_t end = CHUNK_BYTES; end < length; end++)
        if (bytes[end] == ' ' || bytes[end] == '\n')
            return end;
    return length;
}

static int
encode_raw(const struct encoding *e, const char *bytes, size_t length, struct err *err)
{
    char small[CHUNK_BYTES * NORMALIZER_GROWTH];
    while (length > 0 && e->out->count < e->enough) {
        size_t chunk = chunk_length(e, bytes, length);
        char *memory = chunk <= CHUNK_BYTES ? small : mem_array(chunk, NORMALIZER_GROWTH);
        if (memory == NULL)
            return err_set(err, ERR_MEMORY, "no memory to tokenize a text of %zu bytes", length);
        size_t normalized = normalizer_run(&e->tokenizer->normalizer, bytes, chunk, memory);
        encode_normalized(e, memory, normalized);
        if (memory != small)
            free(memory);
        bytes += chunk;
        length -= chunk;
    }
    return 0;
}

static int
encode_sequence(const struct encoding *e, const char *bytes, size_t length, struct err *err)
{
    struct added_cursor cursor = added_tokens_walk(e->tokenizer->added, false, bytes, length);
    struct added_piece piece;
    while (e->out->count < e->enough && added_tokens_next(&cursor, &piece)) {
        if (piece.token != NULL)
            token_list_push(e->out, piece.token->id, e->type);
        else if (encode_raw(e, piece.bytes, piece.length, err) != 0)
            return err->code;
    }
    return 0;
}

/* Keep `keep` of the tokens from `start` on: the first ones, or the last. */
static void
truncate_list(struct token_list *list, size_t start, size_t keep, bool left)
{
    size_t length = list->count - start;
    if (length <= keep)
        return;
    if (left && keep > 0) {
        size_t from = list->count - keep;
        memmove(list->ids + start, list->ids + from, keep * sizeof *list->ids);
        memmove(list->types + start, list->types + from, keep * sizeof *list->types);
    }
    list->count = start + keep;
}

/*
 * The reference's longest_first: the shorter sequence keeps what it has as long as that is at most
 * half of the room; else both are cut to half, and the longer one (the second, when they are equal)
 * has the odd token.
 */
static void
divide_room(size_t room, size_t *first, size_t *second)
{
    if (*first + *second <= room)
        return;
    size_t *shorter = *first > *second ? second : first;
    size_t *longer = *first > *second ? first : second;
    if (*shorter > room / 2)
        *shorter = room / 2;
    *longer = room - *shorter;
}

/* The second sequence waits in a list of its own until both lengths are known. */
static int
encode_both(const struct tokenizer *tokenizer, const struct text *text, size_t room, size_t start,
            struct token_list *out, struct token_list *second, struct err *err)
{
    struct encoding e = {.tokenizer = tokenizer, .enough = SIZE_MAX, .out = out};
    if (text->second == NULL && room < SIZE_MAX - start && !tokenizer->truncate_left)
        e.enough = start + room;
    if (encode_sequence(&e, text->first, text->first_length, err) != 0)
        return err->code;
    size_t first_count = out->count - start;
    if (text->second == NULL) {
        truncate_list(out, start, room, tokenizer->truncate_left);
        return 0;
    }
    e.out = second;
    if (encode_sequence(&e, text->second, text->second_length, err) != 0)
        return err->code;
    size_t second_count = second->count;
    divide_room(room, &first_count, &second_count);
    truncate_list(out, start, first_count, tokenizer->truncate_left);
    truncate_list(second, 0, second_count, tokenizer->truncate_left);
    return 0;
}

static int
check_text(const struct text *text, const struct template *template, size_t max_length,
           struct err *err)
{
    size_t valid = utf8_valid_length(text->first, text->first_length);
    if (valid != text->first_length)
        return err_set(err, ERR_INVALID, "the text is not UTF-8 at byte %zu", valid);
    if (text->second != NULL) {
        valid = utf8_valid_length(text->second, text->second_length);
        if (valid != text->second_length)
            return err_set(err, ERR_INVALID, "the second text is not UTF-8 at byte %zu", valid);
    }
    if (max_length != 0 && max_length <= template->specials)
        return err_set(err, ERR_INVALID,
                       "max_length %zu leaves no room beside %zu special tokens; it must be at "
                       "least %zu",
                       max_length, template->specials, template->specials + 1);
    return 0;
}

/* Append the template's pieces; the first text is already at its place, between its neighbours. */
static size_t
push_specials(const struct template *template, size_t from, struct token_list *out)
{
    while (from < template->count && template->pieces[from].kind == TEMPLATE_SPECIAL) {
        token_list_push(out, template->pieces[from].id, template->pieces[from].type);
        from++;
    }
    return from;
}

int
tokenizer_encode(const struct tokenizer *tokenizer, const struct text *text, size_t max_length,
                 struct token_list *out, struct err *err)
{
    const struct template *template =
        text->second == NULL ? &tokenizer->templates.single : &tokenizer->templates.pair;
    size_t room = max_length == 0 ? SIZE_MAX : max_length - template->specials;
    struct token_list second = {0};
    size_t before = out->count;
    if (check_text(text, template, max_length, err) != 0)
        return err->code;

    size_t piece = push_specials(template, 0, out);
    size_t start = out->count;
    int status = encode_both(tokenizer, text, room, start, out, &second, err);
    if (status != 0) {
        out->count = before;
        goto out;
    }
    for (size_t i = start; i < out->count; i++)
        out->types[i] = template->pieces[piece].type;
    piece = push_specials(template, piece + 1, out);
    if (text->second != NULL) {
        for (size_t i = 0; i < second.count; i++)
            token_list_push(out, second.ids[i], template->pieces[piece].type);
        push_specials(template, piece + 1, out);
    }
out:
    token_list_fini(&second);
    return status;
}
