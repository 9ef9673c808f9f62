/*
 * Adding up a job's memory; see memory.h.
 *
 * Word rows are the only part of a model that a run leaves untouched: their pages count where some
 * text uses them. Everything else of parameters, gradients and moments is written in every step.
 */
#include "core/train/memory.h"

#include "core/base/mem.h"
#include "core/hub/model_map.h"
#include "core/model/tensors.h"
#include "core/model/workspace.h"
#include "core/probe/baseline.h"
#include "core/probe/probe.h"
#include "core/train/evaluate.h"
#include "core/train/optimizer.h"
#include "core/train/order.h"
#include "core/train/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STEPS_LOOKED_AT = 20000,   /* for the largest batch; further ones hardly grow it */
    THREAD_BYTES = 640 * 1024, /* packed operands of the engine, and stack */
    CODE_BYTES = 1024 * 1024,  /* of the program and its libraries, touched by training alone */
    WORD_BYTES = 150,          /* of the vocabulary, and of the heap that reading it grew */
    WORD_SAVING_BYTES = 80,    /* by which making tokenizer.json of it grows that further */
    ARENA_ROUNDING = 16,
};

/* What the parts are computed from. */
struct estimator {
    const struct train_plan *plan;
    const struct train_memory_facts *facts;
    struct survey survey;
    struct tensor_layout layout;
    size_t words;      /* bytes of the word embedding */
    size_t others;     /* of all other parameters */
    bool leaves_words; /* those that no text uses stay in the model's file */
    struct arena *arena;
};

