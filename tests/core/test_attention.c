/* Attention of one row: formula in double with the same mask, gradient check, PyTorch's tensors. */
#include "core/ops/attention.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_S = 33, MAX_H = 32, MAX_SCRATCH = MAX_S * (3 * MAX_S + MAX_H) };

/* Products of up to 33 terms in front of what an operator does; measured worst 6e-7. */
#define TOLERANCE_ATTENTION 3e-6

struct shape {
    size_t s, h, heads;
};

static const struct shape shapes[] = {{1, 8, 2},   {2, 6, 3},   {5, 12, 3}, {15, 32, 2},
                                      {16, 20, 4}, {17, 32, 4}, {33, 16, 1}};

static struct gemm_engine *engine;

static int
open_engine(void **state)
{
    (void)state;
    struct err err;
    return gemm_engine_open(NULL, &engine, &err);
}

static int
close_engine(void **state)
{
    (void)state;
    gemm_engine_close(engine);
    return 0;
}

static struct attention
attention_of(const struct shape *shape, double probability)
{
    return (struct attention){
        .engine = engine,
        .ops = ops_best(),
        .heads = shape->heads,
        .hidden_size = shape->h,
        .length = shape->s,
        .queries = shape->s,
        .query_stride = 3 * shape->h,
        .dropout = dropout_site(probability, 4, RNG_ATTENTION_DROPOUT, 1, 2),
        .group = 77,
    };
}

/* The dropout factors of one head, (S,S), as the header addresses them. */
static void
head_factors(const struct attention *a, size_t head, float *factors)
{
    size_t count = a->length * a->length;
    for (size_t i = 0; i < count; i++)
        factors[i] = 1.0f;
    a->ops->dropout(&a->dropout, a->group + head * dropout_groups(count), count, factors);
}

/* Context of query i of one head, in double; q, k and v are columns of qkv (S,3H). */
static void
twin_query(const struct attention *a, const double *qkv, size_t head, size_t i,
           const float *factors, double *context)
{
    size_t d = a->hidden_size / a->heads;
    size_t row = 3 * a->hidden_size;
    const double *q = qkv + head * d;
    const double *k = q + a->hidden_size;
    const double *v = k + a->hidden_size;
    double weights[MAX_S];
    double sum = 0;
    for (size_t j = 0; j < a->length; j++) {
        double score = 0;
        for (size_t c = 0; c < d; c++)
            score += q[i * row + c] * k[j * row + c];
        weights[j] = exp(score / sqrt((double)d));
        sum += weights[j];
    }
    for (size_t c = 0; c < d; c++) {
        double *out = &context[i * a->hidden_size + head * d + c];
        *out = 0;
        for (size_t j = 0; j < a->length; j++)
            *out += weights[j] / sum * (double)factors[i * a->length + j] * v[j * row + c];
    }
}

static void
twin(const struct attention *a, const double *qkv, double *context)
{
    float factors[MAX_S * MAX_S];
    for (size_t head = 0; head < a->heads; head++) {
        head_factors(a, head, factors);
        for (size_t i = 0; i < a->length; i++)
            twin_query(a, qkv, head, i, factors, context);
    }
}

static void
attention_follows_its_formula_with_and_without_dropout(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
        struct attention a = attention_of(&shapes[i / 2], i % 2 == 0 ? 0.0 : 0.3);
        float qkv[MAX_S * 3 * MAX_H], scores[MAX_S * MAX_S], context[MAX_S * MAX_H];
        double wide[MAX_S * 3 * MAX_H], want[MAX_S * MAX_H];
        size_t count = a.length * a.hidden_size;
        close_noise(qkv, 3 * count, i, 1.0);
        close_widen(qkv, 3 * count, wide);
        twin(&a, wide, want);
        attention_forward(&a, qkv, qkv, scores, context);
        close_assert(close_relative_double(context, want, count), TOLERANCE_ATTENTION, "context");
    }
}

