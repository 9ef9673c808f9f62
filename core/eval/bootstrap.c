/* Bootstrap intervals of what is counted; see bootstrap.h. Of numbers: bootstrap_numbers.c. */
#include "core/eval/bootstrap.h"

#include "core/base/mem.h"
#include "core/base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- rounds ---------------------------------------------------------------------------------- */

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* numpy's default: linear between the two values around place q (count - 1). Sorted. */
static double
quantile(const double *values, size_t count, double q)
{
    double place = q * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count)
        return values[count - 1];
    return values[below] + (place - (double)below) * (values[below + 1] - values[below]);
}

static struct interval
interval_of(double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(values[i]))
            return (struct interval){NAN, NAN};
    qsort(values, count, sizeof *values, by_size);
    return (struct interval){quantile(values, count, 0.025), quantile(values, count, 0.975)};
}

/* How often each of so many rows comes when as many are drawn with replacement. */
static void
draw(const struct rng_stream *stream, size_t rows, uint32_t *drawn)
{
    memset(drawn, 0, rows * sizeof *drawn);
    for (size_t done = 0; done < rows; done += 4) {
        uint32_t numbers[4];
        rng_block(stream, done / 4, numbers);
        for (size_t i = 0; i < 4 && done + i < rows; i++)
            drawn[(size_t)(((uint64_t)numbers[i] * rows) >> 32)]++;
    }
}

int
bootstrap_run(const struct bootstrap *bootstrap, uint64_t seed, struct interval *out,
              struct err *err)
{
    double values[BOOTSTRAP_MAX_MEASURES][BOOTSTRAP_ROUNDS];
    assert(bootstrap->measures <= BOOTSTRAP_MAX_MEASURES);
    if (bootstrap->rows == 0)
        return err_set(err, ERR_INVALID, "there are no rows to measure");
    uint32_t *drawn = mem_array(bootstrap->rows, sizeof *drawn);
    if (drawn == NULL)
        return err_set(err, ERR_MEMORY, "%zu rows do not fit into memory", bootstrap->rows);
    for (uint32_t round = 0; round < BOOTSTRAP_ROUNDS; round++) {
        struct rng_stream stream = rng_stream(seed, RNG_BOOTSTRAP, 0, round);
        double measured[BOOTSTRAP_MAX_MEASURES];
        draw(&stream, bootstrap->rows, drawn);
        bootstrap->measure(bootstrap->context, drawn, measured);
        for (size_t m = 0; m < bootstrap->measures; m++)
            values[m][round] = measured[m];
    }
    for (size_t m = 0; m < bootstrap->measures; m++)
        out[m] = interval_of(values[m], BOOTSTRAP_ROUNDS);
    free(drawn);
    return 0;
}

/* sum += times * count */
static void
add_counts(struct class_count *sum, const struct class_count *count, uint32_t times)
{
    sum->support += times * count->support;
    sum->predicted += times * count->predicted;
    sum->hits += times * count->hits;
}

static double
f1_of(const struct class_count *count)
{
    return class_scores_make(count->hits, count->predicted, count->support).f1;
}

/* ---- classes --------------------------------------------------------------------------------- */

struct classes {
    const struct class_predictions *in;
    struct class_count *counts;     /* (K) */
    struct class_scores *per_class; /* (K) */
};

static void
measure_classes(void *context, const uint32_t *drawn, double *out)
{
    const struct classes *classes = context;
    const struct class_predictions *in = classes->in;
    struct classification_measures measures;
    memset(classes->counts, 0, in->classes * sizeof *classes->counts);
    for (size_t row = 0; row < in->rows; row++) {
        const struct class_outcome *outcome = &in->outcomes[row];
        classes->counts[outcome->truth].support += drawn[row];
        classes->counts[outcome->predicted].predicted += drawn[row];
        classes->counts[outcome->truth].hits +=
            outcome->truth == outcome->predicted ? drawn[row] : 0;
    }
    classification_of_counts(classes->counts, in->classes, classes->per_class, &measures);
    out[0] = measures.accuracy;
    out[1] = measures.macro.f1;
}

