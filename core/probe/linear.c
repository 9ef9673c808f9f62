/*
 * Linear models; see linear.h. What is handed to L-BFGS is the objective divided by c N, the mean
 * loss plus the penalty, so that a tolerance means the same for few rows and for many.
 */
#include "core/probe/linear.h"

#include "core/base/fmath.h"
#include "core/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * A block of rows is computed by one thread; the gradient is formed of a group of blocks at a time,
 * in tiles of so many outputs and features. Groups are of about GROUP_FLOATS residuals.
 */
enum {
    BLOCK_ROWS = 128,
    GROUP_BLOCKS_MOST = 16,
    GROUP_BLOCKS_LEAST = 4,
    GROUP_FLOATS = 1 << 20,
    TILE_OUTPUTS = 96,
    TILE_COLUMNS = 96, /* 384 features are four tiles, which two and four threads share evenly */
    PAIRS = 10,        /* of L-BFGS, as scipy's */
    PAIRS_OF_LARGE = 4,
    LARGE_WEIGHTS = 1 << 20
};

struct fit {
    const struct linear_problem *problem;
    const struct linear_options *options;
    const struct linear_machine *machine;
    enum linear_loss loss;
    size_t outputs;   /* that are fitted: 1 for two classes */
    float *weights;   /* (outputs, D): what L-BFGS tries, rounded */
    float *biases;    /* (outputs) */
    float *residuals; /* (group rows, outputs): scores, then the loss's derivatives by them */
    float *partial;   /* (outputs, D): a group's gradient */
    double *losses;   /* (blocks of a group) */
    double *gradient; /* (outputs, D) and (outputs): of whoever asked */
    size_t group_blocks;
    size_t first, count; /* rows of the present group */
};

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t
pieces(size_t whole, size_t piece)
{
    return (whole + piece - 1) / piece;
}

/* ---- a block of rows ------------------------------------------------------------------------- */

/* scores (rows, outputs) of rows first .. first+rows-1 */
static void
score(const struct fit *fit, size_t first, size_t rows, float *scores)
{
    size_t d = fit->problem->columns;
    const struct gemm_call call = {
        .form = GEMM_NT,
        .precision = GEMM_FP32,
        .m = rows,
        .n = fit->outputs,
        .k = d,
        .a = fit->problem->features + first * d,
        .lda = d,
        .b = fit->weights,
        .ldb = d,
        .bias = fit->biases,
        .c = scores,
        .ldc = fit->outputs,
    };
    gemm_run(fit->machine->engine, &call);
}

/*
 * -log of the probability of score i; the scores become probabilities, in double where it counts:
 * what the others have is summed, so that 1 - p has all its digits where p is nearly 1.
 */
static double
softmax_row(const struct fit *fit, size_t label, float *scores)
{
    size_t k = fit->outputs;
    size_t top = 0;
    double others[2] = {0}; /* than the top, than the label */
    for (size_t i = 1; i < k; i++)
        top = scores[i] > scores[top] ? i : top;
    double behind = (double)scores[top] - (double)scores[label];
    fit->machine->ops->softmax(k, scores);
    for (size_t i = 0; i < k; i++) {
        others[0] += i == top ? 0.0 : (double)scores[i];
        others[1] += i == label ? 0.0 : (double)scores[i];
    }
    double most = others[0] < 0.5 ? 1.0 - others[0] : (double)scores[top];
    scores[label] = (float)-others[1];
    return behind - fmath_log(most);
}

/* Sum of log(1 + e^x) over the scores, which become their derivatives. */
static double
sigmoid_row(size_t k, float *scores)
{
    double loss = 0;
    for (size_t i = 0; i < k; i++) {
        float x = scores[i];
        float e = fmath_exp_small(-fabsf(x));
        loss += (x > 0 ? (double)x : 0.0) + fmath_log(1.0 + (double)e);
        scores[i] = (x > 0 ? 1.0f : e) / (1.0f + e);
    }
    return loss;
}

