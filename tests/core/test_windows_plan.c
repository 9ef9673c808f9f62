/* What a plan makes of a stride: rows, steps, estimates, warnings and refusals. */
#include "core/train/cautions.h"
#include "core/train/memory.h"
#include "core/train/survey.h"
#include "tests/core/windows_fixture.h"

static void
steps_are_counted_in_windows(void **state)
{
    struct resume_fixture *f = *state;
    struct train_plan made;
    size_t rows = 0;
    f->request.params.max_steps = PARAMS_AUTO;
    f->request.params.n_epochs = 3;
    windows_plan(f, &made);
    for (size_t i = 0; i < RESUME_ROWS; i++)
        rows += made.held_out[i] ? 0 : windows_of_words(windows_words(i));
    assert_int_equal(train_plan_epoch_rows(&made), rows);
    assert_true(rows > made.training_rows);
    assert_int_equal(made.total_steps, (rows + 5) / 6 * 3);
    assert_int_equal(made.params.stride, WINDOWS_STRIDE);
    assert_int_equal(made.params.truncation, TRUNCATION_AUTO);
    train_plan_fini(&made);

    f->request.params.stride = PARAMS_AUTO;
    windows_plan(f, &made);
    assert_int_equal(train_plan_epoch_rows(&made), made.training_rows);
    assert_int_equal(made.params.stride, PARAMS_AUTO);
    assert_int_equal(made.params.truncation, TRUNCATION_HEAD);
    train_plan_fini(&made);
}

/* What is stored of a job gives the same plan again. */
static void
resolved_parameters_give_the_same_plan(void **state)
{
    struct resume_fixture *f = *state;
    struct train_plan made, again;
    windows_plan(f, &made);
    f->request.params = made.params;
    windows_plan(f, &again);
    assert_int_equal(again.total_steps, made.total_steps);
    assert_int_equal(train_plan_epoch_rows(&again), train_plan_epoch_rows(&made));
    train_plan_fini(&made);
    train_plan_fini(&again);
}

static void
a_survey_knows_the_windows(void **state)
{
    struct resume_fixture *f = *state;
    struct train_plan made;
    struct survey survey;
    struct train_memory memory;
    struct err err;
    size_t rows = 0, tokens = 0;
    for (size_t i = 0; i < WINDOWS_TEST_ROWS; i++) {
        size_t words = windows_words(i), count = windows_of_words(words);
        rows += count;
        tokens += words + 2 * count + (count - 1) * WINDOWS_STRIDE;
    }
    windows_plan(f, &made);
    assert_int_equal(survey_make(&made, f->request.base_folder, &survey, &err), 0);
    assert_int_equal(survey.training.texts, made.training_rows);
    assert_int_equal(survey.training.rows, train_plan_epoch_rows(&made));
    assert_int_equal(survey.test.texts, WINDOWS_TEST_ROWS);
    assert_int_equal(survey.test.rows, rows);
    assert_int_equal(survey.test.tokens, tokens);
    assert_int_equal(survey.test.longest, WINDOWS_LENGTH);
    survey_fini(&survey);
    const struct train_memory_facts facts = {.base_folder = f->request.base_folder, .threads = 1};
    assert_int_equal(train_memory_estimate(&made, &facts, &memory, &err), 0);
    train_plan_fini(&made);
}

static void
what_a_stride_does_not_go_with_is_refused(void **state)
{
    struct resume_fixture *f = *state;
    struct train_params *params = &f->request.params;
    params->truncation = TRUNCATION_HEAD;
    windows_refuse(f, "stride", "give one of the two");
    params->truncation = TRUNCATION_AUTO;
    params->stride = WINDOWS_LENGTH - 2;
    windows_refuse(f, "stride", "give a stride from 0 to 3");
    params->max_seq_length = PARAMS_AUTO;
    params->stride = 22;
    windows_refuse(f, "stride", "give a stride from 0 to 21");
    params->max_seq_length = 25;
    windows_refuse(f, "max_seq_length", "takes from 3 to 24 tokens");
    params->max_seq_length = WINDOWS_LENGTH;
    params->stride = 0;
    params->oversample = 1;
    f->request.test = (struct train_file){0};
    windows_refuse(f, "stride", "class_weights");
    params->oversample = NAN;

    static const struct {
        const char *row, *word;
        enum task task;
    } files[] = {
        {"{\"text\":\"w1 w2\",\"text_pair\":\"w3\",\"label\":\"%s\"}\n", "a pair shares",
         TASK_CLASSIFICATION},
        {"{\"tokens\":[\"w1\",\"w2\"],\"labels\":[\"O\",\"%s\"]}\n", "two labels",
         TASK_TOKEN_CLASSIFICATION},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct buf text = {0};
        for (int row = 0; row < 20; row++)
            buf_printf(&text, files[i].row, row % 2 == 0 ? "O" : "B-x");
        f->request.task = files[i].task;
        f->request.training.path =
            scratch_write_text(&f->scratch, "other.jsonl", buf_string(&text));
        buf_fini(&text);
        windows_refuse(f, "stride", files[i].word);
    }
}

/* Without windows most texts are cut, and told; with them none is. */
static void
texts_in_windows_are_not_said_to_be_cut(void **state)
{
    struct resume_fixture *f = *state;
    static const int64_t strides[] = {PARAMS_AUTO, WINDOWS_STRIDE};
    for (size_t i = 0; i < 2; i++) {
        struct train_plan made;
        struct train_cautions cautions;
        struct err err;
        bool told = false;
        f->request.params.stride = strides[i];
        windows_plan(f, &made);
        assert_int_equal(train_cautions_find(&made, &f->request, f->scratch.arena, &cautions, &err),
                         0);
        for (size_t k = 0; k < cautions.count; k++)
            told = told || strstr(cautions.items[k].message, "are cut there") != NULL;
        assert_int_equal(told, i == 0);
        train_plan_fini(&made);
    }
}

static void
a_text_of_too_many_windows_is_refused_with_its_line(void **state)
{
    struct resume_fixture *f = *state;
    struct buf text = {0};
    for (int row = 0; row < 3; row++) {
        buf_printf(&text, "{\"text\":\"w1");
        for (int word = 0; row == 1 && word < 4 * WINDOWS_MAX; word++)
            buf_append_string(&text, " w2");
        buf_printf(&text, "\",\"label\":\"%s\"}\n", row == 1 ? "yes" : "no");
    }
    f->request.test.path = scratch_write_text(&f->scratch, "long.jsonl", buf_string(&text));
    buf_fini(&text);
    windows_refuse(f, "test_file", "test.jsonl line 2: the text has 16385 tokens");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WINDOWS_TEST(steps_are_counted_in_windows),
        WINDOWS_TEST(resolved_parameters_give_the_same_plan),
        WINDOWS_TEST(a_survey_knows_the_windows),
        WINDOWS_TEST(what_a_stride_does_not_go_with_is_refused),
        WINDOWS_TEST(texts_in_windows_are_not_said_to_be_cut),
        WINDOWS_TEST(a_text_of_too_many_windows_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
