/*
 * `bench core`: the operators that are not products, and attention; see core_parts.h.
 *
 * Each works on what one chunk of a batch gives it (Adam and SGD: on as much as lies in memory, not
 * in a cache). GB/s counts every float that has to be read or written once: the least there is, so
 * that an operator which passes twice over its operands shows it.
 */
#include "tests/bench/core_parts.h"
#include "tests/bench/measure.h"

#include "core/data/batch.h"
#include "core/ops/attention.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARRAYS = 4,              /* large operands of an operator, at most */
    MEMORY_FLOATS = 2 << 20, /* 8 MB an array: beyond the caches of a core */
    CALLS = 4                /* between two fresh copies of the operands, which operators change */
};

/* A thread's operands. */
struct lane {
    float *x[ARRAYS];
    float *fresh; /* what x[0] and x[1] begin with */
    float *small; /* (6, widest row): gamma, beta and sums of gradients */
    float *scratch;
};

struct sizes {
    size_t rows, h, i, s, heads, labels;
    size_t most; /* floats of an array */
};

struct operators {
    const struct ops *ops;
    const struct gemm_engine *engine;
    struct sizes sizes;
    struct lane *lanes;
    void (*run)(const struct operators *o, struct lane *lane);
};

/* ---- the operators --------------------------------------------------------------------------- */

static float *
small_of(const struct operators *o, const struct lane *lane, size_t index)
{
    return lane->small + index * o->sizes.i;
}

static struct dropout
site(void)
{
    return dropout_site(0.1, 1, RNG_FFN_OUTPUT_DROPOUT, 1, 1);
}

static void
add_three(const struct operators *o, struct lane *lane)
{
    for (size_t t = 0; t < o->sizes.rows * o->sizes.h; t += o->sizes.h)
        o->ops->add_three(o->sizes.h, lane->x[0] + t, lane->x[1] + t, small_of(o, lane, 0),
                          lane->x[2] + t);
}

static void
add(const struct operators *o, struct lane *lane)
{
    o->ops->add(o->sizes.rows * o->sizes.h, lane->x[0], lane->x[1]);
}

static void
sum_squares(const struct operators *o, struct lane *lane)
{
    lane->scratch[0] = (float)o->ops->sum_squares(o->sizes.rows * o->sizes.i, lane->x[0]);
}

static void
dropout(const struct operators *o, struct lane *lane)
{
    struct dropout d = site();
    for (size_t t = 0; t < o->sizes.rows; t++)
        o->ops->dropout(&d, t * dropout_groups(o->sizes.h), o->sizes.h,
                        lane->x[0] + t * o->sizes.h);
}

static void
residual_norm(const struct operators *o, struct lane *lane)
{
    struct dropout d = site();
    size_t h = o->sizes.h;
    for (size_t t = 0; t < o->sizes.rows; t++)
        o->ops->residual_norm(&d, t * dropout_groups(h), h, 1e-12f, lane->x[1] + t * h,
                              small_of(o, lane, 0), small_of(o, lane, 1), lane->x[0] + t * h,
                              lane->x[2] + t * h, lane->scratch + 2 * t);
}

static void
norm(const struct operators *o, struct lane *lane)
{
    size_t h = o->sizes.h;
    for (size_t t = 0; t < o->sizes.rows; t++)
        o->ops->norm(h, 1e-12f, lane->x[0] + t * h, small_of(o, lane, 0), small_of(o, lane, 1),
                     lane->x[2] + t * h, lane->scratch + 2 * t);
}

static void
norm_backward(const struct operators *o, struct lane *lane)
{
    static const float stats[2] = {0.1f, 1.5f};
    size_t h = o->sizes.h;
    for (size_t t = 0; t < o->sizes.rows; t++)
        o->ops->norm_backward(h, lane->x[0] + t * h, stats, small_of(o, lane, 0),
                              lane->x[1] + t * h, small_of(o, lane, 2), small_of(o, lane, 3));
}