struct difference_case {
    const struct attention *attention;
    const float *d_context;
};

static double
weighted_sum(const void *argument, const double *qkv)
{
    const struct difference_case *c = argument;
    double context[MAX_S * MAX_H];
    double sum = 0;
    twin(c->attention, qkv, context);
    for (size_t i = 0; i < c->attention->length * c->attention->hidden_size; i++)
        sum += (double)c->d_context[i] * context[i];
    return sum;
}

static void
attention_backward_is_the_derivative_with_and_without_dropout(void **state)
{
    (void)state;
    static const struct shape small[] = {{1, 8, 2}, {2, 6, 3}, {5, 12, 3}, {13, 8, 2}, {17, 4, 1}};
    for (size_t i = 0; i < 2 * sizeof small / sizeof *small; i++) {
        struct attention a = attention_of(&small[i / 2], i % 2 == 0 ? 0.0 : 0.3);
        float qkv[MAX_S * 3 * MAX_H], d_context[MAX_S * MAX_H], d_qkv[MAX_S * 3 * MAX_H];
        float scratch[MAX_SCRATCH], context[MAX_S * MAX_H], again[MAX_S * MAX_H];
        double wide[MAX_S * 3 * MAX_H], want[MAX_S * 3 * MAX_H];
        size_t count = a.length * a.hidden_size;
        close_noise(qkv, 3 * count, 50 + i, 1.0);
        close_noise(d_context, count, 80 + i, 1.0);
        close_widen(qkv, 3 * count, wide);
        close_difference(weighted_sum, &(struct difference_case){&a, d_context}, wide, 3 * count,
                         want);
        attention_forward(&a, qkv, qkv, scratch, context);
        memcpy(d_qkv, qkv, 3 * count * sizeof *qkv);
        memcpy(again, d_context, count * sizeof *again);
        attention_backward(&a, d_qkv, d_qkv, again, scratch);
        close_assert(close_relative_double(d_qkv, want, 3 * count), TOLERANCE_ATTENTION, "d_qkv");
        close_assert_bits(again, context, count, "context again");
    }
}

static void
attention_and_its_backward_equal_the_reference(void **state)
{
    (void)state;
    static const struct shape golden_shapes[] = {
        {1, 8, 2}, {2, 6, 3}, {5, 12, 3}, {17, 32, 4}, {33, 16, 1}};
    struct golden *golden = golden_open(FIXTURES "/operators/operators.safetensors");
    double worst[2] = {0};
    for (size_t i = 0; i < sizeof golden_shapes / sizeof *golden_shapes; i++) {
        struct attention a = attention_of(&golden_shapes[i], 0.0);
        size_t count = a.length * a.hidden_size;
        float scratch[MAX_SCRATCH], context[MAX_S * MAX_H], d_qkv[MAX_S * 3 * MAX_H];
        float d_context[MAX_S * MAX_H];
        char name[64];
        snprintf(name, sizeof name, "attention.%zu.%zu.%zu", a.length, a.hidden_size, a.heads);
        const float *qkv = golden_values(golden, 3 * count, "%s.qkv", name);
        attention_forward(&a, qkv, qkv, scratch, context);
        memcpy(d_qkv, qkv, 3 * count * sizeof *qkv);
        memcpy(d_context, golden_values(golden, count, "%s.d_context", name),
               count * sizeof *d_context);
        attention_backward(&a, d_qkv, d_qkv, d_context, scratch);
        const float *want = golden_values(golden, count, "%s.context", name);
        worst[0] = fmax(worst[0], close_relative(context, want, count));
        want = golden_values(golden, 3 * count, "%s.d_qkv", name);
        worst[1] = fmax(worst[1], close_relative(d_qkv, want, 3 * count));
    }
    printf("  worst relative error %.2g, of the gradient %.2g\n", worst[0], worst[1]);
    close_assert(fmax(worst[0], worst[1]), TOLERANCE_ATTENTION, "attention");
    golden_close(golden);
}

