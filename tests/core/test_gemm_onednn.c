/*
 * Inside the oneDNN engine: libraries that are not there or are another, rounding to bfloat16,
 * compiled products and their cache. What every engine must do is tests/core/test_gemm.c's.
 */
#include "core/base/cpu.h"
#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/gemm/bf16.h"
#include "core/gemm/gemm.h"
#include "core/gemm/onednn_cache.h"
#include "core/gemm/onednn_lane.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the library ----------------------------------------------------------------------------- */

static const char *const sonames[] = {"libdnnl.so.3", "libdnnl.so.3.6", "libdnnl.so.2", NULL};

/* Open the library, or say loudly that it is absent. */
static bool
open_library(struct onednn_api *api)
{
    struct err err;
    setenv("OMP_NUM_THREADS", "1", 1);
    if (onednn_api_open(sonames, api, &err) == 0)
        return true;
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    printf("SKIPPED: oneDNN is absent: %s\n", err.message);
    return false;
}

static void
an_absent_library_is_unsupported_and_the_sentence_says_what_to_install(void **state)
{
    (void)state;
    static const char *const absent[] = {"libdnnl-that-is-not.so.9", "libnor-this.so", NULL};
    struct onednn_api api;
    struct err err;
    assert_int_equal(onednn_api_open(absent, &api, &err), ERR_UNSUPPORTED);
    assert_null(api.library);
    assert_non_null(strstr(err.message, "install"));
}

static void
another_library_of_that_name_is_unsupported(void **state)
{
    (void)state;
    static const char *const other[] = {"libm.so.6", NULL};
    struct onednn_api api;
    struct err err;
    assert_int_equal(onednn_api_open(other, &api, &err), ERR_UNSUPPORTED);
    assert_null(api.library);
    assert_non_null(strstr(err.message, "dnnl_version"));
}

static void
the_name_holds_version_and_instructions(void **state)
{
    (void)state;
    struct onednn_api api;
    if (!open_library(&api))
        return;
    char name[64];
    int major = 0;
    int minor = 0;
    int patch = 0;
    char set[32] = "";
    onednn_api_name(&api, sizeof name, name);
    assert_int_equal(sscanf(name, "onednn-%d.%d.%d-%31s", &major, &minor, &patch, set), 4);
    assert_true(major == 2 || major == 3);
    assert_true(strlen(set) > 2);
    onednn_api_close(&api);
}

/* ---- bfloat16 -------------------------------------------------------------------------------- */

static uint32_t
bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float
float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void
bf16_rounds_to_nearest_ties_to_even(void **state)
{
    (void)state;
    static const struct {
        uint32_t in, out; /* of a float; of a bfloat16 */
    } known[] = {
        {0x3f800000, 0x3f80}, /* 1 */
        {0x3f807fff, 0x3f80}, /* just under a tie */
        {0x3f808000, 0x3f80}, /* a tie above an even number */
        {0x3f808001, 0x3f81}, /* just over */
        {0x3f818000, 0x3f82}, /* a tie above an odd number */
        {0xbf818000, 0xbf82}, /* and its negative */
        {0x3fffffff, 0x4000}, /* a carry into the exponent */
        {0x00000000, 0x0000}, /* zero */
        {0x80000000, 0x8000}, /* minus zero */
        {0x00018001, 0x0002}, /* subnormal */
        {0x7f7f7fff, 0x7f7f}, /* the largest that stays finite */
        {0x7f7f8000, 0x7f80}, /* the least that becomes infinity */
        {0x7f800000, 0x7f80}, /* infinity */
        {0xff800000, 0xff80}, /* minus infinity */
        {0x7f800001, 0x7fc0}, /* not-a-number whose payload would vanish */
        {0xffffffff, 0xffff}, /* not-a-number that would carry over */
    };
    enum { KNOWN = sizeof known / sizeof *known };
    float x[KNOWN];
    for (size_t i = 0; i < KNOWN; i++)
        x[i] = float_of(known[i].in);
    uint16_t rounded[KNOWN];
    float floats[KNOWN];
    bf16_round(1, KNOWN, x, KNOWN, rounded);
    bf16_round_float(1, KNOWN, x, KNOWN, floats);
    for (size_t i = 0; i < KNOWN; i++) {
        assert_int_equal(rounded[i], known[i].out);
        assert_int_equal(bits_of(floats[i]), known[i].out << 16);
    }
}

