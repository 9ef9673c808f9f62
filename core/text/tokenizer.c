/*
 * Encoding; see tokenizer.h.
 *
 * A text is cut at added tokens; what lies between goes the tokenizer's own way (encoding.h). Then
 * texts are truncated, and special tokens put around them.
 */
#include "core/text/tokenizer.h"

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/text/encoding.h"
#include "core/text/tokenizer_kind.h"
#include "core/text/tokenizer_parts.h"
#include "core/text/trim.h"

#include <assert.h>
#include <stdlib.h>

size_t
tokenizer_vocab_size(const struct tokenizer *tokenizer)
{
    return tokenizer->vocab_size;
}

size_t
tokenizer_left_out(const struct tokenizer *tokenizer)
{
    return tokenizer->left_out;
}

uint32_t
tokenizer_pad_id(const struct tokenizer *tokenizer)
{
    return tokenizer->pad_id;
}

uint32_t
tokenizer_unknown_id(const struct tokenizer *tokenizer)
{
    return tokenizer->kind->unknown_id(tokenizer);
}

size_t
tokenizer_special_count(const struct tokenizer *tokenizer, bool pair)
{
    return pair ? tokenizer->templates.pair.specials : tokenizer->templates.single.specials;
}

enum truncation
tokenizer_truncation(const struct tokenizer *tokenizer)
{
    return tokenizer->truncation;
}

void
tokenizer_set_truncation(struct tokenizer *tokenizer, enum truncation truncation)
{
    if (truncation != TRUNCATION_AUTO)
        tokenizer->truncation = truncation;
}

void
tokenizer_set_windows(struct tokenizer *tokenizer, struct text_windows windows)
{
    tokenizer->windows = windows;
}

void
tokenizer_free(struct tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    added_tokens_free(tokenizer->added);
    bpe_free(tokenizer->bpe);
    vocab_free(tokenizer->vocab);
    arena_free(tokenizer->arena);
    free(tokenizer);
}

/* Append the tokens of a sequence, or of one word of it, which begins at byte `start`. */
static int
encode_sequence(struct encoding *e, const struct stretch *sequence, struct err *err)
{
    struct added_cursor cursor =
        added_tokens_walk(e->tokenizer->added, false, sequence->bytes, sequence->length);
    struct added_piece piece;
    while (e->out->count < e->enough && added_tokens_next(&cursor, &piece)) {
        size_t start = sequence->start + (size_t)(piece.bytes - sequence->bytes);
        struct stretch stretch = {.bytes = piece.bytes, .length = piece.length, .start = start};
        if (piece.token != NULL)
            encoding_push_added(e, piece.token->id, start, start + piece.length);
        else if (e->tokenizer->kind->encode(e, &stretch, err) != 0)
            return err->code;
    }
    return 0;
}

static int
encode_words(struct encoding *e, const struct text_words *text, struct err *err)
{
    e->one_word = true;
    for (size_t i = 0; i < text->count && e->out->count < e->enough; i++) {
        const struct data_word *word = &text->words[i];
        struct stretch stretch = {text->bytes + word->start, word->length, word->start};
        e->word = (uint32_t)i;
        if (encode_sequence(e, &stretch, err) != 0)
            return err->code;
    }
    return 0;
}

