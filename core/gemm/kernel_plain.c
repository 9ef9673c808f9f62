/* Tiles in plain C: the oracle of the other sets, and the set of processors that have none. */
#include "core/gemm/native.h"

#include <math.h>

enum { ROWS = 4, COLUMNS = 16 };

static void
tile(const struct gemm_tile *t)
{
    float sums[ROWS][COLUMNS] = {{0}};
    for (size_t p = 0; p < t->units; p++) {
        for (size_t i = 0; i < t->rows; i++) {
            float x = t->upright ? t->a[p * ROWS + i] : t->a[i * NATIVE_LINE + p];
            for (size_t j = 0; j < COLUMNS; j++)
                sums[i][j] = fmaf(x, t->b[p * t->b_step + j], sums[i][j]);
        }
    }
    for (size_t i = 0; i < t->rows; i++) {
        for (size_t j = 0; j < t->columns; j++) {
            float *c = &t->c[i * t->ldc + j];
            float before = t->bias != NULL ? t->bias[j] : t->accumulate ? *c : 0.0f;
            *c = sums[i][j] + before;
        }
    }
}

static void
pack_rows(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    gemm_pack_straight(ROWS, k, n, x, ld, panel);
}

static void
pack_columns(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    gemm_pack_straight(COLUMNS, k, n, x, ld, panel);
}

static void
pack_transposed(size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    for (size_t p = 0; p < k; p++)
        for (size_t j = 0; j < COLUMNS; j++)
            panel[p * COLUMNS + j] = j < n ? x[j * ld + p] : 0.0f;
}

const struct gemm_kernel gemm_kernel_plain = {
    .name = "plain",
    .rows = ROWS,
    .columns = COLUMNS,
    .terms = 1,
    .tile = tile,
    .pack_line = gemm_pack_line,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .pack_transposed = pack_transposed,
};
