/* What the processor can do, held against what Linux lists of it in /proc/cpuinfo. */
#include "core/base/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The first processor's flags, with a blank on either side; NULL where Linux lists none so. */
static char *
read_flags(void)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char *line = NULL;
    size_t capacity = 0;
    char *flags = NULL;
    while (file != NULL && flags == NULL && getline(&line, &capacity, file) > 0) {
        if (strncmp(line, "flags", 5) != 0)
            continue;
        line[strcspn(line, "\n")] = ' ';
        flags = strdup(strchr(line, ':') + 1);
    }
    free(line);
    if (file != NULL)
        fclose(file);
    return flags;
}

static bool
lists(const char *flags, const char *flag)
{
    char word[32];
    snprintf(word, sizeof word, " %s ", flag);
    return strstr(flags, word) != NULL;
}

static void
features_are_those_that_linux_lists(void **state)
{
    (void)state;
    char *flags = read_flags();
    if (flags == NULL) {
        printf("SKIPPED: /proc/cpuinfo lists no flags here\n");
        return;
    }
    struct cpu_features cpu = cpu_features();
    assert_int_equal(cpu.avx2, lists(flags, "avx2") && lists(flags, "fma"));
    assert_int_equal(cpu.avx512, cpu.avx2 && lists(flags, "avx512f") && lists(flags, "avx512bw") &&
                                     lists(flags, "avx512dq") && lists(flags, "avx512vl"));
    assert_int_equal(cpu.avx512_bf16, cpu.avx512 && lists(flags, "avx512_bf16"));
    /* Linux may still refuse a process the tiles' registers: listed does not mean granted. */
    assert_true(!cpu.amx_bf16 || (lists(flags, "amx_tile") && lists(flags, "amx_bf16")));
    free(flags);
}

static void
asking_again_gives_the_same_answer(void **state)
{
    (void)state;
    struct cpu_features first = cpu_features();
    struct cpu_features second = cpu_features();
    assert_int_equal(first.amx_bf16, second.amx_bf16);
    assert_int_equal(first.avx512, second.avx512);
    assert_string_equal(first.name, second.name);
    assert_true(strlen(first.name) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_those_that_linux_lists),
        cmocka_unit_test(asking_again_gives_the_same_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
