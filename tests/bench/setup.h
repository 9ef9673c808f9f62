/*
 * What the subcommands share: options, the engine, a model folder and labelled rows.
 *
 * A model is a folder that was given (--model) or one made up from a shape: config.json and a
 * vocabulary, no weights. Rows are a file that was given (--data) or made up from the model's own
 * words, each exactly --length tokens long. What is made up lies in a temporary folder.
 */
#ifndef TESTS_BENCH_SETUP_H
#define TESTS_BENCH_SETUP_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/gemm/gemm.h"
#include "core/model/config.h"
#include "daemon/options.h"
#include "tests/bench/figures.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of an option table for what setup_open uses. */
#define SETUP_OPTIONS                                                                              \
    {"model", 0, "DIR", "A model folder. Without one, a model is made up."},                       \
        {"shape", 0, "NAME", "Of the made-up model: tiny, minilm (default) or base."},             \
        {"vocab", 0, "FILE", "Its vocabulary; without one, words are made up."},                   \
        {"data", 0, "FILE", "Labelled rows (JSONL, CSV, TSV). Without it, rows are made up."},     \
        {"rows", 0, "N", "How many rows to make up."},                                             \
        {"length", 0, "N", "Tokens of each made-up row; with --data, where rows are cut."},        \
        {"threads", 0, "N", "Default: as many as the machine gives."},                             \
        {"engine", 0, "NAME", "native, onednn, openblas, or auto (default): the best."},           \
        {"json", 0, NULL, "Print one JSON object."},                                               \
    {                                                                                              \
        "help", 'h', NULL, "This text."                                                            \
    }

/* Rows of an option table for training steps. */
#define SETUP_TRAINING_OPTIONS                                                                     \
    {"batch", 0, "N", "Rows of a batch. Default: 32."},                                            \
        {"steps", 0, "N", "Steps that are measured."},                                             \
        {"warmup", 0, "N", "Steps before them. Default: 3."},                                      \
        {"precision", 0, "P", "fp32 (default), bf16 or auto."},                                    \
        {"batching", 0, "NAME", "shuffle (default) or grouped."},                                  \
    {                                                                                              \
        "checkpointing", 0, NULL, "Gradient checkpointing: less memory, more time."                \
    }

struct setup {
    /* from the options */
    const char *model, *shape, *vocab, *data, *engine_name;
    int64_t rows, length, threads, batch, steps, warmup;
    enum gemm_precision precision;
    bool grouped, checkpointing;
    const struct options *options; /* all of them, for a subcommand's own */
    struct figures figures;
    struct arena *arena;
    /* from setup_open */
    struct gemm_engine *engine;
    struct model_config config; /* of the folder: without a classifier where it is a base model */
    const char *scratch;        /* folder for what is made up; NULL: none yet */
};

struct setup_program {
    const char *name, *purpose;
    struct option_table table;
    struct setup defaults;
    bool opens_itself; /* run calls setup_open, as one does that forks first */
    int (*run)(struct setup *setup, struct err *err);
};

/* Parse, open, run, close: everything of a subcommand. The process's exit code. */
int setup_main(const struct setup_program *program, int count, char *const *arguments);

/* Engine, model folder and rows; setup->model and setup->data are paths from then on. */
int setup_open(struct setup *setup, struct err *err);
void setup_close(struct setup *setup);

/* The folder for what is made up; NULL with err when it cannot be made. */
const char *setup_scratch(struct setup *setup, struct err *err);

#endif