/* Every 9,973rd float there is, in rows with a gap. */
static void
bf16_has_the_same_bits_by_avx512(void **state)
{
    (void)state;
    if (!cpu_features().avx512) {
        printf("SKIPPED: this processor has no AVX-512\n");
        return;
    }
    enum { ROWS = 4201, COLUMNS = 99, LD = 103 };
    float *x = mem_array(ROWS * LD, sizeof *x);
    uint16_t *plain = mem_array(ROWS * COLUMNS, sizeof *plain);
    uint16_t *fast = mem_array(ROWS * COLUMNS, sizeof *fast);
    for (uint32_t i = 0; i < ROWS * LD; i++)
        x[i] = float_of(i * 9973u);
    bf16_round(ROWS, COLUMNS, x, LD, plain);
    bf16_round_avx512(ROWS, COLUMNS, x, LD, fast);
    assert_memory_equal(plain, fast, ROWS * COLUMNS * sizeof *plain);
    free(x);
    free(plain);
    free(fast);
}

/* ---- compiled products ----------------------------------------------------------------------- */

enum { SIDE = 24 };

static struct onednn_shape
shape_with(int64_t m)
{
    return (struct onednn_shape){.m = m,
                                 .n = SIDE,
                                 .k = SIDE,
                                 .lda = SIDE,
                                 .ldb = SIDE,
                                 .ldc = SIDE,
                                 .b_transposed = true,
                                 .bias = true,
                                 .type = ONEDNN_F32};
}

/* Run a product of ones and hold it against k + bias. */
static void
check_run(const struct onednn_api *api, struct onednn_product *product)
{
    size_t m = (size_t)product->shape.m;
    float *a = mem_array((m + 1) * SIDE, sizeof *a);
    float b[SIDE * SIDE];
    float *c = mem_array(m * SIDE, sizeof *c);
    float bias[SIDE];
    for (size_t i = 0; i < m * SIDE; i++)
        a[i] = 1.0f;
    for (size_t i = 0; i < SIDE * SIDE; i++)
        b[i] = 1.0f;
    for (size_t i = 0; i < SIDE; i++)
        bias[i] = (float)i;
    struct onednn_lanes *lanes = onednn_lanes_new(api);
    struct onednn_lane *lane = onednn_lanes_take(lanes);
    assert_non_null(lane->stream);
    struct onednn_data data = {.a = a,
                               .b = b,
                               .bias = bias,
                               .c = c,
                               .scratchpad = onednn_lane_memory(lane, product->scratchpad_bytes)};
    assert_true(onednn_product_run(api, product, lane->stream, &data));
    for (size_t i = 0; i < m * SIDE; i++)
        assert_true(c[i] == (float)SIDE + (float)(i % SIDE));
    onednn_lanes_give(lanes, lane);
    onednn_lanes_free(lanes);
    free(a);
    free(c);
}

enum { OTHERS = 11 };

/* A shape that differs from the given one in the i-th respect. */
static struct onednn_shape
other_than(struct onednn_shape shape, size_t i)
{
    int64_t *const numbers[] = {&shape.n, &shape.k, &shape.lda, &shape.ldb, &shape.ldc};
    bool *const flags[] = {&shape.a_transposed, &shape.b_transposed, &shape.bias,
                           &shape.accumulate};
    if (i < 5)
        *numbers[i] += i < 2 ? -1 : 1;
    else if (i < 9)
        *flags[i - 5] = !*flags[i - 5];
    else if (i == 9)
        shape.type = ONEDNN_BF16;
    else
        shape.m++;
    if (shape.a_transposed)
        shape.lda = shape.m + SIDE;
    return shape;
}

