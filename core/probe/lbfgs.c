/* Limited-memory BFGS; see lbfgs.h. */
#include "core/probe/lbfgs.h"

#include "core/base/mem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Constants of the line search: Nocedal and Wright's for quasi-Newton methods. NOISE is the share
 * of a value that is lost where it is summed from float products: smaller differences say nothing.
 */
#define SUFFICIENT_DECREASE 1e-4
#define CURVATURE           0.9
#define NOISE               1e-8

/* So many iterations in a row may bring neither a smaller value nor a gradient that is smaller by a
 * tenth: what is left is rounding. */
enum { PATIENCE = 10 };

enum { LINE_EVALUATIONS = 10, BASIC_VECTORS = 4 };

struct search {
    const struct lbfgs_problem *problem;
    struct lbfgs_result *result;
    size_t n, memory;
    double *x, *gradient;         /* (n): where it stands */
    double *next, *next_gradient; /* (n): the latest point that was tried */
    double *direction;            /* (n) */
    double *steps, *changes;      /* (memory, n): of x and of the gradient; a ring */
    double *inner, *factors;      /* (memory): 1 / (step . change), and the first loop's factors */
    size_t pairs, newest;
    bool stopped;
};

/* A place on the line: how far, the value there, and the slope along the line. */
struct place {
    double step, value, slope;
};

