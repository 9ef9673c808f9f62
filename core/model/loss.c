/* Losses of outputs; see loss.h. */
#include "core/model/loss.h"

#include "core/model/head.h"
#include "core/model/layer.h"

#include <math.h>
#include <string.h>

static const struct loss_options plain = {0};

static bool
is_plain(const struct loss_options *options)
{
    return options == NULL || (options->class_weights == NULL && !(options->label_smoothing > 0) &&
                               !(options->focal_gamma > 0));
}

static bool
weighs_classes(const struct loss_options *options)
{
    return options != NULL && options->class_weights != NULL;
}

/* ---- the mean -------------------------------------------------------------------------------- */

static double
class_weight(const struct loss_options *options, uint32_t label)
{
    if (label == LABEL_NONE)
        return 0;
    return weighs_classes(options) ? (double)options->class_weights[label] : 1;
}

static double
weight_of_tokens(const struct batch *batch, const struct loss_options *options)
{
    double weight = 0;
    for (size_t row = 0; row < batch->rows; row++) {
        struct target target = targets_row(batch->targets, batch->sources[row]);
        for (size_t i = 0; i < target.count; i++)
            weight += class_weight(options, target.ids[i]);
    }
    return weight;
}

double
loss_weight(const struct batch *batch, const struct loss_options *options)
{
    double weight = 0;
    if (batch->targets->task == TASK_TOKEN_CLASSIFICATION)
        weight = weight_of_tokens(batch, options);
    else if (!weighs_classes(options) || batch->targets->task != TASK_CLASSIFICATION)
        weight = (double)batch->rows;
    else
        for (size_t row = 0; row < batch->rows; row++)
            weight += class_weight(options, batch->targets->classes[batch->sources[row]]);
    return weight > 0 ? weight : 1;
}

/* ---- sums ------------------------------------------------------------------------------------ */

static void
add_class(struct loss_sums *sums, double loss, uint32_t best, uint32_t label)
{
    sums->loss += loss;
    if (label == LABEL_NONE)
        return;
    sums->judged++;
    sums->classes++;
    sums->correct += best == label;
}

void
loss_add_row(const struct batch *batch, const struct workspace *w, size_t row,
             struct loss_sums *sums)
{
    struct target target = targets_row(batch->targets, batch->sources[row]);
    size_t first = batch->offsets[row];
    switch (batch->targets->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        add_class(sums, w->losses[row], w->best[row], target.label);
        break;
    case TASK_MULTI_LABEL:
    case TASK_REGRESSION:
        sums->loss += w->losses[row];
        sums->judged++;
        break;
    case TASK_TOKEN_CLASSIFICATION:
        for (size_t i = 0; i < target.count; i++)
            add_class(sums, w->losses[first + i], w->best[first + i], target.ids[i]);
        break;
    }
}

void
loss_add_logits(const struct ops *ops, const struct targets *targets, size_t row, size_t k,
                float *logits, struct loss_sums *sums)
{
    struct target target = targets_row(targets, row);
    struct label_list labels = {target.ids, target.count};
    uint32_t best = 0;
    double loss = 0;
    switch (targets->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        if (target.label != LABEL_NONE)
            loss = ops->cross_entropy(k, target.label, 1, logits, &best);
        add_class(sums, loss, best, target.label);
        break;
    case TASK_MULTI_LABEL:
        sums->loss += ops->binary_cross_entropy(k, &labels, plain.focal_gamma, 1, logits);
        sums->judged++;
        break;
    case TASK_REGRESSION:
        sums->loss += ops->squared_error(k, target.values, 1, logits);
        sums->judged++;
        break;
    case TASK_TOKEN_CLASSIFICATION: /* its texts have no windows */
        break;
    }
}

double
loss_accuracy(const struct loss_sums *sums)
{
    return sums->classes > 0 ? (double)sums->correct / (double)sums->classes : NAN;
}

/* ---- outputs --------------------------------------------------------------------------------- */

/* What the outputs of a chunk are judged with. */
struct judge {
    const struct chunk *chunk;
    const struct loss_options *options;
    size_t k;
    size_t before; /* outputs of the whole batch before this group's */
    float factor;  /* of the gradient */
    float *spare;  /* (K): instead of logits that are to stay as they are; NULL in training */
};

static float *
logits_of(const struct judge *judge, size_t output)
{
    float *logits = judge->chunk->pass->workspace->logits + output * judge->k;
    if (judge->spare == NULL)
        return logits;
    memcpy(judge->spare, logits, judge->k * sizeof *logits);
    return judge->spare;
}

