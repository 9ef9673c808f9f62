/* Tiles for AVX2 with FMA: 6 rows of 16 columns in 12 registers. */
#include "core/gemm/native.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "core/gemm/transpose_avx.h"

#include <string.h>

enum { ROWS = 6, LANES = 8, COLUMNS = 2 * LANES };

/* One row of C from its sums, when all columns exist. */
static inline void
store_row(const struct gemm_tile *t, size_t i, const __m256 sums[2])
{
    float *c = t->c + i * t->ldc;
    for (size_t v = 0; v < 2; v++) {
        __m256 before = _mm256_setzero_ps();
        if (t->bias != NULL)
            before = _mm256_loadu_ps(t->bias + v * LANES);
        else if (t->accumulate)
            before = _mm256_loadu_ps(c + v * LANES);
        _mm256_storeu_ps(c + v * LANES, _mm256_add_ps(sums[v], before));
    }
}

/* The same when some do not. */
static inline void
store_part_of_row(const struct gemm_tile *t, size_t i, const __m256 sums[2])
{
    float row[COLUMNS];
    float *c = t->c + i * t->ldc;
    memcpy(row, sums, sizeof row);
    for (size_t j = 0; j < t->columns; j++) {
        float before = t->bias != NULL ? t->bias[j] : t->accumulate ? c[j] : 0.0f;
        c[j] = row[j] + before;
    }
}

/* clang-format off */
#define ROWS_OF(rows) _Pragma("GCC unroll 6") for (size_t i = 0; i < (rows); i++)

#define DEFINE_TILE(name, rows, a_row, a_step)                                                     \
    static void name##_##rows(const struct gemm_tile *t)                                           \
    {                                                                                              \
        __m256 sums[rows][2];                                                                      \
        const float *a = t->a;                                                                     \
        const float *b = t->b;                                                                     \
        ROWS_OF(rows) sums[i][0] = sums[i][1] = _mm256_setzero_ps();                               \
        for (size_t u = t->units; u > 0; u--) {                                                    \
            __m256 left = _mm256_loadu_ps(b);                                                      \
            __m256 right = _mm256_loadu_ps(b + LANES);                                             \
            ROWS_OF(rows) {                                                                        \
                __m256 x = _mm256_set1_ps(a[i * (a_row)]);                                         \
                sums[i][0] = _mm256_fmadd_ps(x, left, sums[i][0]);                                 \
                sums[i][1] = _mm256_fmadd_ps(x, right, sums[i][1]);                                \
            }                                                                                      \
            a += (a_step);                                                                         \
            b += t->b_step;                                                                        \
        }                                                                                          \
        ROWS_OF(rows) {                                                                            \
            if (t->columns == COLUMNS)                                                             \
                store_row(t, i, sums[i]);                                                          \
            else                                                                                   \
                store_part_of_row(t, i, sums[i]);                                                  \
        }                                                                                          \
    }

#define DEFINE_TILES(rows)                                                                         \
    DEFINE_TILE(tile, rows, NATIVE_LINE, 1) DEFINE_TILE(upright, rows, 1, ROWS)

DEFINE_TILES(1) DEFINE_TILES(2) DEFINE_TILES(3) DEFINE_TILES(4) DEFINE_TILES(5) DEFINE_TILES(6)
    /* clang-format on */

    static void tile(const struct gemm_tile *t)
{
    static void (*const tiles[ROWS][2])(const struct gemm_tile *) = {
        {tile_1, upright_1}, {tile_2, upright_2}, {tile_3, upright_3},
        {tile_4, upright_4}, {tile_5, upright_5}, {tile_6, upright_6}};
    tiles[t->rows - 1][t->upright](t);
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
    pack_transposed_avx(COLUMNS, COLUMNS, k, n, x, ld, panel);
}

const struct gemm_kernel gemm_kernel_avx2 = {
    .name = "avx2",
    .rows = ROWS,
    .columns = COLUMNS,
    .terms = 1,
    .tile = tile,
    .pack_line = gemm_pack_line,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .pack_transposed = pack_transposed,
};
#endif
