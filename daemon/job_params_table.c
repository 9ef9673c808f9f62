/*
 * The rows of the parameter table, and what a row accepts in words; see job_params.h.
 *
 * Ranges of batch_size, n_epochs, learning_rate_multiplier, seed, suffix and metadata are OpenAI's;
 * the others are the limits within which a value means anything.
 */
#include "core/base/buf.h"
#include "core/train/class_weights.h"
#include "daemon/job_params.h"

#include <string.h>

enum {
    COLUMN_CHARACTERS = 256,
    PATH_CHARACTERS = 4096, /* PATH_MAX of Linux; ids are shorter */
    MOST_STEPS = 100000000
};

static const struct param_choice presets[] = {
    {"auto", PRESET_AUTO, true},
    {"plain", PRESET_PLAIN, true},
    {0},
};

static const struct param_choice tasks[] = {
    {"auto", TASK_AUTO, true},
    {"classification", TASK_CLASSIFICATION, true},
    {"multi_label", TASK_MULTI_LABEL, true},
    {"regression", TASK_REGRESSION, true},
    {"token_classification", TASK_TOKEN_CLASSIFICATION, true},
    {0},
};

static const struct param_choice methods[] = {
    {"supervised", METHOD_SUPERVISED, true},
    {"linear_probe", METHOD_LINEAR_PROBE, true},
    {0},
};

static const struct param_choice heads[] = {
    {"auto", INIT_HEAD_AUTO, true},
    {"random", INIT_HEAD_RANDOM, true},
    {"prior", INIT_HEAD_PRIOR, true},
    {"linear_probe", INIT_HEAD_LINEAR_PROBE, true},
    {0},
};

static const struct param_choice optimizers[] = {
    {"auto", OPTIMIZER_AUTO, true},         {"adam", OPTIMIZER_ADAM, true},
    {"adamw", OPTIMIZER_ADAMW, true},       {"sgd", OPTIMIZER_SGD, true},
    {"momentum", OPTIMIZER_MOMENTUM, true}, {0},
};

static const struct param_choice schedulers[] = {
    {"auto", SCHEDULER_AUTO, true},
    {"constant", SCHEDULER_CONSTANT, true},
    {"linear", SCHEDULER_LINEAR, true},
    {"cosine", SCHEDULER_AUTO, false},
    {"polynomial", SCHEDULER_AUTO, false},
    {"inverse_sqrt", SCHEDULER_AUTO, false},
    {0},
};

static const struct param_choice precisions[] = {
    {"auto", (unsigned)PRECISION_AUTO, true},
    {"fp32", GEMM_FP32, true},
    {"bf16", GEMM_BF16, true},
    {0},
};

static const struct param_choice truncations[] = {
    {"auto", TRUNCATION_AUTO, true},
    {"head", TRUNCATION_HEAD, true},
    {"tail", TRUNCATION_TAIL, true},
    {"head_tail", TRUNCATION_HEAD_TAIL, true},
    {0},
};

static const struct param_choice dedupes[] = {
    {"off", DEDUPE_OFF, true},
    {"exact", DEDUPE_EXACT, true},
    {"near", DEDUPE_NEAR, true},
    {0},
};

static const struct param_choice batchings[] = {
    {"auto", BATCHING_AUTO, true},
    {"shuffle", BATCHING_SHUFFLE, true},
    {"grouped", BATCHING_GROUPED, true},
    {0},
};

static const struct param_choice metrics[] = {
    {"auto", (unsigned)METRIC_AUTO, true},
    {"valid_loss", METRIC_VALID_LOSS, true},
    {"valid_accuracy", METRIC_VALID_ACCURACY, true},
    {"valid_macro_f1", METRIC_VALID_MACRO_F1, true},
    {"valid_micro_f1", METRIC_VALID_MICRO_F1, true},
    {"valid_weighted_f1", METRIC_VALID_WEIGHTED_F1, true},
    {"valid_mcc", METRIC_VALID_MCC, true},
    {"valid_entity_f1", METRIC_VALID_ENTITY_F1, true},
    {"valid_mse", METRIC_VALID_MSE, true},
    {"valid_mae", METRIC_VALID_MAE, true},
    {"valid_r2", METRIC_VALID_R2, true},
    {"valid_pearson", METRIC_VALID_PEARSON, true},
    {"valid_spearman", METRIC_VALID_SPEARMAN, true},
    {0},
};