/* Of the tokens from `start` on keep so many: the first, the last, or half from each end. */
static void
truncate_list(struct token_list *list, size_t start, size_t keep, enum truncation truncation)
{
    size_t length = list->count - start;
    size_t head = keep;
    if (length <= keep)
        return;
    if (truncation == TRUNCATION_TAIL)
        head = 0;
    if (truncation == TRUNCATION_HEAD_TAIL)
        head = keep - keep / 2;
    token_list_remove(list, start + head, length - keep);
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

/* What is to be encoded: a text or a pair, or a text of known words. */
struct input {
    const struct text *text;
    const struct text_words *words; /* instead of text, or NULL */
};

static bool
is_pair(const struct input *input)
{
    return input->text != NULL && input->text->second != NULL;
}

/* Everything on the way from an input to a list. */
struct frame {
    const struct tokenizer *tokenizer;
    const struct template *template;
    size_t room; /* tokens of the texts */
    struct token_list *out;
    struct token_list second; /* waits until both lengths are known */
};

/* After truncation: places without the blanks of byte-level tokens. */
static void
trim(const struct frame *frame, const struct trim_text *text, struct token_list *list, size_t from)
{
    if (list->with_places && frame->tokenizer->trims)
        trim_places(frame->tokenizer, text, list, from);
}

/* Append the tokens of a text, or of one of known words, cut to the room. */
static int
encode_single(struct frame *frame, const struct input *input, struct err *err)
{
    struct token_list *out = frame->out;
    size_t start = out->count;
    struct encoding e = {.tokenizer = frame->tokenizer, .enough = SIZE_MAX, .out = out};
    struct trim_text trimmed = {0};
    int status = 0;
    if (frame->room < SIZE_MAX - start && frame->tokenizer->truncation == TRUNCATION_HEAD)
        e.enough = start + frame->room;
    if (input->words != NULL) {
        trimmed = (struct trim_text){input->words->bytes, input->words->words};
        status = encode_words(&e, input->words, err);
    } else {
        struct stretch text = {input->text->first, input->text->first_length, 0};
        trimmed.bytes = text.bytes;
        status = encode_sequence(&e, &text, err);
    }
    truncate_list(out, start, frame->room, frame->tokenizer->truncation);
    trim(frame, &trimmed, out, start);
    return status;
}

/* Append the tokens of both texts, the second one's to their own list, each cut to its share. */
static int
encode_pair(struct frame *frame, const struct text *text, struct err *err)
{
    struct token_list *out = frame->out;
    size_t start = out->count;
    struct stretch first = {text->first, text->first_length, 0};
    struct stretch second = {text->second, text->second_length, 0};
    struct encoding e = {.tokenizer = frame->tokenizer, .enough = SIZE_MAX, .out = out};
    if (encode_sequence(&e, &first, err) != 0)
        return err->code;
    e = (struct encoding){.tokenizer = frame->tokenizer, .enough = SIZE_MAX, .out = &frame->second};
    if (encode_sequence(&e, &second, err) != 0)
        return err->code;
    size_t first_count = out->count - start;
    size_t second_count = frame->second.count;
    divide_room(frame->room, &first_count, &second_count);
    truncate_list(out, start, first_count, frame->tokenizer->truncation);
    truncate_list(&frame->second, 0, second_count, frame->tokenizer->truncation);
    trim(frame, &(struct trim_text){.bytes = text->first}, out, start);
    trim(frame, &(struct trim_text){.bytes = text->second}, &frame->second, 0);
    return 0;
}

static int
check_text(const struct text *text, struct err *err)
{
    size_t valid = utf8_valid_length(text->first, text->first_length);
    if (valid != text->first_length)
        return err_set(err, ERR_INVALID, "the text is not UTF-8 at byte %zu", valid);
    if (text->second == NULL)
        return 0;
    valid = utf8_valid_length(text->second, text->second_length);
    if (valid != text->second_length)
        return err_set(err, ERR_INVALID, "the second text is not UTF-8 at byte %zu", valid);
    return 0;
}

static int
check_words(const struct text_words *text, struct err *err)
{
    if (text->count >= TOKEN_NO_WORD)
        return err_set(err, ERR_INVALID, "the text has %zu words; the limit is %u", text->count,
                       TOKEN_NO_WORD - 1);
    for (size_t i = 0; i < text->count; i++) {
        const struct data_word *word = &text->words[i];
        size_t valid = utf8_valid_length(text->bytes + word->start, word->length);
        if (valid != word->length)
            return err_set(err, ERR_INVALID, "word %zu is not UTF-8 at its byte %zu", i + 1, valid);
    }
    return 0;
}

static int
check_length(const struct template *template, size_t max_length, struct err *err)
{
    if (max_length != 0 && max_length <= template->specials)
        return err_set(err, ERR_INVALID,
                       "max_length %zu leaves no room beside %zu special tokens; it must be at "
                       "least %zu",
                       max_length, template->specials, template->specials + 1);
    return 0;
}

/* Append the special tokens from piece `from` on, up to a text's place, which is returned. */
static size_t
push_specials(const struct template *template, size_t from, struct token_list *out)
{
    while (from < template->count && template->pieces[from].kind == TEMPLATE_SPECIAL) {
        token_list_push(out, template->pieces[from].id, template->pieces[from].type);
        if (out->with_places) {
            out->words[out->count - 1] = TOKEN_NO_WORD;
            out->starts[out->count - 1] = 0;
            out->ends[out->count - 1] = 0;
        }
        from++;
    }
    return from;
}

static void
set_types(struct token_list *list, size_t from, uint8_t type)
{
    for (size_t i = from; i < list->count; i++)
        list->types[i] = type;
}

/* The texts between special tokens; the list is as it was when that fails. */
static int
encode_framed(struct frame *frame, const struct input *input, struct err *err)
{
    const struct template *template = frame->template;
    struct token_list *out = frame->out;
    size_t before = out->count;
    size_t piece = push_specials(template, 0, out);
    size_t start = out->count;
    int status =
        is_pair(input) ? encode_pair(frame, input->text, err) : encode_single(frame, input, err);
    if (status != 0) {
        out->count = before;
        return err->code;
    }
    set_types(out, start, template->pieces[piece].type);
    piece = push_specials(template, piece + 1, out);
    if (!is_pair(input))
        return 0;
    set_types(&frame->second, 0, template->pieces[piece].type);
    token_list_append(out, &frame->second);
    push_specials(template, piece + 1, out);
    return 0;
}

static int
encode(const struct tokenizer *tokenizer, const struct input *input, size_t max_length,
       struct token_list *out, struct err *err)
{
    const struct templates *templates = &tokenizer->templates;
    struct frame frame = {
        .tokenizer = tokenizer,
        .template = is_pair(input) ? &templates->pair : &templates->single,
        .room = SIZE_MAX,
        .out = out,
        .second = {.with_places = out->with_places},
    };
    if (check_length(frame.template, max_length, err) != 0)
        return err->code;
    if (max_length != 0)
        frame.room = max_length - frame.template->specials;
    int status = encode_framed(&frame, input, err);
    token_list_fini(&frame.second);
    return status;
}

/* ---- windows --------------------------------------------------------------------------------- */

/* A list ends with a text between special tokens, of which `tokens` are the text's: windows of
 * max_length tokens in its place. */
static void
divide(const struct tokenizer *tokenizer, size_t tokens, size_t max_length, struct token_list *out)
{
    const struct template *template = &tokenizer->templates.single;
    size_t room = max_length - template->specials;
    size_t stride = tokenizer->windows.stride;
    bool from_end = tokenizer->truncation == TRUNCATION_TAIL;
    struct token_list whole = {0};
    token_list_append_from(&whole, out, out->count - tokens - template->specials);
    out->count -= whole.count;
    size_t lead = 0;
    while (template->pieces[lead].kind == TEMPLATE_SPECIAL)
        lead++;
    for (size_t i = 0; i < windows_count(tokens, room, stride); i++) {
        struct window window = windows_at(i, tokens, room, stride, from_end);
        push_specials(template, 0, out);
        for (size_t t = lead + window.start; t < lead + window.end; t++)
            token_list_push(out, whole.ids[t], whole.types[t]);
        push_specials(template, lead + 1, out);
    }
    token_list_fini(&whole);
}

static int
encode_windows(const struct tokenizer *tokenizer, const struct text *text, size_t max_length,
               struct token_list *out, struct err *err)
{
    size_t specials = tokenizer->templates.single.specials;
    size_t stride = tokenizer->windows.stride;
    size_t before = out->count;
    if (check_length(&tokenizer->templates.single, max_length, err) != 0)
        return err->code;
    size_t room = max_length - specials;
    if (stride >= room)
        return err_set(err, ERR_INVALID,
                       "windows of %zu tokens have room for %zu beside special tokens, so "
                       "neighbours cannot share %zu",
                       max_length, room, stride);
    if (encode(tokenizer, &(struct input){.text = text}, 0, out, err) != 0)
        return err->code;
    size_t tokens = out->count - before - specials;
    size_t count = windows_count(tokens, room, stride);
    if (count > WINDOWS_MAX) {
        out->count = before;
        return err_set(
            err, ERR_INVALID,
            "the text has %zu tokens, which are %zu windows of %zu that share %zu; the "
            "limit is %d windows: divide the text, or take a model with a smaller stride",
            tokens, count, max_length, stride, WINDOWS_MAX);
    }
    if (count > 1)
        divide(tokenizer, tokens, max_length, out);
    return 0;
}

int
tokenizer_encode(const struct tokenizer *tokenizer, const struct text *text, size_t max_length,
                 struct token_list *out, struct err *err)
{
    if (check_text(text, err) != 0)
        return err->code;
    if (tokenizer->windows.wanted && text->second == NULL && max_length > 0 && !out->with_places)
        return encode_windows(tokenizer, text, max_length, out, err);
    return encode(tokenizer, &(struct input){.text = text}, max_length, out, err);
}

int
tokenizer_encode_words(const struct tokenizer *tokenizer, const struct text_words *text,
                       size_t max_length, struct token_list *out, struct err *err)
{
    assert(out->with_places);
    if (check_words(text, err) != 0)
        return err->code;
    return encode(tokenizer, &(struct input){.words = text}, max_length, out, err);
}
