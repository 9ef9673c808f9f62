/* What a plan makes of data whose labels are answers: chat rows that generate text are refused. */
#include "tests/core/plan_fixture.h"

#include <string.h>

#include <cmocka.h>

/* A file of chat rows, of whose answers `distinct` are different; each `digits` long. */
static struct train_file
chat_rows(struct plan_fixture *f, const char *name, size_t rows, size_t distinct, int digits)
{
    struct buf text = {0};
    for (size_t i = 0; i < rows; i++)
        buf_printf(&text,
                   "{\"messages\":[{\"role\":\"user\",\"content\":\"w%zu w7\"},"
                   "{\"role\":\"assistant\",\"content\":\"%0*zu\"}]}\n",
                   10 + i, digits, i % distinct);
    const char *path = scratch_write_text(&f->scratch, name, buf_string(&text));
    buf_fini(&text);
    return (struct train_file){.path = path, .name = name};
}

static void
expect_refusal(struct plan_fixture *f, enum train_part part, const char *word)
{
    struct train_fault fault = {0};
    struct err err;
    assert_int_equal(train_plan_make(&f->request, f->scratch.arena, &f->plan, &fault, &err),
                     ERR_INVALID);
    assert_int_equal(fault.part, part);
    assert_true(fault.is_generation);
    assert_false(fault.unsupported);
    if (strstr(err.message, word) == NULL || strstr(err.message, "generating text") == NULL)
        fail_msg("%s", err.message);
}

static void
chat_rows_with_a_few_answers_are_planned(void **state)
{
    struct plan_fixture *f = *state;
    f->request.training = chat_rows(f, "train.jsonl", 80, 4, 2);
    plan_make(f);
    assert_int_equal(f->plan.labels.count, 4);
    assert_string_equal(f->plan.labels.names[3], "03");
}

static void
answers_that_hardly_repeat_are_refused(void **state)
{
    struct plan_fixture *f = *state;
    f->request.training = chat_rows(f, "train.jsonl", 80, 70, 2);
    expect_refusal(f, PART_TRAINING_FILE, "train.jsonl: 70 of its 80 answers");
    f->request.training = chat_rows(f, "train.jsonl", 80, 70, 2000); /* no label is so long */
    expect_refusal(f, PART_TRAINING_FILE, "train.jsonl: 70 of its 80 answers");
}

static void
a_short_validation_file_may_have_each_label_once(void **state)
{
    struct plan_fixture *f = *state;
    f->request.training = chat_rows(f, "train.jsonl", 300, 60, 2);
    f->request.validation = chat_rows(f, "valid.jsonl", 60, 60, 2);
    plan_make(f);
    assert_int_equal(f->plan.validation_rows, 60);
    train_plan_fini(&f->plan);
    f->planned = false;
    f->request.validation = chat_rows(f, "valid.jsonl", 60, 60, 2000);
    expect_refusal(f, PART_VALIDATION_FILE, "valid.jsonl: 60 of its 60 answers");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(chat_rows_with_a_few_answers_are_planned),
        PLAN_TEST(answers_that_hardly_repeat_are_refused),
        PLAN_TEST(a_short_validation_file_may_have_each_label_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