#define ANYWHERE            PLACE_TOP | PLACE_HYPERPARAMETERS
#define REQUEST(member)     .offset = offsetof(struct job_request, member)
#define PARAMS(member)      .offset = offsetof(struct job_request, params.member)
#define RANGE(low, high)    .min = (low), .max = (high)
#define ABOVE_ZERO_TO(high) .min = 0, .min_open = true, .max = (high)
#define ZERO_TO_BELOW(high) .min = 0, .max = (high), .max_open = true

static const struct param_row table[] = {
    {.name = "model",
     .type = PARAM_TEXT,
     .places = PLACE_TOP,
     .required = true,
     REQUEST(model),
     RANGE(1, PATH_CHARACTERS),
     .doc = "The model to start from: a base model, or a fine-tuned one to go on from."},
    {.name = "training_file",
     .type = PARAM_TEXT,
     .places = PLACE_TOP,
     .required = true,
     REQUEST(training_file),
     RANGE(1, PATH_CHARACTERS),
     .doc = "The labelled rows to learn from."},
    {.name = "validation_file",
     .type = PARAM_TEXT,
     .places = PLACE_TOP,
     REQUEST(validation_file),
     RANGE(1, PATH_CHARACTERS),
     .default_text = "see validation_split",
     .doc = "Labelled rows that are never learned from; measured after each epoch."},
    {.name = "test_file",
     .type = PARAM_TEXT,
     .places = PLACE_TOP,
     REQUEST(test_file),
     RANGE(1, PATH_CHARACTERS),
     .doc = "Labelled rows measured once, with the model that is saved."},
    {.name = "suffix",
     .type = PARAM_TEXT,
     .places = PLACE_TOP,
     .word = true,
     REQUEST(suffix),
     RANGE(1, 64),
     .doc = "Becomes part of the fine-tuned model's name."},
    {.name = "seed",
     .type = PARAM_INTEGER,
     .places = PLACE_TOP,
     PARAMS(seed),
     RANGE(0, 2147483647),
     .default_text = "drawn at random, and shown",
     .doc = "Same job, files and seed: same model, bit for bit."},
    {.name = "metadata",
     .type = PARAM_METADATA,
     .places = PLACE_TOP,
     REQUEST(metadata_json),
     .doc = "Pairs of strings that are kept with the job."},
    {.name = "priority",
     .type = PARAM_INTEGER,
     .places = PLACE_TOP,
     REQUEST(priority),
     RANGE(JOB_PRIORITY_MIN, JOB_PRIORITY_MAX),
     .default_text = "0",
     .doc = "Jobs of a higher priority run first, equal ones in the order in which they came."},
    {.name = "task",
     .type = PARAM_CHOICE,
     .places = PLACE_TOP,
     REQUEST(task),
     .choices = tasks,
     .default_text = "what the labels of the training file look like",
     .doc = "What the model is trained to say."},
    {.name = "columns",
     .type = PARAM_COLUMNS,
     .places = PLACE_TOP,
     REQUEST(columns),
     RANGE(1, COLUMN_CHARACTERS),
     .default_text = "the usual names",
     .doc = "The files' own names for the columns text, text_pair and label."},
    {.name = "method",
     .type = PARAM_METHOD,
     .places = PLACE_TOP,
     PARAMS(method),
     .choices = methods,
     .default_text = "supervised",
     .doc = "\"supervised\" trains all weights; \"linear_probe\" leaves the encoder as it is and "
            "fits a classifier to its mean outputs, in seconds (no number of the training counts "
            "then but max_seq_length, validation_split and threads). Also OpenAI's {\"type\": "
            "\"supervised\", \"supervised\": {\"hyperparameters\": {...}}}."},
    {.name = "hyperparameters",
     .type = PARAM_GROUP,
     .places = PLACE_TOP,
     .doc = "OpenAI's older place for hyperparameters."},
    {.name = "preset",
     .type = PARAM_CHOICE,
     .places = ANYWHERE,
     PARAMS(preset),
     .choices = presets,
     .default_text = "auto",
     .doc = "The recipe that absent values come from: \"plain\" is the tutorials' (Adam, 5e-5 "
            "constant, batch 32, 3 epochs)."},
    {.name = "n_epochs",
     .type = PARAM_INTEGER,
     .places = ANYWHERE,
     PARAMS(n_epochs),
     RANGE(1, 50),
     .default_text = "about 1,500 steps, 3 to 10 epochs",
     .doc = "Passes over the training rows; max_steps reaches further."},
    {.name = "max_steps",
     .type = PARAM_INTEGER,
     .places = ANYWHERE,
     PARAMS(max_steps),
     RANGE(0, MOST_STEPS),
     .default_text = "0",
     .doc = "Optimizer updates in all, instead of n_epochs; 0: n_epochs decides."},
    {.name = "batch_size",
     .type = PARAM_INTEGER,
     .places = ANYWHERE,
     PARAMS(batch_size),
     RANGE(1, 256),
     .default_text = "32, or 16 below 1,000 rows and of token_classification",
     .doc = "Rows of one update."},
    {.name = "learning_rate",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(learning_rate),
     ABOVE_ZERO_TO(10),
     .default_text = "5e-5 from hidden size 768, 1e-4 from 512, 2e-4 below",
     .doc = "The greatest learning rate of the schedule."},
    {.name = "learning_rate_multiplier",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(learning_rate_multiplier),
     ABOVE_ZERO_TO(1000),
     .default_text = "1",
     .doc = "Multiplies the learning rate in force."},
    {.name = "max_seq_length",
     .type = PARAM_INTEGER,
     .places = ANYWHERE,
     PARAMS(max_seq_length),
     RANGE(3, CONFIG_MAX_POSITIONS),
     .default_text = "the model's own limit",
     .doc = "Texts are cut to this many tokens, special ones counted."},
    {.name = "truncation",
     .type = PARAM_CHOICE,
     .places = ANYWHERE,
     PARAMS(truncation),
     .choices = truncations,
     .default_text = "the side that the base model's files name, which is nearly always the head",
     .doc =
         "What is kept of a longer text: its \"head\", its \"tail\", or \"head_tail\", half from "
         "each. The texts of a pair share the room, and each is cut so."},
    {.name = "stride",
     .type = PARAM_INTEGER,
     .places = ANYWHERE,
     .optional = true,
     PARAMS(stride),
     RANGE(0, CONFIG_MAX_POSITIONS - 1),
     .default_text =
         "none, longer texts are truncated; a model that was trained with one goes on so",
     .doc = "Longer texts are read in windows of max_seq_length tokens, of which neighbours share "
            "so many. Each window is a training row and weighs alike; a text's answer is made of "
            "the mean of its windows' logits. For single texts, and not for token_classification."},
    {.name = "dedupe",
     .type = PARAM_CHOICE,
     .places = ANYWHERE,
     PARAMS(dedupe),
     .choices = dedupes,
     .default_text = "off",
     .doc = "Which rows of the training file are left out because an earlier one says the same: "
            "those with its text, blanks aside (\"exact\"), or with nearly its text, too "
            "(\"near\"). Rows with another label are kept and told."},
    {.name = "optimizer",
     .type = PARAM_CHOICE,
     .places = ANYWHERE,
     PARAMS(optimizer),
     .choices = optimizers,
     .default_text = "adamw",
     .doc = "How gradients become updates."},
    {.name = "betas",
     .type = PARAM_BETAS,
     .places = ANYWHERE,
     PARAMS(beta1),
     ZERO_TO_BELOW(1),
     .default_text = "[0.9, 0.999]",
     .doc = "Adam's decay rates; the first is the momentum of \"momentum\"."},
    {.name = "epsilon",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(epsilon),
     ABOVE_ZERO_TO(1),
     .default_text = "1e-8",
     .doc = "Added to Adam's denominator."},
    {.name = "weight_decay",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(weight_decay),
     RANGE(0, 1),
     .default_text = "0",
     .doc = "Pulls weights to zero; biases and layer norms are left alone."},
    {.name = "max_grad_norm",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(max_grad_norm),
     RANGE(0, 1e9),
     .default_text = "1",
     .doc = "Longer gradients are scaled to this global norm; 0: no clipping."},
    {.name = "lr_scheduler",
     .type = PARAM_CHOICE,
     .places = ANYWHERE,
     PARAMS(lr_scheduler),
     .choices = schedulers,
     .default_text = "linear",
     .doc = "The learning rate after the warm-up."},
    {.name = "warmup_steps",
     .type = PARAM_INTEGER,
     .places = ANYWHERE,
     PARAMS(warmup_steps),
     RANGE(0, MOST_STEPS),
     .default_text = "from warmup_ratio",
     .doc = "Steps over which the learning rate rises from 0."},
    {.name = "warmup_ratio",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(warmup_ratio),
     RANGE(0, 1),
     .default_text = "0.06",
     .doc = "The same as a fraction of all steps; not together with warmup_steps."},
    {.name = "hidden_dropout",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(hidden_dropout),
     ZERO_TO_BELOW(1),
     .default_text = "the model's",
     .doc = "Dropout rate after embeddings, attention and feed-forward layers."},
    {.name = "attention_dropout",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(attention_dropout),
     ZERO_TO_BELOW(1),
     .default_text = "the model's",
     .doc = "Dropout rate of the attention probabilities."},
    {.name = "classifier_dropout",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(classifier_dropout),
     ZERO_TO_BELOW(1),
     .default_text = "the model's",
     .doc = "Dropout rate before the classifier."},
    {.name = "validation_split",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(validation_split),
     ZERO_TO_BELOW(1),
     .default_text = "0.1",
     .doc = "Share of the training file that validates when there is no validation_file; 0: no "
            "validation."},
    {.name = "save_steps",
     .type = PARAM_INTEGER,
     .places = ANYWHERE,
     PARAMS(save_steps),
     RANGE(0, MOST_STEPS),
     .default_text = "0",
     .doc = "A checkpoint every so many steps, beside the one at each epoch's end; 0: none."},
    {.name = "threads",
     .type = PARAM_INTEGER,
     .places = ANYWHERE,
     PARAMS(threads),
     RANGE(0, 1024),
     .default_text = "0",
     .doc = "Compute threads; 0: as many as the machine gives. Never changes the result."},
    {.name = "precision",
     .type = PARAM_CHOICE,
     .places = ANYWHERE,
     PARAMS(precision),
     .choices = precisions,
     .default_text = "bf16 where the processor multiplies it, else fp32",
     .doc = "Number format that enters the products; sums and weights stay fp32."},
    {.name = "gradient_checkpointing",
     .type = PARAM_BOOLEAN,
     .places = ANYWHERE,
     PARAMS(gradient_checkpointing),
     .default_text = "false",
     .doc =
         "Computes most of the forward pass twice and keeps less of it: less memory, slower, the "
         "same result."},
    {.name = "batching",
     .type = PARAM_CHOICE,
     .places = ANYWHERE,
     PARAMS(batching),
     .choices = batchings,
     .default_text = "shuffle",
     .doc = "\"grouped\" puts rows of similar length into one batch."},
    {.name = "eval_steps",
     .type = PARAM_INTEGER,
     .places = ANYWHERE,
     PARAMS(eval_steps),
     RANGE(0, MOST_STEPS),
     .default_text = "0",
     .doc = "A validation every so many steps, beside the one at each epoch's end; 0: none."},
    {.name = "metric_for_best_model",
     .type = PARAM_CHOICE,
     .places = ANYWHERE,
     PARAMS(metric_for_best_model),
     .choices = metrics,
     .default_text = "valid_loss",
     .doc = "What says which model of the job is the best: less of a loss or an error, more of "
            "anything else."},
    {.name = "load_best_model",
     .type = PARAM_BOOLEAN,
     .places = ANYWHERE,
     PARAMS(load_best_model),
     .default_text = "true with metric_for_best_model or early_stopping, else false",
     .doc = "The best checkpoint becomes the fine-tuned model, not the last one."},
    {.name = "early_stopping",
     .type = PARAM_STOPPING,
     .places = ANYWHERE,
     PARAMS(early_stopping),
     .default_text = "none",
     .doc = "Ends the job after `patience` validations without an improvement by more than "
            "min_delta."},
    {.name = "label_smoothing",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(label_smoothing),
     ZERO_TO_BELOW(1),
     .default_text = "0",
     .doc = "Share of each target that is spread over all classes; of classes alone, in training."},
    {.name = "focal_gamma",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(focal_gamma),
     RANGE(0, 10),
     .default_text = "0",
     .doc = "Focal loss: rows that the model is sure of count less, the less the greater gamma is "
            "(2 is usual); of classes and labels, in training."},
    {.name = "oversample",
     .type = PARAM_REAL,
     .places = ANYWHERE,
     PARAMS(oversample),
     RANGE(0, 1),
     .default_text = "0",
     .doc = "Rows of rare classes are repeated in each epoch until a class has at least this share "
            "of the rows of the largest one (1: all have as many); 0: every row once. Of "
            "classification, and of training rows alone."},
    {.name = "class_weights",
     .type = PARAM_WEIGHTS,
     .places = ANYWHERE,
     REQUEST(class_weights),
     RANGE(0, CLASS_WEIGHTS_MOST),
     .default_text = "every row counts alike",
     .doc = "How much rows of a class count in training: \"balanced\" (rows / (classes * rows of "
            "the class)), or a weight for each label, 1 where none is given."},
    {.name = "init_head",
     .type = PARAM_CHOICE,
     .places = ANYWHERE,
     PARAMS(init_head),
     .choices = heads,
     .default_text = "random, prior for multi_label, or the model's own where it has these labels",
     .doc = "What the classifier starts from: random weights; with \"prior\" its biases say how "
            "frequent each label is; with \"linear_probe\" it is fitted to the mean outputs of "
            "the untouched encoder, and goes on looking at means."},
    {.name = "baseline",
     .type = PARAM_BOOLEAN,
     .places = ANYWHERE,
     PARAMS(baseline),
     .default_text = "true",
     .doc = "At the end, the model's measure is held against the most frequent answer and a "
            "linear probe of the base model."},
    {.name = "output_dir",
     .type = PARAM_TEXT,
     .places = PLACE_RUN,
     REQUEST(output_dir),
     RANGE(1, PATH_CHARACTERS),
     .default_text = "the model is not kept",
     .doc = "Of `finetuned run`: where the model is written; must not exist."},
    {.name = "gradient_accumulation_steps",
     .type = PARAM_NOT_BUILT,
     .places = ANYWHERE,
     .doc = "Batches whose gradients make one update."},
    {.name = "freeze",
     .type = PARAM_NOT_BUILT,
     .places = ANYWHERE,
     .doc = "Layers that are not trained."},
    {.name = "layerwise_lr_decay",
     .type = PARAM_NOT_BUILT,
     .places = ANYWHERE,
     .doc = "Smaller learning rates for lower layers."},
    {.name = "lora", .type = PARAM_NOT_BUILT, .places = ANYWHERE, .doc = "Low-rank updates."},
    {.name = "distillation",
     .type = PARAM_NOT_BUILT,
     .places = ANYWHERE,
     .doc = "Learning from a teacher model."},
    {.name = "integrations",
     .type = PARAM_NOT_BUILT,
     .places = PLACE_TOP,
     .doc = "Reporting to other programs."},
};

