/*
 * bfloat16: the upper half of a float, rounded to nearest, ties to even.
 *
 * Rounded in integers, so that subnormal numbers count and every processor gives the same bits.
 * Infinity stays, not-a-number stays one, and what is too large becomes infinity.
 */
#ifndef CORE_BASE_BF16_H
#define CORE_BASE_BF16_H

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

/* The number that these bits are. */
static inline float
bf16_float(uint32_t bits)
{
    float x;
    bits <<= 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
