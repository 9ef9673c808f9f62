/*
 * bfloat16: the upper half of a float, rounded to nearest, ties to even. Private to core/gemm.
 *
 * Rounded in integers, so that subnormal numbers count and every processor gives the same bits.
 * Infinity stays, not-a-number stays one, and what is too large becomes infinity.
 */
#ifndef CORE_GEMM_BF16_H
#define CORE_GEMM_BF16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The upper half of the nearest bfloat16. Adding just under half of the last place kept, and one
 * more where that place is odd, carries exactly when the number is to be rounded up. Not-a-number
 * is kept from carrying into infinity: it is cut off, and its quiet bit set.
 */
static inline uint32_t
bf16_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    uint32_t cut = bits >> 16 | 0x40u;
    return (bits & 0x7fffffffu) > 0x7f800000u ? cut : rounded;
}

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
