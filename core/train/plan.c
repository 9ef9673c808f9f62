/*
 * Making a plan; see plan.h. Each refusal is one sentence that names the file, the line and what to
 * do, and is filed under the part of the request that it is about.
 */
#include "core/train/plan.h"

#include "core/data/split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for [CLS] text [SEP], and for a pair's second text and its [SEP]. */
enum { SHORTEST_TEXT = 3, SHORTEST_PAIR = 4 };

static const char *const part_parameters[] = {
    [PART_MODEL] = "model",
    [PART_TRAINING_FILE] = "training_file",
    [PART_VALIDATION_FILE] = "validation_file",
    [PART_TEST_FILE] = "test_file",
    [PART_PARAMETERS] = NULL,
};

/* What one call of train_plan_make carries about. */
struct planner {
    const struct train_request *request;
    struct arena *arena;
    struct train_plan *plan;
    struct train_fault *fault;
    struct err *err;
};

/* File a refusal whose message stands in err already. */
static int
blame(struct planner *p, enum train_part part, const char *parameter, size_t line, bool unsupported)
{
    *p->fault = (struct train_fault){
        .part = part,
        .parameter = parameter != NULL ? parameter : part_parameters[part],
        .line = line,
        .unsupported = unsupported,
    };
    return p->err->code;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The first fault of a file as a refusal, with the number of the others. */
static int
blame_rows(struct planner *p, enum train_part part, const char *name, const struct dataset *data)
{
    const struct data_fault *first = &data->faults[0];
    bool unsupported = strcmp(first->code, "not_supported_yet") == 0;
    char where[64] = "";
    char more[64] = "";
    if (first->line > 0)
        snprintf(where, sizeof where, " line %zu:", first->line);
    if (data->fault_count > 1)
        snprintf(more, sizeof more, " (and %zu more)", data->fault_count - 1);
    err_set(p->err, unsupported ? ERR_UNSUPPORTED : ERR_INVALID, "%s:%s %s%s", name, where,
            first->message, more);
    return blame(p, part, NULL, first->line, unsupported);
}

/*
 * Answers that hardly ever repeat are no labels. A short validation file may have as many labels as
 * rows, so it is only refused for answers that no label can be.
 */
static int
check_answers(struct planner *p, enum train_part part, const char *name, const struct dataset *data)
{
    if (!data->is_generation || (part != PART_TRAINING_FILE && data->long_answers == 0))
        return 0;
    err_set(p->err, ERR_INVALID,
            "%s: %zu of its %zu answers are different from each other, so this looks like data for "
            "generating text, which a classifier cannot learn; give rows whose answers are a few "
            "labels, or name the column of the label with \"columns\": {\"label\": ...}",
            name, data->distinct_answers, data->answers);
    blame(p, part, NULL, 0, false);
    p->fault->is_generation = true;
    return p->err->code;
}

/* Labels that are not classes, unless the user says that they are. */
static int
check_task(struct planner *p, enum train_part part, const char *name, const struct dataset *data)
{
    bool classes = data->label_form == LABELS_TEXT || data->label_form == LABELS_INTEGER ||
                   (data->label_form == LABELS_FRACTION && p->request->task == TASK_CLASSIFICATION);
    if (p->request->task != TASK_AUTO && p->request->task != TASK_CLASSIFICATION) {
        err_set(p->err, ERR_UNSUPPORTED, "task \"%s\" is not built yet; only \"classification\" is",
                task_name(p->request->task));
        return blame(p, PART_PARAMETERS, "task", 0, true);
    }
    if (classes)
        return 0;
    if (data->label_form == LABELS_NONE) {
        err_set(p->err, ERR_INVALID,
                "%s has no label column; name it \"label\", or say which one it is with "
                "\"columns\": {\"label\": ...}",
                name);
        return blame(p, part, NULL, 0, false);
    }
    const char *kind = data->label_form == LABELS_FRACTION ? "numbers with fractions (regression)"
                       : data->label_form == LABELS_LISTS  ? "lists (multi-label classification)"
                                                           : "one per token (token classification)";
    const char *remedy = data->label_form == LABELS_FRACTION
                             ? "; to take each number as a class, say \"task\": \"classification\""
                             : "";
    err_set(p->err, ERR_UNSUPPORTED,
            "the labels of %s are %s: that task is not built yet, only classification is%s", name,
            kind, remedy);
    return blame(p, part, NULL, 0, true);
}

static int
read_file(struct planner *p, enum train_part part, const struct train_file *file,
          struct dataset **out)
{
    struct dataset *data = NULL;
    if (dataset_read(file->path, file->name, &p->request->columns, &data, p->err) != 0)
        return blame(p, part, NULL, 0, false);
    *out = data; /* the plan owns it from here on, refused or not */
    if (check_answers(p, part, file->name, data) != 0)
        return p->err->code;
    if (data->fault_count > 0)
        return blame_rows(p, part, file->name, data);
    if (check_task(p, part, file->name, data) != 0)
        return p->err->code;
    if (data->has_pairs && p->plan->config.type_vocab_size < 2) {
        err_set(p->err, ERR_INVALID,
                "%s has pairs of texts, but the model knows one text only (its type_vocab_size is "
                "%zu); leave the second text out or choose another model",
                file->name, p->plan->config.type_vocab_size);
        return blame(p, part, NULL, 0, false);
    }
    return 0;
}

/* A validation or test file must look like the training file and bring no new labels. */
static int
check_against_training(struct planner *p, enum train_part part, const char *name,
                       const struct dataset *data)
{
    const struct train_plan *plan = p->plan;
    if (data->has_pairs != plan->training->has_pairs) {
        err_set(p->err, ERR_INVALID, "%s has %s, %s has %s; both need the same columns", name,
                data->has_pairs ? "pairs of texts" : "single texts", p->request->training.name,
                data->has_pairs ? "single texts" : "pairs of texts");
        return blame(p, part, NULL, 0, false);
    }
    for (size_t i = 0; i < data->count; i++) {
        if (label_set_find(&plan->labels, data->rows[i].label) != LABEL_NONE)
            continue;
        err_set(p->err, ERR_INVALID,
                "%s line %zu: label \"%s\" does not occur in %s; correct it, or add training rows "
                "with it",
                name, data->rows[i].line, data->rows[i].label, p->request->training.name);
        return blame(p, part, NULL, data->rows[i].line, false);
    }
    return 0;
}

static int
read_other(struct planner *p, enum train_part part, const struct train_file *file,
           struct dataset **out, size_t *rows)
{
    if (file->path == NULL)
        return 0;
    if (read_file(p, part, file, out) != 0 ||
        check_against_training(p, part, file->name, *out) != 0)
        return p->err->code;
    *rows = (*out)->count;
    return 0;
}

/* ---- labels and split ------------------------------------------------------------------------ */

static int
collect_labels(struct planner *p)
{
    struct train_plan *plan = p->plan;
    const char *name = p->request->training.name;
    if (label_set_build(plan->training, p->arena, &plan->labels, p->err) != 0) {
        err_prefix(p->err, "%s", name);
        return blame(p, PART_TRAINING_FILE, NULL, 0, false);
    }
    if (plan->labels.count < 2) {
        err_set(p->err, ERR_INVALID,
                "every row of %s has the same label, \"%s\"; a classifier needs at least two", name,
                plan->labels.names[0]);
        return blame(p, PART_TRAINING_FILE, NULL, 0, false);
    }
    plan->training_labels = mem_array(plan->training->count, sizeof *plan->training_labels);
    plan->held_out = mem_array(plan->training->count, sizeof *plan->held_out);
    if (plan->training_labels == NULL || plan->held_out == NULL) {
        err_set(p->err, ERR_MEMORY, "the labels of %zu rows do not fit into memory",
                plan->training->count);
        return blame(p, PART_TRAINING_FILE, NULL, 0, false);
    }
    for (size_t i = 0; i < plan->training->count; i++)
        plan->training_labels[i] = label_set_find(&plan->labels, plan->training->rows[i].label);
    return 0;
}

/* Which rows of the training file validate, when there is no validation file. */
static void
split(struct planner *p)
{
    struct train_plan *plan = p->plan;
    const struct train_params *params = &p->request->params;
    double fraction = isnan(params->validation_split) ? PARAMS_DEFAULT_VALIDATION_SPLIT
                                                      : params->validation_split;
    plan->training_rows = plan->training->count;
    if (p->request->validation.path != NULL || fraction <= 0)
        return;
    plan->validation_rows =
        split_stratified(plan->training_labels, plan->training->count, plan->labels.count, fraction,
                         (uint64_t)params->seed, plan->held_out);
    plan->training_rows -= plan->validation_rows;
}

/* ---- model and numbers ----------------------------------------------------------------------- */

static int
check_length(struct planner *p)
{
    struct train_plan *plan = p->plan;
    size_t shortest = plan->training->has_pairs ? SHORTEST_PAIR : SHORTEST_TEXT;
    size_t length = (size_t)plan->params.max_seq_length;
    if (length >= shortest && length <= plan->config.max_positions)
        return 0;
    err_set(p->err, ERR_INVALID,
            "max_seq_length is %zu, but %s takes from %zu to %zu tokens%s; give a value in that "
            "range or leave it out",
            length, p->request->base_name, shortest, plan->config.max_positions,
            plan->training->has_pairs ? " for a pair of texts" : "");
    return blame(p, PART_PARAMETERS, "max_seq_length", 0, false);
}

/* bf16 is computed by the processor or not at all. */
static int
check_precision(struct planner *p)
{
    if (p->plan->params.precision != GEMM_BF16 || p->request->has_bf16)
        return 0;
    err_set(p->err, ERR_INVALID,
            "precision \"bf16\" needs a processor that multiplies bfloat16 numbers (AVX512_BF16 or "
            "AMX) and an engine that makes use of it, and this machine has not both; say \"fp32\", "
            "or leave it out");
    return blame(p, PART_PARAMETERS, "precision", 0, false);
}

static bool
same_labels(const struct model_config *config, const struct label_set *labels)
{
    if (config->label_count != labels->count)
        return false;
    for (size_t i = 0; i < labels->count; i++)
        if (strcmp(config->labels[i], labels->names[i]) != 0)
            return false;
    return true;
}

/* Are the base model's tensors what its config.json promises, and does its tokenizer load? */
static int
check_folder(struct planner *p)
{
    const char *folder = p->request->base_folder;
    struct tensor_layout layout;
    if (tensor_layout_build(&p->plan->config, p->arena, &layout, p->err) == 0 &&
        model_dir_check(folder, &layout, &p->plan->load, p->err) == 0 &&
        tokenizer_open(folder, p->plan->config.vocab_size, &p->plan->tokenizer, p->err) == 0)
        return 0;
    err_prefix(p->err, "model %s", p->request->base_name);
    return blame(p, PART_MODEL, NULL, 0, p->err->code == ERR_UNSUPPORTED);
}

static int
resolve(struct planner *p)
{
    struct train_plan *plan = p->plan;
    struct train_facts facts = {.training_rows = plan->training_rows,
                                .config = &plan->config,
                                .has_bf16 = p->request->has_bf16};
    plan->params = p->request->params;
    if (p->request->validation.path != NULL && plan->params.validation_split > 0) {
        err_set(p->err, ERR_INVALID,
                "validation_split takes rows of the training file, but there is a validation file; "
                "give one of the two");
        return blame(p, PART_PARAMETERS, "validation_split", 0, false);
    }
    if (p->request->validation.path != NULL)
        plan->params.validation_split = 0;
    if (check_precision(p) != 0)
        return p->err->code;
    train_params_resolve(&plan->params, &facts, &plan->choices);
    if (check_length(p) != 0)
        return p->err->code;
    plan->total_steps = train_params_total_steps(&plan->params, plan->training_rows);
    plan->keeps_head = same_labels(&plan->config, &plan->labels);
    plan->target = arena_copy_string(p->arena, plan->training->target);
    plan->config.labels = plan->labels.names;
    plan->config.label_count = plan->labels.count;
    plan->config.max_seq_length = (size_t)plan->params.max_seq_length;
    return 0;
}

static int
read_model(struct planner *p)
{
    if (model_config_read(p->request->base_folder, p->arena, &p->plan->config, p->err) == 0)
        return 0;
    err_prefix(p->err, "model %s", p->request->base_name);
    return blame(p, PART_MODEL, NULL, 0, p->err->code == ERR_UNSUPPORTED);
}

int
train_plan_make(const struct train_request *request, struct arena *arena, struct train_plan *out,
                struct train_fault *fault, struct err *err)
{
    *out = (struct train_plan){.task = TASK_CLASSIFICATION};
    struct planner p = {request, arena, out, fault, err};
    if (read_model(&p) != 0 ||
        read_file(&p, PART_TRAINING_FILE, &request->training, &out->training) != 0 ||
        collect_labels(&p) != 0)
        goto out;
    if (read_other(&p, PART_VALIDATION_FILE, &request->validation, &out->validation,
                   &out->validation_rows) != 0 ||
        read_other(&p, PART_TEST_FILE, &request->test, &out->test, &out->test_rows) != 0)
        goto out;
    split(&p);
    if (resolve(&p) == 0 && check_folder(&p) == 0)
        return 0;
out:
    train_plan_fini(out);
    return err->code;
}

void
train_plan_fini(struct train_plan *plan)
{
    dataset_free(plan->training);
    dataset_free(plan->validation);
    dataset_free(plan->test);
    tokenizer_free(plan->tokenizer);
    free(plan->training_labels);
    free(plan->held_out);
    plan->training = plan->validation = plan->test = NULL;
    plan->tokenizer = NULL;
    plan->training_labels = NULL;
    plan->held_out = NULL;
}
