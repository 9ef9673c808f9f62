/* The linear probe; see probe.h. */
#include "core/probe/probe.h"

#include "core/base/mem.h"
#include "core/data/targets.h"
#include "core/model/head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct probe {
    const struct probe_call *call;
    const struct token_store *store;
    const struct targets *targets;
    size_t width;      /* H */
    size_t outputs;    /* N: that have a target */
    float *features;   /* (N, H) */
    double *mean;      /* (H), of the features */
    double scale;      /* that they were divided by */
    size_t *places;    /* (texts): where a text's outputs begin */
    uint32_t *classes; /* (N), where an output has one class */
};

/* ---- which outputs are learned from ---------------------------------------------------------- */

static bool
has_classes(const struct probe *p)
{
    return p->targets->task == TASK_CLASSIFICATION || p->targets->task == TASK_AUTO;
}

/* Outputs of a text that have a target. */
static size_t
count_of_row(const struct probe *p, size_t row)
{
    const struct targets *targets = p->targets;
    size_t count = 0;
    if (has_classes(p))
        return targets->classes[row] != LABEL_NONE;
    if (targets->task != TASK_TOKEN_CLASSIFICATION)
        return 1;
    for (size_t i = targets->starts[row]; i < targets->starts[row + 1]; i++)
        count += targets->ids[i] != LABEL_NONE;
    return count;
}

static int
place_outputs(struct probe *p, struct err *err)
{
    size_t texts = token_store_texts(p->store);
    p->places = mem_array(texts, sizeof *p->places);
    if (p->places == NULL)
        return err_set(err, ERR_MEMORY, "%zu rows do not fit into memory", texts);
    for (size_t row = 0; row < texts; row++) {
        p->places[row] = p->outputs;
        p->outputs += count_of_row(p, row);
    }
    if (p->outputs == 0)
        return err_set(err, ERR_INVALID, "no row has a label to learn from");
    p->features = mem_array(p->outputs, p->width * sizeof *p->features);
    p->classes = mem_array(p->outputs, sizeof *p->classes);
    p->mean = mem_array(p->width, sizeof *p->mean);
    if (p->features == NULL || p->classes == NULL || p->mean == NULL)
        return err_set(err, ERR_MEMORY, "%zu features of %zu rows or tokens do not fit into memory",
                       p->width, p->outputs);
    return 0;
}

/* ---- features -------------------------------------------------------------------------------- */

static void
keep(struct probe *p, size_t place, uint32_t class, const float *output)
{
    memcpy(p->features + place * p->width, output, p->width * sizeof *output);
    p->classes[place] = class;
}

static void
keep_tokens(struct probe *p, const struct batch *batch, size_t row, const float *outputs)
{
    size_t source = batch->sources[row];
    size_t place = p->places[source];
    const uint32_t *ids = p->targets->ids + p->targets->starts[source];
    for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++, ids++)
        if (*ids != LABEL_NONE)
            keep(p, place++, *ids, outputs + t * p->width);
}

/* Of a row that is its text, or of the last of a text's windows: the text's. */
static void
keep_text(struct probe *p, const struct batch *batch, size_t row, const float *output)
{
    size_t source = batch->sources[row];
    const float *features = evaluator_text(p->call->evaluator, batch, row, output, p->width);
    if (features != NULL)
        keep(p, p->places[source], has_classes(p) ? p->targets->classes[source] : LABEL_NONE,
             features);
}

static void
keep_batch(void *context, const struct batch *batch, const struct workspace *workspace)
{
    struct probe *p = context;
    const struct model_config *config = p->call->network->config;
    for (size_t row = 0; row < batch->rows; row++) {
        if (p->targets->task == TASK_TOKEN_CLASSIFICATION)
            keep_tokens(p, batch, row, workspace->layers[config->layers - 1].input);
        else if (count_of_row(p, batch->sources[row]) > 0)
            keep_text(p, batch, row, workspace->dropped + row * p->width);
    }
}

static bool
is_stopped(void *context)
{
    const struct probe_call *call = ((const struct probe *)context)->call;
    return call->should_stop != NULL && call->should_stop(call->context);
}

static int
compute_features(struct probe *p, struct err *err)
{
    const struct evaluator_visitor visitor = {
        .visit = keep_batch, .should_stop = is_stopped, .context = p};
    if (evaluator_run(p->call->evaluator, p->call->network, p->call->pool, &visitor))
        return 0;
    return err_set(err, ERR_STOPPED, "the probe was stopped");
}

/* To a mean of zero and a mean square length of one. */
static void
centre(struct probe *p)
{
    size_t h = p->width;
    double squares = 0;
    for (size_t row = 0; row < p->outputs; row++)
        for (size_t i = 0; i < h; i++)
            p->mean[i] += (double)p->features[row * h + i];
    for (size_t i = 0; i < h; i++)
        p->mean[i] /= (double)p->outputs;
    for (size_t row = 0; row < p->outputs; row++)
        for (size_t i = 0; i < h; i++) {
            double distance = (double)p->features[row * h + i] - p->mean[i];
            squares += distance * distance;
        }
    double length = sqrt(squares / (double)p->outputs);
    p->scale = length > 0 ? length : 1;
    for (size_t row = 0; row < p->outputs; row++)
        for (size_t i = 0; i < h; i++) {
            float *x = &p->features[row * h + i];
            *x = (float)(((double)*x - p->mean[i]) / p->scale);
        }
}

