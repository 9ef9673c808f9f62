/*
 * The native products: every instruction set gives the same bits in float, however rows and columns
 * are cut; bfloat16 is the product of rounded operands.
 */
#include "core/base/cpu.h"
#include "core/base/mem.h"
#include "core/gemm/native.h"
#include "tests/support/close.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Sums of up to 1,600 exact products of order 1, in float. */
#define TOLERANCE_BF16 1e-5

enum { GAP = 5, FORMS = 3 };

static const size_t sizes[][3] = {{1, 1, 1},   {1, 33, 2},    {12, 32, 384}, {13, 31, 5},
                                  {25, 47, 9}, {300, 16, 70}, {7, 65, 1601}, {131, 100, 385}};

enum { SIZES = sizeof sizes / sizeof *sizes };

struct product {
    struct gemm_call call;
    float *a, *b, *bias, *before, *c;
    size_t floats; /* of c */
};

/* `kind` counts through forms, and through nothing, a bias, or an accumulated C. */
static void
make(struct product *p, const size_t mnk[3], size_t kind)
{
    size_t m = mnk[0];
    size_t n = mnk[1];
    size_t k = mnk[2];
    enum gemm_form form = (enum gemm_form)(kind % FORMS);
    size_t lda = (form == GEMM_TN ? m : k) + GAP;
    size_t ldb = (form == GEMM_NT ? k : n) + GAP;
    size_t a_floats = (form == GEMM_TN ? k : m) * lda;
    size_t b_floats = (form == GEMM_NT ? n : k) * ldb;
    *p = (struct product){.floats = m * (n + GAP)};
    p->a = mem_array(a_floats, sizeof(float));
    p->b = mem_array(b_floats, sizeof(float));
    p->bias = mem_array(n, sizeof(float));
    p->before = mem_array(p->floats, sizeof(float));
    p->c = mem_array(p->floats, sizeof(float));
    close_noise(p->a, a_floats, m, 1.0);
    close_noise(p->b, b_floats, n, 1.0);
    close_noise(p->bias, n, k, 1.0);
    close_noise(p->before, p->floats, 9, 1.0);
    p->call = (struct gemm_call){.form = form,
                                 .m = m,
                                 .n = n,
                                 .k = k,
                                 .a = p->a,
                                 .lda = lda,
                                 .b = p->b,
                                 .ldb = ldb,
                                 .bias = kind / FORMS == 1 ? p->bias : NULL,
                                 .accumulate = kind / FORMS == 2,
                                 .c = p->c,
                                 .ldc = n + GAP};
}

enum { KINDS = 3 * FORMS };

static void
discard(struct product *p)
{
    free(p->a);
    free(p->b);
    free(p->bias);
    free(p->before);
    free(p->c);
}

static void
run(struct product *p, const struct gemm_kernel *kernel)
{
    memcpy(p->c, p->before, p->floats * sizeof(float));
    gemm_native_product(kernel, &p->call);
}

static void
every_set_gives_the_same_bits(void **state)
{
    (void)state;
    const struct gemm_kernel *plain = &gemm_kernel_plain;
    for (size_t i = 0; i < SIZES * KINDS; i++) {
        struct product p;
        make(&p, sizes[i / KINDS], i % KINDS);
        float *want = mem_array(p.floats, sizeof *want);
        run(&p, plain);
        memcpy(want, p.c, p.floats * sizeof *want);
        for (size_t set = 0; gemm_kernel_at(set) != NULL; set++) {
            run(&p, gemm_kernel_at(set));
            assert_memory_equal(p.c, want, p.floats * sizeof *want);
        }
        free(want);
        discard(&p);
    }
}

/* Rows 0..cut and the rest, computed apart. */
static void
run_in_two(struct product *p, const struct gemm_kernel *kernel, size_t row, size_t column)
{
    const struct gemm_call *whole = &p->call;
    memcpy(p->c, p->before, p->floats * sizeof(float));
    for (int part = 0; part < 4; part++) {
        size_t i = part / 2 == 0 ? 0 : row;
        size_t j = part % 2 == 0 ? 0 : column;
        struct gemm_call call = *whole;
        call.m = part / 2 == 0 ? row : whole->m - row;
        call.n = part % 2 == 0 ? column : whole->n - column;
        call.a += whole->form == GEMM_TN ? i : i * whole->lda;
        call.b += whole->form == GEMM_NT ? j * whole->ldb : j;
        call.bias = whole->bias == NULL ? NULL : whole->bias + j;
        call.c += i * whole->ldc + j;
        if (call.m > 0 && call.n > 0)
            gemm_native_product(kernel, &call);
    }
}

static void
an_element_does_not_depend_on_how_rows_and_columns_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES * KINDS; i++) {
        struct product p;
        make(&p, sizes[i / KINDS], i % KINDS);
        float *want = mem_array(p.floats, sizeof *want);
        for (size_t set = 0; gemm_kernel_at(set) != NULL; set++) {
            run(&p, gemm_kernel_at(set));
            memcpy(want, p.c, p.floats * sizeof *want);
            run_in_two(&p, gemm_kernel_at(set), p.call.m / 3, p.call.n / 2);
            assert_memory_equal(p.c, want, p.floats * sizeof *want);
        }
        free(want);
        discard(&p);
    }
}

/* To nearest even, as a float; finite numbers. */
static double
rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof bits);
    return (double)x;
}

static double
rounded_product(const struct product *p, size_t i, size_t j)
{
    const struct gemm_call *call = &p->call;
    double sum = 0;
    for (size_t q = 0; q < call->k; q++)
        sum += rounded(call->form == GEMM_TN ? p->a[q * call->lda + i] : p->a[i * call->lda + q]) *
               rounded(call->form == GEMM_NT ? p->b[j * call->ldb + q] : p->b[q * call->ldb + j]);
    return sum + (call->bias != NULL ? (double)p->bias[j] : 0.0) +
           (call->accumulate ? (double)p->before[i * call->ldc + j] : 0.0);
}

static void
bfloat16_is_the_product_of_rounded_operands(void **state)
{
    (void)state;
    if (!cpu_features().avx512_bf16) {
        printf("SKIPPED: this processor has no AVX512_BF16\n");
        return;
    }
    for (size_t i = 0; i < SIZES * KINDS; i++) {
        struct product p;
        make(&p, sizes[i / KINDS], i % KINDS);
        run(&p, &gemm_kernel_bf16);
        double scale = sqrt((double)p.call.k);
        for (size_t c = 0; c < p.floats; c++) {
            size_t column = c % p.call.ldc;
            double want = column < p.call.n ? rounded_product(&p, c / p.call.ldc, column)
                                            : (double)p.before[c];
            assert_true(fabs((double)p.c[c] - want) <= TOLERANCE_BF16 * scale);
        }
        discard(&p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_gives_the_same_bits),
        cmocka_unit_test(an_element_does_not_depend_on_how_rows_and_columns_are_cut),
        cmocka_unit_test(bfloat16_is_the_product_of_rounded_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
