/*
 * Choosing the numbers of a training run; see params.h for the rule in words.
 *
 * A preset is a row of `recipes`: a number, or BY_RULE where the number depends on the data or on
 * the model. Everything that is not a matter of preset has one default. Each choice is recorded
 * with its reason, so that a user reads in the job's events why a number is what it is.
 */
#include "core/train/params.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

enum {
    SMALL_DATA_ROWS = 1000, /* below: smaller batches, so that there are enough steps */
    SMALL_BATCH = 16,
    USUAL_BATCH = 32,
    WANTED_STEPS = 1500,
    FEWEST_EPOCHS = 3,
    MOST_EPOCHS = 10,
    DEFAULT_SEED = 42 /* callers draw one; this is for those that do not */
};

#define BY_RULE (-1.0)

/* What belongs to a preset. */
struct recipe {
    const char *reason; /* of every value that is not BY_RULE */
    enum optimizer optimizer;
    enum lr_scheduler lr_scheduler;
    double learning_rate;
    double batch_size;
    double n_epochs;
    double weight_decay;
    double max_grad_norm;
    double warmup_ratio;
};

static const struct recipe recipes[] = {
    [PRESET_AUTO] = {"the preset \"auto\"", OPTIMIZER_ADAMW, SCHEDULER_LINEAR, BY_RULE, BY_RULE,
                     BY_RULE, 0.0, 1.0, 0.06},
    [PRESET_PLAIN] = {"the preset \"plain\"", OPTIMIZER_ADAM, SCHEDULER_CONSTANT, 5e-5, USUAL_BATCH,
                      3, 0.0, 0.0, 0.0},
};

/* Learning rates that work, by width of the model: narrower models take larger steps. */
static const struct {
    size_t hidden_size;
    double learning_rate;
    const char *reason;
} rates[] = {
    {768, 5e-5, "the hidden size is 768 or more"},
    {512, 1e-4, "the hidden size is 512 or more, and below 768"},
    {0, 2e-4, "the hidden size is below 512"},
};

/*
 * Rows of a batch by task. Entities are learned from small batches: of the models whose recipe and
 * CoNLL-2003 score are published most took 8 to 24 rows for 3 epochs, and run_ner.py takes 8. With
 * MiniLM, 1,000 rows of SNIPS' slots and 10 epochs, 16 rows came to an entity F1 of 85.0, 32 to
 * 81.8 (one seed). For several labels and for numbers there is no such case: GoEmotions' authors
 * took 16 rows and 4 epochs, run_glue.py takes for STS-B what it takes for classes.
 */
static const struct batch_rule {
    int64_t rows;
    const char *reason;
} batches[] = {
    [TASK_AUTO] = {USUAL_BATCH, "there are 1,000 training rows or more"},
    [TASK_CLASSIFICATION] = {USUAL_BATCH, "there are 1,000 training rows or more"},
    [TASK_MULTI_LABEL] = {USUAL_BATCH, "there are 1,000 training rows or more"},
    [TASK_REGRESSION] = {USUAL_BATCH, "there are 1,000 training rows or more"},
    [TASK_TOKEN_CLASSIFICATION] = {SMALL_BATCH, "labels of words are learned from small batches"},
};

static const struct batch_rule few_rows = {SMALL_BATCH, "there are fewer than 1,000 training rows"};

static const char *const optimizer_names[] = {
    [OPTIMIZER_AUTO] = "auto", [OPTIMIZER_ADAM] = "adam",         [OPTIMIZER_ADAMW] = "adamw",
    [OPTIMIZER_SGD] = "sgd",   [OPTIMIZER_MOMENTUM] = "momentum",
};

static const char *const scheduler_names[] = {
    [SCHEDULER_AUTO] = "auto",
    [SCHEDULER_CONSTANT] = "constant",
    [SCHEDULER_LINEAR] = "linear",
};

static const char *const preset_names[] = {
    [PRESET_AUTO] = "auto",
    [PRESET_PLAIN] = "plain",
};

