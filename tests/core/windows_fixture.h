/*
 * The job of resume_fixture.h with a stride: 6 tokens a row, so a window has four words, of which
 * the next one shares one.
 */
#ifndef TESTS_CORE_WINDOWS_FIXTURE_H
#define TESTS_CORE_WINDOWS_FIXTURE_H

#include "tests/core/resume_fixture.h"

enum { WINDOWS_LENGTH = 6, WINDOWS_STRIDE = 1, WINDOWS_TEST_ROWS = 9 };

static inline int
windows_setup(void **state)
{
    if (resume_setup(state) != 0)
        return -1;
    struct resume_fixture *f = *state;
    f->request.params.max_seq_length = WINDOWS_LENGTH;
    f->request.params.stride = WINDOWS_STRIDE;
    f->request.params.max_steps = 7;
    f->request.params.learning_rate = 2e-2;
    return 0;
}

/* Windows of a text of so many words: 4 words, of which the last is the next one's first. */
static inline size_t
windows_of_words(size_t words)
{
    return words <= 4 ? 1 : 1 + (words - 4 + 2) / 3;
}

static inline size_t
windows_words(size_t row)
{
    return row * 7 % 12 + 1; /* resume_rows */
}

static inline void
windows_refuse(struct resume_fixture *f, const char *parameter, const char *word)
{
    struct train_fault fault = {0};
    struct train_plan plan;
    struct err err;
    assert_int_equal(train_plan_make(&f->request, f->scratch.arena, &plan, &fault, &err),
                     ERR_INVALID);
    if (strstr(err.message, word) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, word);
    assert_string_equal(fault.parameter, parameter);
}

static inline void
windows_plan(struct resume_fixture *f, struct train_plan *out)
{
    struct train_fault fault = {0};
    struct err err;
    if (train_plan_make(&f->request, f->scratch.arena, out, &fault, &err) != 0)
        fail_msg("%s: %s", fault.parameter, err.message);
}

#define WINDOWS_TEST(test) cmocka_unit_test_setup_teardown(test, windows_setup, resume_teardown)

#endif