/* Sums in eight lanes: one chain would wait for itself. */
static double
dot(size_t n, const double *a, const double *b)
{
    double lanes[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            lanes[j] += a[i + j] * b[i + j];
    for (size_t j = 0; i < n; i++, j++)
        lanes[j] += a[i] * b[i];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* y += a x */
static void
add_scaled(size_t n, double a, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

static double
greatest(size_t n, const double *x)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fabs(x[i]) > most ? fabs(x[i]) : most;
    return most;
}

static double
evaluate(struct search *s, const double *x, double *gradient)
{
    const struct lbfgs_problem *problem = s->problem;
    double value = problem->objective(problem->context, x, gradient);
    s->result->evaluations++;
    s->stopped =
        s->stopped || (problem->should_stop != NULL && problem->should_stop(problem->context));
    return isfinite(value) ? value : INFINITY;
}

/* ---- the line -------------------------------------------------------------------------------- */

static struct place
look(struct search *s, double step)
{
    memcpy(s->next, s->x, s->n * sizeof *s->x);
    add_scaled(s->n, step, s->direction, s->next);
    double value = evaluate(s, s->next, s->next_gradient);
    return (struct place){step, value, dot(s->n, s->next_gradient, s->direction)};
}

static bool
decreases(const struct place *start, const struct place *at)
{
    double allowed = start->value + SUFFICIENT_DECREASE * at->step * start->slope;
    return at->value <= allowed + NOISE * fabs(start->value);
}

static bool
is_flat(const struct place *start, const struct place *at)
{
    return fabs(at->slope) <= -CURVATURE * start->slope;
}

/* The minimiser of the cubic through two places, kept away from both ends; else the middle. */
static double
interpolate(const struct place *a, const struct place *b)
{
    double width = b->step - a->step;
    double d1 = a->slope + b->slope - 3 * (a->value - b->value) / (a->step - b->step);
    double square = d1 * d1 - a->slope * b->slope;
    double d2 = square >= 0 ? copysign(sqrt(square), width) : NAN;
    double step = b->step - width * ((b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2));
    double share = (step - a->step) / width;
    if (!isfinite(share))
        return a->step + 0.5 * width;
    share = share < 0.1 ? 0.1 : share > 0.9 ? 0.9 : share;
    return a->step + share * width;
}

/* Between a place that decreases the value most so far and one beyond a minimum. */
static bool
zoom(struct search *s, const struct place *start, struct place low, struct place high,
     struct place *found)
{
    for (int i = 0; i < LINE_EVALUATIONS && !s->stopped; i++) {
        struct place at = look(s, interpolate(&low, &high));
        if (!decreases(start, &at) || at.value > low.value + NOISE * fabs(low.value)) {
            high = at;
            continue;
        }
        *found = at;
        if (is_flat(start, &at))
            return true;
        if (at.slope * (high.step - low.step) >= 0)
            high = low;
        low = at;
    }
    if (low.step <= 0 || s->stopped)
        return false;
    *found = look(s, low.step); /* it decreases the value, which is enough to go on */
    return true;
}

/* A step along the direction: next and next_gradient are where it leads; false: there is none. */
static bool
search_line(struct search *s, const struct place *start, double step, struct place *found)
{
    struct place before = *start;
    for (int i = 0; i < LINE_EVALUATIONS && !s->stopped; i++) {
        struct place at = look(s, step);
        if (!decreases(start, &at) ||
            (i > 0 && at.value > before.value + NOISE * fabs(before.value)))
            return zoom(s, start, before, at, found);
        *found = at;
        if (is_flat(start, &at))
            return true;
        if (at.slope >= 0)
            return zoom(s, start, at, before, found);
        before = at;
        step *= 2;
    }
    return !s->stopped;
}

/* ---- the direction --------------------------------------------------------------------------- */

static size_t
pair_before(const struct search *s, size_t age)
{
    return (s->newest + s->memory - age) % s->memory;
}

/* direction = - H gradient, H the inverse Hessian as the pairs know it. */
static void
choose_direction(struct search *s)
{
    size_t n = s->n;
    for (size_t i = 0; i < n; i++)
        s->direction[i] = -s->gradient[i];
    for (size_t age = 0; age < s->pairs; age++) {
        size_t k = pair_before(s, age);
        s->factors[k] = s->inner[k] * dot(n, s->steps + k * n, s->direction);
        add_scaled(n, -s->factors[k], s->changes + k * n, s->direction);
    }
    if (s->pairs > 0) {
        const double *change = s->changes + s->newest * n;
        double scale = 1 / (s->inner[s->newest] * dot(n, change, change));
        for (size_t i = 0; i < n; i++)
            s->direction[i] *= scale;
    }
    for (size_t age = s->pairs; age-- > 0;) {
        size_t k = pair_before(s, age);
        double factor = s->inner[k] * dot(n, s->changes + k * n, s->direction);
        add_scaled(n, s->factors[k] - factor, s->steps + k * n, s->direction);
    }
}

/* Move to the place that was found; the pair is kept if it says that the function curves upwards.
 */
static void
move(struct search *s)
{
    size_t n = s->n;
    size_t k = s->pairs == 0 ? 0 : (s->newest + 1) % s->memory;
    double *step = s->steps + k * n;
    double *change = s->changes + k * n;
    for (size_t i = 0; i < n; i++) {
        step[i] = s->next[i] - s->x[i];
        change[i] = s->next_gradient[i] - s->gradient[i];
    }
    memcpy(s->x, s->next, n * sizeof *s->x);
    memcpy(s->gradient, s->next_gradient, n * sizeof *s->gradient);
    double product = dot(n, step, change);
    if (product <= 1e-14 * dot(n, change, change)) {
        s->pairs = 0; /* the slot that was written may have been in use */
        return;
    }
    s->inner[k] = 1 / product;
    s->newest = k;
    s->pairs += s->pairs < s->memory;
}

/* One iteration; false when no step makes the value smaller. */
static bool
iterate(struct search *s)
{
    choose_direction(s);
    struct place start = {0, s->result->value, dot(s->n, s->gradient, s->direction)};
    struct place found = start;
    if (!(start.slope < 0)) {
        s->pairs = 0;
        choose_direction(s);
        start.slope = dot(s->n, s->gradient, s->direction);
    }
    double step = s->pairs > 0 ? 1.0 : fmin(1.0, 1 / sqrt(-start.slope)); /* |first step| <= 1 */
    if (!search_line(s, &start, step, &found) || s->stopped)
        return false;
    move(s);
    s->result->value = found.value;
    return true;
}

/* ---- the whole ------------------------------------------------------------------------------- */

size_t
lbfgs_doubles(size_t n, const struct lbfgs_options *options)
{
    size_t vectors;
    size_t doubles;
    if (!mem_multiply(options->memory, 2, &vectors) || !mem_add(vectors, BASIC_VECTORS, &vectors) ||
        !mem_multiply(vectors, n, &doubles) || !mem_add(doubles, 2 * options->memory, &doubles))
        return SIZE_MAX;
    return doubles;
}

static int
lay_out(struct search *s, const struct lbfgs_options *options, double **memory, struct err *err)
{
    size_t doubles = lbfgs_doubles(s->n, options);
    *memory = mem_array(doubles, sizeof **memory);
    if (*memory == NULL)
        return err_set(err, ERR_MEMORY, "%zu weights do not fit into memory", s->n);
    s->gradient = *memory;
    s->next = s->gradient + s->n;
    s->next_gradient = s->next + s->n;
    s->direction = s->next_gradient + s->n;
    s->steps = s->direction + s->n;
    s->changes = s->steps + s->memory * s->n;
    s->inner = s->changes + s->memory * s->n;
    s->factors = s->inner + s->memory;
    return 0;
}

/* The best of what was seen, and how many iterations have been no better. */
struct progress {
    double value, gradient;
    int in_vain;
};

static void
note_progress(struct progress *progress, const struct lbfgs_result *result)
{
    bool better = result->value < progress->value - NOISE * fabs(progress->value) ||
                  result->gradient < 0.9 * progress->gradient;
    progress->in_vain = better ? 0 : progress->in_vain + 1;
    progress->value = fmin(progress->value, result->value);
    progress->gradient = fmin(progress->gradient, result->gradient);
}

static enum lbfgs_end
run(struct search *s, const struct lbfgs_options *options)
{
    struct lbfgs_result *result = s->result;
    struct progress progress = {result->value, result->gradient, 0};
    while (result->gradient > options->tolerance) {
        if (result->iterations == options->max_iterations)
            return LBFGS_ITERATIONS;
        bool had_pairs = s->pairs > 0;
        if (!iterate(s)) {
            if (s->stopped || !had_pairs)
                return LBFGS_NO_PROGRESS;
            s->pairs = 0; /* once more, straight down */
            continue;
        }
        result->iterations++;
        result->gradient = greatest(s->n, s->gradient);
        note_progress(&progress, result);
        if (progress.in_vain == PATIENCE)
            return LBFGS_NO_PROGRESS;
    }
    return LBFGS_CONVERGED;
}

int
lbfgs_minimise(const struct lbfgs_problem *problem, const struct lbfgs_options *options, double *x,
               struct lbfgs_result *result, struct err *err)
{
    struct search s = {
        .problem = problem, .result = result, .n = problem->n, .memory = options->memory, .x = x};
    double *memory;
    *result = (struct lbfgs_result){0};
    if (lay_out(&s, options, &memory, err) != 0)
        return err->code;
    result->value = evaluate(&s, x, s.gradient);
    result->gradient = greatest(s.n, s.gradient);
    int rc = 0;
    if (!isfinite(result->value) || !isfinite(dot(s.n, s.gradient, s.gradient)))
        rc = err_set(err, ERR_DIVERGED, "the function is not a finite number where it starts");
    if (rc == 0 && !s.stopped)
        result->end = run(&s, options);
    free(memory);
    if (rc == 0 && s.stopped)
        return err_set(err, ERR_STOPPED, "the fit was stopped");
    return rc;
}
