/*
 * Places without blanks; see trim.h.
 *
 * The reference counts in characters: so many as the token has blanks at an end are cut off, also
 * when the text has none there, because a blank was put before it. The first token of a sequence
 * keeps a single one, which it takes for that blank; several must have stood in the text.
 */
#include "core/text/trim.h"

#include "core/text/tokenizer_parts.h"
#include "core/text/unicode.h"

/* A token's place, from the start of the text or of its word. */
struct span {
    const char *base;
    const char *start;
    const char *end;
};

static const char *
previous(const char *at)
{
    do
        at--;
    while (((unsigned char)*at & 0xc0) == 0x80);
    return at;
}

/* Is it White_Space, or the letter that stands for a blank? */
static bool
counts_as_blank(const char *at, size_t *width)
{
    uint32_t point = unicode_decode(at, width);
    return point == BYTE_LETTER_BLANK || (unicode_find(point)->flags & UNICODE_SPACE) != 0;
}

/* Blanks at both ends of an added token, which is spelled as the text spells it. */
static void
count_added(const struct span *span, size_t *leading, size_t *trailing)
{
    size_t width;
    *leading = *trailing = 0;
    for (const char *at = span->start; at < span->end && counts_as_blank(at, &width); at += width)
        (*leading)++;
    for (const char *at = span->end; at > span->start; at = previous(at)) {
        if (!counts_as_blank(previous(at), &width))
            break;
        (*trailing)++;
    }
}

static void
cut_start(struct span *span, size_t characters)
{
    for (; characters > 0 && span->start < span->end; characters--) {
        size_t width;
        unicode_decode(span->start, &width);
        span->start += width;
    }
}

static void
cut_end(struct span *span, size_t characters)
{
    const char *at = span->end;
    for (; characters > 0 && at > span->base; characters--)
        at = previous(at);
    if (characters == 0)
        span->end = at > span->start ? at : span->start;
}

void
trim_places(const struct tokenizer *tokenizer, const struct trim_text *text,
            struct token_list *list, size_t from)
{
    bool prefixed = text->words != NULL || tokenizer->trims_prefix;
    for (size_t i = from; i < list->count; i++) {
        const char *base = text->bytes;
        if (text->words != NULL)
            base += text->words[list->words[i]].start;
        struct span span = {base, text->bytes + list->starts[i], text->bytes + list->ends[i]};
        size_t leading = bpe_leading_blanks(tokenizer->bpe, list->ids[i]);
        size_t trailing = bpe_trailing_blanks(tokenizer->bpe, list->ids[i]);
        if (added_tokens_has_id(tokenizer->added, list->ids[i]))
            count_added(&span, &leading, &trailing);
        if (leading == 1 && prefixed && (i == from || span.start == base))
            leading = 0;
        cut_start(&span, leading);
        cut_end(&span, trailing);
        list->starts[i] = (size_t)(span.start - text->bytes);
        list->ends[i] = (size_t)(span.end - text->bytes);
    }
}
