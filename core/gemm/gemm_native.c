/*
 * Our own products as an engine; the rule for every element stands in native.h.
 *
 * For every block of rows of A and block of k: A is copied so that a tile reads it from few cache
 * lines; then each panel of columns of B is packed in turn and meets all tiles of the rows. Packing
 * B costs 2 % of a product of 128 rows and makes one kernel serve every form.
 */
#include "core/base/cpu.h"
#include "core/gemm/backend.h"
#include "core/gemm/native.h"

#include <stdio.h>
#include <string.h>

enum {
    A_ROW = NATIVE_BLOCK + 16
}; /* from one row of packed A to the next, off the cache's period */

/* A thread's packed operands; pages of threads that never multiply are never touched. */
struct packed {
    _Alignas(64) float a[NATIVE_ROWS * A_ROW];
    _Alignas(64) float b[NATIVE_BLOCK * NATIVE_COLUMNS];
};

static _Thread_local struct packed packed;

/* A block of a product: terms from..from+k of rows row..row+rows. */
struct block {
    const struct gemm_kernel *kernel;
    const struct gemm_call *call;
    size_t row, rows;
    size_t from, k;
};

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A(m,k) row by row; A(k,m)^T in panels as high as a tile. */
static void
pack_a(const struct block *block)
{
    const struct gemm_call *call = block->call;
    size_t height = block->kernel->rows;
    if (call->form != GEMM_TN) {
        const float *a = call->a + block->row * call->lda + block->from;
        for (size_t i = 0; i < block->rows; i++)
            memcpy(packed.a + i * A_ROW, a + i * call->lda, block->k * sizeof *a);
        return;
    }
    for (size_t i = 0; i < block->rows; i += height)
        block->kernel->pack_rows(block->k, least(height, block->rows - i),
                                 call->a + block->from * call->lda + block->row + i, call->lda,
                                 packed.a + i * NATIVE_BLOCK);
}

/* Columns column..column+columns of B as a panel. */
static void
pack_b(const struct block *block, size_t column, size_t columns)
{
    const struct gemm_call *call = block->call;
    if (call->form == GEMM_NT)
        block->kernel->pack_transposed(
            block->k, columns, call->b + column * call->ldb + block->from, call->ldb, packed.b);
    else
        block->kernel->pack_columns(block->k, columns, call->b + block->from * call->ldb + column,
                                    call->ldb, packed.b);
}

/* What the panel of column (or, beyond the last, the first panel of the next block) is packed from.
 */
static struct gemm_ahead
ahead_of(const struct block *block, size_t column)
{
    const struct gemm_call *call = block->call;
    size_t from = block->from;
    size_t k = block->k;
    if (column >= call->n) {
        column = 0;
        from += k;
        k = least(k, call->k - from);
    }
    size_t columns = least(block->kernel->columns, call->n - column);
    bool transposed = call->form == GEMM_NT;
    size_t floats = transposed ? k : columns;
    const float *at =
        transposed ? call->b + column * call->ldb + from : call->b + from * call->ldb + column;
    return (struct gemm_ahead){
        .at = (const char *)at,
        .lines = (floats * sizeof *at + GEMM_CACHE_LINE - 1) / GEMM_CACHE_LINE,
        .stride = call->ldb * sizeof *at,
        .rows = k == 0       ? 0
                : transposed ? columns
                             : k,
    };
}

static void
multiply_panel(const struct block *block, size_t column, size_t columns)
{
    const struct gemm_call *call = block->call;
    size_t height = block->kernel->rows;
    bool transposed = call->form == GEMM_TN;
    struct gemm_ahead ahead = ahead_of(block, column + columns);
    struct gemm_tile tile = {
        .k = block->k,
        .a_row = transposed ? 1 : A_ROW,
        .a_step = transposed ? height : 1,
        .b = packed.b,
        .alpha = call->alpha,
        .bias = block->from == 0 && call->bias != NULL ? call->bias + column : NULL,
        .accumulate = block->from > 0 || call->accumulate,
        .ldc = call->ldc,
        .columns = columns,
        .ahead = &ahead,
    };
    for (size_t i = 0; i < block->rows; i += height) {
        tile.a = packed.a + i * (transposed ? NATIVE_BLOCK : A_ROW);
        tile.rows = least(height, block->rows - i);
        tile.c = call->c + (block->row + i) * call->ldc + column;
        block->kernel->tile(&tile);
    }
}

static void
multiply_block(const struct block *block)
{
    size_t width = block->kernel->columns;
    pack_a(block);
    for (size_t column = 0; column < block->call->n; column += width) {
        size_t columns = least(width, block->call->n - column);
        pack_b(block, column, columns);
        multiply_panel(block, column, columns);
    }
}

void
gemm_native_product(const struct gemm_kernel *kernel, const struct gemm_call *call)
{
    size_t blocks = (call->k + NATIVE_BLOCK - 1) / NATIVE_BLOCK;
    size_t length = blocks == 0 ? 0 : (call->k + blocks - 1) / blocks;
    struct block block = {.kernel = kernel, .call = call};
    for (block.row = 0; block.row < call->m; block.row += NATIVE_ROWS) {
        block.rows = least(NATIVE_ROWS, call->m - block.row);
        for (block.from = 0; block.from < call->k; block.from += length) {
            block.k = least(length, call->k - block.from);
            multiply_block(&block);
        }
    }
}

const struct gemm_kernel *
gemm_kernel_at(size_t index)
{
    const struct gemm_kernel *kernels[3];
    size_t count = 0;
#if defined(__x86_64__)
    struct cpu_features cpu = cpu_features();
    if (cpu.avx512)
        kernels[count++] = &gemm_kernel_avx512;
    if (cpu.avx2)
        kernels[count++] = &gemm_kernel_avx2;
#endif
    kernels[count++] = &gemm_kernel_plain;
    return index < count ? kernels[index] : NULL;
}

/* ---- the engine ------------------------------------------------------------------------------ */

static int
native_load(struct gemm_loaded *loaded, struct err *err)
{
    const struct gemm_kernel *kernel = gemm_kernel_at(0);
#if defined(__x86_64__)
    if (kernel == &gemm_kernel_plain)
        return err_set(err, ERR_UNSUPPORTED,
                       "the native engine needs a processor with AVX2 and FMA; use openblas");
#else
    (void)err;
#endif
    /* Every set gives the same bits: which one runs is not part of the name. */
    snprintf(loaded->name, sizeof loaded->name, "native-1");
    loaded->state = (void *)kernel;
    return 0;
}

static void
native_unload(void *state)
{
    (void)state;
}

static void
native_run(const void *state, const struct gemm_call *call)
{
    gemm_native_product(state, call);
}

const struct gemm_backend gemm_native = {"native", native_load, native_unload, native_run};
