/* Packed golden files; see golden_texts.h. */
#include "tests/support/golden_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

struct golden_packed
golden_texts_unpack(const char *path)
{
    struct golden_packed stream = {.at = 0};
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    char block[65536];
    int got;
    while ((got = gzread(file, block, sizeof block)) > 0)
        buf_append(&stream.bytes, block, (size_t)got);
    assert_int_equal(got, 0);
    assert_int_equal(gzclose(file), Z_OK);
    return stream;
}

/* A number of so many bytes. */
static uint32_t
next_number(struct golden_packed *stream, size_t bytes)
{
    uint32_t value = 0;
    assert_true(stream->at + bytes <= stream->bytes.length);
    for (size_t i = 0; i < bytes; i++)
        value |= (uint32_t)(unsigned char)stream->bytes.data[stream->at++] << 8 * i;
    return value;
}

uint32_t
golden_texts_number(struct golden_packed *stream)
{
    return next_number(stream, 4);
}

uint32_t
golden_texts_short(struct golden_packed *stream)
{
    return next_number(stream, 2);
}

void
golden_texts_read(const char *path, struct golden_texts *out)
{
    struct golden_packed *stream = &out->stream;
    *stream = golden_texts_unpack(path);
    out->count = golden_texts_number(stream);
    out->texts = calloc(out->count, sizeof *out->texts);
    assert_non_null(out->texts);
    for (size_t i = 0; i < out->count; i++) {
        size_t length = golden_texts_number(stream);
        assert_true(stream->at + length <= stream->bytes.length);
        out->texts[i] =
            (struct text){.first = stream->bytes.data + stream->at, .first_length = length};
        stream->at += length;
    }
}

void
golden_texts_fini(struct golden_texts *texts)
{
    free(texts->texts);
    buf_fini(&texts->stream.bytes);
}

static size_t
replace(char *bytes, size_t length, const char *old, const char *fresh)
{
    size_t to = 0;
    for (size_t from = 0; from < length;) {
        size_t left = length - from;
        if (left < strlen(old) || memcmp(bytes + from, old, strlen(old)) != 0) {
            bytes[to++] = bytes[from++];
            continue;
        }
        memcpy(bytes + to, fresh, strlen(fresh));
        to += strlen(fresh);
        from += strlen(old);
    }
    return to;
}

void
golden_texts_respell(struct golden_texts *texts, const char *const (*spellings)[2], size_t count)
{
    for (size_t i = 0; i < texts->count; i++) {
        struct text *text = &texts->texts[i];
        char *bytes = texts->stream.bytes.data + (text->first - texts->stream.bytes.data);
        for (size_t k = 0; k < count; k++) {
            assert_true(strlen(spellings[k][1]) <= strlen(spellings[k][0]));
            text->first_length =
                replace(bytes, text->first_length, spellings[k][0], spellings[k][1]);
        }
    }
}

/* Fold a number into a sum (FNV-1a). */
static void
fold(uint32_t *sum, uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8)
        *sum = (*sum ^ (value >> shift & 0xff)) * 0x01000193u;
}

/* Fold the list in, and empty it. */
static void
fold_list(uint32_t *sum, struct token_list *list)
{
    fold(sum, (uint32_t)list->count);
    for (size_t i = 0; i < list->count; i++) {
        fold(sum, list->ids[i]);
        fold(sum, list->words[i]);
        fold(sum, (uint32_t)list->starts[i]);
        fold(sum, (uint32_t)list->ends[i]);
    }
    list->count = 0;
}

static void
fold_text(uint32_t *sum, const struct tokenizer *tokenizer, const struct text *text,
          size_t max_length)
{
    struct token_list list = {.with_places = true};
    struct err err;
    assert_int_equal(tokenizer_encode(tokenizer, text, max_length, &list, &err), 0);
    fold_list(sum, &list);
    token_list_fini(&list);
}

/* What stands between blanks. */
static struct text_words
words_of(const struct text *text)
{
    struct data_word *words = calloc(text->first_length + 1, sizeof *words);
    struct text_words out = {.bytes = text->first, .words = words};
    assert_non_null(words);
    for (size_t at = 0; at < text->first_length; at++) {
        if (text->first[at] == ' ')
            continue;
        if (at == 0 || text->first[at - 1] == ' ')
            words[out.count++].start = at;
        words[out.count - 1].length++;
    }
    return out;
}

uint32_t
golden_texts_places(const struct tokenizer *tokenizer, const struct golden_texts *texts, size_t i)
{
    const struct text *text = &texts->texts[i];
    const struct text *other = &texts->texts[(7 * i + 1) % texts->count];
    struct text pair = {text->first, text->first_length, other->first, other->first_length};
    struct text_words words = words_of(text);
    struct token_list list = {.with_places = true};
    struct err err;
    uint32_t sum = 0x811c9dc5u;
    fold_text(&sum, tokenizer, text, 0);
    fold_text(&sum, tokenizer, text, 3 + i % 17);
    fold_text(&sum, tokenizer, &pair, 5 + i % 29);
    const size_t limits[] = {0, 3 + i % 13};
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(tokenizer_encode_words(tokenizer, &words, limits[k], &list, &err), 0);
        fold_list(&sum, &list);
    }
    token_list_fini(&list);
    free((void *)words.words);
    return (sum ^ sum >> 16) & 0xffff;
}