static const char *const batching_names[] = {
    [BATCHING_AUTO] = "auto",
    [BATCHING_SHUFFLE] = "shuffle",
    [BATCHING_GROUPED] = "grouped",
};

static const char *const init_head_names[] = {
    [INIT_HEAD_AUTO] = "auto",
    [INIT_HEAD_RANDOM] = "random",
    [INIT_HEAD_PRIOR] = "prior",
    [INIT_HEAD_LINEAR_PROBE] = "linear_probe",
};

static const char *const method_names[] = {
    [METHOD_SUPERVISED] = "supervised",
    [METHOD_LINEAR_PROBE] = "linear_probe",
};

static const char *const precision_names[] = {
    [GEMM_FP32] = "fp32",
    [GEMM_BF16] = "bf16",
};

/* A slot for one more choice; the last slot is reused rather than overrun. */
static struct train_choice *
note(struct train_choices *choices, const char *name, const char *reason)
{
    if (choices->count < TRAIN_MAX_CHOICES)
        choices->count++;
    struct train_choice *choice = &choices->items[choices->count - 1];
    *choice = (struct train_choice){.name = name, .reason = reason};
    return choice;
}

static void
choose_integer(struct train_choices *choices, const char *name, int64_t *field, int64_t value,
               const char *reason)
{
    if (*field != PARAMS_AUTO)
        return;
    *field = value;
    struct train_choice *choice = note(choices, name, reason);
    snprintf(choice->value, sizeof choice->value, "%lld", (long long)value);
}

static void
choose_flag(struct train_choices *choices, const char *name, int64_t *field, bool value,
            const char *reason)
{
    if (*field != PARAMS_AUTO)
        return;
    *field = value;
    struct train_choice *choice = note(choices, name, reason);
    snprintf(choice->value, sizeof choice->value, "%s", value ? "true" : "false");
}

static void
choose_real(struct train_choices *choices, const char *name, double *field, double value,
            const char *reason)
{
    if (!isnan(*field))
        return;
    *field = value;
    struct train_choice *choice = note(choices, name, reason);
    snprintf(choice->value, sizeof choice->value, "%.9g", value);
}

static void
choose_optimizer(struct train_params *params, const struct recipe *recipe,
                 struct train_choices *choices)
{
    if (params->optimizer == OPTIMIZER_AUTO) {
        params->optimizer = recipe->optimizer;
        struct train_choice *choice = note(choices, "optimizer", recipe->reason);
        snprintf(choice->value, sizeof choice->value, "%s", optimizer_name(params->optimizer));
    }
    if (isnan(params->beta1) || isnan(params->beta2)) {
        params->beta1 = isnan(params->beta1) ? 0.9 : params->beta1;
        params->beta2 = isnan(params->beta2) ? 0.999 : params->beta2;
        struct train_choice *choice = note(choices, "betas", "the usual ones of Adam");
        snprintf(choice->value, sizeof choice->value, "[%.6g, %.6g]", params->beta1, params->beta2);
    }
    choose_real(choices, "epsilon", &params->epsilon, 1e-8, "the usual one of Adam");
    choose_real(choices, "weight_decay", &params->weight_decay, recipe->weight_decay,
                recipe->reason);
    choose_real(choices, "max_grad_norm", &params->max_grad_norm, recipe->max_grad_norm,
                recipe->reason);
}

static void
choose_learning_rate(struct train_params *params, const struct train_facts *facts,
                     const struct recipe *recipe, struct train_choices *choices)
{
    size_t i = 0;
    while (facts->config->hidden_size < rates[i].hidden_size)
        i++;
    bool by_rule = recipe->learning_rate < 0;
    choose_real(choices, "learning_rate", &params->learning_rate,
                by_rule ? rates[i].learning_rate : recipe->learning_rate,
                by_rule ? rates[i].reason : recipe->reason);
    choose_real(choices, "learning_rate_multiplier", &params->learning_rate_multiplier, 1.0,
                "the learning rate is used as it is");
}

/* Many labels that are mostly absent: without their prior a run may never leave it; label_prior.h.
 */