/* ---- the fit --------------------------------------------------------------------------------- */

static struct linear_problem
problem_of(const struct probe *p, size_t labels)
{
    struct linear_problem problem = {
        .loss = LINEAR_SOFTMAX,
        .rows = p->outputs,
        .columns = p->width,
        .outputs = labels,
        .features = p->features,
        .classes = p->classes,
        .c = PROBE_C,
    };
    if (p->targets->task == TASK_MULTI_LABEL) {
        problem.loss = LINEAR_SIGMOID;
        problem.starts = p->targets->starts;
        problem.members = p->targets->ids;
    } else if (p->targets->task == TASK_REGRESSION) {
        problem.loss = LINEAR_SQUARED;
        problem.values = p->targets->values;
    }
    return problem;
}

/* What the fit says of centred features, of features as they are. */
static void
fold(const struct probe *p, size_t labels, float *weights, float *biases)
{
    for (size_t k = 0; k < labels; k++) {
        double bias = (double)biases[k];
        float *row = weights + k * p->width;
        for (size_t i = 0; i < p->width; i++) {
            double weight = (double)row[i] / p->scale;
            bias -= weight * p->mean[i];
            row[i] = (float)weight;
        }
        biases[k] = (float)bias;
    }
}

static int
fit(struct probe *p, float *parameters, struct linear_result *result, struct err *err)
{
    const struct network *network = p->call->network;
    size_t labels = network->config->label_count;
    float *weights = parameters + tensor_offset(network->layout, TENSOR_CLASSIFIER_WEIGHT, 0);
    float *biases = parameters + tensor_offset(network->layout, TENSOR_CLASSIFIER_BIAS, 0);
    const struct linear_problem problem = problem_of(p, labels);
    const struct linear_machine machine = {network->engine, network->ops, p->call->pool};
    const struct linear_options options = {.tolerance = PROBE_TOLERANCE,
                                           .max_iterations = PROBE_ITERATIONS,
                                           .should_stop = is_stopped,
                                           .context = p};
    float *found = mem_array(labels, (p->width + 1) * sizeof *found);
    if (found == NULL)
        return err_set(err, ERR_MEMORY, "a classifier of %zu labels does not fit into memory",
                       labels);
    int rc =
        linear_fit(&problem, &options, &machine, found, found + labels * p->width, result, err);
    if (rc == 0) {
        fold(p, labels, found, found + labels * p->width);
        memcpy(weights, found, labels * p->width * sizeof *weights);
        memcpy(biases, found + labels * p->width, labels * sizeof *biases);
    }
    free(found);
    return rc;
}

int
probe_fit(const struct probe_call *call, float *parameters, struct probe_facts *facts,
          struct err *err)
{
    struct probe p = {.call = call,
                      .store = call->evaluator->store,
                      .targets = &call->evaluator->store->targets,
                      .width = call->network->config->hidden_size};
    int rc = place_outputs(&p, err);
    if (rc == 0)
        rc = compute_features(&p, err);
    if (rc == 0) {
        centre(&p);
        facts->outputs = p.outputs;
        rc = fit(&p, parameters, &facts->fit, err);
    }
    free(p.places);
    free(p.features);
    free(p.classes);
    free(p.mean);
    return rc;
}

size_t
probe_bytes(size_t outputs, const struct model_config *config)
{
    size_t fitting = linear_fit_bytes(config->hidden_size, config->label_count);
    size_t each = config->hidden_size * sizeof(float) + sizeof(uint32_t);
    size_t features;
    if (fitting == SIZE_MAX || !mem_multiply(outputs, each, &features))
        return SIZE_MAX;
    return mem_add(fitting, features, &features) ? features : SIZE_MAX;
}

/* ---- fewer rows ------------------------------------------------------------------------------ */

int
probe_thin(const struct token_store *store, size_t most, struct token_store *out, struct err *err)
{
    size_t texts = token_store_texts(store);
    size_t kept = texts < most ? texts : most;
    struct token_list list = {0};
    *out = (struct token_store){
        .targets = {.task = store->targets.task, .width = store->targets.width}};
    int rc = 0;
    for (size_t i = 0; i < kept && rc == 0; i++) {
        size_t text = (size_t)((double)i * (double)texts / (double)kept);
        size_t row = token_store_first_row(store, text);
        size_t from = store->offsets[row];
        size_t length = store->offsets[token_store_first_row(store, text + 1)] - from;
        struct target target = targets_row(&store->targets, text);
        while (list.capacity < length)
            token_list_grow(&list);
        token_store_copy(store, from, length, list.ids, list.types);
        const struct text_tokens tokens = {list.ids, list.types, length,
                                           store->offsets[row + 1] - from};
        rc = token_store_add_text(out, &tokens, &target, err);
    }
    token_list_fini(&list);
    return rc;
}