/* A label that the row has is one that it has not, seen from the other side. */
static void
turn_members(const struct fit *fit, size_t row, float *scores)
{
    const struct linear_problem *problem = fit->problem;
    if (problem->loss == LINEAR_SOFTMAX) { /* two classes: is it the second? */
        scores[0] = problem->classes[row] == 1 ? -scores[0] : scores[0];
        return;
    }
    for (size_t i = problem->starts[row]; i < problem->starts[row + 1]; i++)
        scores[problem->members[i]] = -scores[problem->members[i]];
}

static double
squared_row(const struct fit *fit, size_t row, float *scores)
{
    size_t k = fit->outputs;
    double loss = 0;
    for (size_t i = 0; i < k; i++) {
        scores[i] -= fit->problem->values[row * k + i];
        loss += 0.5 * (double)scores[i] * (double)scores[i];
    }
    return loss;
}

/* Loss of one row; its scores become derivatives. */
static double
judge_row(const struct fit *fit, size_t row, float *scores)
{
    double loss = 0;
    switch (fit->loss) {
    case LINEAR_SOFTMAX:
        return softmax_row(fit, fit->problem->classes[row], scores);
    case LINEAR_SIGMOID:
        turn_members(fit, row, scores);
        loss = sigmoid_row(fit->outputs, scores);
        turn_members(fit, row, scores);
        return loss;
    case LINEAR_SQUARED:
        return squared_row(fit, row, scores);
    }
    return loss;
}

static void
judge_block(void *context, size_t block, size_t thread)
{
    const struct fit *fit = context;
    size_t from = block * BLOCK_ROWS;
    size_t rows = least(fit->count - from, BLOCK_ROWS);
    float *scores = fit->residuals + from * fit->outputs;
    double loss = 0;
    (void)thread;
    score(fit, fit->first + from, rows, scores);
    for (size_t row = 0; row < rows; row++)
        loss += judge_row(fit, fit->first + from + row, scores + row * fit->outputs);
    fit->losses[block] = loss;
}

/* ---- a tile of the gradient ------------------------------------------------------------------ */

static void
add_bias_gradient(const struct fit *fit, size_t output, size_t outputs)
{
    double *gradient = fit->gradient + fit->outputs * fit->problem->columns;
    for (size_t row = 0; row < fit->count; row++)
        for (size_t k = output; k < output + outputs; k++)
            gradient[k] += (double)fit->residuals[row * fit->outputs + k];
}

/* gradient += residuals^T features, of the present group */
static void
add_tile(void *context, size_t tile, size_t thread)
{
    const struct fit *fit = context;
    size_t d = fit->problem->columns;
    size_t across = pieces(d, TILE_COLUMNS);
    size_t output = tile / across * TILE_OUTPUTS;
    size_t column = tile % across * TILE_COLUMNS;
    size_t outputs = least(fit->outputs - output, TILE_OUTPUTS);
    size_t columns = least(d - column, TILE_COLUMNS);
    const struct gemm_call call = {
        .form = GEMM_TN,
        .precision = GEMM_FP32,
        .m = outputs,
        .n = columns,
        .k = fit->count,
        .a = fit->residuals + output,
        .lda = fit->outputs,
        .b = fit->problem->features + fit->first * d + column,
        .ldb = d,
        .c = fit->partial + output * d + column,
        .ldc = d,
    };
    (void)thread;
    gemm_run(fit->machine->engine, &call);
    for (size_t k = output; k < output + outputs; k++)
        for (size_t i = column; i < column + columns; i++)
            fit->gradient[k * d + i] += (double)fit->partial[k * d + i];
    if (column == 0)
        add_bias_gradient(fit, output, outputs);
}

/* ---- the objective --------------------------------------------------------------------------- */