static void
choose_head(struct train_params *params, const struct train_facts *facts,
            struct train_choices *choices)
{
    bool sparse = facts->task == TASK_MULTI_LABEL && params->preset == PRESET_AUTO;
    if (params->init_head != INIT_HEAD_AUTO)
        return;
    params->init_head = sparse ? INIT_HEAD_PRIOR : INIT_HEAD_RANDOM;
    struct train_choice *choice =
        note(choices, "init_head",
             sparse ? "a text has few of its labels, and the biases may say so from the start"
                    : "the usual start of a classifier for new labels");
    snprintf(choice->value, sizeof choice->value, "%s", init_head_name(params->init_head));
}

static size_t
steps_per_epoch(const struct train_params *params, size_t rows)
{
    size_t batch = (size_t)params->batch_size;
    size_t steps = rows / batch + (rows % batch != 0);
    return steps > 0 ? steps : 1;
}

/* How long: batch size first, since the steps of an epoch follow from it. */
static void
choose_length(struct train_params *params, const struct train_facts *facts,
              const struct recipe *recipe, struct train_choices *choices)
{
    bool few = facts->training_rows < SMALL_DATA_ROWS;
    const struct batch_rule *batch = few ? &few_rows : &batches[facts->task];
    bool by_rule = recipe->batch_size < 0;
    choose_integer(choices, "batch_size", &params->batch_size,
                   by_rule ? batch->rows : (int64_t)recipe->batch_size,
                   by_rule ? batch->reason : recipe->reason);
    choose_integer(choices, "max_steps", &params->max_steps, 0, "n_epochs decides");
    size_t epoch = steps_per_epoch(params, facts->training_rows + facts->repeated_rows);
    size_t wanted = params->max_steps > 0 ? (size_t)params->max_steps : WANTED_STEPS;
    int64_t epochs = (int64_t)((wanted + epoch - 1) / epoch);
    const char *reason = "what max_steps comes to";
    if (params->max_steps == 0 && recipe->n_epochs > 0) {
        epochs = (int64_t)recipe->n_epochs;
        reason = recipe->reason;
    } else if (params->max_steps == 0) {
        epochs = epochs < FEWEST_EPOCHS ? FEWEST_EPOCHS
                 : epochs > MOST_EPOCHS ? MOST_EPOCHS
                                        : epochs;
        reason = "that gives about 1,500 steps, within 3 to 10 epochs";
    }
    choose_integer(choices, "n_epochs", &params->n_epochs, epochs, reason);
}

/*
 * Afterwards warmup_steps is the number in force and warmup_ratio says the same as a fraction. A
 * ratio is rounded up to whole steps; the subtrahend keeps 0.07 * 100 = 7.000000000000001 at 7.
 */
static void
choose_schedule(struct train_params *params, const struct train_facts *facts,
                const struct recipe *recipe, struct train_choices *choices)
{
    if (params->lr_scheduler == SCHEDULER_AUTO) {
        params->lr_scheduler = recipe->lr_scheduler;
        struct train_choice *choice = note(choices, "lr_scheduler", recipe->reason);
        snprintf(choice->value, sizeof choice->value, "%s",
                 lr_scheduler_name(params->lr_scheduler));
    }
    size_t rows = facts->training_rows + facts->repeated_rows;
    double total = (double)train_params_total_steps(params, rows);
    if (params->warmup_steps != PARAMS_AUTO) {
        double share = (double)params->warmup_steps / total;
        if (isnan(params->warmup_ratio))
            params->warmup_ratio = share > 1.0 ? 1.0 : share;
        return;
    }
    choose_real(choices, "warmup_ratio", &params->warmup_ratio, recipe->warmup_ratio,
                recipe->reason);
    choose_integer(choices, "warmup_steps", &params->warmup_steps,
                   (int64_t)ceil(params->warmup_ratio * total - 1e-9),
                   "warmup_ratio of all steps, rounded up");
}

