/*
 * What the processor and this process can do: features by CPUID, cores allowed, memory used.
 */
#ifndef CORE_BASE_CPU_H
#define CORE_BASE_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu_features {
    bool avx2;   /* with FMA and operating system support for the registers */
    bool avx512; /* F, BW, DQ, VL with operating system support */
    bool avx512_bf16;
    bool amx_bf16; /* and Linux has granted this process the tile registers */
    char name[64]; /* brand string, trimmed */
};

/* Ask the processor; all false and name "unknown" where it cannot be asked. */
struct cpu_features cpu_features(void);

/* Processors that this process may run on: affinity and cgroup CPU quota, at least 1. */
size_t cpu_count(void);

/* Peak resident memory of this process in bytes since it started. */
int64_t cpu_peak_memory_bytes(void);

#endif
