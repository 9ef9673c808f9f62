/* What a plan makes of each task: inference and overrides, labels, splits, losses, refusals. */
#include "tests/core/plan_fixture.h"

#include "core/train/class_weights.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A file with these rows, then the same pattern again and again up to `rows` rows. */
static struct train_file
file_of(struct plan_fixture *f, const char *name, const char *const *pattern, size_t count,
        size_t rows)
{
    struct buf text = {0};
    for (size_t i = 0; i < rows; i++)
        buf_printf(&text, "%s\n", pattern[i % count]);
    const char *path = scratch_write_text(&f->scratch, name, buf_string(&text));
    buf_fini(&text);
    return (struct train_file){.path = path, .name = name};
}

#define FILE_OF(f, name, pattern, rows)                                                            \
    file_of(f, name, pattern, sizeof(pattern) / sizeof *(pattern), rows)

static const char *const single[] = {"{\"text\":\"w5\",\"label\":\"a\"}",
                                     "{\"text\":\"w6\",\"label\":\"b\"}",
                                     "{\"text\":\"w6\",\"label\":\"b\"}"};
static const char *const whole[] = {"{\"text\":\"w5\",\"label\":1}",
                                    "{\"text\":\"w6\",\"label\":4}"};
static const char *const fractions[] = {"{\"text\":\"w5\",\"label\":0.5}",
                                        "{\"text\":\"w6\",\"label\":2}"};
static const char *const pairs[] = {"{\"text\":\"w5\",\"labels\":[0.5,3]}",
                                    "{\"text\":\"w6\",\"labels\":[2,1]}"};
static const char *const lists[] = {"{\"text\":\"w5\",\"labels\":[\"a\",\"c\"]}",
                                    "{\"text\":\"w6\",\"labels\":[]}",
                                    "{\"text\":\"w7\",\"labels\":[\"b\"]}"};
static const char *const tokens[] = {"{\"tokens\":[\"w5\",\"w6\"],\"labels\":[\"O\",\"B-x\"]}",
                                     "{\"tokens\":[\"w7\"],\"labels\":[\"I-x\"]}"};

/* Plan a file; the task that came of it. */
static enum task
plan(struct plan_fixture *f, struct train_file file, enum task asked)
{
    f->request.training = file;
    f->request.task = asked;
    plan_make(f);
    assert_int_equal(f->plan.config.task, f->plan.task);
    assert_int_equal(f->plan.config.label_count, f->plan.labels.count);
    assert_int_equal(f->plan.training_targets.rows, f->plan.training->count);
    return f->plan.task;
}

static void
refuse(struct plan_fixture *f, const char *parameter, size_t line, const char *word)
{
    struct train_fault fault = {0};
    struct train_plan made;
    struct err err;
    assert_int_equal(train_plan_make(&f->request, f->scratch.arena, &made, &fault, &err),
                     ERR_INVALID);
    if (strstr(err.message, word) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, word);
    assert_string_equal(fault.parameter, parameter);
    assert_int_equal(fault.line, line);
    assert_false(fault.unsupported);
}

static void
the_labels_decide_the_task_where_nobody_does(void **state)
{
    struct plan_fixture *f = *state;
    assert_int_equal(plan(f, FILE_OF(f, "a.jsonl", single, 30), TASK_AUTO), TASK_CLASSIFICATION);
    assert_int_equal(plan(f, FILE_OF(f, "b.jsonl", whole, 30), TASK_AUTO), TASK_CLASSIFICATION);
    assert_int_equal(plan(f, FILE_OF(f, "c.jsonl", fractions, 30), TASK_AUTO), TASK_REGRESSION);
    assert_int_equal(plan(f, FILE_OF(f, "d.jsonl", pairs, 30), TASK_AUTO), TASK_REGRESSION);
    assert_int_equal(f->plan.labels.count, 2);
    assert_int_equal(plan(f, FILE_OF(f, "e.jsonl", lists, 30), TASK_AUTO), TASK_MULTI_LABEL);
    assert_int_equal(f->plan.labels.count, 3);
    assert_int_equal(plan(f, FILE_OF(f, "f.jsonl", tokens, 30), TASK_AUTO),
                     TASK_TOKEN_CLASSIFICATION);
    assert_int_equal(f->plan.labels.count, 3);
}