static void
heads_and_rows_take_disjoint_dropout_groups(void **state)
{
    (void)state;
    assert_int_equal(attention_groups(12, 1), 12);
    assert_int_equal(attention_groups(12, 11), 12);
    assert_int_equal(attention_groups(12, 12), 24); /* 144 probabilities: two groups a head */
    assert_int_equal(attention_groups(0, 100), 0);
    assert_true(attention_groups(16, 65536) == 16 * (1ull << 25));
}

/* One query alone against all queries of which only the first one's output counts. */
static void
the_first_query_alone_gives_what_it_gives_among_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
        struct attention all = attention_of(&shapes[i / 2], i % 2 == 0 ? 0.0 : 0.3);
        struct attention first = all;
        size_t h = all.hidden_size;
        size_t count = all.length * h;
        float qkv[MAX_S * 3 * MAX_H], context[MAX_S * MAX_H], first_context[MAX_H];
        float d_context[MAX_S * MAX_H] = {0};
        float d_qkv[MAX_S * 3 * MAX_H], first_d_qkv[MAX_S * 3 * MAX_H], first_d_query[MAX_H];
        float scratch[MAX_SCRATCH];
        first.queries = 1;
        first.query_stride = h;
        close_noise(qkv, 3 * count, i, 1.0);
        close_noise(d_context, h, i, 1.0);
        attention_forward(&all, qkv, qkv, scratch, context);
        attention_forward(&first, qkv, qkv, scratch, first_context);
        close_assert(close_relative(first_context, context, h), TOLERANCE_ATTENTION, "context");
        memcpy(d_qkv, qkv, 3 * count * sizeof *qkv);
        memcpy(first_d_qkv, qkv, 3 * count * sizeof *qkv);
        memcpy(first_d_query, qkv, h * sizeof *qkv);
        memcpy(first_context, d_context, h * sizeof *d_context);
        attention_backward(&first, first_d_query, first_d_qkv, first_context, scratch);
        attention_backward(&all, d_qkv, d_qkv, d_context, scratch);
        for (size_t t = 0; t < all.length; t++) /* query columns are not written */
            assert_memory_equal(first_d_qkv + t * 3 * h, qkv + t * 3 * h, h * sizeof *qkv);
        for (size_t t = 0; t < all.length; t++)
            memcpy(first_d_qkv + t * 3 * h, d_qkv + t * 3 * h, h * sizeof *d_qkv);
        close_assert(close_relative(first_d_query, d_qkv, h), TOLERANCE_ATTENTION, "d_query");
        close_assert(close_relative(first_d_qkv, d_qkv, 3 * count), TOLERANCE_ATTENTION, "d_qkv");
    }
}

static void
neighbouring_memory_is_not_written(void **state)
{
    (void)state;
    struct attention a = attention_of(&shapes[4], 0.3); /* 16 tokens, 20 wide, 4 heads */
    size_t count = a.length * a.hidden_size;
    float *qkv = calloc(3 * count, sizeof *qkv); /* exact sizes, for the address sanitizer */
    float *context = calloc(count, sizeof *context);
    float *scratch = calloc(attention_scratch(a.hidden_size, a.heads, a.length), sizeof *scratch);
    attention_forward(&a, qkv, qkv, scratch, context);
    attention_backward(&a, qkv, qkv, context, scratch);
    for (size_t i = 0; i < 3 * count; i++)
        assert_true(qkv[i] == 0.0f);
    free(qkv);
    free(context);
    free(scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_follows_its_formula_with_and_without_dropout),
        cmocka_unit_test(attention_backward_is_the_derivative_with_and_without_dropout),
        cmocka_unit_test(attention_and_its_backward_equal_the_reference),
        cmocka_unit_test(heads_and_rows_take_disjoint_dropout_groups),
        cmocka_unit_test(the_first_query_alone_gives_what_it_gives_among_all),
        cmocka_unit_test(neighbouring_memory_is_not_written),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