static void
residual_norm_backward(const struct operators *o, struct lane *lane)
{
    static const float stats[2] = {0.1f, 1.5f};
    struct dropout d = site();
    size_t h = o->sizes.h;
    for (size_t t = 0; t < o->sizes.rows; t++)
        o->ops->residual_norm_backward(
            &d, t * dropout_groups(h), h, lane->x[0] + t * h, stats, small_of(o, lane, 0),
            lane->x[1] + t * h, small_of(o, lane, 2), small_of(o, lane, 3), small_of(o, lane, 4));
}

static void
softmax(const struct operators *o, struct lane *lane)
{
    size_t s = o->sizes.s;
    for (size_t row = 0; row < o->sizes.heads * s; row++)
        o->ops->softmax(s, lane->x[0] + row * s);
}

static void
softmax_dropout(const struct operators *o, struct lane *lane)
{
    struct dropout d = site();
    size_t square = o->sizes.s * o->sizes.s;
    for (size_t head = 0; head < o->sizes.heads; head++)
        o->ops->softmax_dropout(&d, head * dropout_groups(square), o->sizes.s, o->sizes.s, 0.18f,
                                lane->x[0] + head * square, NULL);
}

static void
softmax_dropout_backward(const struct operators *o, struct lane *lane)
{
    struct dropout d = site();
    size_t square = o->sizes.s * o->sizes.s;
    for (size_t head = 0; head < o->sizes.heads; head++)
        o->ops->softmax_dropout_backward(&d, head * dropout_groups(square), o->sizes.s, o->sizes.s,
                                         0.18f, lane->x[0] + head * square,
                                         lane->x[1] + head * square);
}

static void
activate(const struct operators *o, struct lane *lane, enum activation kind)
{
    for (size_t t = 0; t < o->sizes.rows * o->sizes.i; t += o->sizes.i)
        o->ops->activation(kind, o->sizes.i, lane->x[0] + t, lane->x[2] + t);
}

static void
activate_backward(const struct operators *o, struct lane *lane, enum activation kind)
{
    for (size_t t = 0; t < o->sizes.rows * o->sizes.i; t += o->sizes.i)
        o->ops->activation_backward(kind, o->sizes.i, lane->x[0] + t, lane->x[1] + t,
                                    small_of(o, lane, 2));
}

#define ACTIVATION(name, kind)                                                                     \
    static void name(const struct operators *o, struct lane *lane)                                 \
    {                                                                                              \
        activate(o, lane, kind);                                                                   \
    }                                                                                              \
    static void name##_backward(const struct operators *o, struct lane *lane)                      \
    {                                                                                              \
        activate_backward(o, lane, kind);                                                          \
    }
ACTIVATION(gelu, ACTIVATION_GELU)
ACTIVATION(gelu_tanh, ACTIVATION_GELU_TANH)
ACTIVATION(relu, ACTIVATION_RELU)
ACTIVATION(silu, ACTIVATION_SILU)

static void
hyperbolic(const struct operators *o, struct lane *lane)
{
    o->ops->tanh(o->sizes.rows * o->sizes.h, lane->x[0]);
}

static void
hyperbolic_backward(const struct operators *o, struct lane *lane)
{
    o->ops->tanh_backward(o->sizes.rows * o->sizes.h, lane->x[0], lane->x[1]);
}

static void
cross_entropy(const struct operators *o, struct lane *lane)
{
    size_t k = o->sizes.labels;
    uint32_t best = 0;
    for (size_t row = 0; row < o->sizes.rows; row++)
        lane->scratch[row] =
            (float)o->ops->cross_entropy(k, (uint32_t)(row % k), 0.1f, lane->x[0] + row * k, &best);
}

static void
adam(const struct operators *o, struct lane *lane)
{
    static const struct adam_step step = {.gradient_factor = 1.0f,
                                          .beta2 = 0.999f,
                                          .epsilon = 1e-8f,
                                          .fresh1 = 0.1f,
                                          .fresh2 = 0.001f,
                                          .step_size = 1e-4f,
                                          .root_correction = 1.0f};
    o->ops->adam(MEMORY_FLOATS, &step, lane->x[0], lane->x[1], lane->x[2], lane->x[3]);
}

static void
sgd(const struct operators *o, struct lane *lane)
{
    static const struct sgd_step step = {
        .gradient_factor = 1.0f, .learning_rate = 1e-4f, .momentum = 0.9f};
    o->ops->sgd(MEMORY_FLOATS, &step, lane->x[0], lane->x[1], lane->x[2]);
}

