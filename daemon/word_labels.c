/* Labelled words and entities; see word_labels.h. */
#include "daemon/word_labels.h"

/* Spans of a text in ascending order, from bytes to code points: each byte is looked at once. */
struct counter {
    const char *text;
    size_t byte, points;
};

static size_t
points_before(struct counter *counter, size_t byte)
{
    if (byte < counter->byte)
        *counter = (struct counter){.text = counter->text};
    for (; counter->byte < byte; counter->byte++)
        counter->points += ((unsigned char)counter->text[counter->byte] & 0xc0) != 0x80;
    return counter->points;
}

static struct labelled_span
span_of(const struct word_labels *names, struct counter *counter, size_t from, size_t to)
{
    struct labelled_span span = {
        .text = arena_copy_bytes(names->arena, counter->text + from, to - from)};
    span.start = points_before(counter, from);
    span.end = points_before(counter, to);
    return span;
}

static struct labelled_spans
list_words(const struct word_labels *names, const char *text, const struct predicted_words *words)
{
    struct counter counter = {.text = text};
    struct labelled_span *spans = arena_array(names->arena, words->count, sizeof *spans);
    for (size_t i = 0; i < words->count; i++) {
        const struct predicted_word *word = &words->items[i];
        spans[i] = span_of(names, &counter, word->start, word->end);
        spans[i].label = names->labels[word->label];
        spans[i].probability = (double)word->probability;
    }
    return (struct labelled_spans){spans, words->count};
}

static double
mean_probability(const struct predicted_words *words, const struct entity *entity)
{
    double sum = 0;
    for (size_t i = entity->first; i <= entity->last; i++)
        sum += (double)words->items[i].probability;
    return sum / (double)(entity->last - entity->first + 1);
}

static struct labelled_spans
list_entities(const struct word_labels *names, const char *text,
              const struct predicted_words *words)
{
    if (!names->has_scheme)
        return (struct labelled_spans){0};
    struct arena *arena = names->arena;
    struct counter counter = {.text = text};
    uint32_t *labels = arena_array(arena, words->count, sizeof *labels);
    struct entity *entities = arena_array(arena, words->count, sizeof *entities);
    for (size_t i = 0; i < words->count; i++)
        labels[i] = words->items[i].label;
    size_t count = entity_find(&names->scheme, ENTITY_DEFAULT, labels, words->count, entities);
    struct labelled_span *spans = arena_array(arena, count, sizeof *spans);
    for (size_t i = 0; i < count; i++) {
        const struct entity *entity = &entities[i];
        spans[i] = span_of(names, &counter, words->items[entity->first].start,
                           words->items[entity->last].end);
        spans[i].label = names->scheme.type_names[entity->type];
        spans[i].probability = mean_probability(words, entity);
    }
    return (struct labelled_spans){spans, count};
}

struct word_labels
word_labels_of(const char *const *labels, size_t count, struct arena *arena)
{
    struct err ignored; /* labels without a scheme have no entities */
    struct word_labels names = {.labels = labels, .arena = arena};
    names.has_scheme = entity_scheme_make(labels, count, arena, &names.scheme, &ignored) == 0;
    return names;
}

struct labelled_text
word_labels_apply(const struct word_labels *names, const char *text,
                  const struct predicted_words *words)
{
    return (struct labelled_text){list_words(names, text, words),
                                  list_entities(names, text, words)};
}
