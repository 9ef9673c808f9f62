/* What the processor and the process can do; see cpu.h. */
#include "core/base/cpu.h"

#include "core/base/cgroup.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux's arch_prctl request for a large register file, and the number of the tiles' data; from
 * 5.16. A process must ask before its first tile instruction, and may ask again. */
enum { REQUEST_REGISTERS = 0x1023, TILE_DATA = 18 };

/* XCR0: which register files the operating system saves. Read by its instruction's bytes (xgetbv).
 */
static uint64_t
saved_registers(void)
{
    uint32_t low = 0;
    uint32_t high = 0;
    __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* Do tiles multiply bfloat16 numbers (leaf 7: EDX bits 24, 22), and may this process use them? */
static bool
has_tiles(unsigned leaf_7_edx, uint64_t saved)
{
    const unsigned tiles_and_bf16 = 1u << 24 | 1u << 22;
    const uint64_t configuration_and_data = UINT64_C(3) << 17;
    return (leaf_7_edx & tiles_and_bf16) == tiles_and_bf16 &&
           (saved & configuration_and_data) == configuration_and_data &&
           syscall(SYS_arch_prctl, REQUEST_REGISTERS, TILE_DATA) == 0;
}

static void
read_name(char name[64])
{
    unsigned words[12] = {0};
    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
                         &words[4 * i + 3]))
            return;
    char text[sizeof words + 1] = {0};
    memcpy(text, words, sizeof words);
    const char *start = text + strspn(text, " ");
    size_t length = strlen(start);
    while (length > 0 && start[length - 1] == ' ')
        length--;
    if (length > 0)
        snprintf(name, 64, "%.*s", (int)length, start);
}

struct cpu_features
cpu_features(void)
{
    struct cpu_features out = {.name = "unknown"};
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    read_name(out.name);
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0)
        return out;
    bool fma = (c & bit_FMA) != 0;
    uint64_t saved = saved_registers();
    bool ymm = (saved & 0x6) == 0x6;
    bool zmm = (saved & 0xe6) == 0xe6;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return out;
    unsigned wanted = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    out.avx2 = ymm && fma && (b & bit_AVX2) != 0;
    out.avx512 = zmm && out.avx2 && (b & wanted) == wanted;
    out.amx_bf16 = out.avx512 && has_tiles(d, saved);
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d))
        out.avx512_bf16 = out.avx512 && (a & (1u << 5)) != 0;
    return out;
}
#else
struct cpu_features
cpu_features(void)
{
    return (struct cpu_features){.name = "unknown"};
}
#endif

/* Processors that the control groups' quota comes to, rounded up; 0: no quota. */
static size_t
cgroup_quota(void)
{
    struct cgroup_limits limits;
    cgroup_read(CGROUP_MOUNT, CGROUP_MEMBERSHIP, &limits);
    size_t whole = (size_t)limits.processors;
    return whole + ((double)whole < limits.processors);
}

size_t
cpu_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    size_t count = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = (size_t)CPU_COUNT(&set);
    size_t quota = cgroup_quota();
    if (quota > 0 && quota < count)
        count = quota;
    return count > 0 ? count : 1;
}

int64_t
cpu_peak_memory_bytes(void)
{
    /* Not getrusage: its figure begins with that of the program which started this one. */
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kibibytes = 0;
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmHWM: %ld kB", &kibibytes) == 1)
            break;
    fclose(file);
    return (int64_t)kibibytes * 1024;
}
