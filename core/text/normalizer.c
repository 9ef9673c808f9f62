/*
 * BertNormalizer in one pass; see normalizer.h.
 *
 * Canonical decomposition also sorts runs of combining marks by their class. Nearly all marks are
 * nonspacing and dropped, so sorting matters only for the few that stay; those wait in `pending`
 * until a starter (class 0) or the end lets them out.
 *
 * Where origins are asked for, dropped marks wait as well: the reference gives the sorted marks the
 * places of the unsorted ones in their order, except that the second and later parts of one
 * character share the place of whatever came out before them.
 */
#include "core/text/normalizer.h"

#include "core/base/mem.h"
#include "core/text/unicode.h"

#include <stdlib.h>

enum { ASCII_DROPPED = 0x80 };

/* A mark that waits. */
struct pending {
    uint32_t point;
    bool follows;  /* not the first part of its character */
    size_t source; /* byte of that character */
};

struct run {
    const struct normalizer *normalizer;
    char *out;
    size_t length;
    size_t *origins; /* NULL: not asked for */
    size_t source;   /* of the character that is being normalized */
    size_t place;    /* origin of what comes out */
    struct pending *pending;
    size_t pending_count;
    size_t pending_capacity;
};

void
normalizer_init(struct normalizer *normalizer)
{
    for (unsigned c = 0; c < 128; c++) {
        uint8_t flags = unicode_ascii_flags[c];
        uint8_t mapped = (uint8_t)c;
        if (normalizer->clean_text && (flags & UNICODE_DROPPED))
            mapped = ASCII_DROPPED;
        else if (normalizer->clean_text && (flags & UNICODE_SPACE))
            mapped = ' ';
        else if (normalizer->lowercase && c >= 'A' && c <= 'Z')
            mapped = (uint8_t)(c - 'A' + 'a');
        normalizer->ascii[c] = mapped;
    }
}

static void
write_point(struct run *run, uint32_t point)
{
    size_t count = unicode_encode(point, run->out + run->length);
    if (run->origins != NULL)
        for (size_t i = 0; i < count; i++)
            run->origins[run->length + i] = run->place;
    run->length += count;
}

static void
emit(struct run *run, uint32_t point, const struct unicode_record *record)
{
    if (!run->normalizer->lowercase || record->lowered_count == 0) {
        write_point(run, point);
        return;
    }
    for (size_t i = 0; i < record->lowered_count; i++)
        write_point(run, unicode_pool[record->lowered + i]);
}

/* The place of the next mark that is the first part of its character, from index *next on. */
static void
next_place(struct run *run, size_t *next)
{
    while (run->pending[*next].follows)
        (*next)++;
    run->place = run->pending[(*next)++].source;
}

/* Let the waiting marks out, class by class, each class in the order of the text. */
static void
flush(struct run *run)
{
    size_t left = run->pending_count;
    size_t next = 0;
    for (unsigned rank = 1; rank <= UNICODE_CLASS_COUNT && left > 0; rank++) {
        for (size_t i = 0; i < run->pending_count; i++) {
            const struct unicode_record *record = unicode_find(run->pending[i].point);
            if (record->combining_class != rank)
                continue;
            if (!run->pending[i].follows)
                next_place(run, &next);
            if (!(record->flags & UNICODE_MARK))
                emit(run, run->pending[i].point, record);
            left--;
        }
    }
    run->pending_count = 0;
}

static void
hold(struct run *run, uint32_t point, bool follows)
{
    if (run->pending_count == run->pending_capacity) {
        run->pending_capacity = run->pending_capacity == 0 ? 32 : run->pending_capacity * 2;
        run->pending = mem_resize(run->pending, run->pending_capacity, sizeof *run->pending);
    }
    run->pending[run->pending_count++] =
        (struct pending){.point = point, .follows = follows, .source = run->source};
}

/* One code point of a decomposition. */
static void
put_part(struct run *run, uint32_t point, bool follows)
{
    const struct unicode_record *record = unicode_find(point);
    bool dropped = record->flags & UNICODE_MARK;
    if (dropped && run->origins == NULL)
        return;
    if (record->combining_class != 0) {
        hold(run, point, follows);
        return;
    }
    if (run->pending_count > 0)
        flush(run);
    if (!follows)
        run->place = run->source;
    if (!dropped)
        emit(run, point, record);
}

static void
put(struct run *run, uint32_t point, const struct unicode_record *record)
{
    if (!run->normalizer->strip_accents) {
        run->place = run->source;
        emit(run, point, record);
        return;
    }
    uint32_t parts[UNICODE_MAX_PARTS];
    size_t count = unicode_decompose(point, parts);
    for (size_t i = 0; i < count; i++)
        put_part(run, parts[i], i > 0);
}

static void
put_character(struct run *run, uint32_t point)
{
    const struct normalizer *normalizer = run->normalizer;
    const struct unicode_record *record = unicode_find(point);
    const struct unicode_record *blank = unicode_find(' ');
    if (normalizer->clean_text && (record->flags & UNICODE_DROPPED))
        return;
    if (normalizer->clean_text && (record->flags & UNICODE_SPACE)) {
        put(run, ' ', blank);
    } else if (normalizer->handle_chinese_chars && (record->flags & UNICODE_CJK)) {
        put(run, ' ', blank);
        put(run, point, record);
        put(run, ' ', blank);
    } else {
        put(run, point, record);
    }
}

size_t
normalizer_run(const struct normalizer *normalizer, const char *bytes, size_t length, char *out)
{
    struct run run = {.normalizer = normalizer, .out = out};
    size_t at = 0;
    while (at < length) {
        unsigned char byte = (unsigned char)bytes[at];
        if (byte < 0x80 && run.pending_count == 0) {
            uint8_t mapped = normalizer->ascii[byte];
            out[run.length] = (char)mapped;
            run.length += mapped != ASCII_DROPPED;
            at++;
            continue;
        }
        size_t step;
        uint32_t point = unicode_decode(bytes + at, &step);
        put_character(&run, point);
        at += step;
    }
    flush(&run);
    free(run.pending);
    return run.length;
}

size_t
normalizer_run_traced(const struct normalizer *normalizer, const char *bytes, size_t length,
                      char *out, size_t *origins)
{
    struct run run = {.normalizer = normalizer, .out = out, .origins = origins};
    while (run.source < length) {
        size_t step;
        uint32_t point = unicode_decode(bytes + run.source, &step);
        put_character(&run, point);
        run.source += step;
    }
    flush(&run);
    free(run.pending);
    return run.length;
}
