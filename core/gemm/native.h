/*
 * Our own products in float: packing and blocking that are the same for every processor, and tiles
 * written for each instruction set. Private to core/gemm.
 *
 * An element of C is computed by one rule, whatever the set and however rows and columns are cut:
 * the sum over k is cut into equal blocks of at most NATIVE_BLOCK terms; a block is one chain of
 * fused multiply-adds in the order of k; a block's sum times alpha is added to what C holds (the
 * first block: to the bias, to the old C, or to nothing). So all sets give the same bits.
 */
#ifndef CORE_GEMM_NATIVE_H
#define CORE_GEMM_NATIVE_H

#include "core/gemm/gemm.h"

#include <string.h>

enum {
    NATIVE_BLOCK = 384, /* terms of a sum at a time: a panel of B this long stays in the cache */
    NATIVE_ROWS = 264,  /* rows of A that are packed at a time; a multiple of every set's rows */
    NATIVE_COLUMNS = 32 /* widest panel of any set */
};

/*
 * Memory that the next panel will be packed from: it is fetched into the cache while the present
 * one is computed, a cache line every few terms. Rows of `lines` cache lines, `stride` bytes apart.
 */
struct gemm_ahead {
    const char *at;
    size_t line, lines; /* of the present row */
    size_t stride;
    size_t rows; /* left; 0: nothing to fetch */
};

enum { GEMM_CACHE_LINE = 64 };

/* Step to the next line and return it; NULL-free: beyond the end it stays where it is. */
static inline const char *
gemm_ahead_next(struct gemm_ahead *ahead)
{
    const char *line = ahead->at + ahead->line * GEMM_CACHE_LINE;
    if (ahead->rows == 0)
        return ahead->at;
    if (++ahead->line == ahead->lines) {
        ahead->line = 0;
        ahead->rows--;
        ahead->at += ahead->rows == 0 ? 0 : ahead->stride;
    }
    return line;
}

/* One tile: C (rows, columns) from rows of A and a packed panel of B. */
struct gemm_tile {
    size_t k;
    const float *a; /* element (i, p) is a[i * a_row + p * a_step] */
    size_t a_row, a_step;
    const float *b; /* (k, kernel->columns), zeros beyond `columns` */
    float alpha;
    const float *bias; /* (columns), or NULL */
    bool accumulate;   /* add to C */
    float *c;
    size_t ldc;
    size_t rows, columns; /* at most the kernel's */
    struct gemm_ahead *ahead;
};

/*
 * What a set brings: the size of its tiles, a tile, and packing into panels panel[p * width + j] of
 * k times width elements, zero for j >= n.
 */
struct gemm_kernel {
    const char *name;
    size_t rows, columns;
    void (*tile)(const struct gemm_tile *tile);
    /* width = rows: from A^T, panel[p * rows + i] = x[p * ld + i], i < n */
    void (*pack_rows)(size_t k, size_t n, const float *x, size_t ld, float *panel);
    /* width = columns: from B, panel[p * columns + j] = x[p * ld + j], j < n */
    void (*pack_columns)(size_t k, size_t n, const float *x, size_t ld, float *panel);
    /* width = columns: from B^T, panel[p * columns + j] = x[j * ld + p], j < n */
    void (*pack_transposed)(size_t k, size_t n, const float *x, size_t ld, float *panel);
};

/* pack_rows and pack_columns for a width that the compiler knows. */
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

extern const struct gemm_kernel gemm_kernel_avx512;
extern const struct gemm_kernel gemm_kernel_avx2;
extern const struct gemm_kernel gemm_kernel_plain;

/* Kernels that this processor runs, the fastest first; NULL beyond the last. The last is plain C,
 * which is fast only where the compiler finds fused multiply-adds: an oracle elsewhere. */
const struct gemm_kernel *gemm_kernel_at(size_t index);

/* One product in GEMM_FP32 with a kernel. */
void gemm_native_product(const struct gemm_kernel *kernel, const struct gemm_call *call);

#endif