size_t
train_memory_of_process(void)
{
    long pages = 0;
    long ignored = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    fclose(file);
    return pages > 0 ? (size_t)pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

/* ---- texts and tokens ------------------------------------------------------------------------ */

static size_t
string_bytes(size_t length)
{
    return (length + ARENA_ROUNDING) / ARENA_ROUNDING * ARENA_ROUNDING;
}

static size_t
dataset_bytes(const struct dataset *data)
{
    size_t bytes = 0;
    for (size_t i = 0; data != NULL && i < data->count; i++) {
        const struct data_row *row = &data->rows[i];
        bytes += sizeof *row + string_bytes(row->text_length);
        bytes += row->pair != NULL ? string_bytes(row->pair_length) : 0;
        bytes += row->label != NULL ? string_bytes(strlen(row->label)) : 0;
        bytes += row->label_count * sizeof *row->labels; /* whose texts are shared */
        bytes += row->word_count * sizeof *row->words;
    }
    return bytes;
}

/* Of the targets of a set's rows, in a token store. */
static size_t
target_bytes(const struct estimator *e, const struct survey_set *set)
{
    const struct targets *targets = &e->plan->training_targets;
    size_t rows = targets->rows > 0 ? targets->rows : 1;
    size_t ids = targets->starts != NULL ? targets->starts[targets->rows] : 0;
    switch (targets->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        break;
    case TASK_REGRESSION:
        return set->texts * targets->width * sizeof(float);
    case TASK_MULTI_LABEL: /* as many of a row as in training */
        return set->texts * sizeof(size_t) +
               (size_t)((double)set->texts * (double)ids / (double)rows) * sizeof(uint32_t);
    case TASK_TOKEN_CLASSIFICATION:
        return set->texts * sizeof(size_t) + set->tokens * sizeof(uint32_t);
    }
    return set->texts * sizeof(uint32_t);
}

static size_t
store_bytes(const struct estimator *e, const struct survey_set *set)
{
    size_t vocab_size = e->plan->config.vocab_size;
    size_t id_bytes = vocab_size > (size_t)UINT16_MAX + 1 ? sizeof(uint32_t) : sizeof(uint16_t);
    size_t texts = e->plan->config.windows.wanted ? set->texts : 0; /* where their rows begin */
    return set->tokens * id_bytes + (set->rows + texts) * sizeof(size_t) + target_bytes(e, set);
}

static size_t
data_bytes(const struct estimator *e)
{
    const struct train_plan *plan = e->plan;
    size_t words = plan->config.vocab_size;
    size_t in_file = plan->training->count;
    size_t texts = dataset_bytes(plan->training) + dataset_bytes(plan->validation) +
                   dataset_bytes(plan->test) + targets_bytes(&plan->training_targets) +
                   in_file * sizeof *plan->held_out;
    size_t tokens = store_bytes(e, &e->survey.training) + store_bytes(e, &e->survey.validation) +
                    store_bytes(e, &e->survey.test);
    size_t repeats =
        plan->repeated_rows > 0 ? 2 * plan->training_rows : 0; /* rows by class, room */
    size_t order = (train_plan_epoch_rows(plan) + repeats) * sizeof(uint32_t);
    return texts + tokens + order + words * WORD_BYTES;
}

/* ---- the model ------------------------------------------------------------------------------- */

static int
measure_model(struct estimator *e, struct err *err)
{
    const struct model_config *config = &e->plan->config;
    if (tensor_layout_build(config, e->arena, &e->layout, err) != 0)
        return err->code;
    e->words = config->vocab_size * model_config_embedding_size(config) * sizeof(float);
    e->others = e->layout.total * sizeof(float) - e->words;
    e->leaves_words = model_map_leaves_words(e->facts->base_folder, &e->layout);
    return 0;
}

static size_t
words_touched(const struct estimator *e, const struct survey_words *words, size_t block_bytes)
{
    const struct model_config *config = &e->plan->config;
    return survey_touched(words, config->vocab_size,
                          model_config_embedding_size(config) * sizeof(float), block_bytes);
}

static size_t
parameter_bytes(const struct estimator *e)
{
    bool every_row = e->plan->params.weight_decay > 0 || !e->leaves_words;
    return e->others +
           (every_row ? e->words : words_touched(e, &e->survey.seen, SURVEY_WRITTEN_BYTES));
}

/* A probe changes no word: it reads their rows where they are. All else it has in panels, too. */
static size_t
probe_parameter_bytes(const struct estimator *e)
{
    return 2 * e->others +
           (e->leaves_words ? words_touched(e, &e->survey.seen, SURVEY_READ_BYTES) : e->words);
}

static size_t
moment_bytes(const struct estimator *e)
{
    const struct train_params *params = &e->plan->params;
    bool every_row = params->weight_decay > 0;
    size_t words =
        every_row ? e->words : words_touched(e, &e->survey.trained, SURVEY_WRITTEN_BYTES);
    return optimizer_moment_arrays(params->optimizer) * (e->others + words);
}

/* ---- activations ----------------------------------------------------------------------------- */

/* Tokens of the largest batch that the plan's order of rows will bring. */
static int
largest_batch(const struct estimator *e, size_t *tokens, struct err *err)
{
    const struct train_params *params = &e->plan->params;
    struct oversample repeats;
    size_t steps = e->plan->total_steps < STEPS_LOOKED_AT ? e->plan->total_steps : STEPS_LOOKED_AT;
    size_t rows = train_plan_epoch_rows(e->plan);
    if (train_plan_repeats(e->plan, &repeats, err) != 0)
        return err->code;
    uint32_t *spare = mem_array(rows, sizeof *spare);
    struct order order = {.seed = (uint64_t)params->seed,
                          .batching = params->batching,
                          .batch_size = (size_t)params->batch_size,
                          .rows = rows,
                          .lengths = e->survey.training.lengths,
                          .oversample = e->plan->repeated_rows > 0 ? &repeats : NULL};
    int rc = 0;
    if (spare == NULL)
        rc = err_set(err, ERR_MEMORY, "the order of %zu rows does not fit into memory", rows);
    else
        *tokens = order_largest_batch(&order, steps, spare);
    free(spare);
    oversample_fini(&repeats);
    return rc;
}

static int
training_bytes(const struct estimator *e, size_t *out, struct err *err)
{
    const struct train_params *params = &e->plan->params;
    size_t in_epoch = train_plan_epoch_rows(e->plan);
    size_t tokens = 0;
    if (largest_batch(e, &tokens, err) != 0)
        return err->code;
    struct workspace_shape shape = {
        .training = true,
        .checkpointing = params->gradient_checkpointing != 0,
        .bf16 = params->precision == GEMM_BF16,
        .rows = in_epoch < (size_t)params->batch_size ? in_epoch : (size_t)params->batch_size,
        .tokens = tokens,
        .longest = e->survey.training.longest,
        .threads = e->facts->threads,
        .layout = &e->layout,
    };
    *out = workspace_bytes(&e->plan->config, &shape);
    return 0;
}

static int
longest_first(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Of the largest batch that evaluate.c cuts a set into. Sorts the lengths. */
static size_t
evaluation_bytes(const struct estimator *e, const struct model_config *config,
                 const struct survey_set *set)
{
    size_t limit = set->longest > EVALUATE_TOKENS ? set->longest : EVALUATE_TOKENS;
    struct workspace_shape shape = {.longest = set->longest, .threads = e->facts->threads};
    size_t rows = 0;
    size_t tokens = 0;
    if (set->rows == 0)
        return 0;
    qsort(set->lengths, set->rows, sizeof *set->lengths, longest_first);
    for (size_t i = 0; i < set->rows; i++) {
        if (rows == EVALUATE_ROWS || tokens + set->lengths[i] > limit)
            rows = tokens = 0;
        rows++;
        tokens += set->lengths[i];
        shape.rows = rows > shape.rows ? rows : shape.rows;
        shape.tokens = tokens > shape.tokens ? tokens : shape.tokens;
    }
    return workspace_bytes(config, &shape);
}

/* How many outputs a set has. */
static size_t
outputs_of(enum task task, const struct survey_set *set)
{
    return task == TASK_TOKEN_CLASSIFICATION ? set->tokens : set->texts;
}

/* What evaluations find. */
static size_t
outputs_bytes(const struct estimator *e)
{
    enum task task = e->plan->task;
    size_t labels = e->plan->config.label_count;
    return evaluation_outputs_bytes(task, outputs_of(task, &e->survey.validation), labels) +
           evaluation_outputs_bytes(task, outputs_of(task, &e->survey.test), labels);
}

/*
 * A linear probe from `rows` training rows: workspaces for the features and for what is measured,
 * one after the other, and the fit. The parts that a probe has not are zero.
 */
static void
add_up_probe(const struct estimator *e, size_t rows, struct train_memory *out)
{
    const struct survey *survey = &e->survey;
    struct model_config config = e->plan->config;
    bool tokens = e->plan->task == TASK_TOKEN_CLASSIFICATION;
    config.pooling = tokens ? POOL_FIRST : POOL_MEAN;
    size_t sets[] = {evaluation_bytes(e, &config, &survey->training),
                     evaluation_bytes(e, &config, &survey->validation),
                     evaluation_bytes(e, &config, &survey->test)};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        out->activations = sets[i] > out->activations ? sets[i] : out->activations;
    double each = tokens && survey->training.rows > 0
                      ? (double)survey->training.tokens / (double)survey->training.rows
                      : 1;
    size_t fitting = probe_bytes((size_t)((double)rows * each), &config);
    out->evaluation = outputs_bytes(e) + (fitting != SIZE_MAX ? fitting : 0);
    out->peak = out->process + out->data + out->parameters + out->activations + out->evaluation +
                out->saving;
}

/* What is not there at the same time as the rest counts where it takes more. */
static void
take_greater(const struct train_memory *probe, struct train_memory *out)
{
    if (probe->peak <= out->peak)
        return;
    out->evaluation += probe->peak - out->peak;
    out->peak = probe->peak;
}

/* A head is probed before gradients and moments are used, the baseline when training has given its
 * memory back. */
static void
add_probes(const struct estimator *e, struct train_memory *out)
{
    const struct train_params *params = &e->plan->params;
    size_t rows = e->survey.training.texts;
    const struct train_memory shared = {.process = out->process, .data = out->data};
    if (params->init_head == INIT_HEAD_LINEAR_PROBE) {
        struct train_memory head = shared;
        head.parameters = out->parameters;
        add_up_probe(e, rows, &head);
        take_greater(&head, out);
    }
    if (params->baseline == 1) {
        struct train_memory baseline = shared;
        baseline.parameters = probe_parameter_bytes(e);
        add_up_probe(e, rows < BASELINE_ROWS ? rows : BASELINE_ROWS, &baseline);
        take_greater(&baseline, out);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int
add_up(struct estimator *e, struct train_memory *out, struct err *err)
{
    const struct train_memory_facts *facts = e->facts;
    if (measure_model(e, err) != 0)
        return err->code;
    out->process = facts->process_bytes + CODE_BYTES + facts->threads * THREAD_BYTES;
    out->data = data_bytes(e);
    out->parameters = parameter_bytes(e);
    out->saving = facts->saves ? e->plan->config.vocab_size * WORD_SAVING_BYTES : 0;
    if (e->plan->params.method == METHOD_LINEAR_PROBE) {
        out->parameters = probe_parameter_bytes(e);
        add_up_probe(e, e->survey.training.texts, out);
        return 0;
    }
    if (training_bytes(e, &out->activations, err) != 0)
        return err->code;
    out->gradients = e->others + words_touched(e, &e->survey.trained, SURVEY_WRITTEN_BYTES);
    out->moments = moment_bytes(e);
    size_t validation = evaluation_bytes(e, &e->plan->config, &e->survey.validation);
    size_t test = evaluation_bytes(e, &e->plan->config, &e->survey.test);
    size_t most = validation > test ? validation : test;
    out->evaluation = most > out->activations ? most - out->activations : 0;
    out->evaluation += outputs_bytes(e);
    out->peak = out->process + out->data + out->parameters + out->gradients + out->moments +
                out->activations + out->evaluation + out->saving;
    add_probes(e, out);
    return 0;
}

int
train_memory_estimate(const struct train_plan *plan, const struct train_memory_facts *facts,
                      struct train_memory *out, struct err *err)
{
    struct estimator e = {.plan = plan, .facts = facts};
    *out = (struct train_memory){0};
    if (survey_make(plan, facts->base_folder, &e.survey, err) != 0)
        return err->code;
    e.arena = arena_new();
    int rc = add_up(&e, out, err);
    arena_free(e.arena);
    survey_fini(&e.survey);
    return rc;
}
