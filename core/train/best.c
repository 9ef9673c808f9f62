/* Judging models; see best.h. */
#include "core/train/best.h"

#include "core/base/buf.h"

#include <math.h>

struct best
best_none(void)
{
    return (struct best){.value = NAN};
}

bool
best_is_better(enum metric by, double value, double than)
{
    if (isnan(than))
        return !isnan(value);
    return metric_rises(by) ? value > than : value < than;
}

struct best
best_judge(const struct best *before, const struct train_params *params, size_t step, double value)
{
    struct best after = *before;
    double gain =
        metric_rises(params->metric_for_best_model) ? value - before->value : before->value - value;
    bool is_better = best_is_better(params->metric_for_best_model, value, before->value);
    bool is_progress = before->step == 0 ? is_better : gain > params->early_stopping.min_delta;
    after.without = is_progress ? 0 : before->without + 1;
    if (is_better) {
        after.step = step;
        after.value = value;
    }
    int64_t patience = params->early_stopping.patience;
    after.ended = patience > 0 && after.without >= (size_t)patience;
    return after;
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* What was asked for that needs validation rows; NULL: nothing. */
static const char *
find_wish(const struct train_params *params)
{
    if (params->early_stopping.patience > 0)
        return "early_stopping";
    if (params->metric_for_best_model != METRIC_AUTO && params->load_best_model == PARAMS_AUTO)
        return "metric_for_best_model";
    if (params->load_best_model == 1)
        return "load_best_model";
    return params->eval_steps > 0 ? "eval_steps" : NULL;
}

static int
refuse_metric(enum metric metric, enum task task, struct err *err)
{
    struct buf names = {0};
    for (int m = 0; m < METRIC_COUNT; m++)
        if (metric_is_of_validation((enum metric)m) && metric_has_task((enum metric)m, task))
            buf_printf(&names, "%s%s", names.length > 0 ? ", " : "", metric_name((enum metric)m));
    err_set(err, ERR_INVALID, "%s is not measured by task \"%s\"; choose one of %s",
            metric_name(metric), task_name(task), buf_string(&names));
    buf_fini(&names);
    return err->code;
}

int
best_check(const struct train_params *params, enum task task, bool has_validation,
           const char **parameter, struct err *err)
{
    enum metric given = params->metric_for_best_model, early = params->early_stopping.metric;
    *parameter = find_wish(params);
    if (*parameter != NULL && !has_validation)
        return err_set(err, ERR_INVALID,
                       "%s needs validation rows, and this job has none; give a validation_file or "
                       "a validation_split above 0, or leave %s out",
                       *parameter, *parameter);
    *parameter = "early_stopping";
    if (given != METRIC_AUTO && early != METRIC_AUTO && given != early)
        return err_set(err, ERR_INVALID,
                       "early_stopping.metric is %s but metric_for_best_model is %s; a run judges "
                       "its models by one metric: give it in one place",
                       metric_name(early), metric_name(given));
    if (early != METRIC_AUTO && !metric_has_task(early, task))
        return refuse_metric(early, task, err);
    *parameter = "metric_for_best_model";
    if (given != METRIC_AUTO && !metric_has_task(given, task))
        return refuse_metric(given, task, err);
    *parameter = NULL;
    return 0;
}
