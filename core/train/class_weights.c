/* Weights of classes; see class_weights.h. */
#include "core/train/class_weights.h"

#include "core/base/json.h"
#include "core/base/utf8.h"

#include <string.h>

enum { SHOWN_BYTES = 100 };

void
class_weights_balance(const size_t *counts, size_t k, float *weights)
{
    double sum = 0;
    size_t occurring = 0;
    for (size_t i = 0; i < k; i++) {
        sum += (double)counts[i];
        occurring += counts[i] > 0;
    }
    for (size_t i = 0; i < k; i++)
        weights[i] = counts[i] > 0 ? (float)(sum / ((double)occurring * (double)counts[i])) : 1.0f;
}

void
class_weights_count(const struct targets *targets, const bool *skipped, size_t k, size_t *counts)
{
    memset(counts, 0, k * sizeof *counts);
    for (size_t row = 0; row < targets->rows; row++) {
        struct target target = targets_row(targets, row);
        if (skipped != NULL && skipped[row])
            continue;
        if (target.label != LABEL_NONE)
            counts[target.label]++;
        for (size_t i = 0; i < target.count; i++)
            if (target.ids[i] != LABEL_NONE)
                counts[target.ids[i]]++;
    }
}

static int
read_weight(const char *label, const json_t *value, const struct label_set *labels, float *weights,
            struct err *err)
{
    uint32_t id = label_set_find(labels, label);
    double weight = json_number_value(value);
    int shown = (int)utf8_clip(label, strlen(label), SHOWN_BYTES);
    if (id == LABEL_NONE)
        return err_set(err, ERR_INVALID,
                       "class_weights names the label \"%.*s\", which no row has; correct it or "
                       "leave it out",
                       shown, label);
    if (!json_is_number(value) || !(weight >= 0 && weight <= CLASS_WEIGHTS_MOST))
        return err_set(err, ERR_INVALID,
                       "class_weights: the weight of \"%.*s\" must be a number from 0 to 1e6",
                       shown, label);
    weights[id] = (float)weight;
    return 0;
}

int
class_weights_read(const char *json, const struct label_set *labels, float *weights,
                   struct err *err)
{
    const char *label = NULL;
    json_t *value = NULL;
    json_t *object = json_parse(json, strlen(json), false, err);
    int rc = 0;
    float greatest = 0;
    if (object == NULL)
        return err_prefix(err, "class_weights");
    if (!json_is_object(object))
        rc = err_set(err, ERR_INVALID,
                     "class_weights must be \"balanced\" or an object from label to weight");
    for (size_t i = 0; i < labels->count; i++)
        weights[i] = 1;
    json_object_foreach (object, label, value)
        if (rc == 0)
            rc = read_weight(label, value, labels, weights, err);
    for (size_t i = 0; i < labels->count; i++)
        greatest = weights[i] > greatest ? weights[i] : greatest;
    if (rc == 0 && !(greatest > 0))
        rc = err_set(err, ERR_INVALID,
                     "class_weights: every label weighs 0, so nothing would be learned");
    json_decref(object);
    return rc;
}

/* FNV-1a over the weights' bits. */
uint32_t
class_weights_mark(const float *weights, size_t k)
{
    uint32_t mark = 2166136261u;
    if (weights == NULL)
        return 0;
    for (size_t i = 0; i < k; i++) {
        uint32_t bits;
        memcpy(&bits, &weights[i], sizeof bits);
        for (int byte = 0; byte < 4; byte++)
            mark = (mark ^ (bits >> (8 * byte) & 0xff)) * 16777619u;
    }
    return mark != 0 ? mark : 1;
}
