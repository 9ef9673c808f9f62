/* Oversampling; see oversample.h. */
#include "core/data/oversample.h"

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/data/targets.h"

#include <assert.h>
#include <stdlib.h>

/* Rows of each class; returns the most. */
static size_t
count_classes(const struct oversample *of, size_t *counts)
{
    size_t most = 0;
    for (size_t c = 0; c < of->label_count; c++)
        counts[c] = 0;
    for (size_t i = 0; i < of->rows; i++) {
        if (of->labels[i] == LABEL_NONE)
            continue;
        assert(of->labels[i] < of->label_count);
        size_t count = ++counts[of->labels[i]];
        most = count > most ? count : most;
    }
    return most;
}

size_t
oversample_count(const struct oversample *of)
{
    size_t *counts = mem_resize(NULL, of->label_count, sizeof *counts);
    size_t most = count_classes(of, counts);
    size_t total = of->rows;
    for (size_t c = 0; c < of->label_count; c++)
        total += counts[c] > 0 ? most - counts[c] : 0;
    free(counts);
    return total;
}

/* members = rows by class, in their order; starts[c] = where those of class c begin. */
static void
gather(const struct oversample *of, const size_t *counts, size_t *starts, uint32_t *members)
{
    size_t at = 0;
    for (size_t c = 0; c < of->label_count; c++) {
        starts[c] = at;
        at += counts[c];
    }
    for (size_t i = 0; i < of->rows; i++)
        if (of->labels[i] != LABEL_NONE)
            members[starts[of->labels[i]]++] = (uint32_t)i;
    for (size_t c = 0; c < of->label_count; c++)
        starts[c] -= counts[c];
}

void
oversample_fill(const struct oversample *of, uint64_t seed, uint32_t epoch, uint32_t *out)
{
    size_t *counts = mem_resize(NULL, of->label_count, sizeof *counts);
    size_t *starts = mem_resize(NULL, of->label_count, sizeof *starts);
    uint32_t *members = mem_resize(NULL, of->rows, sizeof *members);
    uint32_t *order = mem_resize(NULL, of->rows, sizeof *order);
    size_t most = count_classes(of, counts);
    size_t at = of->rows;
    gather(of, counts, starts, members);
    for (size_t i = 0; i < of->rows; i++)
        out[i] = (uint32_t)i;
    for (size_t c = 0; c < of->label_count; c++) {
        size_t n = counts[c];
        if (n == 0 || n == most)
            continue;
        struct rng_stream stream = rng_stream(seed, RNG_OVERSAMPLE, (uint32_t)c, epoch);
        rng_shuffle(&stream, order, n);
        for (size_t k = n; k < most; k++) /* whole rounds, then the first of the drawn order */
            out[at++] = members[starts[c] + (k < most - most % n ? k % n : order[k % n])];
    }
    free(order);
    free(members);
    free(starts);
    free(counts);
}