const struct param_row *
job_params_table(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

bool
job_params_is_stored(const struct param_row *row)
{
    bool has_value = row->type == PARAM_INTEGER || row->type == PARAM_REAL ||
                     row->type == PARAM_BOOLEAN || row->type == PARAM_CHOICE ||
                     row->type == PARAM_BETAS || row->type == PARAM_STOPPING ||
                     row->type == PARAM_METHOD;
    return has_value && row->offset >= offsetof(struct job_request, params);
}

/* "from 1 to 50", "above 0 and at most 10", "from 0 to below 1" */
static const char *
range_text(const struct param_row *row, struct arena *arena)
{
    const char *low = arena_printf(arena, "%s %.15g", row->min_open ? "above" : "from", row->min);
    const char *joint = row->min_open ? " and at most" : " to";
    return arena_printf(arena, "%s%s%s %.15g", low, joint, row->max_open ? " below" : "", row->max);
}

/* The names of the choices that are (or are not yet) built, with commas between. */
static const char *
choice_names(const struct param_row *row, bool built, struct arena *arena)
{
    struct buf names = {0};
    for (const struct param_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (choice->built == built)
            buf_printf(&names, "%s%s", names.length > 0 ? ", " : "", choice->name);
    }
    const char *text = arena_copy_string(arena, buf_string(&names));
    buf_fini(&names);
    return text;
}

static const char *
choice_text(const struct param_row *row, struct arena *arena)
{
    const char *missing = choice_names(row, false, arena);
    return arena_printf(arena, "one of %s%s%s%s", choice_names(row, true, arena),
                        missing[0] != '\0' ? " (not built yet: " : "", missing,
                        missing[0] != '\0' ? ")" : "");
}

const char *
job_params_describe(const struct param_row *row, struct arena *arena)
{
    switch (row->type) {
    case PARAM_TEXT:
        return arena_printf(arena, "a text of %g to %g characters%s", row->min, row->max,
                            row->word ? " (letters, digits, '-' and '_')" : "");
    case PARAM_INTEGER:
        return arena_printf(arena, "a whole number %s, or \"auto\"", range_text(row, arena));
    case PARAM_REAL:
        return arena_printf(arena, "a number %s, or \"auto\"", range_text(row, arena));
    case PARAM_BOOLEAN:
        return "true, false, or \"auto\"";
    case PARAM_CHOICE:
        return choice_text(row, arena);
    case PARAM_BETAS:
        return arena_printf(arena, "an array of two numbers %s, or \"auto\"",
                            range_text(row, arena));
    case PARAM_STOPPING:
        return "an object {\"patience\": N, \"min_delta\": X, \"metric\": NAME} with at least "
               "patience, or \"auto\"";
    case PARAM_WEIGHTS:
        return arena_printf(arena, "\"balanced\", or an object from label to a number %s",
                            range_text(row, arena));
    case PARAM_COLUMNS:
        return "an object with any of \"text\", \"text_pair\" and \"label\"";
    case PARAM_METADATA:
        return "an object of at most 16 strings, names to 64 characters, values to 512";
    case PARAM_METHOD:
        return "\"supervised\", \"linear_probe\", or an object {\"type\": \"supervised\", "
               "\"supervised\": {\"hyperparameters\": {}}}";
    case PARAM_GROUP:
        return "an object of hyperparameters";
    case PARAM_NOT_BUILT:
        return "not supported yet";
    }
    return "";
}
