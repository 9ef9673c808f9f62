/* To bfloat16 and back: how activations are kept where products take their operands so. */
#include "core/base/bf16.h"
#include "core/ops/sets.h"

void
OPS(round_bf16)(size_t n, float *restrict x, uint16_t *restrict half)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bf16_bits(x[i]);
        half[i] = (uint16_t)bits;
        x[i] = bf16_float(bits);
    }
}

void
OPS(widen_bf16)(size_t n, const uint16_t *restrict half, float *restrict x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = bf16_float(half[i]);
}
