/* Measures of multi-label classification; see multi_label.h. */
#include "core/eval/multi_label.h"

#include "core/eval/ranking.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct counts {
    uint64_t hits, predicted, support;
};

static struct class_scores
scores_of(const struct counts *counts)
{
    return class_scores_make(counts->hits, counts->predicted, counts->support);
}

static void
count_cells(const struct multi_label_predictions *in, struct counts *counts,
            struct multi_label_measures *out)
{
    uint64_t wrong = 0, whole_rows = 0;
    double loss = 0;
    for (size_t row = 0; row < in->rows; row++) {
        uint64_t wrong_before = wrong;
        for (size_t k = 0; k < in->labels; k++) {
            size_t cell = row * in->labels + k;
            bool truth = in->truth[cell] != 0;
            bool predicted = in->probabilities[cell] >= in->thresholds[k];
            double p = (double)in->probabilities[cell], least = (double)FLT_EPSILON;
            p = p < least ? least : p > 1.0 - least ? 1.0 - least : p;
            loss -= log(truth ? p : 1.0 - p);
            wrong += truth != predicted;
            counts[k].hits += truth && predicted;
            counts[k].predicted += predicted;
            counts[k].support += truth;
        }
        whole_rows += wrong == wrong_before;
    }
    double cells = (double)in->rows * (double)in->labels;
    out->subset_accuracy = (double)whole_rows / (double)in->rows;
    out->hamming_loss = (double)wrong / cells;
    out->log_loss = loss / cells;
}

static void
average_labels(const struct counts *counts, size_t labels, struct multi_label_measures *out)
{
    struct counts all = {0};
    for (size_t k = 0; k < labels; k++) {
        out->per_label[k] = scores_of(&counts[k]);
        all.hits += counts[k].hits;
        all.predicted += counts[k].predicted;
        all.support += counts[k].support;
        class_averages_add(&out->macro, &out->per_label[k], 1.0 / (double)labels);
    }
    for (size_t k = 0; k < labels && all.support > 0; k++)
        class_averages_add(&out->weighted, &out->per_label[k],
                           (double)counts[k].support / (double)all.support);
    struct class_scores micro = scores_of(&all);
    class_averages_add(&out->micro, &micro, 1.0);
}

/* One label's column of scores. */
static void
fill_column(const struct multi_label_predictions *in, size_t label, struct ranked *column)
{
    for (size_t row = 0; row < in->rows; row++) {
        size_t cell = row * in->labels + label;
        column[row] = (struct ranked){in->probabilities[cell], in->truth[cell] != 0};
    }
}

static int
rank_labels(const struct multi_label_predictions *in, struct multi_label_measures *out,
            struct err *err)
{
    struct ranked *column = mem_array(in->rows, sizeof *column);
    size_t defined = 0;
    if (column == NULL)
        return err_set(err, ERR_MEMORY, "%zu scores do not fit into memory", in->rows);
    for (size_t k = 0; k < in->labels; k++) {
        fill_column(in, k, column);
        struct ranking_measures measured = ranking_measure(column, in->rows);
        if (isnan(measured.roc_auc))
            continue;
        out->roc_auc += measured.roc_auc;
        out->average_precision += measured.average_precision;
        defined++;
    }
    free(column);
    out->roc_auc = defined > 0 ? out->roc_auc / (double)defined : NAN;
    out->average_precision = defined > 0 ? out->average_precision / (double)defined : NAN;
    return 0;
}

int
multi_label_measure(const struct multi_label_predictions *in, struct arena *arena,
                    struct multi_label_measures *out, struct err *err)
{
    *out = (struct multi_label_measures){0};
    if (in->rows == 0 || in->labels == 0)
        return err_set(err, ERR_INVALID, "there are no rows to measure");
    struct counts *counts = mem_array(in->labels, sizeof *counts);
    if (counts == NULL)
        return err_set(err, ERR_MEMORY, "%zu labels do not fit into memory", in->labels);
    memset(counts, 0, in->labels * sizeof *counts);
    out->per_label = arena_array(arena, in->labels, sizeof *out->per_label);
    count_cells(in, counts, out);
    average_labels(counts, in->labels, out);
    free(counts);
    return rank_labels(in, out, err);
}

int
multi_label_tune(const struct multi_label_predictions *in, float *out, struct err *err)
{
    struct ranked *column = mem_array(in->rows, sizeof *column);
    if (column == NULL)
        return err_set(err, ERR_MEMORY, "%zu scores do not fit into memory", in->rows);
    for (size_t k = 0; k < in->labels; k++) {
        double f1;
        fill_column(in, k, column);
        float threshold = ranking_best_threshold(column, in->rows, &f1);
        out[k] = isnan(threshold) ? 0.5f : threshold;
    }
    free(column);
    return 0;
}
