/*
 * Our own products: packing and blocking that are the same for every processor, and tiles written
 * for each instruction set. Private to core/gemm.
 *
 * Packed operands consist of units of four bytes: one float, or two bfloat16 that follow each other
 * in k. An element of C is computed by one rule, whatever the set and however rows and columns are
 * cut: the sum over k is cut into equal blocks of at most NATIVE_BLOCK units; a block is one chain
 * of fused multiply-adds in the order of k (bfloat16: of the processor's pairwise ones); a block's
 * sum is added to what C holds (the first block: to the bias, to the old C, or to
 * nothing). So all float sets give the same bits.
 */
#ifndef CORE_GEMM_NATIVE_H
#define CORE_GEMM_NATIVE_H

#include "core/gemm/gemm.h"

#include <string.h>

enum {
    NATIVE_BLOCK = 384, /* units of a sum at a time: a panel of B this long stays in the cache */
    NATIVE_LINE =
        NATIVE_BLOCK + 16, /* from one line of packed A to the next, off the cache's period */
    NATIVE_ROWS = 264,     /* rows of A that are packed at a time; a multiple of every set's rows */
    NATIVE_COLUMNS = 32    /* widest panel of any set */
};

/*
 * Memory that the next panel will be packed from, fetched into the cache while the present one is
 * computed: each GEMM_LINE bytes' worth of terms a tile fetches the four lines at `at`, and near,
 * far, and near + far bytes behind it, and then goes on by `step`.
 */
struct gemm_ahead {
    const char *at;
    size_t near, far, step;
};

enum { GEMM_LINE = 64, GEMM_LINE_FLOATS = GEMM_LINE / sizeof(float) };

/* One tile: C (rows, columns) from rows of A and a packed panel of B. */
struct gemm_tile {
    size_t units;
    bool upright; /* packed A: unit (i, p) is a[i * NATIVE_LINE + p], or upright a[p * rows + i] */
    const float *a;
    const float *b;    /* (units, kernel->columns), zeros beyond `columns` */
    size_t b_step;     /* from one unit of b to the next */
    const float *bias; /* (columns), or NULL */
    bool accumulate;   /* add to C */
    float *c;
    size_t ldc;
    size_t rows, columns; /* at most the kernel's */
    struct gemm_ahead ahead;
};

/*
 * What a set brings: the size of its tiles, a tile, and packing. Panels are zero where k ends
 * within a unit, and for j >= n within a vector that has columns below n; other vectors are not
 * read.
 */
struct gemm_kernel {
    const char *name;
    size_t rows, columns;
    size_t terms; /* of a sum in one unit: 1 or 2 */
    void (*tile)(const struct gemm_tile *tile);
    /* a line of A: line[u] holds the terms x[u * terms] and on */
    void (*pack_line)(size_t k, const float *x, float *line);
    /* from A^T: panel[u * rows + i] holds x[u * terms * ld + i] and below it, i < n */
    void (*pack_rows)(size_t k, size_t n, const float *x, size_t ld, float *panel);
    /* from B: panel[u * columns + j] holds x[u * terms * ld + j] and below it, j < n */
    void (*pack_columns)(size_t k, size_t n, const float *x, size_t ld, float *panel);
    /* the same two from bfloat16, terms in pairs; NULL in sets for floats */
    void (*pack_half_rows)(size_t k, size_t n, const uint16_t *x, size_t ld, float *panel);
    void (*pack_half_columns)(size_t k, size_t n, const uint16_t *x, size_t ld, float *panel);
    /* from B^T: panel[u * columns + j] holds x[j * ld + u * terms] and on, j < n */
    void (*pack_transposed)(size_t k, size_t n, const float *x, size_t ld, float *panel);
};

/* pack_line for floats. */
static inline void
gemm_pack_line(size_t k, const float *x, float *line)
{
    memcpy(line, x, k * sizeof *x);
}

/* pack_rows and pack_columns for floats and a width that the compiler knows. */
static inline void
gemm_pack_straight(size_t width, size_t k, size_t n, const float *x, size_t ld, float *panel)
{
    if (n == width) {
        for (size_t p = 0; p < k; p++)
            memcpy(panel + p * width, x + p * ld, width * sizeof *x);
        return;
    }
    for (size_t p = 0; p < k; p++)
        for (size_t j = 0; j < width; j++)
            panel[p * width + j] = j < n ? x[p * ld + j] : 0.0f;
}

extern const struct gemm_kernel gemm_kernel_bf16;
extern const struct gemm_kernel gemm_kernel_avx512;
extern const struct gemm_kernel gemm_kernel_avx2;
extern const struct gemm_kernel gemm_kernel_plain;

/* Float kernels that this processor runs, the fastest first; NULL beyond the last. The last is
 * plain C, which is fast only where the compiler finds fused multiply-adds: an oracle elsewhere. */
const struct gemm_kernel *gemm_kernel_at(size_t index);

/* One product with a kernel; call->precision is not looked at. */
void gemm_native_product(const struct gemm_kernel *kernel, const struct gemm_call *call);

#endif
