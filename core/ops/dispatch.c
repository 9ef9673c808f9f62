/* Which instruction sets there are and which one to use; compiled once. */
#include "core/base/cpu.h"
#include "core/ops/ops.h"

extern const struct ops ops_plain;
#if defined(__x86_64__)
extern const struct ops ops_avx2;
extern const struct ops ops_avx512;
#endif

const struct ops *
ops_set(size_t index)
{
    if (index == 0)
        return &ops_plain;
#if defined(__x86_64__)
    struct cpu_features cpu = cpu_features();
    if (index == 1 && cpu.avx2)
        return &ops_avx2;
    if (index == 2 && cpu.avx512)
        return &ops_avx512;
#endif
    return NULL;
}

const struct ops *
ops_best(void)
{
    size_t best = 0;
    while (ops_set(best + 1) != NULL)
        best++;
    return ops_set(best);
}

struct dropout
dropout_site(double probability, uint64_t seed, enum rng_site site, size_t layer, size_t step)
{
    uint32_t threshold = (uint32_t)(probability * 65536.0 + 0.5);
    return (struct dropout){
        .stream = rng_stream(seed, site, (uint32_t)layer, (uint32_t)step),
        .threshold = threshold,
        .scale = (float)(65536.0 / (65536.0 - (double)threshold)),
    };
}
