/*
 * Matrix products: three forms on odd sizes against plain double, in both precisions; the same bits
 * from any thread. Every engine that is there is held to all of it.
 */
#include "core/gemm/gemm.h"
#include "core/base/bf16.h"
#include "core/base/mem.h"
#include "core/base/pool.h"
#include "tests/support/close.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A sum of k products of numbers of order 1 rounds to about sqrt(k) 1e-7, k <= 384. */
#define TOLERANCE_PRODUCT 5e-6

static const char *wanted; /* the engine of this round */
static struct gemm_engine *engine;

static int
open_engine(void **state)
{
    (void)state;
    struct err err;
    return gemm_engine_open(wanted, &engine, &err);
}

static int
close_engine(void **state)
{
    (void)state;
    gemm_engine_close(engine);
    return 0;
}

/* A product with its memory: leading dimensions are longer than rows, the gap holds a mark. */
struct product {
    struct gemm_call call;
    float *a, *b, *c, *bias;
    size_t a_floats, b_floats, c_floats;
};

enum { GAP = 3 };
static const float mark = 12345.0f;

static void
make_product(struct product *p, enum gemm_form form, const size_t mnk[3], bool with_bias,
             bool accumulate)
{
    size_t m = mnk[0];
    size_t n = mnk[1];
    size_t k = mnk[2];
    size_t a_rows = form == GEMM_TN ? k : m;
    size_t b_rows = form == GEMM_NT ? n : k;
    size_t lda = (form == GEMM_TN ? m : k) + GAP;
    size_t ldb = (form == GEMM_NT ? k : n) + GAP;
    size_t ldc = n + GAP;
    *p = (struct product){.a_floats = a_rows * lda, .b_floats = b_rows * ldb, .c_floats = m * ldc};
    p->a = mem_array(p->a_floats, sizeof(float));
    p->b = mem_array(p->b_floats, sizeof(float));
    p->c = mem_array(p->c_floats, sizeof(float));
    p->bias = mem_array(n, sizeof(float));
    close_noise(p->a, p->a_floats, m, 1.0);
    close_noise(p->b, p->b_floats, n, 1.0);
    close_noise(p->c, p->c_floats, k, 1.0);
    close_noise(p->bias, n, 4, 1.0);
    for (size_t i = 0; i < m; i++)
        for (size_t j = n; j < ldc; j++)
            p->c[i * ldc + j] = mark;
    p->call = (struct gemm_call){.form = form,
                                 .m = m,
                                 .n = n,
                                 .k = k,
                                 .a = p->a,
                                 .lda = lda,
                                 .b = p->b,
                                 .ldb = ldb,
                                 .c = p->c,
                                 .ldc = ldc,
                                 .bias = with_bias ? p->bias : NULL,
                                 .accumulate = accumulate};
}

static void
free_product(struct product *p)
{
    free(p->a);
    free(p->b);
    free(p->c);
    free(p->bias);
}

/* Round to bfloat16 by arithmetic: 8 significant bits, ties to even. */
static void
round_factors(float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int exponent = 0;
        double fraction = frexp((double)x[i], &exponent);
        x[i] = (float)ldexp(nearbyint(ldexp(fraction, 8)), exponent - 8);
    }
}

/* Element (i,j) of the product in double, from what C held before. */
static double
twin(const struct gemm_call *call, const float *before, size_t i, size_t j)
{
    double sum = 0;
    for (size_t p = 0; p < call->k; p++) {
        float a = call->form == GEMM_TN ? call->a[p * call->lda + i] : call->a[i * call->lda + p];
        float b = call->form == GEMM_NT ? call->b[j * call->ldb + p] : call->b[p * call->ldb + j];
        sum += (double)a * (double)b;
    }
    if (call->accumulate)
        sum += (double)before[i * call->ldc + j];
    return call->bias != NULL ? sum + (double)call->bias[j] : sum;
}