static void
choose_model_values(struct train_params *params, const struct train_facts *facts,
                    struct train_choices *choices)
{
    const struct model_config *config = facts->config;
    bool trained_length = config->max_seq_length > 0;
    choose_integer(choices, "max_seq_length", &params->max_seq_length,
                   (int64_t)(trained_length ? config->max_seq_length : config->max_positions),
                   trained_length ? "the length that the model was fine-tuned with"
                                  : "the model's own limit: nothing is cut unasked");
    choose_real(choices, "hidden_dropout", &params->hidden_dropout, config->hidden_dropout,
                "the model's config.json");
    choose_real(choices, "attention_dropout", &params->attention_dropout, config->attention_dropout,
                "the model's config.json");
    choose_real(choices, "classifier_dropout", &params->classifier_dropout,
                model_config_head_dropout(config, facts->task), "the model's config.json");
}

/* How a step is computed: what changes speed and memory, and (precision, batching) the result. */
static void
choose_computation(struct train_params *params, const struct train_facts *facts,
                   struct train_choices *choices)
{
    if (params->precision == PRECISION_AUTO) {
        params->precision = facts->has_bf16 ? GEMM_BF16 : GEMM_FP32;
        struct train_choice *choice =
            note(choices, "precision",
                 facts->has_bf16 ? "the processor multiplies bfloat16 numbers itself"
                                 : "engine and processor have no bfloat16 products");
        snprintf(choice->value, sizeof choice->value, "%s", precision_name(params->precision));
    }
    choose_flag(choices, "gradient_checkpointing", &params->gradient_checkpointing, false,
                "keeping what a step computes is faster");
    if (params->batching == BATCHING_AUTO) {
        params->batching = BATCHING_SHUFFLE;
        struct train_choice *choice =
            note(choices, "batching", "each batch is a chance sample of the rows");
        snprintf(choice->value, sizeof choice->value, "%s", batching_name(params->batching));
    }
}

/* Who asks for a metric of the best model, or ends a run early, wants the best one. */
static void
choose_best(struct train_params *params, struct train_choices *choices)
{
    struct early_stopping *early = &params->early_stopping;
    bool asked = params->metric_for_best_model != METRIC_AUTO || early->patience > 0;
    choose_integer(choices, "eval_steps", &params->eval_steps, 0,
                   "validation at the end of each epoch");
    if (params->metric_for_best_model == METRIC_AUTO) {
        bool told = early->metric != METRIC_AUTO;
        params->metric_for_best_model = told ? early->metric : METRIC_VALID_LOSS;
        struct train_choice *choice = note(choices, "metric_for_best_model",
                                           told ? "the one of early_stopping" : "the usual one");
        snprintf(choice->value, sizeof choice->value, "%s",
                 metric_name(params->metric_for_best_model));
    }
    choose_flag(choices, "load_best_model", &params->load_best_model, asked,
                asked ? "a metric for the best model or early stopping was asked for"
                      : "the last model is the final one");
    early->metric = METRIC_AUTO; /* what counts from here on is metric_for_best_model */
    early->patience = early->patience == PARAMS_AUTO ? 0 : early->patience;
    early->min_delta = isnan(early->min_delta) ? 0.0 : early->min_delta;
}

void
train_params_resolve_truncation(struct train_params *params, enum truncation own,
                                struct train_choices *choices)
{
    if (params->truncation != TRUNCATION_AUTO)
        return;
    params->truncation = own;
    struct train_choice *choice =
        note(choices, "truncation",
             own == TRUNCATION_HEAD ? "a text says most at its start, and the model has learned so"
                                    : "as the base model's files say");
    snprintf(choice->value, sizeof choice->value, "%s", truncation_name(own));
}

void
train_params_resolve_stride(struct train_params *params, struct text_windows own,
                            struct train_choices *choices)
{
    if (own.wanted)
        choose_integer(choices, "stride", &params->stride, (int64_t)own.stride,
                       "as the base model was trained");
}