static void
the_task_can_be_another_one_where_the_labels_allow_it(void **state)
{
    struct plan_fixture *f = *state;
    assert_int_equal(plan(f, FILE_OF(f, "a.jsonl", whole, 30), TASK_REGRESSION), TASK_REGRESSION);
    assert_string_equal(f->plan.labels.names[0], "label");
    assert_int_equal(plan(f, FILE_OF(f, "b.jsonl", fractions, 30), TASK_CLASSIFICATION),
                     TASK_CLASSIFICATION);
    assert_int_equal(f->plan.labels.count, 2);
    assert_int_equal(plan(f, FILE_OF(f, "c.jsonl", single, 30), TASK_MULTI_LABEL),
                     TASK_MULTI_LABEL);
    assert_int_equal(targets_row(&f->plan.training_targets, 0).count, 1);
}

static void
a_task_that_the_labels_cannot_teach_is_refused(void **state)
{
    struct plan_fixture *f = *state;
    f->request.task = TASK_CLASSIFICATION;
    f->request.training = FILE_OF(f, "a.jsonl", lists, 30);
    refuse(f, "training_file", 0, "say \"task\": \"multi_label\"");
    f->request.task = TASK_TOKEN_CLASSIFICATION;
    refuse(f, "training_file", 0, "lists of labels");
    f->request.task = TASK_REGRESSION;
    f->request.training = FILE_OF(f, "b.jsonl", single, 30);
    refuse(f, "training_file", 1, "label \"a\" is no number");
    f->request.task = TASK_AUTO;
    f->request.training = FILE_OF(f, "c.jsonl", fractions, 30);
    f->request.test = FILE_OF(f, "d.jsonl", lists, 30);
    refuse(f, "test_file", 0, "d.jsonl");
}

static void
numbers_are_standardised_by_the_rows_that_are_learned_from(void **state)
{
    struct plan_fixture *f = *state;
    plan(f, FILE_OF(f, "a.jsonl", pairs, 40), TASK_AUTO);
    assert_true(f->plan.validation_rows == 4 && f->plan.training_rows == 36);
    for (size_t k = 0; k < 2; k++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < 40; i++) {
            double value = (double)targets_row(&f->plan.training_targets, i).values[k];
            if (f->plan.held_out[i])
                continue;
            sum += value;
            squares += value * value;
        }
        assert_true(fabs(sum / 36) < 1e-6 && fabs(squares / 36 - 1) < 1e-6);
    }
    assert_true(f->plan.output_scale[0] > 0.7f && f->plan.output_scale[0] < 0.8f);
    f->request.validation = FILE_OF(f, "v.jsonl", fractions, 5);
    refuse(f, "validation_file", 1, "has 1 numbers where the others have 2");
    f->request.validation = (struct train_file){NULL, NULL};
    static const char *const same[] = {"{\"text\":\"w5\",\"label\":0.5}"};
    f->request.training = FILE_OF(f, "b.jsonl", same, 10);
    refuse(f, "training_file", 0, "differ");
    static const char *const huge[] = {"{\"text\":\"w5\",\"label\":0.5}",
                                       "{\"text\":\"w5\",\"label\":1e300}"};
    f->request.training = FILE_OF(f, "c.jsonl", huge, 10);
    refuse(f, "training_file", 2, "beyond 1e15");
}