static void
check_product(struct product *p)
{
    const struct gemm_call *call = &p->call;
    float *before = mem_small(p->c_floats * sizeof *before);
    memcpy(before, p->c, p->c_floats * sizeof *before);
    gemm_run(engine, call);
    if (call->precision == GEMM_BF16) {
        round_factors(p->a, p->a_floats);
        round_factors(p->b, p->b_floats);
    }
    double scale = sqrt((double)call->k) + 1;
    for (size_t i = 0; i < call->m; i++) {
        for (size_t j = 0; j < call->n; j++) {
            double error = fabs((double)p->c[i * call->ldc + j] - twin(call, before, i, j));
            close_assert(error / scale, TOLERANCE_PRODUCT, "product");
        }
        for (size_t j = call->n; j < call->ldc; j++)
            assert_true(p->c[i * call->ldc + j] == mark);
    }
    free(before);
}

static const size_t sizes[][3] = {{1, 1, 1},    {1, 7, 5},     {2, 1, 17},    {5, 3, 2},
                                  {16, 16, 16}, {17, 33, 15},  {33, 17, 128}, {64, 48, 384},
                                  {7, 129, 65}, {130, 77, 96}, {1, 64, 384},  {1, 384, 64},
                                  {1, 2, 700},  {33, 384, 97}, {131, 129, 65}};

enum { SIZES = sizeof sizes / sizeof *sizes };

/* plain, bias, accumulate */
enum { VARIANTS = 3 };

static void
check_every_form(enum gemm_precision precision)
{
    for (size_t s = 0; s < SIZES; s++) {
        for (int form = GEMM_NN; form <= GEMM_TN; form++) {
            for (int variant = 0; variant < VARIANTS; variant++) {
                struct product p;
                make_product(&p, (enum gemm_form)form, sizes[s], variant == 1, variant == 2);
                p.call.precision = precision;
                check_product(&p);
                free_product(&p);
            }
        }
    }
}

static void
every_form_equals_plain_double_on_odd_sizes(void **state)
{
    (void)state;
    check_every_form(GEMM_FP32);
}

/* The tolerance is that of float: rounding is in the twin too, sums are kept in float. */
static void
every_form_in_bf16_equals_plain_double_on_rounded_factors(void **state)
{
    (void)state;
    if (gemm_engine_has_bf16(engine))
        check_every_form(GEMM_BF16);
    else
        printf("SKIPPED: bf16 of %s: this engine and processor do not multiply bfloat16\n",
               gemm_engine_name(engine));
}

/* An operand of a product rounded, in an array of its own size, for the address sanitizer. */
static uint16_t *
halves_of(const float *x, size_t count)
{
    uint16_t *halves = mem_array(count, sizeof *halves);
    for (size_t i = 0; i < count; i++)
        halves[i] = (uint16_t)bf16_bits(x[i]);
    return halves;
}

static void
operands_that_are_stored_rounded_give_the_bits_of_those_that_are_not(void **state)
{
    (void)state;
    if (!gemm_engine_has_bf16(engine)) {
        printf("SKIPPED: bf16 of %s: this engine and processor do not multiply bfloat16\n",
               gemm_engine_name(engine));
        return;
    }
    for (size_t s = 0; s < 3 * SIZES; s++) {
        struct product p, stored;
        make_product(&p, GEMM_TN, sizes[s / 3], false, s % 2 == 1);
        make_product(&stored, GEMM_TN, sizes[s / 3], false, s % 2 == 1);
        uint16_t *a = halves_of(p.a, p.a_floats);
        uint16_t *b = halves_of(p.b, p.b_floats);
        p.call.precision = stored.call.precision = GEMM_BF16;
        if (s % 3 != 1) {
            stored.call.a_half = a;
            stored.call.a = NULL;
        }
        if (s % 3 != 0) {
            stored.call.b_half = b;
            stored.call.b = NULL;
        }
        gemm_run(engine, &p.call);
        gemm_run(engine, &stored.call);
        assert_memory_equal(p.c, stored.c, p.c_floats * sizeof *p.c);
        free(a);
        free(b);
        free_product(&p);
        free_product(&stored);
    }
}