int
bootstrap_classification(const struct class_predictions *in, uint64_t seed,
                         struct bootstrap_intervals *out, struct err *err)
{
    struct interval intervals[2];
    struct classes classes = {
        .in = in,
        .counts = mem_array(in->classes, sizeof *classes.counts),
        .per_class = mem_array(in->classes, sizeof *classes.per_class),
    };
    const struct bootstrap bootstrap = {in->rows, 2, measure_classes, &classes};
    int code = classes.counts != NULL && classes.per_class != NULL
                   ? bootstrap_run(&bootstrap, seed, intervals, err)
                   : err_set(err, ERR_MEMORY, "%zu classes do not fit into memory", in->classes);
    if (code == 0)
        *out = (struct bootstrap_intervals){intervals[0], intervals[1]};
    free(classes.counts);
    free(classes.per_class);
    return code;
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* A label that a row has, or is predicted to have. */
struct cell {
    uint32_t label;
    bool truth, predicted;
};

struct labels {
    const struct multi_label_predictions *in;
    struct class_count *rows;      /* (N): of all labels */
    struct cell *cells;            /* of all rows; NULL: too many */
    size_t *starts;                /* (N + 1): of cells */
    struct class_count *per_label; /* (K) */
};

static struct cell
cell_at(const struct multi_label_predictions *in, size_t row, size_t label)
{
    size_t place = row * in->labels + label;
    return (struct cell){(uint32_t)label, in->truth[place] != 0,
                         in->probabilities[place] >= in->thresholds[label]};
}

/* rows and starts. */
static void
count_rows(struct labels *labels)
{
    const struct multi_label_predictions *in = labels->in;
    size_t cells = 0;
    for (size_t row = 0; row < in->rows; row++) {
        struct class_count *count = &labels->rows[row];
        *count = (struct class_count){0};
        labels->starts[row] = cells;
        for (size_t k = 0; k < in->labels; k++) {
            struct cell cell = cell_at(in, row, k);
            count->support += cell.truth;
            count->predicted += cell.predicted;
            count->hits += cell.truth && cell.predicted;
            cells += cell.truth || cell.predicted;
        }
    }
    labels->starts[in->rows] = cells;
}

static int
list_cells(struct labels *labels, struct err *err)
{
    const struct multi_label_predictions *in = labels->in;
    size_t count = labels->starts[in->rows], place = 0;
    if (count > BOOTSTRAP_MAX_CELLS)
        return 0;
    labels->cells = mem_array(count > 0 ? count : 1, sizeof *labels->cells);
    if (labels->cells == NULL)
        return err_set(err, ERR_MEMORY, "%zu labels do not fit into memory", count);
    for (size_t row = 0; row < in->rows; row++)
        for (size_t k = 0; k < in->labels; k++) {
            struct cell cell = cell_at(in, row, k);
            if (cell.truth || cell.predicted)
                labels->cells[place++] = cell;
        }
    return 0;
}

static double
macro_f1(const struct labels *labels, const uint32_t *drawn)
{
    const struct multi_label_predictions *in = labels->in;
    double sum = 0;
    memset(labels->per_label, 0, in->labels * sizeof *labels->per_label);
    for (size_t row = 0; row < in->rows; row++)
        for (size_t i = labels->starts[row]; drawn[row] > 0 && i < labels->starts[row + 1]; i++) {
            const struct cell *cell = &labels->cells[i];
            struct class_count *count = &labels->per_label[cell->label];
            count->support += cell->truth ? drawn[row] : 0;
            count->predicted += cell->predicted ? drawn[row] : 0;
            count->hits += cell->truth && cell->predicted ? drawn[row] : 0;
        }
    for (size_t k = 0; k < in->labels; k++)
        sum += f1_of(&labels->per_label[k]);
    return sum / (double)in->labels;
}

static void
measure_labels(void *context, const uint32_t *drawn, double *out)
{
    const struct labels *labels = context;
    struct class_count all = {0};
    uint64_t right = 0;
    for (size_t row = 0; row < labels->in->rows; row++) {
        const struct class_count *count = &labels->rows[row];
        add_counts(&all, count, drawn[row]);
        if (count->hits == count->support && count->hits == count->predicted)
            right += drawn[row];
    }
    out[0] = (double)right / (double)labels->in->rows;
    out[1] = f1_of(&all);
    out[2] = labels->cells != NULL ? macro_f1(labels, drawn) : NAN;
}

int
bootstrap_multi_label(const struct multi_label_predictions *in, uint64_t seed,
                      struct bootstrap_label_intervals *out, struct err *err)
{
    struct interval intervals[3];
    struct labels labels = {
        .in = in,
        .rows = mem_array(in->rows, sizeof *labels.rows),
        .starts = mem_array(in->rows + 1, sizeof *labels.starts),
        .per_label = mem_array(in->labels, sizeof *labels.per_label),
    };
    const struct bootstrap bootstrap = {in->rows, 3, measure_labels, &labels};
    int code = 0;
    if (labels.rows == NULL || labels.starts == NULL || labels.per_label == NULL) {
        code = err_set(err, ERR_MEMORY, "%zu rows do not fit into memory", in->rows);
    } else {
        count_rows(&labels);
        code = list_cells(&labels, err);
    }
    if (code == 0)
        code = bootstrap_run(&bootstrap, seed, intervals, err);
    if (code == 0)
        *out = (struct bootstrap_label_intervals){intervals[0], intervals[1], intervals[2]};
    free(labels.rows);
    free(labels.starts);
    free(labels.per_label);
    free(labels.cells);
    return code;
}

/* ---- sentences ------------------------------------------------------------------------------- */

static void
measure_sentences(void *context, const uint32_t *drawn, double *out)
{
    const struct bootstrap_sentences *in = context;
    struct class_count lenient = {0}, strict = {0};
    uint64_t words = 0, right = 0;
    for (size_t row = 0; row < in->rows; row++) {
        words += (uint64_t)drawn[row] * in->words[row];
        right += (uint64_t)drawn[row] * in->right[row];
        if (in->lenient == NULL)
            continue;
        add_counts(&lenient, &in->lenient[row], drawn[row]);
        add_counts(&strict, &in->strict[row], drawn[row]);
    }
    out[0] = words > 0 ? (double)right / (double)words : NAN;
    out[1] = in->lenient != NULL ? f1_of(&lenient) : NAN;
    out[2] = in->lenient != NULL ? f1_of(&strict) : NAN;
}

int
bootstrap_tokens(const struct bootstrap_sentences *sentences, uint64_t seed,
                 struct bootstrap_token_intervals *out, struct err *err)
{
    struct interval intervals[3];
    const struct bootstrap bootstrap = {sentences->rows, 3, measure_sentences,
                                        (void *)(uintptr_t)sentences};
    if (bootstrap_run(&bootstrap, seed, intervals, err) != 0)
        return err->code;
    *out = (struct bootstrap_token_intervals){intervals[0], intervals[1], intervals[2]};
    return 0;
}
