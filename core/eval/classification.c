/* Measures of single-label classification; see classification.h for definitions. */
#include "core/eval/classification.h"

#include "core/eval/ranking.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t
classification_argmax(const float *probabilities, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (probabilities[c] > probabilities[best])
            best = c;
    return (uint32_t)best;
}

static double
quotient(double part, double whole)
{
    return whole > 0 ? part / whole : 0.0;
}

struct class_scores
class_scores_make(uint64_t hits, uint64_t predicted, uint64_t support)
{
    return (struct class_scores){
        .precision = quotient((double)hits, (double)predicted),
        .recall = quotient((double)hits, (double)support),
        .f1 = quotient(2.0 * (double)hits, (double)(predicted + support)),
        .support = support,
        .predicted = predicted,
    };
}

void
class_averages_add(struct class_averages *sum, const struct class_scores *scores, double weight)
{
    sum->precision += weight * scores->precision;
    sum->recall += weight * scores->recall;
    sum->f1 += weight * scores->f1;
}

/* ---- from the table of counts ---------------------------------------------------------------- */

/*
 * Gorodkin 2004: (n t - sum p_k s_k) / sqrt((n^2 - sum p_k^2) (n^2 - sum s_k^2)) with n rows, t of
 * them right, p_k predicted and s_k true rows of class k. Cohen 1960 from the same sums.
 */
static void
measure_agreement(const struct class_scores *per_class, size_t classes, double rows, double right,
                  struct classification_measures *out)
{
    double both = 0, predicted = 0, support = 0;
    for (size_t c = 0; c < classes; c++) {
        double p = (double)per_class[c].predicted, s = (double)per_class[c].support;
        both += p * s;
        predicted += p * p;
        support += s * s;
    }
    double scale = (rows * rows - predicted) * (rows * rows - support);
    out->mcc = scale > 0 ? (rows * right - both) / sqrt(scale) : 0.0;
    double chance = both / (rows * rows);
    out->kappa = chance < 1.0 ? (right / rows - chance) / (1.0 - chance) : NAN;
}

void
class_counts_fill(const struct class_predictions *in, struct class_count *counts)
{
    memset(counts, 0, in->classes * sizeof *counts);
    for (size_t row = 0; row < in->rows; row++) {
        const struct class_outcome *outcome = &in->outcomes[row];
        counts[outcome->truth].support++;
        counts[outcome->predicted].predicted++;
        counts[outcome->truth].hits += outcome->truth == outcome->predicted;
    }
}

void
classification_of_counts(const struct class_count *counts, size_t classes,
                         struct class_scores *per_class, struct classification_measures *out)
{
    uint64_t rows = 0, right = 0;
    size_t occurring = 0;
    out->macro = out->weighted = (struct class_averages){0};
    for (size_t c = 0; c < classes; c++) {
        struct class_scores *scores = &per_class[c];
        *scores = class_scores_make(counts[c].hits, counts[c].predicted, counts[c].support);
        rows += scores->support;
        right += counts[c].hits;
        if (scores->support + scores->predicted == 0)
            continue;
        occurring++;
        class_averages_add(&out->macro, scores, 1.0);
        class_averages_add(&out->weighted, scores, (double)scores->support);
    }
    double n = (double)rows, k = (double)occurring;
    out->accuracy = (double)right / n;
    out->macro =
        (struct class_averages){out->macro.precision / k, out->macro.recall / k, out->macro.f1 / k};
    out->weighted = (struct class_averages){out->weighted.precision / n, out->weighted.recall / n,
                                            out->weighted.f1 / n};
    out->micro = (struct class_averages){out->accuracy, out->accuracy, out->accuracy};
    measure_agreement(per_class, classes, n, (double)right, out);
}

/* ---- from the probabilities ------------------------------------------------------------------ */

static double
log_loss(float probability)
{
    double p = (double)probability, least = (double)FLT_EPSILON;
    p = p < least ? least : p > 1.0 - least ? 1.0 - least : p;
    return -log(p);
}

/* How many classes stand before the true one; of equal ones the higher id stands first. */
static uint32_t
rank_of_truth(const float *p, size_t classes, size_t truth)
{
    uint32_t before = 0;
    for (size_t c = 0; c < classes; c++)
        before += p[c] > p[truth] || (!(p[c] < p[truth]) && c > truth);
    return before;
}