static void
take_weights(const struct fit *fit, const double *x)
{
    size_t weights = fit->outputs * fit->problem->columns;
    for (size_t i = 0; i < weights; i++)
        fit->weights[i] = (float)x[i];
    for (size_t k = 0; k < fit->outputs; k++)
        fit->biases[k] = (float)x[weights + k];
}

/* Sum of the losses; their gradient is added. */
static double
sum_losses(struct fit *fit)
{
    double sum = 0;
    size_t rows = fit->problem->rows;
    size_t group = fit->group_blocks * BLOCK_ROWS;
    size_t tiles = pieces(fit->outputs, TILE_OUTPUTS) * pieces(fit->problem->columns, TILE_COLUMNS);
    for (fit->first = 0; fit->first < rows; fit->first += group) {
        fit->count = least(rows - fit->first, group);
        size_t blocks = pieces(fit->count, BLOCK_ROWS);
        pool_run(fit->machine->pool, judge_block, fit, blocks);
        for (size_t block = 0; block < blocks; block++)
            sum += fit->losses[block];
        pool_run(fit->machine->pool, add_tile, fit, tiles);
    }
    return sum;
}

static double
objective(void *context, const double *x, double *gradient)
{
    struct fit *fit = context;
    size_t weights = fit->outputs * fit->problem->columns;
    double share = 1 / (double)fit->problem->rows;
    double decay = share / fit->problem->c;
    double squares = 0;
    take_weights(fit, x);
    fit->gradient = gradient;
    memset(gradient, 0, (weights + fit->outputs) * sizeof *gradient);
    double loss = sum_losses(fit);
    for (size_t i = 0; i < weights; i++) {
        squares += x[i] * x[i];
        gradient[i] = share * gradient[i] + decay * x[i];
    }
    for (size_t i = weights; i < weights + fit->outputs; i++)
        gradient[i] *= share;
    return share * loss + 0.5 * decay * squares;
}

