/* Oversampling; see oversample.h. */
#include "core/data/oversample.h"

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/data/targets.h"

#include <assert.h>
#include <stdlib.h>

/* Rows of each class; returns the rows that a rare class comes to. */
static size_t
count_classes(const struct oversample_of *of, size_t *counts)
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
    return (size_t)(of->share * (double)most + 0.5);
}

/* Rows that a class of n gets beside its own. */
static size_t
missing(size_t n, size_t target)
{
    return n > 0 && n < target ? target - n : 0;
}

size_t
oversample_count(const struct oversample_of *of)
{
    size_t *counts = mem_resize(NULL, of->label_count, sizeof *counts);
    size_t target = count_classes(of, counts);
    size_t total = of->rows;
    for (size_t c = 0; c < of->label_count; c++)
        total += missing(counts[c], target);
    free(counts);
    return total;
}

/* members = rows by class, in their order. Where a class begins, its rows are counted already. */
static void
gather(struct oversample *o, const struct oversample_of *of)
{
    size_t at = 0;
    for (size_t c = 0; c < o->classes; c++) {
        size_t n = o->starts[c];
        o->starts[c] = at;
        o->count += missing(n, o->target);
        at += n;
    }
    for (size_t i = 0; i < of->rows; i++)
        if (of->labels[i] != LABEL_NONE)
            o->members[o->starts[of->labels[i]]++] = (uint32_t)i;
    for (size_t c = o->classes; c > 0; c--) /* each stands now where the next one begins */
        o->starts[c] = o->starts[c - 1];
    o->starts[0] = 0;
}

int
oversample_init(struct oversample *oversample, const struct oversample_of *of, struct err *err)
{
    struct oversample *o = oversample;
    *o = (struct oversample){
        .rows = of->rows,
        .count = of->rows,
        .classes = of->label_count,
        .starts = mem_array(of->label_count + 1, sizeof *o->starts),
        .members = mem_array(of->rows, sizeof *o->members),
        .room = mem_array(of->rows, sizeof *o->room),
    };
    if (o->starts == NULL || o->members == NULL || o->room == NULL) {
        oversample_fini(o);
        return err_set(err, ERR_MEMORY, "the classes of %zu rows do not fit into memory", of->rows);
    }
    o->target = count_classes(of, o->starts);
    gather(o, of);
    return 0;
}

void
oversample_fini(struct oversample *oversample)
{
    free(oversample->starts);
    free(oversample->members);
    free(oversample->room);
    *oversample = (struct oversample){0};
}

void
oversample_fill(const struct oversample *oversample, uint64_t seed, uint32_t epoch, uint32_t *out)
{
    const struct oversample *o = oversample;
    size_t at = o->rows;
    for (size_t i = 0; i < o->rows; i++)
        out[i] = (uint32_t)i;
    for (size_t c = 0; c < o->classes; c++) {
        size_t n = oversample_rows(o, c);
        const uint32_t *members = o->members + o->starts[c];
        if (missing(n, o->target) == 0)
            continue;
        struct rng_stream stream = rng_stream(seed, RNG_OVERSAMPLE, (uint32_t)c, epoch);
        rng_shuffle(&stream, o->room, n);
        size_t whole = o->target - o->target % n;
        for (size_t k = n; k < o->target; k++) /* whole rounds, then the first of the drawn order */
            out[at++] = members[k < whole ? k % n : o->room[k % n]];
    }
}

double
oversample_times(const struct oversample *oversample, size_t class_)
{
    size_t n = oversample_rows(oversample, class_);
    return missing(n, oversample->target) > 0 ? (double)oversample->target / (double)n : 1.0;
}
