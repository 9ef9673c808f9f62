/*
 * What the rows of a plan are to say; see plan.h.
 *
 * A label set holds the classes, the labels or the names of the numbers. Numbers are standardised
 * by the rows that are learned from, so they are read twice: before the split and after it.
 */
#include "core/train/plan_parts.h"

#include "core/data/split.h"
#include "core/eval/entities.h"
#include "core/train/class_weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- task ------------------------------------------------------------------------------------ */

int
plan_check_task(struct planner *p, enum train_part part, const struct labelled_file *file)
{
    struct train_plan *plan = p->plan;
    const char *why = NULL;
    if (part == PART_TRAINING_FILE)
        plan->task = p->request->task != TASK_AUTO ? p->request->task : dataset_task(file->data);
    if (labelling_fits(plan->task, file, p->arena, &why))
        return 0;
    err_set(p->err, ERR_INVALID, "%s", why);
    return plan_blame(p, part, NULL, 0, false);
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* One number is "label"; several are "label_1", "label_2", ... */
static int
name_numbers(struct planner *p)
{
    struct train_plan *plan = p->plan;
    size_t width = labelling_width(plan->training);
    if (width == 0 || width > CONFIG_MAX_LABELS) {
        err_set(p->err, ERR_INVALID,
                "%s has %zu numbers in each row; a regression learns from 1 to %d",
                p->request->training.name, width, CONFIG_MAX_LABELS);
        return plan_blame(p, PART_TRAINING_FILE, NULL, 0, false);
    }
    char **names = arena_array(p->arena, width, sizeof *names);
    for (size_t i = 0; i < width; i++)
        names[i] = width == 1 ? arena_copy_string(p->arena, "label")
                              : arena_printf(p->arena, "label_%zu", i + 1);
    label_set_from_names(names, width, p->arena, &plan->labels);
    return 0;
}

/* Do the tags mark entities: an "O" and a "B-" of something? */
static bool
marks_entities(const struct label_set *labels)
{
    bool begins = false;
    for (size_t i = 0; i < labels->count; i++)
        begins = begins || strncmp(labels->names[i], "B-", 2) == 0;
    return begins && label_set_find(labels, "O") != LABEL_NONE;
}

/* Tags that mark entities must all do so: a misspelled one would be a class of its own. */
static int
check_tags(struct planner *p)
{
    struct entity_scheme scheme;
    const struct label_set *labels = &p->plan->labels;
    if (!marks_entities(labels) ||
        entity_scheme_make((const char *const *)labels->names, labels->count, p->arena, &scheme,
                           p->err) == 0)
        return 0;
    err_prefix(p->err, "%s", p->request->training.name);
    return plan_blame(p, PART_TRAINING_FILE, NULL, 0, false);
}

static int
check_count(struct planner *p)
{
    const struct train_plan *plan = p->plan;
    const char *name = p->request->training.name;
    bool several = plan->task == TASK_MULTI_LABEL;
    if (plan->labels.count >= (several ? 1 : 2))
        return 0;
    if (several)
        err_set(p->err, ERR_INVALID,
                "no row of %s has a label; give some rows the labels that apply to them", name);
    else
        err_set(p->err, ERR_INVALID,
                "every %s of %s has the same label, \"%s\"; a classifier needs at least two",
                plan->task == TASK_TOKEN_CLASSIFICATION ? "token" : "row", name,
                plan->labels.names[0]);
    return plan_blame(p, PART_TRAINING_FILE, NULL, 0, false);
}

static int
build_label_set(struct planner *p)
{
    struct train_plan *plan = p->plan;
    if (plan->task == TASK_REGRESSION)
        return name_numbers(p);
    if (label_set_build(plan->training, p->arena, &plan->labels, p->err) != 0) {
        err_prefix(p->err, "%s", p->request->training.name);
        return plan_blame(p, PART_TRAINING_FILE, NULL, 0, false);
    }
    if (check_count(p) != 0)
        return p->err->code;
    return plan->task == TASK_TOKEN_CLASSIFICATION ? check_tags(p) : 0;
}

static struct labelled_file
training_file(const struct planner *p)
{
    return (struct labelled_file){p->plan->training, p->request->training.name};
}

struct labelling
train_plan_labelling(const struct train_plan *plan)
{
    return (struct labelling){
        .task = plan->task,
        .labels = &plan->labels,
        .scale = plan->output_scale,
        .shift = plan->output_shift,
        .source = plan->training_name,
        .remedy = "correct it, or add training rows with it",
    };
}

/* The targets of the training file, in place of those before. */
static int
label_training_rows(struct planner *p)
{
    struct train_plan *plan = p->plan;
    const struct labelling labelling = train_plan_labelling(plan);
    const struct labelled_file file = training_file(p);
    size_t line = 0;
    targets_fini(&plan->training_targets);
    if (labelling_apply(&labelling, &file, &plan->training_targets, &line, p->err) == 0)
        return 0;
    return plan_blame(p, PART_TRAINING_FILE, NULL, line, false);
}

int
plan_collect_labels(struct planner *p)
{
    struct train_plan *plan = p->plan;
    plan->training_name = arena_copy_string(p->arena, p->request->training.name);
    plan->held_out = mem_array(plan->training->count, sizeof *plan->held_out);
    if (plan->held_out == NULL) {
        err_set(p->err, ERR_MEMORY, "the labels of %zu rows do not fit into memory",
                plan->training->count);
        return plan_blame(p, PART_TRAINING_FILE, NULL, 0, false);
    }
    if (build_label_set(p) != 0)
        return p->err->code;
    return label_training_rows(p); /* numbers as they are: the split comes first */
}

int
plan_check_labels(struct planner *p, enum train_part part, const struct labelled_file *file)
{
    const struct labelling labelling = train_plan_labelling(p->plan);
    struct targets targets;
    size_t line = 0;
    int rc = labelling_apply(&labelling, file, &targets, &line, p->err);
    targets_fini(&targets);
    return rc == 0 ? 0 : plan_blame(p, part, NULL, line, false);
}

/* ---- split ----------------------------------------------------------------------------------- */

/* Hold out this fraction of the training file. Returns how many rows. */
static size_t
hold_out(const struct train_plan *plan, double fraction, uint64_t seed)
{
    const struct targets *targets = &plan->training_targets;
    size_t rows = plan->training->count;
    size_t labels = plan->labels.count;
    const struct split_lists lists = {targets->starts, targets->ids, rows, labels};
    switch (plan->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        return split_stratified(targets->classes, rows, labels, fraction, seed, plan->held_out);
    case TASK_MULTI_LABEL:
    case TASK_TOKEN_CLASSIFICATION:
        return split_lists(&lists, fraction, seed, plan->held_out);
    case TASK_REGRESSION:
        return split_numbers(targets->values, rows, labels, fraction, seed, plan->held_out);
    }
    return 0;
}

void
plan_split(struct planner *p)
{
    struct train_plan *plan = p->plan;
    const struct train_params *params = &p->request->params;
    double fraction = isnan(params->validation_split) ? PARAMS_DEFAULT_VALIDATION_SPLIT
                                                      : params->validation_split;
    plan->training_rows = plan->training->count;
    if (p->request->validation.path != NULL || fraction <= 0)
        return;
    plan->validation_rows = hold_out(plan, fraction, (uint64_t)params->seed);
    plan->training_rows -= plan->validation_rows;
}

/* ---- loss ------------------------------------------------------------------------------------ */

static int
standardise(struct planner *p)
{
    struct train_plan *plan = p->plan;
    const struct labelled_file file = training_file(p);
    size_t width = plan->labels.count;
    size_t line = 0;
    plan->output_scale = arena_array(p->arena, width, sizeof *plan->output_scale);
    plan->output_shift = arena_array(p->arena, width, sizeof *plan->output_shift);
    if (labelling_measure(&file, plan->held_out, plan->output_scale, plan->output_shift, &line,
                          p->err) != 0)
        return plan_blame(p, PART_TRAINING_FILE, NULL, line, false);
    return label_training_rows(p);
}

/* Refuse what a task has no use for. */
static int
check_options(struct planner *p)
{
    const struct train_request *request = p->request;
    enum task task = p->plan->task;
    bool classes = task == TASK_CLASSIFICATION || task == TASK_TOKEN_CLASSIFICATION;
    bool smooths = request->params.label_smoothing > 0;
    bool focuses = request->params.focal_gamma > 0;
    const char *parameter = request->class_weights != NULL && !classes ? "class_weights"
                            : smooths && !classes                      ? "label_smoothing"
                            : focuses && task == TASK_REGRESSION       ? "focal_gamma"
                                                                       : NULL;
    if (parameter != NULL)
        err_set(p->err, ERR_INVALID,
                "%s changes the loss of classes, which the task \"%s\" %s; "
                "leave it out",
                parameter, task_name(task),
                task == TASK_REGRESSION ? "has not" : "judges one by one");
    else if (smooths && focuses) {
        parameter = "focal_gamma";
        err_set(p->err, ERR_INVALID,
                "label_smoothing and focal_gamma work against each other; give one of the two");
    }
    return parameter != NULL ? plan_blame(p, PART_PARAMETERS, parameter, 0, false) : 0;
}

static int
weigh_classes(struct planner *p)
{
    struct train_plan *plan = p->plan;
    const char *given = p->request->class_weights;
    size_t k = plan->labels.count;
    if (given == NULL)
        return 0;
    float *weights = arena_array(p->arena, k, sizeof *weights);
    if (strcmp(given, CLASS_WEIGHTS_BALANCED) == 0) {
        size_t *counts = arena_array(p->arena, k, sizeof *counts);
        class_weights_count(&plan->training_targets, plan->held_out, k, counts);
        class_weights_balance(counts, k, weights);
    } else if (class_weights_read(given, &plan->labels, weights, p->err) != 0) {
        return plan_blame(p, PART_PARAMETERS, "class_weights", 0, false);
    }
    plan->loss.class_weights = weights;
    plan->params.class_weights_mark = class_weights_mark(weights, k);
    return 0;
}

int
plan_settle_loss(struct planner *p)
{
    struct train_plan *plan = p->plan;
    if (check_options(p) != 0)
        return p->err->code;
    if (plan->task == TASK_REGRESSION)
        return standardise(p);
    if (weigh_classes(p) != 0)
        return p->err->code;
    plan->loss.label_smoothing = plan->params.label_smoothing;
    plan->loss.focal_gamma = plan->params.focal_gamma;
    return 0;
}