static void
what_c_held_does_not_matter_unless_it_is_accumulated(void **state)
{
    (void)state;
    for (size_t variant = 0; variant < 2 * SIZES; variant++) {
        struct product p;
        make_product(&p, GEMM_NT, sizes[variant / 2], variant % 2 == 1, false);
        for (size_t i = 0; i < p.call.m; i++)
            for (size_t j = 0; j < p.call.n; j++)
                p.c[i * p.call.ldc + j] = NAN;
        check_product(&p);
        free_product(&p);
    }
}

static void
nan_in_a_factor_reaches_the_product(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES; s++) {
        struct product p;
        make_product(&p, GEMM_NN, sizes[s], false, false);
        p.call.precision = s % 2 == 1 && gemm_engine_has_bf16(engine) ? GEMM_BF16 : GEMM_FP32;
        if (p.call.m < 3) {
            free_product(&p);
            continue;
        }
        p.a[2 * p.call.lda + p.call.k - 1] = NAN;
        gemm_run(engine, &p.call);
        for (size_t j = 0; j < p.call.n; j++)
            assert_true(isnan(p.c[2 * p.call.ldc + j]) && !isnan(p.c[j]));
        free_product(&p);
    }
}

/* C (m,n) of a product without terms is what is added to it; without elements it is left alone. */
static void
check_empty(enum gemm_form form, size_t m, size_t n, size_t k, int variant)
{
    const float factor[8] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    const float bias[3] = {1.0f, 2.0f, 3.0f};
    float c[2 * 4] = {9, 9, 9, 9, 9, 9, 9, 9};
    gemm_run(engine, &(struct gemm_call){.form = form,
                                         .m = m,
                                         .n = n,
                                         .k = k,
                                         .a = factor,
                                         .lda = 2,
                                         .b = factor,
                                         .ldb = 3,
                                         .bias = variant == 1 ? bias : NULL,
                                         .accumulate = variant == 2,
                                         .c = c,
                                         .ldc = 4});
    for (size_t i = 0; i < 8; i++) {
        float sum = variant == 0 ? 0.0f : variant == 1 ? bias[i % 4 % 3] : 9.0f;
        assert_true(c[i] == (i / 4 < m && i % 4 < n ? sum : 9.0f));
    }
}

static void
an_empty_sum_is_zero_or_the_bias_or_what_c_held(void **state)
{
    (void)state;
    for (int form = GEMM_NN; form <= GEMM_TN; form++) {
        for (int variant = 0; variant < 3; variant++) { /* plain, bias, accumulate */
            check_empty((enum gemm_form)form, 2, 3, 0, variant);
            check_empty((enum gemm_form)form, 0, 3, 2, variant);
            check_empty((enum gemm_form)form, 2, 0, 2, variant);
        }
    }
}

/* ---- from several threads -------------------------------------------------------------------- */

enum { CALLS_ONCE = SIZES * 3, CALLS = 4 * CALLS_ONCE };

struct calls {
    struct product products[CALLS];
};

static void
make_calls(struct calls *calls)
{
    bool has_bf16 = gemm_engine_has_bf16(engine);
    for (size_t i = 0; i < CALLS; i++) {
        make_product(&calls->products[i], (enum gemm_form)(i % 3), sizes[i / 3 % SIZES], i % 2 == 0,
                     false);
        if (has_bf16 && i / CALLS_ONCE % 2 == 1)
            calls->products[i].call.precision = GEMM_BF16;
    }
}

static void
run_call(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct calls *calls = context;
    gemm_run(engine, &calls->products[item].call);
}

static void
concurrent_products_have_the_bits_of_serial_ones(void **state)
{
    (void)state;
    static struct calls serial, concurrent;
    struct err err;
    struct pool *pool = pool_new(4, &err);
    assert_non_null(pool);
    make_calls(&serial);
    make_calls(&concurrent);
    for (size_t i = 0; i < CALLS; i++)
        run_call(&serial, i, 0);
    for (int round = 0; round < 10; round++) {
        pool_run(pool, run_call, &concurrent, CALLS);
        for (size_t i = 0; i < CALLS; i++)
            close_assert_bits(concurrent.products[i].c, serial.products[i].c,
                              serial.products[i].c_floats, "concurrent product");
    }
    for (size_t i = 0; i < CALLS; i++) {
        free_product(&serial.products[i]);
        free_product(&concurrent.products[i]);
    }
    pool_free(pool);
}

