/*
 * A plan: what a job will do, known before the first step and without touching the weights.
 *
 * train_plan_make reads the labelled files, checks that they fit each other and the model, resolves
 * every auto value and counts the steps. A job is accepted on the strength of its plan; the worker
 * makes the same plan again when the job's turn comes.
 */
#ifndef CORE_TRAIN_PLAN_H
#define CORE_TRAIN_PLAN_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/dataset.h"
#include "core/data/labelling.h"
#include "core/data/labels.h"
#include "core/data/oversample.h"
#include "core/data/targets.h"
#include "core/hub/model_dir.h"
#include "core/model/config.h"
#include "core/ops/ops.h"
#include "core/train/params.h"

#include <stdbool.h>
#include <stddef.h>

/* A labelled file: where its bytes lie, and the name that the user knows it by. path NULL: none. */
struct train_file {
    const char *path;
    const char *name;
};

struct train_resume; /* trainer.h */

struct train_request {
    const char *base_folder; /* model folder */
    const char *base_name;   /* as the user said it, for messages */
    struct train_file training, validation, test;
    struct data_columns columns;
    enum task task;
    const char *class_weights;         /* "balanced", a JSON object, or NULL: class_weights.h */
    struct train_params params;        /* autos allowed */
    bool has_bf16;                     /* of the engine that will train: gemm_engine_has_bf16 */
    const struct train_resume *resume; /* of train_run alone; NULL: from the beginning */
};

/* Which part of the request a refusal is about; names of the API's parameters via train_part_name.
 */
enum train_part {
    PART_MODEL,
    PART_TRAINING_FILE,
    PART_VALIDATION_FILE,
    PART_TEST_FILE,
    PART_PARAMETERS
};

struct train_fault {
    enum train_part part;
    const char *parameter; /* the API name: "training_file", "max_seq_length" */
    size_t line;           /* 0 when no line is at fault */
    bool unsupported;      /* legal, but not built yet */
    bool is_generation;    /* the file is for generating text: not_a_classification_set */
};

struct train_plan {
    struct train_params params; /* resolved */
    struct train_choices choices;
    struct model_config config;    /* of the base, with our labels and max_seq_length */
    struct model_load_report load; /* what of the network the base model does not bring */
    bool keeps_head; /* the base is a fine-tuned model with these very labels: its head goes on */
    enum task task;
    const char *target; /* what the labels are of, by the training file; NULL: it does not say */
    struct label_set labels; /* classes, labels, or the names of a regression's numbers */
    const char *training_name;
    /* regression: (K) each, standard deviation and mean of the training rows' numbers; the network
     * learns (number - shift) / scale. NULL for other tasks. */
    float *output_scale, *output_shift;
    struct loss_options loss;        /* of training */
    struct dedupe_counts duplicates; /* left out of the training file, by params.dedupe */
    size_t training_rows, validation_rows, test_rows;
    size_t repeated_rows; /* that an epoch has beside the training rows, by params.oversample */
    /* the same by params.stride: windows of training texts beside the first of each */
    size_t further_windows;
    size_t total_steps;
    size_t probe_rows; /* most training rows that a linear probe learns from; 0: all */
    /* what train_run needs, filled by train_plan_make and released by train_plan_fini */
    struct dataset *training, *validation, *test;
    struct tokenizer *tokenizer;     /* of the base model */
    struct targets training_targets; /* of the rows of the training file */
    bool *held_out; /* rows of the training file that validate; NULL with a validation file */
};

/*
 * Make a plan. 0, or a negative code with err->message a full sentence (file, line, remedy) and
 * *fault saying where. Strings live in arena. On failure nothing needs releasing.
 */
int train_plan_make(const struct train_request *request, struct arena *arena,
                    struct train_plan *out, struct train_fault *fault, struct err *err);

void train_plan_fini(struct train_plan *plan);

/* How labelled rows become targets of the plan; borrows from it. */
struct labelling train_plan_labelling(const struct train_plan *plan);

/* Most rows that an epoch may have beside the training rows. */
enum { PLAN_MOST_REPEATS = 16 * 1024 * 1024 };

/* Training rows of an epoch, those that are repeated and all windows included. */
static inline size_t
train_plan_epoch_rows(const struct train_plan *plan)
{
    return plan->training_rows + plan->repeated_rows + plan->further_windows;
}

/* The rule by which rows are repeated, all zero where none is. ERR_MEMORY, and nothing needs
 * releasing then. */
int train_plan_repeats(const struct train_plan *plan, struct oversample *out, struct err *err);

#endif