struct train_params
train_params_auto(void)
{
    return (struct train_params){
        .preset = PRESET_AUTO,
        .seed = PARAMS_AUTO,
        .n_epochs = PARAMS_AUTO,
        .max_steps = PARAMS_AUTO,
        .batch_size = PARAMS_AUTO,
        .max_seq_length = PARAMS_AUTO,
        .stride = PARAMS_AUTO,
        .learning_rate = NAN,
        .learning_rate_multiplier = NAN,
        .optimizer = OPTIMIZER_AUTO,
        .beta1 = NAN,
        .beta2 = NAN,
        .epsilon = NAN,
        .weight_decay = NAN,
        .max_grad_norm = NAN,
        .lr_scheduler = SCHEDULER_AUTO,
        .warmup_steps = PARAMS_AUTO,
        .warmup_ratio = NAN,
        .hidden_dropout = NAN,
        .attention_dropout = NAN,
        .classifier_dropout = NAN,
        .validation_split = NAN,
        .save_steps = PARAMS_AUTO,
        .threads = PARAMS_AUTO,
        .precision = PRECISION_AUTO,
        .gradient_checkpointing = PARAMS_AUTO,
        .batching = BATCHING_AUTO,
        .eval_steps = PARAMS_AUTO,
        .metric_for_best_model = METRIC_AUTO,
        .load_best_model = PARAMS_AUTO,
        .early_stopping = {PARAMS_AUTO, NAN, METRIC_AUTO},
        .label_smoothing = NAN,
        .focal_gamma = NAN,
        .oversample = NAN,
        .init_head = INIT_HEAD_AUTO,
        .baseline = PARAMS_AUTO,
    };
}

void
train_params_resolve(struct train_params *params, const struct train_facts *facts,
                     struct train_choices *choices)
{
    const struct recipe *recipe = &recipes[params->preset];
    *choices = (struct train_choices){0};
    choose_integer(choices, "seed", &params->seed, DEFAULT_SEED, "none was drawn");
    choose_optimizer(params, recipe, choices);
    choose_learning_rate(params, facts, recipe, choices);
    choose_length(params, facts, recipe, choices);
    choose_schedule(params, facts, recipe, choices);
    choose_model_values(params, facts, choices);
    choose_real(choices, "validation_split", &params->validation_split,
                PARAMS_DEFAULT_VALIDATION_SPLIT,
                "a tenth of the training file validates when there is no validation file");
    choose_integer(choices, "save_steps", &params->save_steps, 0,
                   "a checkpoint at the end of each epoch");
    choose_integer(choices, "threads", &params->threads, 0, "as many as the machine gives");
    choose_computation(params, facts, choices);
    choose_best(params, choices);
    choose_real(choices, "label_smoothing", &params->label_smoothing, 0.0, "labels as they are");
    choose_real(choices, "focal_gamma", &params->focal_gamma, 0.0, "every row counts alike");
    choose_real(choices, "oversample", &params->oversample, 0.0, "an epoch has every row once");
    choose_head(params, facts, choices);
    choose_flag(choices, "baseline", &params->baseline, true,
                "the model is held against a simple one at the end");
}

size_t
train_params_total_steps(const struct train_params *params, size_t epoch_rows)
{
    if (params->method == METHOD_LINEAR_PROBE)
        return 1; /* the fit */
    if (params->max_steps > 0)
        return (size_t)params->max_steps;
    return steps_per_epoch(params, epoch_rows) * (size_t)params->n_epochs;
}

const char *
optimizer_name(enum optimizer optimizer)
{
    return optimizer_names[optimizer];
}

const char *
lr_scheduler_name(enum lr_scheduler scheduler)
{
    return scheduler_names[scheduler];
}

const char *
preset_name(enum preset preset)
{
    return preset_names[preset];
}

const char *
init_head_name(enum init_head head)
{
    return init_head_names[head];
}

const char *
train_method_name(enum train_method method)
{
    return method_names[method];
}

const char *
batching_name(enum batching batching)
{
    return batching_names[batching];
}

const char *
precision_name(enum gemm_precision precision)
{
    return precision == PRECISION_AUTO ? "auto" : precision_names[precision];
}