static struct attention
attention_of(const struct operators *o)
{
    return (struct attention){.engine = o->engine,
                              .ops = o->ops,
                              .heads = o->sizes.heads,
                              .hidden_size = o->sizes.h,
                              .length = o->sizes.s,
                              .queries = o->sizes.s,
                              .query_stride = 3 * o->sizes.h,
                              .dropout = site()};
}

static void
attend(const struct operators *o, struct lane *lane)
{
    struct attention attention = attention_of(o);
    attention_forward(&attention, lane->x[0], lane->x[0], lane->scratch, lane->x[2]);
}

static void
attend_backward(const struct operators *o, struct lane *lane)
{
    struct attention attention = attention_of(o);
    attention_backward(&attention, lane->x[0], lane->x[0], lane->x[1], lane->scratch);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* How many elements a call works on, and the operations of attention's products for each S^2 H. */
enum extent { BY_HIDDEN, BY_INNER, BY_SCORES, BY_LABELS, BY_MEMORY, BY_ROW };

static const struct row {
    const char *name;
    void (*run)(const struct operators *o, struct lane *lane);
    enum extent extent;
    double moved; /* floats read or written by element; attention: operations by S^2 H */
} table[] = {
    {"add_three", add_three, BY_HIDDEN, 4},
    {"add", add, BY_HIDDEN, 3},
    {"sum_squares", sum_squares, BY_INNER, 1},
    {"dropout", dropout, BY_HIDDEN, 2},
    {"residual_norm", residual_norm, BY_HIDDEN, 4},
    {"norm", norm, BY_HIDDEN, 2},
    {"norm_backward", norm_backward, BY_HIDDEN, 3},
    {"residual_norm_backward", residual_norm_backward, BY_HIDDEN, 4},
    {"softmax", softmax, BY_SCORES, 2},
    {"softmax_dropout", softmax_dropout, BY_SCORES, 2},
    {"softmax_dropout_backward", softmax_dropout_backward, BY_SCORES, 3},
    {"gelu", gelu, BY_INNER, 2},
    {"gelu backward", gelu_backward, BY_INNER, 4},
    {"gelu_new", gelu_tanh, BY_INNER, 2},
    {"gelu_new backward", gelu_tanh_backward, BY_INNER, 4},
    {"relu", relu, BY_INNER, 2},
    {"relu backward", relu_backward, BY_INNER, 4},
    {"silu", silu, BY_INNER, 2},
    {"silu backward", silu_backward, BY_INNER, 4},
    {"tanh", hyperbolic, BY_HIDDEN, 2},
    {"tanh_backward", hyperbolic_backward, BY_HIDDEN, 3},
    {"cross_entropy", cross_entropy, BY_LABELS, 2},
    {"adam", adam, BY_MEMORY, 7},
    {"sgd with momentum", sgd, BY_MEMORY, 5},
    {"attention of a row", attend, BY_ROW, 4},
    {"attention of a row, backward", attend_backward, BY_ROW, 10},
};

static double
elements_of(const struct sizes *sizes, enum extent extent)
{
    double rows = (double)sizes->rows;
    double square = (double)sizes->s * (double)sizes->s;
    switch (extent) {
    case BY_HIDDEN:
        return rows * (double)sizes->h;
    case BY_INNER:
        return rows * (double)sizes->i;
    case BY_SCORES:
        return (double)sizes->heads * square;
    case BY_LABELS:
        return rows * (double)sizes->labels;
    case BY_MEMORY:
        return MEMORY_FLOATS;
    case BY_ROW:
        return (double)sizes->h * square;
    }
    return NAN;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static void
refresh(void *context, size_t thread)
{
    const struct operators *o = context;
    const struct lane *lane = &o->lanes[thread];
    memcpy(lane->x[0], lane->fresh, o->sizes.most * sizeof(float));
    memcpy(lane->x[1], lane->fresh, o->sizes.most * sizeof(float));
}

static void
call(void *context, size_t thread)
{
    const struct operators *o = context;
    o->run(o, &o->lanes[thread]);
}

static void
free_lanes(struct lane *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t a = 0; a < ARRAYS; a++)
            free(lanes[i].x[a]);
        free(lanes[i].fresh);
        free(lanes[i].small);
        free(lanes[i].scratch);
    }
    free(lanes);
}

