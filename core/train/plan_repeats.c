/*
 * Which rows an epoch of a plan repeats: oversampling of the rows that are learned from.
 *
 * Counted after duplicates were left out and rows held out; only then is it known which classes are
 * rare. Whoever walks through epochs makes the list of rows by class anew (train_plan_repeats): a
 * plan is kept longer than that.
 */
#include "core/train/plan_parts.h"

#include <stdlib.h>

/* Classes of the rows that are learned from, in the order of the file and of the token store; NULL:
 * they do not fit into memory. */
static uint32_t *
gather_labels(const struct train_plan *plan)
{
    size_t at = 0;
    uint32_t *labels = mem_array(plan->training_rows, sizeof *labels);
    for (size_t i = 0; labels != NULL && i < plan->training->count; i++)
        if (plan->held_out == NULL || !plan->held_out[i])
            labels[at++] = plan->training_targets.classes[i];
    return labels;
}

static int
say_too_large(const struct train_plan *plan, struct err *err)
{
    return err_set(err, ERR_MEMORY, "the labels of %zu rows do not fit into memory",
                   plan->training_rows);
}

static struct oversample_of
rule_of(const struct train_plan *plan, double share, const uint32_t *labels)
{
    return (struct oversample_of){.labels = labels,
                                  .rows = plan->training_rows,
                                  .label_count = plan->labels.count,
                                  .share = share};
}

/* Why a task has no rare rows to repeat, and what helps there. */
static const char *
why_not(enum task task)
{
    switch (task) {
    case TASK_MULTI_LABEL:
        return "has rows of several labels at once, rare and common ones; leave it out "
               "(focal_gamma "
               "lets labels that are hard to tell count more)";
    case TASK_REGRESSION:
        return "has no classes; leave it out";
    case TASK_TOKEN_CLASSIFICATION:
        return "has a label for each word, rare and common ones in one row; leave it out "
               "(class_weights let rare labels count more)";
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        break;
    }
    return NULL;
}

static int
refuse(struct planner *p)
{
    return plan_blame(p, PART_PARAMETERS, "oversample", 0, false);
}

int
plan_count_repeats(struct planner *p)
{
    struct train_plan *plan = p->plan;
    double share = p->request->params.oversample; /* NaN when it was not given */
    const char *why = why_not(plan->task);
    if (!(share > 0))
        return 0;
    if (why != NULL) {
        err_set(p->err, ERR_INVALID,
                "oversample repeats rows of rare classes, and the task \"%s\" %s",
                task_name(plan->task), why);
        return refuse(p);
    }
    if (p->request->params.method == METHOD_LINEAR_PROBE)
        return 0; /* it has no epochs */
    uint32_t *labels = gather_labels(plan);
    if (labels == NULL) {
        say_too_large(plan, p->err);
        return plan_blame(p, PART_TRAINING_FILE, NULL, 0, false);
    }
    const struct oversample_of of = rule_of(plan, share, labels);
    plan->repeated_rows = oversample_count(&of) - plan->training_rows;
    free(labels);
    if (plan->repeated_rows <= PLAN_MOST_REPEATS)
        return 0;
    err_set(
        p->err, ERR_INVALID,
        "oversample %g would add %zu rows to the %zu of an epoch; at most %d can be added: give "
        "a smaller share, or leave it out and use class_weights",
        share, plan->repeated_rows, plan->training_rows, PLAN_MOST_REPEATS);
    return refuse(p);
}

int
train_plan_repeats(const struct train_plan *plan, struct oversample *out, struct err *err)
{
    *out = (struct oversample){0};
    if (plan->repeated_rows == 0)
        return 0;
    uint32_t *labels = gather_labels(plan);
    if (labels == NULL)
        return say_too_large(plan, err);
    const struct oversample_of of = rule_of(plan, plan->params.oversample, labels);
    int rc = oversample_init(out, &of, err);
    free(labels);
    return rc;
}