static void
judge_class(const struct judge *judge, size_t output, uint32_t label)
{
    const struct workspace *w = judge->chunk->pass->workspace;
    const struct ops *ops = judge->chunk->pass->network->ops;
    float *logits = logits_of(judge, output);
    uint32_t known = label == LABEL_NONE ? 0 : label;
    uint32_t *best = &w->best[judge->before + output];
    double loss = judge->options == &plain
                      ? ops->cross_entropy(judge->k, known, judge->factor, logits, best)
                      : ops->weighed_cross_entropy(judge->k, judge->options, known, judge->factor,
                                                   logits, best);
    w->losses[judge->before + output] = label == LABEL_NONE ? 0 : loss;
    if (label == LABEL_NONE && judge->spare == NULL)
        memset(logits, 0, judge->k * sizeof *logits);
}

static void
judge_labels(const struct judge *judge, size_t row)
{
    const struct workspace *w = judge->chunk->pass->workspace;
    const struct batch *batch = judge->chunk->pass->batch;
    struct target target = targets_row(batch->targets, batch->sources[row]);
    struct label_list labels = {target.ids, target.count};
    w->best[judge->before + row] = 0;
    w->losses[judge->before + row] = judge->chunk->pass->network->ops->binary_cross_entropy(
        judge->k, &labels, judge->options->focal_gamma, judge->factor, logits_of(judge, row));
}

static void
judge_numbers(const struct judge *judge, size_t row)
{
    const struct workspace *w = judge->chunk->pass->workspace;
    const struct batch *batch = judge->chunk->pass->batch;
    struct target target = targets_row(batch->targets, batch->sources[row]);
    w->best[judge->before + row] = 0;
    w->losses[judge->before + row] = judge->chunk->pass->network->ops->squared_error(
        judge->k, target.values, judge->factor, logits_of(judge, row));
}

static void
judge_tokens(const struct judge *judge, size_t row)
{
    const struct batch *batch = judge->chunk->pass->batch;
    struct target target = targets_row(batch->targets, batch->sources[row]);
    for (size_t i = 0; i < target.count; i++)
        judge_class(judge, batch->offsets[row] + i, target.ids[i]);
}

static void
judge_output(const struct judge *judge, size_t output)
{
    const struct batch *batch = judge->chunk->pass->batch;
    uint32_t label = LABEL_NONE;
    switch (batch->targets->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        if (judge->chunk->pass->network->config->task != TASK_TOKEN_CLASSIFICATION)
            label = batch->targets->classes[batch->sources[output]];
        judge_class(judge, output, label);
        break;
    case TASK_MULTI_LABEL:
        judge_labels(judge, output);
        break;
    case TASK_REGRESSION:
        judge_numbers(judge, output);
        break;
    case TASK_TOKEN_CLASSIFICATION: /* by rows: judge_tokens */
        break;
    }
}

/* Of the gradient of one output's loss, so that it is that of the mean over the whole batch. */
static float
factor_of(const struct pass *pass, size_t k, const struct loss_options *options)
{
    double weight =
        pass->before.loss_weight > 0 ? pass->before.loss_weight : loss_weight(pass->batch, options);
    enum task task = pass->batch->targets->task;
    if (task == TASK_MULTI_LABEL || task == TASK_REGRESSION)
        weight *= (double)k;
    return 1.0f / (float)weight;
}

void
loss_judge(const struct chunk *chunk)
{
    const struct pass *pass = chunk->pass;
    const struct model_config *config = pass->network->config;
    struct outputs range = head_range(chunk);
    bool training = pass->workspace->shape.training;
    float spare[CONFIG_MAX_LABELS];
    struct judge judge = {.chunk = chunk,
                          .options = training && !is_plain(pass->loss) ? pass->loss : &plain,
                          .k = config->label_count,
                          .before = head_outputs(config, pass->before.rows, pass->before.tokens),
                          .factor = 1,
                          .spare = training ? NULL : spare};
    if (judge.k == 0)
        return;
    if (training)
        judge.factor = factor_of(pass, judge.k, judge.options);
    if (pass->batch->targets->task == TASK_TOKEN_CLASSIFICATION)
        for (size_t row = chunk->first; row < chunk->last; row++)
            judge_tokens(&judge, row);
    else
        for (size_t output = range.from; output < range.to; output++)
            judge_output(&judge, output);
}
