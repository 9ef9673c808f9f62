/* The order of an epoch; see order.h. */
#include "core/train/order.h"

#include "core/base/rng.h"

#include <string.h>

/* Streams of RNG_SHUFFLE: of the rows, and of the batches once they are sorted. */
enum { STREAM_ROWS, STREAM_BATCHES };

/* Where `length` belongs behind the longest first and behind its equals. */
static size_t
find_place(const uint32_t *lengths, const uint32_t *sorted, size_t count, uint32_t length)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lengths[sorted[middle]] >= length)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * Longest first, equals as they came. Insertion with a binary search: stable and in place, and for
 * the 50 batches that it is given the moves cost less than the drawing of the rows did.
 */
static void
sort_by_length(const uint32_t *lengths, uint32_t *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t row = rows[i];
        size_t place = find_place(lengths, rows, i, lengths[row]);
        memmove(rows + place + 1, rows + place, (i - place) * sizeof *rows);
        rows[place] = row;
    }
}

static void
swap_batches(uint32_t *a, uint32_t *b, size_t size)
{
    for (size_t i = 0; i < size && a != b; i++) {
        uint32_t kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* A number from 0 to bound - 1, each equally likely; draws are those of one stream. */
static size_t
draw_below(const struct rng_stream *stream, uint64_t index, size_t bound)
{
    uint32_t bits[4];
    rng_block(stream, index, bits);
    uint64_t wide = (uint64_t)bits[0] << 32 | bits[1];
    return (size_t)(wide % bound); /* bound < 2^32: the bias is below 2^-32 */
}

/* Fisher-Yates over whole batches. */
static void
shuffle_batches(const struct rng_stream *stream, uint32_t *rows, size_t batches, size_t size)
{
    for (size_t i = batches; i > 1; i--)
        swap_batches(rows + (i - 1) * size, rows + draw_below(stream, i, i) * size, size);
}

void
order_epoch(const struct order *rule, size_t epoch, uint32_t *order)
{
    struct rng_stream rows = rng_stream(rule->seed, RNG_SHUFFLE, STREAM_ROWS, (uint32_t)epoch);
    if (rule->oversample == NULL) {
        rng_shuffle(&rows, order, rule->rows);
    } else {
        oversample_fill(rule->oversample, rule->seed, (uint32_t)epoch, order);
        rng_permute(&rows, order, rule->rows);
    }
    if (rule->batching != BATCHING_GROUPED)
        return;
    size_t batches = rule->rows / rule->batch_size;
    for (size_t from = 0; from < batches; from += ORDER_GROUPED_BATCHES) {
        size_t count =
            batches - from < ORDER_GROUPED_BATCHES ? batches - from : ORDER_GROUPED_BATCHES;
        sort_by_length(rule->lengths, order + from * rule->batch_size, count * rule->batch_size);
    }
    struct rng_stream groups = rng_stream(rule->seed, RNG_SHUFFLE, STREAM_BATCHES, (uint32_t)epoch);
    shuffle_batches(&groups, order, batches, rule->batch_size);
}

size_t
order_largest_batch(const struct order *rule, size_t steps, uint32_t *spare)
{
    size_t largest = 0;
    size_t from = rule->rows; /* of the next batch; an epoch is used up */
    size_t epoch = 0;
    for (size_t step = 0; step < steps; step++) {
        if (from >= rule->rows) {
            order_epoch(rule, epoch++, spare);
            from = 0;
        }
        size_t tokens = 0;
        for (size_t i = from; i < from + rule->batch_size && i < rule->rows; i++)
            tokens += rule->lengths[spare[i]];
        largest = tokens > largest ? tokens : largest;
        from += rule->batch_size;
    }
    return largest;
}
