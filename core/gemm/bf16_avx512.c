/*
 * Rounding to bfloat16 where the processor has AVX-512: the same lines, compiled with its options
 * (CMakeLists.txt), more than twice as fast. Called only there.
 */
#include "core/gemm/bf16.h"

void
bf16_round_avx512(size_t rows, size_t columns, const float *x, size_t ld, uint16_t *out)
{
    bf16_round_rows(rows, columns, x, ld, out);
}
