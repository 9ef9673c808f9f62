/*
 * The numbers of a training run, and the rule that chooses those the user left out.
 *
 * Before resolution an absent number is "auto": PARAMS_AUTO for integers, NaN for reals, *_AUTO for
 * enumerations. train_params_resolve replaces every one and says why. An accepted job stores the
 * resolved numbers, so new defaults never change it.
 */
#ifndef CORE_TRAIN_PARAMS_H
#define CORE_TRAIN_PARAMS_H

#include "core/base/mem.h"
#include "core/gemm/gemm.h"
#include "core/model/config.h"
#include "core/data/dedupe.h"
#include "core/text/truncation.h"
#include "core/train/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARAMS_AUTO = -1 };

/* The engines know no "auto": it is a value that none of theirs has. */
#define PRECISION_AUTO ((enum gemm_precision)PARAMS_AUTO)

/* No metric has this value either. */
#define METRIC_AUTO ((enum metric)PARAMS_AUTO)

enum optimizer {
    OPTIMIZER_AUTO,
    OPTIMIZER_ADAM,
    OPTIMIZER_ADAMW,
    OPTIMIZER_SGD,
    OPTIMIZER_MOMENTUM
};
enum lr_scheduler { SCHEDULER_AUTO, SCHEDULER_CONSTANT, SCHEDULER_LINEAR };
enum preset { PRESET_AUTO, PRESET_PLAIN };

/* How the rows of an epoch fall into batches; order.h. */
enum batching { BATCHING_AUTO, BATCHING_SHUFFLE, BATCHING_GROUPED };

/* How the job comes to its model. */
enum train_method {
    METHOD_SUPERVISED,  /* all weights are trained */
    METHOD_LINEAR_PROBE /* the encoder stays as it is, a classifier is fitted: core/probe */
};

/* What a new classifier starts from. */
enum init_head {
    INIT_HEAD_AUTO,
    INIT_HEAD_RANDOM,
    INIT_HEAD_PRIOR,       /* random, but the biases say how frequent each label is */
    INIT_HEAD_LINEAR_PROBE /* what METHOD_LINEAR_PROBE would end with */
};

/* Ending a run whose validation no longer improves; best.h. */
struct early_stopping {
    int64_t patience;   /* validations without progress; 0: never */
    double min_delta;   /* an improvement that is not greater is none */
    enum metric metric; /* as it was given; metric_for_best_model is the one in force */
};

struct train_params {
    enum preset preset;
    int64_t seed;
    int64_t n_epochs;
    int64_t max_steps; /* 0: n_epochs decides */
    int64_t batch_size;
    int64_t max_seq_length;     /* in tokens, specials included */
    enum truncation truncation; /* stays TRUNCATION_AUTO where there is a stride */
    int64_t stride; /* tokens that neighbouring windows of a text share; PARAMS_AUTO: no windows */
    enum dedupe dedupe; /* of the training file, before anything else is done with its rows */
    double learning_rate;
    double learning_rate_multiplier; /* of the learning rate in force */
    enum optimizer optimizer;
    double beta1; /* of Adam; the momentum of OPTIMIZER_MOMENTUM */
    double beta2;
    double epsilon;
    double weight_decay;
    double max_grad_norm; /* 0: no clipping */
    enum lr_scheduler lr_scheduler;
    int64_t warmup_steps;
    double warmup_ratio; /* of all steps; used when warmup_steps was not given */
    double hidden_dropout;
    double attention_dropout;
    double classifier_dropout;
    double validation_split; /* fraction of the training file, when there is no validation file */
    int64_t save_steps;      /* extra checkpoints; 0: at the end of each epoch only */
    int64_t threads;         /* 0: as many as the machine gives */
    enum gemm_precision precision;
    int64_t gradient_checkpointing; /* 0 or 1: keep only the inputs of layers, compute them anew */
    enum batching batching;
    int64_t eval_steps; /* extra validations; 0: at the end of each epoch only */
    enum metric metric_for_best_model;
    int64_t load_best_model; /* 0 or 1: the best checkpoint becomes the final model, not the last */
    struct early_stopping early_stopping;
    double label_smoothing; /* share of a target that is spread over all classes */
    double focal_gamma;     /* 0: every row counts as it is */
    double oversample;      /* least rows of a class in an epoch, by those of the largest one */
    enum init_head init_head;
    int64_t baseline;         /* 0 or 1: measured beside the model, when it has been trained */
    enum train_method method; /* of the request */
    /* of the plan, so that a run goes on with what it began with */
    enum task task;
    uint32_t class_weights_mark; /* 0: none; class_weights.h */
};

/* An absent validation_split; the split is made before the rest can be resolved. */
#define PARAMS_DEFAULT_VALIDATION_SPLIT 0.1

/* All "auto". */
struct train_params train_params_auto(void);

/* What the choice may depend on. */
struct train_facts {
    size_t training_rows;              /* after the validation split */
    size_t repeated_rows;              /* that an epoch has beside them: oversample, windows */
    const struct model_config *config; /* the base model's */
    enum task task;                    /* that the job trains for */
    bool has_bf16;                     /* the engine computes in bfloat16 on this processor, fast */
};

/* One choice that was made for the user: name, value as text, and the reason in a clause. */
struct train_choice {
    const char *name;
    char value[32];
    const char *reason;
};

enum { TRAIN_MAX_CHOICES = 64 };

struct train_choices {
    struct train_choice items[TRAIN_MAX_CHOICES];
    size_t count;
};

/*
 * Replace every auto value. Rule of PRESET_AUTO: AdamW, no decay, clipping at 1.0, linear decay
 * after 6 % warm-up, batch 32 (16 below 1,000 rows, and of words), learning rate by hidden size
 * (5e-5 from 768, 1e-4 from 512, 2e-4 below), epochs for about 1,500 steps between 3 and 10.
 * PRESET_PLAIN: Adam, 5e-5 constant, batch 32, 3 epochs, no decay, no clipping. With either: bf16
 * where the machine has it, else fp32; no gradient checkpointing; shuffled batches. The final model
 * is the last one, unless a metric for the best one or early stopping was asked for. Pure: the same
 * facts give the same numbers.
 */
void train_params_resolve(struct train_params *params, const struct train_facts *facts,
                          struct train_choices *choices);

/* The same for truncation, of which only the tokenizer's files and config.json know. */
void train_params_resolve_truncation(struct train_params *params, enum truncation own,
                                     struct train_choices *choices);

/* The same for stride, where the base model was trained with one. */
void train_params_resolve_stride(struct train_params *params, struct text_windows own,
                                 struct train_choices *choices);

/* ceil(rows of an epoch / batch_size) * n_epochs, or max_steps; 1 for a probe; params are resolved.
 */
size_t train_params_total_steps(const struct train_params *params, size_t epoch_rows);

const char *optimizer_name(enum optimizer optimizer);
const char *lr_scheduler_name(enum lr_scheduler scheduler);
const char *preset_name(enum preset preset);
const char *batching_name(enum batching batching);
const char *init_head_name(enum init_head head);
const char *train_method_name(enum train_method method);   /* "supervised", "linear_probe" */
const char *precision_name(enum gemm_precision precision); /* "auto", "fp32", "bf16" */

#endif