static void
new_labels_in_a_test_file_are_refused_with_their_line(void **state)
{
    struct plan_fixture *f = *state;
    static const char *const other[] = {"{\"text\":\"w5\",\"labels\":[\"a\",\"q\"]}"};
    static const char *const tags[] = {"{\"tokens\":[\"w5\"],\"labels\":[\"B-y\"]}"};
    f->request.training = FILE_OF(f, "a.jsonl", lists, 30);
    f->request.test = FILE_OF(f, "b.jsonl", other, 1);
    refuse(f, "test_file", 1, "label \"q\" does not occur in a.jsonl");
    f->request.training = FILE_OF(f, "c.jsonl", tokens, 30);
    f->request.test = FILE_OF(f, "d.jsonl", tags, 1);
    refuse(f, "test_file", 1, "label \"B-y\" does not occur in c.jsonl");
}

static void
entity_tags_are_checked_and_other_tags_are_not(void **state)
{
    struct plan_fixture *f = *state;
    static const char *const slip[] = {"{\"tokens\":[\"w5\",\"w6\"],\"labels\":[\"O\",\"B-x\"]}",
                                       "{\"tokens\":[\"w7\"],\"labels\":[\"Bx\"]}"};
    static const char *const speech[] = {"{\"tokens\":[\"w5\",\"w6\"],\"labels\":[\"NN\",\"B-x\"]}",
                                         "{\"tokens\":[\"w7\"],\"labels\":[\"VB\"]}"};
    static const char *const one[] = {"{\"tokens\":[\"w5\",\"w6\"],\"labels\":[\"O\",\"O\"]}"};
    f->request.training = FILE_OF(f, "a.jsonl", slip, 30);
    refuse(f, "training_file", 0, "Bx");
    plan(f, FILE_OF(f, "b.jsonl", speech, 30), TASK_AUTO);
    f->request.training = FILE_OF(f, "c.jsonl", one, 30);
    refuse(f, "training_file", 0, "every token of c.jsonl has the same label, \"O\"");
    static const char *const none[] = {"{\"text\":\"w5\",\"labels\":[]}"};
    f->request.training = FILE_OF(f, "d.jsonl", none, 30);
    refuse(f, "training_file", 0, "no row of d.jsonl has a label");
}

/* A run could never say which of its models is the best. */
static void
entity_f1_is_refused_as_a_metric_where_no_label_marks_entities(void **state)
{
    static const char *const speech[] = {
        "{\"tokens\":[\"w5\",\"w6\"],\"labels\":[\"NOUN\",\"VERB\"]}"};
    struct plan_fixture *f = *state;
    struct train_params *params = &f->request.params;
    params->metric_for_best_model = METRIC_VALID_ENTITY_F1;
    plan(f, FILE_OF(f, "a.jsonl", tokens, 30), TASK_AUTO);
    f->request.training = FILE_OF(f, "b.jsonl", speech, 30);
    refuse(f, "metric_for_best_model", 0, "choose valid_accuracy");
    params->metric_for_best_model = METRIC_AUTO;
    params->early_stopping = (struct early_stopping){2, 0, METRIC_VALID_ENTITY_F1};
    refuse(f, "early_stopping", 0, "those of b.jsonl do not");
    params->early_stopping.metric = METRIC_VALID_ACCURACY;
    plan(f, f->request.training, TASK_AUTO);
}

static void
class_weights_are_those_of_the_rows_that_are_learned_from(void **state)
{
    struct plan_fixture *f = *state;
    f->request.class_weights = CLASS_WEIGHTS_BALANCED;
    plan(f, FILE_OF(f, "a.jsonl", single, 90), TASK_AUTO);
    size_t counts[2] = {0};
    for (size_t i = 0; i < 90; i++)
        if (!f->plan.held_out[i])
            counts[f->plan.training_targets.classes[i]]++;
    for (size_t c = 0; c < 2; c++)
        assert_true(f->plan.loss.class_weights[c] ==
                    (float)((double)f->plan.training_rows / (2.0 * (double)counts[c])));
    uint32_t mark = f->plan.params.class_weights_mark;
    assert_true(mark != 0);
    f->request.class_weights = "{\"b\":3}";
    plan(f, f->request.training, TASK_AUTO);
    assert_true(f->plan.loss.class_weights[0] == 1 && f->plan.loss.class_weights[1] == 3);
    assert_true(f->plan.params.class_weights_mark != mark);
    f->request.class_weights = "{\"z\":3}";
    refuse(f, "class_weights", 0, "\"z\"");
    f->request.class_weights = NULL;
    plan(f, f->request.training, TASK_AUTO);
    assert_null(f->plan.loss.class_weights);
    assert_int_equal(f->plan.params.class_weights_mark, 0);
}

