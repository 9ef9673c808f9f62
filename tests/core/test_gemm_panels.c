/*
 * Weights in an engine's panels: the same bits as without, for every engine that takes them.
 */
#include "core/gemm/gemm.h"

#include "core/base/mem.h"
#include "tests/support/close.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
check(const struct gemm_engine *engine, size_t m, size_t n, size_t k)
{
    size_t width = gemm_panel_width(engine);
    float *a = mem_array(m * k, sizeof *a);
    float *b = mem_array(n * k, sizeof *b);
    float *panels = mem_array(n * k, sizeof *panels);
    float *bias = mem_array(n, sizeof *bias);
    float *want = mem_array(m * n, sizeof *want);
    float *got = mem_array(m * n, sizeof *got);
    close_noise(a, m * k, 1, 1.0);
    close_noise(b, n * k, 2, 1.0);
    close_noise(bias, n, 3, 1.0);
    gemm_panels(engine, n, k, b, panels);
    struct gemm_call call = {.form = GEMM_NT,
                             .m = m,
                             .n = n,
                             .k = k,
                             .a = a,
                             .lda = k,
                             .b = b,
                             .ldb = k,
                             .bias = bias,
                             .c = want,
                             .ldc = n};
    gemm_run(engine, &call);
    call.form = GEMM_NN;
    call.b = panels;
    call.ldb = width;
    call.panel_stride = k * width;
    call.c = got;
    gemm_run(engine, &call);
    close_assert_bits(got, want, m * n, "a product from panels");
    free(a);
    free(b);
    free(panels);
    free(bias);
    free(want);
    free(got);
}

static void
panels_change_no_bit(void **state)
{
    static const char *const names[] = {"native", "onednn", "openblas"};
    static const size_t rows[] = {1, 7, 19, 128, 300};
    static const size_t terms[] = {1, 16, 33, 384, 385, 1000};
    size_t engines = 0;
    (void)state;
    for (size_t e = 0; e < sizeof names / sizeof names[0]; e++) {
        struct gemm_engine *engine = NULL;
        struct err err;
        if (gemm_engine_open(names[e], &engine, &err) != 0) {
            printf("SKIPPED: %s: %s\n", names[e], err.message);
            continue;
        }
        size_t width = gemm_panel_width(engine);
        for (size_t i = 0; width > 0 && i < sizeof rows / sizeof rows[0]; i++)
            for (size_t j = 0; j < sizeof terms / sizeof terms[0]; j++)
                check(engine, rows[i], width * (1 + (i + j) % 5), terms[j]);
        engines += width > 0;
        gemm_engine_close(engine);
    }
    if (engines == 0)
        printf("SKIPPED: no engine of this machine takes panels\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(panels_change_no_bit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
