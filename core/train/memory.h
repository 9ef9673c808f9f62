/*
 * What a job needs of memory at its peak, told before it runs.
 *
 * The sum is made of what a run allocates, by the same functions and shapes, but counts pages that
 * are touched rather than addresses that are reserved: batches are those that the seeded order will
 * make, and word rows are those that the texts use. Meant to lie within 10 % of the resident memory
 * that `finetuned run` reaches.
 */
#ifndef CORE_TRAIN_MEMORY_H
#define CORE_TRAIN_MEMORY_H

#include "core/base/err.h"
#include "core/train/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an estimate depends on beside the plan. */
struct train_memory_facts {
    const char *base_folder; /* of the model */
    size_t threads;
    size_t process_bytes; /* of the process before the job: train_memory_of_process */
    bool saves;           /* the model is written */
};

/* The parts, in bytes. */
struct train_memory {
    size_t process; /* program, libraries, engine, and each thread's share */
    size_t data;    /* texts and labels as they were read, the tokenizer, tokens */
    size_t parameters;
    size_t gradients;
    size_t moments;     /* of the optimizer */
    size_t activations; /* of the largest group of a training batch, but for what gradients lend */
    size_t evaluation;  /* what validation and test need beyond the training activations */
    size_t saving;      /* the tokenizer's files as they are made */
    size_t peak;        /* of the whole process */
};

/* Resident bytes of this process now. Ask when the engine is open and no job has begun. */
size_t train_memory_of_process(void);

/*
 * Estimate a plan. ERR_MEMORY, or what tokenizer_open says of base_folder. Deterministic but for
 * process_bytes.
 */
int train_memory_estimate(const struct train_plan *plan, const struct train_memory_facts *facts,
                          struct train_memory *out, struct err *err);

#endif
