/*
 * Our own products as an engine; the rule for every element stands in native.h.
 *
 * For every block of rows of A and block of k: A is copied so that a tile reads it from few cache
 * lines; then each panel of columns of B is packed in turn and meets all tiles of the rows. Packing
 * B costs 2 % of a product of 128 rows and makes one kernel serve every form.
 */
#include "core/base/cpu.h"
#include "core/base/mem.h"
#include "core/gemm/backend.h"
#include "core/gemm/native.h"

#include <stdio.h>
#include <stdlib.h>

/* Packed operands, on the stack of whoever multiplies: half a megabyte, used as far as needed. */
struct packed {
    _Alignas(64) float a[NATIVE_ROWS * NATIVE_LINE];
    _Alignas(64) float b[NATIVE_BLOCK * NATIVE_COLUMNS];
};

/* A block of a product: terms from..from+k of rows row..row+rows. */
struct block {
    const struct gemm_kernel *kernel;
    const struct gemm_call *call;
    struct packed *packed;
    size_t row, rows;
    size_t from, k;
    size_t length; /* of every block but the last: a whole number of units */
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
            block->kernel->pack_line(block->k, a + i * call->lda,
                                     block->packed->a + i * NATIVE_LINE);
        return;
    }
    for (size_t i = 0; i < block->rows; i += height) {
        size_t rows = least(height, block->rows - i);
        size_t at = block->from * call->lda + block->row + i;
        float *panel = block->packed->a + i * NATIVE_BLOCK;
        if (call->a_half != NULL)
            block->kernel->pack_half_rows(block->k, rows, call->a_half + at, call->lda, panel);
        else
            block->kernel->pack_rows(block->k, rows, call->a + at, call->lda, panel);
    }
}

/* Where term `from` of column `column` of B stands; B(k,n). */
static const float *
at_column(const struct block *block, size_t from, size_t column)
{
    const struct gemm_call *call = block->call;
    size_t width = block->kernel->columns;
    size_t across = call->panel_stride > 0 ? column / width * call->panel_stride : column;
    return call->b + from * call->ldb + across;
}

/* Columns of B as tiles read them, from one unit to the next `step` apart. */
struct panel {
    const float *b;
    size_t step;
};

/* Columns column..column+columns of B: packed, or as they are where a tile can read them so. */
static struct panel
panel_of(const struct block *block, size_t column, size_t columns)
{
    const struct gemm_call *call = block->call;
    const struct gemm_kernel *kernel = block->kernel;
    if (call->b_half != NULL) {
        kernel->pack_half_columns(block->k, columns,
                                  call->b_half + block->from * call->ldb + column, call->ldb,
                                  block->packed->b);
        return (struct panel){block->packed->b, kernel->columns};
    }
    const float *b = call->form == GEMM_NT ? call->b + column * call->ldb + block->from
                                           : at_column(block, block->from, column);
    if (call->form == GEMM_NT)
        kernel->pack_transposed(block->k, columns, b, call->ldb, block->packed->b);
    else if (kernel->terms == 1 && columns == kernel->columns)
        return (struct panel){b, call->ldb};
    else
        kernel->pack_columns(block->k, columns, b, call->ldb, block->packed->b);
    return (struct panel){block->packed->b, kernel->columns};
}

/*
 * What tile number `tile` of a panel fetches of the panel that will be packed next: `column`'s or,
 * beyond the last, the first of the next block. Of B^T: 4 rows along their whole length; of B: 2
 * lines of 2 rows each time; of B in bfloat16: a line of 4 rows.
 */
