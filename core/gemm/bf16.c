/* Rounding to bfloat16 on any processor; see bf16.h. */
#include "core/gemm/bf16.h"

void
bf16_round(size_t rows, size_t columns, const float *x, size_t ld, uint16_t *out)
{
    bf16_round_rows(rows, columns, x, ld, out);
}

void
bf16_round_float(size_t rows, size_t columns, const float *x, size_t ld, float *out)
{
    for (size_t row = 0; row < rows; row++, x += ld, out += columns)
        for (size_t i = 0; i < columns; i++)
            out[i] = bf16_float(bf16_bits(x[i]));
}