static bool
is_stopped(void *context)
{
    const struct linear_options *options = ((const struct fit *)context)->options;
    return options->should_stop != NULL && options->should_stop(options->context);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t
group_blocks(size_t outputs)
{
    size_t blocks = GROUP_FLOATS / outputs / BLOCK_ROWS;
    return blocks < GROUP_BLOCKS_LEAST  ? GROUP_BLOCKS_LEAST
           : blocks > GROUP_BLOCKS_MOST ? GROUP_BLOCKS_MOST
                                        : blocks;
}

/* Weights and biases; SIZE_MAX when there are too many. */
static size_t
weight_count(size_t columns, size_t outputs)
{
    size_t count;
    if (!mem_multiply(columns, outputs, &count) || count > LINEAR_MAX_WEIGHTS)
        return SIZE_MAX;
    return count + outputs;
}

static struct lbfgs_options
lbfgs_options_of(size_t weights)
{
    return (struct lbfgs_options){.memory = weights > LARGE_WEIGHTS ? PAIRS_OF_LARGE : PAIRS};
}

/* Floats of a fit's own arrays. */
static size_t
float_count(size_t weights, size_t outputs)
{
    return 2 * weights + group_blocks(outputs) * BLOCK_ROWS * outputs;
}

size_t
linear_fit_bytes(size_t columns, size_t outputs)
{
    size_t weights = weight_count(columns, outputs);
    if (weights == SIZE_MAX)
        return SIZE_MAX;
    struct lbfgs_options options = lbfgs_options_of(weights);
    return float_count(weights, outputs) * sizeof(float) +
           (weights + lbfgs_doubles(weights, &options)) * sizeof(double);
}

/* ---- the fit --------------------------------------------------------------------------------- */

/* weights and biases as the caller has them, of what was fitted. */
static void
hand_over(const struct fit *fit, const double *x, float *weights, float *biases)
{
    size_t d = fit->problem->columns;
    size_t k = fit->problem->outputs;
    if (fit->outputs == k) {
        for (size_t i = 0; i < k * d; i++)
            weights[i] = (float)x[i];
        for (size_t i = 0; i < k; i++)
            biases[i] = (float)x[k * d + i];
        return;
    }
    for (size_t i = 0; i < d; i++) {
        weights[i] = (float)(-0.5 * x[i]);
        weights[d + i] = (float)(0.5 * x[i]);
    }
    biases[0] = (float)(-0.5 * x[d]);
    biases[1] = (float)(0.5 * x[d]);
}

static int
minimise(struct fit *fit, double *x, struct linear_result *result, struct err *err)
{
    const struct linear_problem *problem = fit->problem;
    size_t weights = fit->outputs * (problem->columns + 1);
    struct lbfgs_options options = lbfgs_options_of(weights);
    const struct lbfgs_problem function = {
        .n = weights, .objective = objective, .should_stop = is_stopped, .context = fit};
    struct lbfgs_result found;
    options.tolerance = fit->options->tolerance;
    options.max_iterations = fit->options->max_iterations;
    int rc = lbfgs_minimise(&function, &options, x, &found, err);
    *result = (struct linear_result){
        .end = found.end,
        .iterations = found.iterations,
        .evaluations = found.evaluations,
        .objective = found.value * problem->c * (double)problem->rows,
    };
    return rc;
}

int
linear_fit(const struct linear_problem *problem, const struct linear_options *options,
           const struct linear_machine *machine, float *weights, float *biases,
           struct linear_result *result, struct err *err)
{
    assert(problem->rows > 0 && problem->columns > 0 && problem->outputs > 0);
    bool two = problem->loss == LINEAR_SOFTMAX && problem->outputs == 2;
    struct fit fit = {.problem = problem,
                      .options = options,
                      .machine = machine,
                      .loss = two ? LINEAR_SIGMOID : problem->loss,
                      .outputs = two ? 1 : problem->outputs,
                      .group_blocks = group_blocks(two ? 1 : problem->outputs)};
    size_t count = weight_count(problem->columns, fit.outputs);
    if (count == SIZE_MAX)
        return err_set(err, ERR_MEMORY,
                       "a linear model of %zu features and %zu outputs has more than %d weights",
                       problem->columns, problem->outputs, LINEAR_MAX_WEIGHTS);
    double losses[GROUP_BLOCKS_MOST];
    float *floats = mem_array(float_count(count, fit.outputs), sizeof *floats);
    double *x = mem_array(count, sizeof *x);
    int rc = 0;
    if (floats == NULL || x == NULL) {
        rc = err_set(err, ERR_MEMORY, "a linear model of %zu weights does not fit into memory",
                     count);
    } else {
        fit.weights = floats;
        fit.biases = fit.weights + fit.outputs * problem->columns;
        fit.partial = fit.biases + fit.outputs;
        fit.residuals = fit.partial + count;
        fit.losses = losses;
        rc = minimise(&fit, x, result, err);
        hand_over(&fit, x, weights, biases);
    }
    free(floats);
    free(x);
    return rc;
}

/* ---- scores ---------------------------------------------------------------------------------- */

struct scoring {
    struct fit fit;
    float *scores;
};

static void
score_block(void *context, size_t block, size_t thread)
{
    const struct scoring *scoring = context;
    size_t from = block * BLOCK_ROWS;
    size_t rows = least(scoring->fit.problem->rows - from, BLOCK_ROWS);
    (void)thread;
    score(&scoring->fit, from, rows, scoring->scores + from * scoring->fit.outputs);
}

void
linear_scores(const struct linear_problem *problem, const struct linear_machine *machine,
              const float *weights, const float *biases, float *scores)
{
    struct scoring scoring = {
        .fit = {.problem = problem, .machine = machine, .outputs = problem->outputs},
        .scores = scores};
    /* only read through a pointer that a fit writes through */
    scoring.fit.weights = (float *)(uintptr_t)weights;
    scoring.fit.biases = (float *)(uintptr_t)biases;
    pool_run(machine->pool, score_block, &scoring, pieces(problem->rows, BLOCK_ROWS));
}
