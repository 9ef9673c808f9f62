/*
 * The benchmark that anyone can run: `bench core`, `train`, `scale`, `predict`,
 * `tokenize`, `logits`, `store`.
 *
 * Without arguments a subcommand makes up its model and its rows, so that it needs no download.
 */
#include "daemon/command.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int count, char *const *arguments);
    const char *usage;
} programs[] = {
    {"core", bench_core, "operators beside the engine's peak, and where a training step goes"},
    {"train", bench_train, "tokens/s, useful GFLOP/s and memory of a training run"},
    {"scale", bench_scale, "time and memory of a step by tokens a row"},
    {"predict", bench_predict, "rows/s and the latency of one row"},
    {"tokenize", bench_tokenize, "texts/s of the tokenizer"},
    {"logits", bench_logits, "what a model says of rows of token ids"},
    {"store", bench_store, "latency of a full database over HTTP, memory of idle streams"},
};

enum { PROGRAM_COUNT = sizeof programs / sizeof programs[0] };

static int
print_usage(FILE *file, int exit_code)
{
    fputs("Usage: bench SUBCOMMAND [OPTION]...   each has its own --help\n", file);
    for (size_t i = 0; i < PROGRAM_COUNT; i++)
        fprintf(file, "  %-10s%s\n", programs[i].name, programs[i].usage);
    return exit_code;
}

int
main(int count, char **arguments)
{
    if (count < 2)
        return print_usage(stderr, EXIT_WRONG_USE);
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0)
        return print_usage(stdout, EXIT_OK);
    for (size_t i = 0; i < PROGRAM_COUNT; i++) {
        if (strcmp(arguments[1], programs[i].name) == 0)
            return programs[i].run(count - 2, arguments + 2);
    }
    fprintf(stderr, "bench: no subcommand '%s'\n", arguments[1]);
    return print_usage(stderr, EXIT_WRONG_USE);
}
