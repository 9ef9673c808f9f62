/* Whole matrices rounded to bfloat16 (core/base/bf16.h). Private to core/gemm. */
#ifndef CORE_GEMM_BF16_H
#define CORE_GEMM_BF16_H

#include "core/base/bf16.h"

#include <stddef.h>

/* out (rows, columns) = x rounded, row by row without gaps; ld elements from one row of x to the
 * next. */
static inline void
bf16_round_rows(size_t rows, size_t columns, const float *x, size_t ld, uint16_t *out)
{
    for (size_t row = 0; row < rows; row++, x += ld, out += columns)
        for (size_t i = 0; i < columns; i++)
            out[i] = (uint16_t)bf16_bits(x[i]);
}

/* The above, compiled for any processor and for one with AVX-512. */
typedef void bf16_function(size_t rows, size_t columns, const float *x, size_t ld, uint16_t *out);
bf16_function bf16_round;
bf16_function bf16_round_avx512;

/* The same, as the floats that the rounded numbers are. */
void bf16_round_float(size_t rows, size_t columns, const float *x, size_t ld, float *out);

#endif
