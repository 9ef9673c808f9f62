/*
 * Products shared among threads: the same bits as on one, in every form, for every engine.
 */
#include "core/gemm/gemm.h"

#include "core/base/mem.h"
#include "tests/support/close.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { POOLS = 3, MOST = 1500 * 400 };

struct fixture {
    struct pool *pools[POOLS]; /* of 2, 3 and 7 threads */
    float *a, *b, *panels, *bias, *want, *got;
};

static int
open_fixture(void **state)
{
    static struct fixture f;
    static const size_t threads[POOLS] = {2, 3, 7};
    struct err err;
    for (size_t i = 0; i < POOLS; i++)
        assert_non_null(f.pools[i] = pool_new(threads[i], &err));
    float **arrays[] = {&f.a, &f.b, &f.panels, &f.bias, &f.want, &f.got};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        assert_non_null(*arrays[i] = mem_array(MOST, sizeof(float)));
        close_noise(*arrays[i], MOST, i + 1, 1.0);
    }
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < POOLS; i++)
        pool_free(f->pools[i]);
    float *arrays[] = {f->a, f->b, f->panels, f->bias, f->want, f->got};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
    return 0;
}

/* The same call by the engine and by its shared twins. */
static void
check(struct fixture *f, const struct gemm_engine *engine, struct gemm_call call)
{
    size_t count = call.m * call.ldc;
    close_noise(f->want, count, 9, 1.0); /* what an accumulating call begins with */
    call.c = f->want;
    gemm_run(engine, &call);
    for (size_t i = 0; i < POOLS; i++) {
        struct gemm_engine *shared = gemm_engine_share(engine, f->pools[i]);
        close_noise(f->got, count, 9, 1.0);
        call.c = f->got;
        gemm_run(shared, &call);
        close_assert_bits(f->got, f->want, count, "a shared product");
        gemm_engine_unshare(shared);
    }
}

static void
check_forms(struct fixture *f, const struct gemm_engine *engine, size_t m, size_t n, size_t k)
{
    size_t width = gemm_panel_width(engine);
    struct gemm_call call = {.m = m, .n = n, .k = k, .a = f->a, .ldc = n + 5};
    for (int form = GEMM_NN; form <= GEMM_TN; form++) {
        call.form = (enum gemm_form)form;
        call.lda = form == GEMM_TN ? m : k;
        call.b = f->b;
        call.ldb = form == GEMM_NT ? k : n;
        call.bias = f->bias;
        call.accumulate = false;
        check(f, engine, call);
        call.bias = NULL;
        call.accumulate = true;
        check(f, engine, call);
    }
    if (width == 0 || n % width != 0)
        return;
    gemm_panels(engine, n, k, f->b, f->panels);
    call.form = GEMM_NN;
    call.lda = k;
    call.b = f->panels;
    call.ldb = width;
    call.panel_stride = k * width;
    call.bias = f->bias;
    call.accumulate = false;
    check(f, engine, call);
}

static void
sharing_changes_no_bit(void **state)
{
    static const char *const names[] = {"native", "onednn", "openblas"};
    /* small and large, few panels and many, a last one that is not whole */
    static const size_t shapes[][3] = {{1, 32, 40},    {16, 384, 384},   {19, 1152, 384},
                                       {7, 1536, 384}, {33, 384, 1536},  {64, 77, 384},
                                       {16, 32, 2048}, {300, 1000, 390}, {128, 65, 129}};
    for (size_t e = 0; e < sizeof names / sizeof names[0]; e++) {
        struct gemm_engine *engine = NULL;
        struct err err;
        if (gemm_engine_open(names[e], &engine, &err) != 0) {
            printf("SKIPPED: %s: %s\n", names[e], err.message);
            continue;
        }
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            check_forms(*state, engine, shapes[i][0], shapes[i][1], shapes[i][2]);
        gemm_engine_close(engine);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sharing_changes_no_bit, open_fixture, close_fixture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