static double
squared_distance(const float *probabilities, size_t classes, uint32_t truth)
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        double off = (double)probabilities[c] - (c == truth ? 1.0 : 0.0);
        sum += off * off;
    }
    return sum;
}

struct class_outcome
class_outcome_of(const float *probabilities, size_t classes, uint32_t truth)
{
    uint32_t predicted = classification_argmax(probabilities, classes);
    return (struct class_outcome){
        .truth = truth,
        .predicted = predicted,
        .before = rank_of_truth(probabilities, classes, truth),
        .confidence = probabilities[predicted],
        .log_loss = log_loss(probabilities[truth]),
        .brier = squared_distance(probabilities, classes, truth),
    };
}

static void
measure_outcomes(const struct class_predictions *in, struct classification_measures *out)
{
    size_t in_3 = 0, in_5 = 0;
    double loss = 0;
    for (size_t row = 0; row < in->rows; row++) {
        loss += in->outcomes[row].log_loss;
        in_3 += in->outcomes[row].before < 3;
        in_5 += in->outcomes[row].before < 5;
    }
    out->log_loss = loss / (double)in->rows;
    out->top_3 = (double)in_3 / (double)in->rows;
    out->top_5 = (double)in_5 / (double)in->rows;
}

/* One class against the rest; the mean is over classes that have rows and leave some to the rest.
 */
static int
measure_ranking(const struct class_predictions *in, struct classification_measures *out,
                struct err *err)
{
    double auc = 0, precision = 0;
    size_t first = in->classes == 2 ? 1 : 0, defined = 0;
    out->roc_auc = out->average_precision = NAN;
    if (in->probabilities == NULL)
        return 0;
    struct ranked *column = mem_array(in->rows, sizeof *column);
    if (column == NULL)
        return err_set(err, ERR_MEMORY, "%zu scores do not fit into memory", in->rows);
    for (size_t c = first; c < in->classes; c++) {
        for (size_t row = 0; row < in->rows; row++)
            column[row] = (struct ranked){in->probabilities[row * in->classes + c],
                                          in->outcomes[row].truth == c};
        struct ranking_measures measured = ranking_measure(column, in->rows);
        if (isnan(measured.roc_auc))
            continue;
        auc += measured.roc_auc;
        precision += measured.average_precision;
        defined++;
    }
    free(column);
    if (defined > 0) {
        out->roc_auc = auc / (double)defined;
        out->average_precision = precision / (double)defined;
    }
    return 0;
}

int
classification_measure(const struct class_predictions *in, struct arena *arena,
                       struct classification_measures *out, struct err *err)
{
    size_t classes = in->classes, cells = classes * classes;
    *out = (struct classification_measures){0};
    if (in->rows == 0)
        return err_set(err, ERR_INVALID, "there are no rows to measure");
    struct class_count *counts = mem_array(classes, sizeof *counts);
    if (counts == NULL)
        return err_set(err, ERR_MEMORY, "%zu classes do not fit into memory", classes);
    out->per_class = arena_array(arena, classes, sizeof *out->per_class);
    if (classes <= CLASSIFICATION_MAX_CONFUSION) {
        out->confusion = arena_array(arena, cells, sizeof *out->confusion);
        memset(out->confusion, 0, cells * sizeof *out->confusion);
        for (size_t row = 0; row < in->rows; row++)
            out->confusion[in->outcomes[row].truth * classes + in->outcomes[row].predicted]++;
    }
    class_counts_fill(in, counts);
    classification_of_counts(counts, classes, out->per_class, out);
    free(counts);
    measure_outcomes(in, out);
    return measure_ranking(in, out, err);
}

/* ---- the worst errors ------------------------------------------------------------------------ */

size_t
classification_worst(const struct class_predictions *in, size_t most, struct class_error *out)
{
    size_t count = 0;
    for (size_t row = 0; row < in->rows && most > 0; row++) {
        const struct class_outcome *outcome = &in->outcomes[row];
        if (outcome->predicted == outcome->truth)
            continue;
        size_t place = count;
        while (place > 0 && out[place - 1].probability < outcome->confidence)
            place--;
        if (place == most)
            continue;
        size_t moved = (count < most ? count : most - 1) - place;
        memmove(out + place + 1, out + place, moved * sizeof *out);
        out[place] =
            (struct class_error){row, outcome->truth, outcome->predicted, outcome->confidence};
        count += count < most;
    }
    return count;
}