static void
oversample_repeats_rows_that_are_learned_from(void **state)
{
    struct plan_fixture *f = *state;
    struct oversample repeats;
    struct err err;
    plan(f, FILE_OF(f, "a.jsonl", single, 90), TASK_AUTO);
    size_t steps = f->plan.total_steps;
    assert_true(f->plan.params.oversample == 0 && f->plan.repeated_rows == 0);
    f->request.params.batch_size = f->plan.params.batch_size;
    f->request.params.n_epochs = f->plan.params.n_epochs;
    f->request.params.oversample = 1;
    plan(f, f->request.training, TASK_AUTO);
    assert_true(f->plan.validation_rows == 9 && f->plan.training_rows == 81);
    assert_int_equal(train_plan_repeats(&f->plan, &repeats, &err), 0);
    size_t rare = oversample_rows(&repeats, 0);
    assert_int_equal(oversample_rows(&repeats, 1), 81 - rare);
    assert_int_equal(f->plan.repeated_rows, 81 - 2 * rare);
    assert_int_equal(train_plan_epoch_rows(&f->plan), repeats.count);
    assert_true(f->plan.total_steps > steps);
    for (size_t row = 0, i = 0; i < 90; i++) { /* members are places among the learned rows */
        if (f->plan.held_out[i])
            continue;
        bool is_rare = f->plan.training_targets.classes[i] == 0, found = false;
        for (size_t m = 0; m < rare; m++)
            found = found || repeats.members[m] == row;
        assert_int_equal(found, is_rare);
        row++;
    }
    oversample_fini(&repeats);
    f->request.params.oversample = 0.4;
    plan(f, f->request.training, TASK_AUTO);
    assert_int_equal(f->plan.repeated_rows, 0);
    assert_int_equal(train_plan_repeats(&f->plan, &repeats, &err), 0);
    assert_int_equal(repeats.classes, 0);
    oversample_fini(&repeats);
    f->request.params.oversample = 1;
    f->request.params.method = METHOD_LINEAR_PROBE;
    plan(f, f->request.training, TASK_AUTO);
    assert_int_equal(f->plan.repeated_rows, 0);
}

static void
oversample_is_refused_where_rows_have_no_class_or_there_would_be_too_many(void **state)
{
    struct plan_fixture *f = *state;
    struct buf text = {0};
    f->request.params.oversample = 0.5;
    f->request.training = FILE_OF(f, "a.jsonl", lists, 30);
    refuse(f, "oversample", 0, "\"multi_label\" has rows of several labels");
    f->request.training = FILE_OF(f, "b.jsonl", fractions, 30);
    refuse(f, "oversample", 0, "\"regression\" has no classes");
    f->request.training = FILE_OF(f, "c.jsonl", tokens, 30);
    refuse(f, "oversample", 0, "class_weights let rare labels count more");
    for (size_t i = 0; i < 3000 * 3; i++)
        buf_printf(&text, "{\"text\":\"w5\",\"label\":\"rare %zu\"}\n", i % 3000);
    for (size_t i = 0; i < 5700; i++)
        buf_append_string(&text, "{\"text\":\"w6\",\"label\":\"often\"}\n");
    f->request.training =
        (struct train_file){scratch_write_text(&f->scratch, "d.jsonl", buf_string(&text)), "d"};
    buf_fini(&text);
    f->request.params.oversample = 1;
    f->request.params.validation_split = 0;
    refuse(f, "oversample", 0,
           "would add 17091000 rows to the 14700 of an epoch; at most 16777216");
    f->request.params.oversample = 0.01;
    plan(f, f->request.training, TASK_AUTO);
    assert_int_equal(f->plan.repeated_rows, 3000 * (57 - 3));
}

