/* A stratified split; see split.h. Rows are gathered by label, and each label draws for itself. */
#include "core/data/split.h"

#include "core/base/mem.h"
#include "core/base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* members = rows by label, in file order within one; starts[c]..starts[c+1] are those of label c.
 */
static void
gather(const uint32_t *labels, size_t rows, size_t label_count, size_t *starts, uint32_t *members)
{
    for (size_t c = 0; c <= label_count; c++)
        starts[c] = 0;
    for (size_t i = 0; i < rows; i++) {
        assert(labels[i] < label_count);
        starts[labels[i] + 1]++;
    }
    for (size_t c = 0; c < label_count; c++)
        starts[c + 1] += starts[c];
    for (size_t i = 0; i < rows; i++)
        members[starts[labels[i]]++] = (uint32_t)i;
    for (size_t c = label_count; c > 0; c--) /* each start has moved on to the next one */
        starts[c] = starts[c - 1];
    starts[0] = 0;
}

/* How many of n rows of a label are held out. */
static size_t
share(size_t n, double fraction)
{
    if (n == 0)
        return 0;
    double wanted = floor(fraction * (double)n + 0.5);
    return wanted >= (double)n ? n - 1 : wanted > 0.0 ? (size_t)wanted : 0;
}

size_t
split_stratified(const uint32_t *labels, size_t rows, size_t label_count, double fraction,
                 uint64_t seed, bool *held)
{
    size_t *starts = mem_resize(NULL, label_count + 1, sizeof *starts);
    uint32_t *members = mem_resize(NULL, rows, sizeof *members);
    uint32_t *order = mem_resize(NULL, rows, sizeof *order);
    size_t total = 0;
    gather(labels, rows, label_count, starts, members);
    for (size_t i = 0; i < rows; i++)
        held[i] = false;
    for (size_t c = 0; c < label_count; c++) {
        size_t n = starts[c + 1] - starts[c];
        size_t wanted = share(n, fraction);
        struct rng_stream stream = rng_stream(seed, RNG_SPLIT, (uint32_t)c, 0);
        rng_shuffle(&stream, order, n);
        for (size_t k = 0; k < wanted; k++)
            held[members[starts[c] + order[k]]] = true;
        total += wanted;
    }
    free(order);
    free(members);
    free(starts);
    return total;
}
