/* Which model is the best and when a run ends, held against transformers' rule step by step. */
#include "core/train/best.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct train_params
params_of(enum metric metric, int64_t patience, double min_delta)
{
    struct train_params params = train_params_auto();
    params.metric_for_best_model = metric;
    params.early_stopping = (struct early_stopping){patience, min_delta, METRIC_AUTO};
    params.load_best_model = 1;
    return params;
}

/* Judge values of the steps 10, 20, ... until the end. */
static struct best
judge_all(const struct train_params *params, const double *values, size_t count, size_t *judged)
{
    struct best best = best_none();
    for (*judged = 0; *judged < count && !best.ended; ++*judged)
        best = best_judge(&best, params, 10 * (*judged + 1), values[*judged]);
    return best;
}

static void
losses_fall_and_other_metrics_rise(void **state)
{
    (void)state;
    static const double values[] = {0.5, 0.3, 0.4, 0.3};
    size_t judged;
    struct train_params params = params_of(METRIC_VALID_LOSS, 0, 0);
    struct best best = judge_all(&params, values, 4, &judged);
    assert_int_equal(best.step, 20); /* the first of equals */
    assert_true(best.value == 0.3 && !best.ended);
    params = params_of(METRIC_VALID_MACRO_F1, 0, 0);
    best = judge_all(&params, values, 4, &judged);
    assert_int_equal(best.step, 10);
    params = params_of(METRIC_VALID_MAE, 0, 0);
    assert_int_equal(judge_all(&params, values, 4, &judged).step, 20);
}

static void
a_number_is_better_than_none_and_none_is_never_better(void **state)
{
    (void)state;
    assert_true(best_is_better(METRIC_VALID_LOSS, 5, NAN));
    assert_true(best_is_better(METRIC_VALID_MCC, -1, NAN));
    assert_false(best_is_better(METRIC_VALID_LOSS, NAN, 5));
    assert_false(best_is_better(METRIC_VALID_MCC, NAN, NAN));
    assert_true(best_is_better(METRIC_VALID_LOSS, 1, 2) &&
                !best_is_better(METRIC_VALID_LOSS, 2, 1));
    assert_true(best_is_better(METRIC_VALID_MCC, 2, 1) && !best_is_better(METRIC_VALID_MCC, 1, 1));
}

static void
patience_counts_validations_without_progress(void **state)
{
    (void)state;
    static const double values[] = {0.5, 0.6, 0.59, 0.61, 0.6, 0.6};
    size_t judged;
    struct train_params params = params_of(METRIC_VALID_ACCURACY, 2, 0);
    struct best best = judge_all(&params, values, 6, &judged);
    assert_int_equal(judged, 6);
    assert_true(best.ended);
    assert_int_equal(best.step, 40);
    assert_int_equal(best.without, 2);
    params.early_stopping.patience = 1;
    judge_all(&params, values, 6, &judged);
    assert_int_equal(judged, 3);
}

/* A better model is the best one also when the improvement is too small for progress. */
static void
small_improvements_are_no_progress(void **state)
{
    (void)state;
    static const double values[] = {0.5, 0.505, 0.51};
    size_t judged;
    struct train_params params = params_of(METRIC_VALID_ACCURACY, 2, 0.01);
    struct best best = judge_all(&params, values, 3, &judged);
    assert_true(best.ended);
    assert_int_equal(best.step, 30);
}

static void
no_number_is_never_the_best(void **state)
{
    (void)state;
    static const double values[] = {NAN, 0.5, NAN};
    size_t judged;
    struct train_params params = params_of(METRIC_VALID_LOSS, 2, 0);
    struct best best = judge_all(&params, values, 3, &judged);
    assert_int_equal(best.step, 20);
    assert_int_equal(best.without, 1);
}

static void
assert_refused(const struct train_params *params, enum task task, bool has_validation,
               const char *parameter, const char *sentence)
{
    struct err err;
    const char *found = NULL;
    assert_int_equal(best_check(params, task, has_validation, &found, &err), ERR_INVALID);
    assert_string_equal(found, parameter);
    assert_non_null(strstr(err.message, sentence));
}

static void
what_validation_does_not_measure_is_refused_by_name(void **state)
{
    (void)state;
    struct err err;
    const char *parameter;
    struct train_params params = train_params_auto();
    assert_int_equal(best_check(&params, TASK_CLASSIFICATION, false, &parameter, &err), 0);
    params.metric_for_best_model = METRIC_VALID_PEARSON;
    assert_refused(&params, TASK_CLASSIFICATION, true, "metric_for_best_model", "valid_macro_f1");
    assert_int_equal(best_check(&params, TASK_REGRESSION, true, &parameter, &err), 0);
    assert_refused(&params, TASK_REGRESSION, false, "metric_for_best_model", "validation rows");
    params.early_stopping = (struct early_stopping){3, 0, METRIC_VALID_MAE};
    assert_refused(&params, TASK_REGRESSION, true, "early_stopping", "in one place");
    params.metric_for_best_model = METRIC_AUTO;
    assert_refused(&params, TASK_CLASSIFICATION, true, "early_stopping", "valid_mae");
    assert_refused(&params, TASK_REGRESSION, false, "early_stopping", "validation rows");
}

/* A job's parameters are resolved once and judged again when its turn comes. */
static void
what_was_resolved_passes_again(void **state)
{
    (void)state;
    struct err err;
    const char *parameter;
    struct model_config config = {.hidden_size = 32, .max_positions = 16};
    const struct train_facts facts = {.training_rows = 10, .config = &config};
    struct train_choices choices;
    struct train_params params = train_params_auto();
    train_params_resolve(&params, &facts, &choices);
    assert_int_equal(params.load_best_model, 0);
    assert_int_equal(best_check(&params, TASK_CLASSIFICATION, false, &parameter, &err), 0);
    params = train_params_auto();
    params.early_stopping.patience = 2;
    params.early_stopping.metric = METRIC_VALID_MCC;
    train_params_resolve(&params, &facts, &choices);
    assert_int_equal(params.load_best_model, 1);
    assert_int_equal(params.metric_for_best_model, METRIC_VALID_MCC);
    assert_int_equal(best_check(&params, TASK_CLASSIFICATION, true, &parameter, &err), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_fall_and_other_metrics_rise),
        cmocka_unit_test(a_number_is_better_than_none_and_none_is_never_better),
        cmocka_unit_test(patience_counts_validations_without_progress),
        cmocka_unit_test(small_improvements_are_no_progress),
        cmocka_unit_test(no_number_is_never_the_best),
        cmocka_unit_test(what_validation_does_not_measure_is_refused_by_name),
        cmocka_unit_test(what_was_resolved_passes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
