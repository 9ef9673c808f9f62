/* Two models on the same rows; see evaluation.h. Which test is the task's matter. */
#include "core/eval/evaluation_parts.h"

#include "core/eval/significance.h"

#include <assert.h>
#include <stdlib.h>

static void
add_test(json_t *object, const char *test, const char *unit, double p_value)
{
    json_object_set_new(object, "p_value", evaluation_real(p_value));
    json_object_set_new(object, "test", json_string(test));
    json_object_set_new(object, "unit", json_string(unit));
}

static void
add_mcnemar(json_t *object, const struct mcnemar *test, const char *unit)
{
    json_object_set_new(object, "only_this_right",
                        json_integer((json_int_t)test->only_first_right));
    json_object_set_new(object, "only_other_right",
                        json_integer((json_int_t)test->only_second_right));
    add_test(object, "mcnemar", unit, test->p_value);
}

static int
add_wilcoxon(json_t *object, const struct evaluation_outputs *one,
             const struct evaluation_outputs *other, struct err *err)
{
    struct wilcoxon test;
    if (wilcoxon_test(one->distances, other->distances, one->judged, &test, err) != 0)
        return err->code;
    json_object_set_new(object, "this_nearer", json_integer((json_int_t)test.first_nearer));
    json_object_set_new(object, "other_nearer", json_integer((json_int_t)test.second_nearer));
    add_test(object, "wilcoxon_signed_rank", "rows", test.p_value);
    return 0;
}

/* By predicted classes: rows are judged without a document. */
static void
add_classes(json_t *object, const struct evaluation_outputs *one,
            const struct evaluation_outputs *other)
{
    assert(one->rows == other->rows);
    struct mcnemar test = mcnemar_test(one->outcomes, other->outcomes, one->rows);
    add_mcnemar(object, &test, "rows");
}

static void
add_rows(json_t *object, const struct evaluation_outputs *one,
         const struct evaluation_outputs *other, const char *unit)
{
    struct mcnemar test = mcnemar_test_rows(one->right, other->right, one->judged);
    add_mcnemar(object, &test, unit);
}

static int
add_task(json_t *object, const struct evaluation_outputs *one,
         const struct evaluation_outputs *other, struct err *err)
{
    if (one->task != other->task) {
        json_object_set_new(object, "test", json_null());
        return 0;
    }
    assert(one->judged == other->judged);
    switch (one->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        add_classes(object, one, other);
        return 0;
    case TASK_MULTI_LABEL:
        add_rows(object, one, other, "rows");
        return 0;
    case TASK_TOKEN_CLASSIFICATION:
        add_rows(object, one, other, "sentences");
        return 0;
    case TASK_REGRESSION:
        break;
    }
    return add_wilcoxon(object, one, other, err);
}

json_t *
evaluation_compare(const struct evaluation_outputs *one, const struct evaluation_outputs *other,
                   struct err *err)
{
    json_t *object = json_object();
    if (add_task(object, one, other, err) == 0)
        return object;
    json_decref(object);
    return NULL;
}
