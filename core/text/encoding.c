/* What all kinds of tokenizers share; see encoding.h. */
#include "core/text/encoding.h"

#include "core/text/unicode.h"

void
encoding_push_added(struct encoding *e, uint32_t id, size_t start, size_t end)
{
    struct token_list *out = e->out;
    token_list_push(out, id, 0);
    if (!out->with_places)
        return;
    out->words[out->count - 1] = e->one_word ? e->word : e->word++;
    out->starts[out->count - 1] = start;
    out->ends[out->count - 1] = end;
}

void
trace_place(const struct trace *trace, size_t from, size_t to, size_t *start, size_t *end)
{
    size_t last = trace->origins[to - 1];
    size_t width;
    unicode_decode(trace->source->bytes + last, &width);
    *start = trace->source->start + trace->origins[from];
    *end = trace->source->start + last + width;
}

void
encoding_place_word(struct encoding *e, const struct trace *trace, size_t at, size_t first)
{
    struct token_list *out = e->out;
    size_t from = 0;
    for (size_t i = first; i < out->count; i++) {
        size_t to = out->ends[i];
        trace_place(trace, at + from, at + to, &out->starts[i], &out->ends[i]);
        out->words[i] = e->word;
        from = to;
    }
    e->word += !e->one_word;
}