static void
assert_same_shape(const struct onednn_shape *a, const struct onednn_shape *b)
{
    assert_true(a->m == b->m && a->n == b->n && a->k == b->k);
    assert_true(a->lda == b->lda && a->ldb == b->ldb && a->ldc == b->ldc);
    assert_true(a->a_transposed == b->a_transposed && a->b_transposed == b->b_transposed);
    assert_true(a->bias == b->bias && a->accumulate == b->accumulate && a->type == b->type);
}

static void
a_product_given_back_is_taken_again(void **state)
{
    (void)state;
    struct onednn_api api;
    if (!open_library(&api))
        return;
    struct onednn_cache *cache = onednn_cache_new(&api);
    struct onednn_shape shape = shape_with(5);
    struct onednn_product *product = onednn_cache_take(cache, &shape);
    assert_non_null(product);
    assert_int_equal(onednn_cache_count(cache), 0);
    onednn_cache_give(cache, product);
    assert_int_equal(onednn_cache_count(cache), 1);
    assert_ptr_equal(onednn_cache_take(cache, &shape), product);
    check_run(&api, product);
    onednn_cache_give(cache, product);
    onednn_cache_free(cache);
    onednn_cache_free(NULL);
    onednn_api_close(&api);
}

/* So many that some which differ in one respect only stand in one set of the cache. */
static void
a_product_taken_has_the_shape_asked_for(void **state)
{
    (void)state;
    struct onednn_api api;
    if (!open_library(&api))
        return;
    struct onednn_cache *cache = onednn_cache_new(&api);
    for (int64_t m = 1; m <= 300; m++) {
        struct onednn_shape shape = shape_with(m);
        for (size_t i = 0; i <= OTHERS; i++) {
            struct onednn_shape asked = i == 0 ? shape : other_than(shape, i - 1);
            if (asked.type == ONEDNN_BF16 && !onednn_api_has_bf16(&api))
                continue;
            struct onednn_product *product = onednn_cache_take(cache, &asked);
            assert_non_null(product);
            assert_same_shape(&product->shape, &asked);
            onednn_cache_give(cache, product);
        }
    }
    onednn_cache_free(cache);
    onednn_api_close(&api);
}

static void
two_that_want_the_same_shape_at_a_time_get_one_each(void **state)
{
    (void)state;
    struct onednn_api api;
    if (!open_library(&api))
        return;
    struct onednn_cache *cache = onednn_cache_new(&api);
    struct onednn_shape shape = shape_with(5);
    struct onednn_product *first = onednn_cache_take(cache, &shape);
    struct onednn_product *second = onednn_cache_take(cache, &shape);
    assert_ptr_not_equal(first, second);
    check_run(&api, first);
    check_run(&api, second);
    onednn_cache_give(cache, first);
    onednn_cache_give(cache, second);
    assert_int_equal(onednn_cache_count(cache), 2);
    onednn_cache_free(cache);
    onednn_api_close(&api);
}

/* More shapes than there is room for, and one that is used all the time. */
static void
the_cache_is_bounded_and_keeps_what_is_used(void **state)
{
    (void)state;
    struct onednn_api api;
    if (!open_library(&api))
        return;
    struct onednn_cache *cache = onednn_cache_new(&api);
    struct onednn_shape used = shape_with(1);
    struct onednn_product *kept = NULL;
    for (int64_t m = 2; m < 2 + ONEDNN_CACHE_PRODUCTS + 100; m++) {
        struct onednn_product *again = onednn_cache_take(cache, &used);
        assert_true(kept == NULL || again == kept);
        kept = again;
        onednn_cache_give(cache, kept);
        struct onednn_shape shape = shape_with(m);
        struct onednn_product *product = onednn_cache_take(cache, &shape);
        assert_non_null(product);
        onednn_cache_give(cache, product);
        assert_true(onednn_cache_count(cache) <= ONEDNN_CACHE_PRODUCTS);
    }
    /* spread over the sets, most places are in use */
    assert_true(onednn_cache_count(cache) > ONEDNN_CACHE_PRODUCTS / 2);
    for (int64_t m = 2; m < 2 + ONEDNN_CACHE_PRODUCTS + 100; m += 37) {
        struct onednn_shape shape = shape_with(m);
        struct onednn_product *product = onednn_cache_take(cache, &shape);
        check_run(&api, product); /* still there or compiled again */
        onednn_cache_give(cache, product);
    }
    onednn_cache_free(cache);
    onednn_api_close(&api);
}

