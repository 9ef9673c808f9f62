/* Calibration; see calibration.h. */
#include "core/eval/calibration.h"

#include <math.h>
#include <stdbool.h>

/* The bin of a confidence: bins are open below and closed above. */
static size_t
bin_of(double confidence)
{
    size_t bin = 0;
    while (bin + 1 < CALIBRATION_BINS && confidence > (double)(bin + 1) / CALIBRATION_BINS)
        bin++;
    return bin;
}

static void
add_prediction(struct calibration *out, double confidence, bool came_true)
{
    struct calibration_bin *bin = &out->bins[bin_of(confidence)];
    bin->rows++;
    bin->confidence += confidence;
    bin->accuracy += came_true ? 1.0 : 0.0;
}

/* Sums become means. */
static void
close_bins(struct calibration *out, size_t rows)
{
    for (size_t b = 0; b < CALIBRATION_BINS; b++) {
        struct calibration_bin *bin = &out->bins[b];
        bin->low = (double)b / CALIBRATION_BINS;
        bin->high = (double)(b + 1) / CALIBRATION_BINS;
        out->ece += fabs(bin->accuracy - bin->confidence) / (double)rows;
        bin->accuracy = bin->rows > 0 ? bin->accuracy / (double)bin->rows : NAN;
        bin->confidence = bin->rows > 0 ? bin->confidence / (double)bin->rows : NAN;
    }
}

int
calibration_measure(const struct class_predictions *in, struct calibration *out, struct err *err)
{
    *out = (struct calibration){0};
    if (in->rows == 0)
        return err_set(err, ERR_INVALID, "there are no rows to measure");
    for (size_t row = 0; row < in->rows; row++) {
        const struct class_outcome *outcome = &in->outcomes[row];
        add_prediction(out, (double)outcome->confidence, outcome->predicted == outcome->truth);
        out->brier += outcome->brier / (double)in->rows;
    }
    close_bins(out, in->rows);
    return 0;
}

int
calibration_measure_labels(const float *probabilities, const uint8_t *truth, size_t cells,
                           struct calibration *out, struct err *err)
{
    *out = (struct calibration){0};
    if (cells == 0)
        return err_set(err, ERR_INVALID, "there are no labels to measure");
    for (size_t cell = 0; cell < cells; cell++) {
        double probability = (double)probabilities[cell];
        double off = probability - (truth[cell] != 0 ? 1.0 : 0.0);
        add_prediction(out, probability, truth[cell] != 0);
        out->brier += off * off / (double)cells;
    }
    close_bins(out, cells);
    return 0;
}

/* First and second derivative of the mean loss by the inverse temperature. */
static void
derivatives(const struct class_predictions *in, const float *logits, double inverse, double *first,
            double *second)
{
    size_t rows = in->rows, classes = in->classes;
    *first = *second = 0;
    for (size_t row = 0; row < rows; row++) {
        const float *z = logits + row * classes;
        double top = (double)z[classification_argmax(z, classes)];
        double sum = 0, mean = 0, square = 0;
        for (size_t c = 0; c < classes; c++) {
            double below = (double)z[c] - top;
            double weight = exp(inverse * below);
            sum += weight;
            mean += weight * below;
            square += weight * below * below;
        }
        mean /= sum;
        *first += (mean - ((double)z[in->outcomes[row].truth] - top)) / (double)rows;
        *second += (square / sum - mean * mean) / (double)rows;
    }
}

double
calibration_fit_temperature(const struct class_predictions *in, const float *logits)
{
    double low = 1.0 / 20, high = 20, inverse = 1;
    for (int round = 0; in->rows > 0 && round < 100 && high - low > 1e-12 * high; round++) {
        double first, second;
        derivatives(in, logits, inverse, &first, &second);
        if (first > 0)
            high = inverse;
        else
            low = inverse;
        double next = second > 0 ? inverse - first / second : 0;
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        if (fabs(next - inverse) <= 1e-14 * inverse)
            break;
        inverse = next;
    }
    return 1.0 / inverse;
}