/* ---- the engine ------------------------------------------------------------------------------ */

static void
the_name_begins_with_the_engine_and_is_one_word(void **state)
{
    (void)state;
    const char *name = gemm_engine_name(engine);
    printf("  engine %s\n", name);
    assert_int_equal(strncmp(name, wanted, strlen(wanted)), 0);
    assert_int_equal(name[strlen(wanted)], '-');
    assert_null(strpbrk(name, " \t\n"));
}

/* A library reads its environment while it loads. */
static void
a_library_is_told_to_use_one_thread(void **state)
{
    (void)state;
    if (strcmp(wanted, "openblas") == 0)
        assert_string_equal(getenv("OPENBLAS_NUM_THREADS"), "1");
    if (strcmp(wanted, "native") != 0)
        assert_string_equal(getenv("OMP_NUM_THREADS"), "1");
}

static void
an_engine_can_be_opened_twice_and_names_itself_alike(void **state)
{
    (void)state;
    struct err err;
    struct gemm_engine *second = NULL;
    assert_int_equal(gemm_engine_open(wanted, &second, &err), 0);
    assert_string_equal(gemm_engine_name(second), gemm_engine_name(engine));
    gemm_engine_close(second);
    gemm_engine_close(NULL);
    for (size_t s = 0; s < SIZES; s++) {
        struct product p;
        make_product(&p, GEMM_NT, sizes[s], true, false);
        check_product(&p); /* the first one still works */
        free_product(&p);
    }
}

static void
a_name_that_is_no_engine_is_refused_with_those_that_are(void **state)
{
    (void)state;
    struct err err;
    struct gemm_engine *none = NULL;
    assert_int_equal(gemm_engine_open("mkl", &none, &err), ERR_INVALID);
    assert_null(none);
    assert_non_null(strstr(err.message, "'mkl'"));
    assert_non_null(strstr(err.message, "native, onednn, openblas"));
}

static void
the_rate_is_a_positive_number(void **state)
{
    (void)state;
    double rate = gemm_engine_rate(engine);
    assert_true(isfinite(rate) && rate > 0);
}

/* All tests on one engine; one that is not on this machine is passed over loudly. */
static int
hold_to_all(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_equals_plain_double_on_odd_sizes),
        cmocka_unit_test(every_form_in_bf16_equals_plain_double_on_rounded_factors),
        cmocka_unit_test(operands_that_are_stored_rounded_give_the_bits_of_those_that_are_not),
        cmocka_unit_test(what_c_held_does_not_matter_unless_it_is_accumulated),
        cmocka_unit_test(nan_in_a_factor_reaches_the_product),
        cmocka_unit_test(an_empty_sum_is_zero_or_the_bias_or_what_c_held),
        cmocka_unit_test(concurrent_products_have_the_bits_of_serial_ones),
        cmocka_unit_test(the_name_begins_with_the_engine_and_is_one_word),
        cmocka_unit_test(a_library_is_told_to_use_one_thread),
        cmocka_unit_test(an_engine_can_be_opened_twice_and_names_itself_alike),
        cmocka_unit_test(a_name_that_is_no_engine_is_refused_with_those_that_are),
        cmocka_unit_test(the_rate_is_a_positive_number),
    };
    struct err err;
    struct gemm_engine *there = NULL;
    wanted = name;
    if (gemm_engine_open(name, &there, &err) == ERR_UNSUPPORTED) {
        printf("SKIPPED: engine %s: %s\n", name, err.message);
        return 0;
    }
    gemm_engine_close(there);
    return cmocka_run_group_tests_name(name, tests, open_engine, close_engine);
}

int
main(void)
{
    return hold_to_all("native") + hold_to_all("onednn") + hold_to_all("openblas");
}