/* ---- through the engine ---------------------------------------------------------------------- */

enum { THREADS = 4, CALLS = 240, N = 130, K = 130, M_LEAST = 63 };

/* Many shapes at once, each wanted by several threads: a and b are ones. */
struct crowd {
    struct gemm_engine *engine;
    const float *ones;
    float *c; /* (CALLS, M_LEAST + CALLS / 4, N) */
};

static size_t
rows_of(size_t item)
{
    return M_LEAST + item / 4;
}

static void
run_item(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct crowd *crowd = context;
    bool bf16 = item % 2 == 1 && gemm_engine_has_bf16(crowd->engine);
    gemm_run(crowd->engine, &(struct gemm_call){.form = item % 3 == 0 ? GEMM_TN : GEMM_NT,
                                                .precision = bf16 ? GEMM_BF16 : GEMM_FP32,
                                                .m = rows_of(item),
                                                .n = N,
                                                .k = K,
                                                .a = crowd->ones,
                                                .lda = item % 3 == 0 ? rows_of(item) : K,
                                                .b = crowd->ones,
                                                .ldb = N,
                                                .c = crowd->c + item * rows_of(CALLS) * N,
                                                .ldc = N});
}

static void
threads_that_meet_new_shapes_at_a_time_all_get_right_results(void **state)
{
    (void)state;
    struct err err;
    struct crowd crowd = {.engine = NULL};
    if (gemm_engine_open("onednn", &crowd.engine, &err) != 0) {
        assert_int_equal(err.code, ERR_UNSUPPORTED);
        printf("SKIPPED: oneDNN is absent: %s\n", err.message);
        return;
    }
    float *ones = mem_array(rows_of(CALLS) * K + N * K, sizeof *ones);
    for (size_t i = 0; i < rows_of(CALLS) * K + N * K; i++)
        ones[i] = 1.0f;
    crowd.ones = ones;
    crowd.c = mem_array(CALLS * rows_of(CALLS) * N, sizeof *crowd.c);
    struct pool *pool = pool_new(THREADS, &err);
    assert_non_null(pool);
    pool_run(pool, run_item, &crowd, CALLS);
    for (size_t item = 0; item < CALLS; item++)
        for (size_t i = 0; i < rows_of(item) * N; i++)
            assert_true(crowd.c[item * rows_of(CALLS) * N + i] == (float)K);
    pool_free(pool);
    gemm_engine_close(crowd.engine);
    free(ones);
    free(crowd.c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_library_is_unsupported_and_the_sentence_says_what_to_install),
        cmocka_unit_test(another_library_of_that_name_is_unsupported),
        cmocka_unit_test(the_name_holds_version_and_instructions),
        cmocka_unit_test(bf16_rounds_to_nearest_ties_to_even),
        cmocka_unit_test(bf16_has_the_same_bits_by_avx512),
        cmocka_unit_test(a_product_given_back_is_taken_again),
        cmocka_unit_test(a_product_taken_has_the_shape_asked_for),
        cmocka_unit_test(two_that_want_the_same_shape_at_a_time_get_one_each),
        cmocka_unit_test(the_cache_is_bounded_and_keeps_what_is_used),
        cmocka_unit_test(threads_that_meet_new_shapes_at_a_time_all_get_right_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