static struct gemm_ahead
ahead_of(const struct block *block, size_t column, size_t tile)
{
    const struct gemm_call *call = block->call;
    size_t stride = call->ldb * sizeof *call->b;
    size_t from = block->from;
    size_t k = block->k;
    if (column >= call->n) {
        column = 0;
        from += k;
        k = least(block->length, call->k - from);
    }
    size_t columns = least(block->kernel->columns, call->n - column);
    if (call->form == GEMM_NT) {
        if (k > 0 && 4 * tile + 4 <= columns)
            return (struct gemm_ahead){
                (const char *)(call->b + (column + 4 * tile) * call->ldb + from), stride,
                2 * stride, GEMM_LINE};
    } else if (call->b_half != NULL) {
        size_t rows = k / GEMM_LINE_FLOATS * 4;
        stride = call->ldb * sizeof *call->b_half;
        if (columns == block->kernel->columns && rows > 0 && tile * rows + rows <= k)
            return (struct gemm_ahead){
                (const char *)(call->b_half + (from + tile * rows) * call->ldb + column), stride,
                2 * stride, 4 * stride};
    } else {
        size_t rows = k / GEMM_LINE_FLOATS * 2;
        if (columns == block->kernel->columns && rows > 0 && tile * rows + rows <= k)
            return (struct gemm_ahead){(const char *)at_column(block, from + tile * rows, column),
                                       GEMM_LINE, stride, 2 * stride};
    }
    return (struct gemm_ahead){.at = (const char *)block->packed->b};
}

static void
multiply_panel(const struct block *block, size_t column, size_t columns)
{
    struct panel panel = panel_of(block, column, columns);
    const struct gemm_call *call = block->call;
    size_t height = block->kernel->rows;
    struct gemm_tile tile = {
        .units = (block->k + block->kernel->terms - 1) / block->kernel->terms,
        .upright = call->form == GEMM_TN,
        .b = panel.b,
        .b_step = panel.step,
        .bias = block->from == 0 && call->bias != NULL ? call->bias + column : NULL,
        .accumulate = block->from > 0 || call->accumulate,
        .ldc = call->ldc,
        .columns = columns,
    };
    for (size_t i = 0; i < block->rows; i += height) {
        tile.a = block->packed->a + i * (tile.upright ? NATIVE_BLOCK : NATIVE_LINE);
        tile.rows = least(height, block->rows - i);
        tile.c = call->c + (block->row + i) * call->ldc + column;
        tile.ahead = ahead_of(block, column + columns, i / height);
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
        multiply_panel(block, column, columns);
    }
}

/* Equal blocks of whole units, as few as NATIVE_BLOCK allows. */
static size_t
block_length(const struct gemm_kernel *kernel, size_t k)
{
    size_t units = (k + kernel->terms - 1) / kernel->terms;
    size_t blocks = units == 0 ? 1 : (units + NATIVE_BLOCK - 1) / NATIVE_BLOCK;
    return (units + blocks - 1) / blocks * kernel->terms;
}

void
gemm_native_product(const struct gemm_kernel *kernel, const struct gemm_call *call)
{
    struct packed packed;
    struct block block = {
        .kernel = kernel, .call = call, .packed = &packed, .length = block_length(kernel, call->k)};
    for (block.row = 0; block.row < call->m; block.row += NATIVE_ROWS) {
        block.rows = least(NATIVE_ROWS, call->m - block.row);
        for (block.from = 0; block.from < call->k; block.from += block.length) {
            block.k = least(block.length, call->k - block.from);
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

struct native {
    const struct gemm_kernel *kernels[2]; /* by precision; NULL: not on this processor */
};

static int
native_load(struct gemm_loaded *loaded, struct err *err)
{
    struct native *native = mem_small(sizeof *native);
    *native = (struct native){.kernels = {[GEMM_FP32] = gemm_kernel_at(0)}};
#if defined(__x86_64__)
    if (native->kernels[GEMM_FP32] == &gemm_kernel_plain) {
        free(native);
        return err_set(err, ERR_UNSUPPORTED,
                       "the native engine needs a processor with AVX2 and FMA");
    }
    if (cpu_features().avx512_bf16)
        native->kernels[GEMM_BF16] = &gemm_kernel_bf16;
#else
    (void)err;
#endif
    /* Every set gives the same bits in float: which one runs is not part of the name. */
    snprintf(loaded->name, sizeof loaded->name, "native-1");
    loaded->has_bf16 = native->kernels[GEMM_BF16] != NULL;
    loaded->panel_width = native->kernels[GEMM_FP32]->columns;
    loaded->state = native;
    return 0;
}

static void
native_run(const void *state, const struct gemm_call *call)
{
    const struct native *native = state;
    gemm_native_product(native->kernels[call->precision], call);
}

const struct gemm_backend gemm_native = {"native", native_load, free, native_run};