/* Values within +-1, as activations and gradients have; no two neighbours alike. */
static void
fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((i * 7919) % 2003) / 1001.0f - 1.0f;
}

static struct lane *
new_lanes(const struct sizes *sizes, size_t count)
{
    struct lane *lanes = mem_small(count * sizeof *lanes);
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        lanes[i] = (struct lane){
            .fresh = mem_array(sizes->most, sizeof(float)),
            .small = mem_array(6 * sizes->i, sizeof(float)),
            .scratch =
                mem_array(attention_scratch(sizes->h, sizes->heads, sizes->s) + 2 * sizes->rows,
                          sizeof(float)),
        };
        whole =
            whole && lanes[i].fresh != NULL && lanes[i].small != NULL && lanes[i].scratch != NULL;
        for (size_t a = 0; a < ARRAYS; a++) {
            lanes[i].x[a] = mem_array(sizes->most, sizeof(float));
            whole = whole && lanes[i].x[a] != NULL;
        }
        if (!whole) {
            free_lanes(lanes, i + 1);
            return NULL;
        }
        fill(lanes[i].fresh, sizes->most);
        fill(lanes[i].small, 6 * sizes->i);
    }
    return lanes;
}

/* Seconds of one call while all threads of the pool make it. */
static double
seconds_of(struct operators *o, const struct core_bench *bench, struct pool *pool)
{
    struct measure_case measured = {
        .prepare = refresh, .call = call, .context = o, .most_calls = CALLS};
    return measure_call(pool, &measured, bench->seconds);
}

static void
print_row(struct operators *o, const struct core_bench *bench, const struct row *row)
{
    double elements = elements_of(&o->sizes, row->extent);
    double unit = row->extent == BY_ROW ? 1.0 : sizeof(float);
    o->run = row->run;
    double one = seconds_of(o, bench, bench->one);
    double all = seconds_of(o, bench, bench->all);
    double threads = (double)bench->setup->threads;
    printf("%-30s %10.1f %10.3f %9.1f %9.1f %s\n", row->name, 1e6 * one, 1e9 * one / elements,
           1e-9 * elements * row->moved * unit / one,
           1e-9 * elements * row->moved * unit * threads / all,
           row->extent == BY_ROW ? "GFLOP/s" : "GB/s");
}

int
core_operators(const struct core_bench *bench, struct err *err)
{
    const struct model_config *config = &bench->setup->config;
    struct operators o = {
        .ops = ops_best(),
        .engine = bench->setup->engine,
        .sizes = {.rows = BATCH_CHUNK_TOKENS,
                  .h = config->hidden_size,
                  .i = config->intermediate_size > config->hidden_size ? config->intermediate_size
                                                                       : config->hidden_size,
                  .s = bench->length,
                  .heads = config->heads,
                  .labels = config->label_count > 0 ? config->label_count : 77},
    };
    const struct sizes *s = &o.sizes;
    size_t needs[] = {s->rows * s->i, s->heads * s->s * s->s, s->s * 3 * s->h, s->rows * s->labels};
    o.sizes.most = MEMORY_FLOATS;
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        o.sizes.most = needs[i] > o.sizes.most ? needs[i] : o.sizes.most;
    size_t threads = pool_threads(bench->all);
    o.lanes = new_lanes(s, threads);
    if (o.lanes == NULL)
        return err_set(err, ERR_MEMORY, "the operands of the operators do not fit into memory");
    printf("\nOperators, %s: H %zu, I %zu, A %zu, rows of %zu tokens, chunks of %zu\n", o.ops->name,
           config->hidden_size, config->intermediate_size, s->heads, s->s, s->rows);
    printf("%-30s %10s %10s %9s %9s\n", "", "us a call", "ns/element", "1 thread", "all");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        print_row(&o, bench, &table[i]);
    free_lanes(o.lanes, threads);
    return 0;
}