static void
options_of_the_loss_are_refused_where_a_task_has_no_use_for_them(void **state)
{
    struct plan_fixture *f = *state;
    f->request.training = FILE_OF(f, "a.jsonl", lists, 30);
    f->request.class_weights = CLASS_WEIGHTS_BALANCED;
    refuse(f, "class_weights", 0, "\"multi_label\"");
    f->request.class_weights = NULL;
    f->request.params.label_smoothing = 0.1;
    refuse(f, "label_smoothing", 0, "\"multi_label\"");
    f->request.params.label_smoothing = 0;
    f->request.params.focal_gamma = 2;
    plan(f, f->request.training, TASK_AUTO);
    assert_true(f->plan.loss.focal_gamma == 2.0);
    f->request.training = FILE_OF(f, "b.jsonl", fractions, 30);
    refuse(f, "focal_gamma", 0, "\"regression\"");
    f->request.training = FILE_OF(f, "c.jsonl", tokens, 30);
    f->request.params.label_smoothing = 0.1;
    refuse(f, "focal_gamma", 0, "one of the two");
    f->request.params.focal_gamma = 0;
    plan(f, f->request.training, TASK_AUTO);
    assert_true(f->plan.loss.label_smoothing == 0.1);
}

static void
rare_labels_stay_among_the_rows_that_are_learned_from(void **state)
{
    struct plan_fixture *f = *state;
    struct buf text = {0};
    for (size_t i = 0; i < 200; i++)
        buf_printf(&text, "{\"text\":\"w5\",\"labels\":[\"common\"%s]}\n",
                   i == 77       ? ",\"rare\""
                   : i % 20 == 3 ? ",\"seldom\""
                                 : "");
    f->request.training = (struct train_file){
        scratch_write_text(&f->scratch, "a.jsonl", buf_string(&text)), "a.jsonl"};
    buf_fini(&text);
    f->request.params.validation_split = 0.3;
    for (int64_t seed = 1; seed < 20; seed++) {
        size_t seldom = 0;
        f->request.params.seed = seed;
        plan(f, f->request.training, TASK_AUTO);
        assert_false(f->plan.held_out[77]);
        for (size_t i = 3; i < 200; i += 20)
            seldom += f->plan.held_out[i];
        assert_int_equal(seldom, 3);
        assert_in_range(f->plan.validation_rows, 55, 65);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(the_labels_decide_the_task_where_nobody_does),
        PLAN_TEST(the_task_can_be_another_one_where_the_labels_allow_it),
        PLAN_TEST(a_task_that_the_labels_cannot_teach_is_refused),
        PLAN_TEST(numbers_are_standardised_by_the_rows_that_are_learned_from),
        PLAN_TEST(new_labels_in_a_test_file_are_refused_with_their_line),
        PLAN_TEST(entity_tags_are_checked_and_other_tags_are_not),
        PLAN_TEST(entity_f1_is_refused_as_a_metric_where_no_label_marks_entities),
        PLAN_TEST(class_weights_are_those_of_the_rows_that_are_learned_from),
        PLAN_TEST(oversample_repeats_rows_that_are_learned_from),
        PLAN_TEST(oversample_is_refused_where_rows_have_no_class_or_there_would_be_too_many),
        PLAN_TEST(options_of_the_loss_are_refused_where_a_task_has_no_use_for_them),
        PLAN_TEST(rare_labels_stay_among_the_rows_that_are_learned_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
