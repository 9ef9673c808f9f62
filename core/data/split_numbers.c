/* A split of rows with numbers along their range; see split.h. */
#include "core/data/split.h"

#include "core/base/mem.h"
#include "core/base/rng.h"

#include <math.h>
#include <stdlib.h>

struct ranked {
    double value;
    size_t row;
};

static int
by_value(const void *left, const void *right)
{
    const struct ranked *a = left;
    const struct ranked *b = right;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static size_t
wanted_of(size_t rows, double fraction)
{
    double wanted = floor(fraction * (double)rows + 0.5);
    if (rows == 0 || !(wanted >= 1))
        return 0;
    return wanted >= (double)rows ? rows - 1 : (size_t)wanted;
}

/* A number below n, from the stream's block of this index. */
static size_t
draw(const struct rng_stream *stream, size_t index, size_t n)
{
    uint32_t bits[4];
    rng_block(stream, index, bits);
    return (size_t)(((uint64_t)bits[0] * (uint32_t)n) >> 32);
}

size_t
split_numbers(const float *values, size_t rows, size_t width, double fraction, uint64_t seed,
              bool *held)
{
    struct rng_stream stream = rng_stream(seed, RNG_SPLIT, 0, 0);
    struct ranked *ranked = mem_resize(NULL, rows, sizeof *ranked);
    size_t wanted = wanted_of(rows, fraction);
    for (size_t i = 0; i < rows; i++) {
        held[i] = false;
        ranked[i] = (struct ranked){0, i};
        for (size_t k = 0; k < width; k++)
            ranked[i].value += (double)values[i * width + k];
    }
    if (rows > 0)
        qsort(ranked, rows, sizeof *ranked, by_value);
    for (size_t k = 0; k < wanted; k++) {
        size_t start = k * rows / wanted;
        size_t length = (k + 1) * rows / wanted - start;
        held[ranked[start + draw(&stream, k, length)].row] = true;
    }
    free(ranked);
    return wanted;
}
