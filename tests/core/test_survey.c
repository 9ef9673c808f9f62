/* A survey: exact where everything is sampled, and near where it is not. */
#include "core/data/tokenize.h"
#include "core/train/survey.h"
#include "tests/core/plan_fixture.h"

#include <string.h>

#include <cmocka.h>

/* A set as the trainer tokenizes it. */
static void
tokenize(struct plan_fixture *f, const struct dataset *data, const bool *second,
         struct token_store *first, struct token_store *other)
{
    struct err err;
    struct tokenizer *tokenizer = NULL;
    struct pool *pool = pool_new(1, &err);
    assert_int_equal(tokenizer_open(f->request.base_folder, PLAN_WORDS, &tokenizer, &err), 0);
    struct tokenize_task task = {.tokenizer = tokenizer,
                                 .dataset = data,
                                 .name = "data",
                                 .second = second,
                                 .max_length = (size_t)f->plan.params.max_seq_length};
    assert_int_equal(tokenize_dataset(&task, pool, first, other, &err), 0);
    tokenizer_free(tokenizer);
    pool_free(pool);
}

static void
survey(struct plan_fixture *f, struct survey *out)
{
    struct err err;
    if (survey_make(&f->plan, f->request.base_folder, out, &err) != 0)
        fail_msg("%s", err.message);
}

static void
assert_lengths(const struct survey_set *set, const struct token_store *store)
{
    assert_int_equal(set->rows, store->rows);
    assert_int_equal(set->tokens, store->tokens.count);
    assert_int_equal(set->longest, store->longest);
    for (size_t i = 0; i < set->rows; i++)
        assert_int_equal(set->lengths[i], store->offsets[i + 1] - store->offsets[i]);
}

static void
small_sets_are_surveyed_exactly(void **state)
{
    struct plan_fixture *f = *state;
    struct token_store training = {0};
    struct token_store validation = {0};
    struct token_store test = {0};
    struct survey s;
    f->request.training = plan_rows(f, "train.jsonl", 900, 0);
    f->request.test = plan_rows(f, "test.jsonl", 150, 5000);
    plan_make(f);
    tokenize(f, f->plan.training, f->plan.held_out, &training, &validation);
    tokenize(f, f->plan.test, NULL, &test, NULL);
    survey(f, &s);
    assert_int_equal(training.longest, PLAN_LONGEST); /* some texts are cut */
    assert_true(validation.rows > 0);
    assert_lengths(&s.training, &training);
    assert_lengths(&s.validation, &validation);
    assert_lengths(&s.test, &test);
    bool used[PLAN_WORDS] = {false};
    token_store_mark(&training, used);
    assert_memory_equal(s.trained.used, used, sizeof used);
    token_store_mark(&validation, used);
    token_store_mark(&test, used);
    assert_memory_equal(s.seen.used, used, sizeof used);
    assert_true(s.trained.growth == 1.0 && s.seen.growth == 1.0);
    survey_fini(&s);
    token_store_fini(&training);
    token_store_fini(&validation);
    token_store_fini(&test);
}

static void
a_validation_file_is_a_set_of_its_own(void **state)
{
    struct plan_fixture *f = *state;
    struct token_store validation = {0};
    struct survey s;
    f->request.training = plan_rows(f, "train.jsonl", 100, 0);
    f->request.validation = plan_rows(f, "valid.jsonl", 60, 700);
    plan_make(f);
    tokenize(f, f->plan.validation, NULL, &validation, NULL);
    survey(f, &s);
    assert_int_equal(s.training.rows, 100);
    assert_lengths(&s.validation, &validation);
    assert_int_equal(s.test.rows, 0);
    survey_fini(&s);
    token_store_fini(&validation);
}

/* Within so many hundredths what tokenizing all of it says. */
static void
assert_near(const char *what, double guess, double truth, double hundredths)
{
    if (!(fabs(guess - truth) <= hundredths / 100 * truth))
        fail_msg("%s: %g instead of %g", what, guess, truth);
}

static void
large_sets_are_guessed_from_a_sample(void **state)
{
    struct plan_fixture *f = *state;
    struct token_store store = {0};
    struct survey s;
    enum { ROWS = 5 * SURVEY_ROWS / 2 };
    f->request.params.validation_split = 0;
    f->request.training = plan_rows(f, "train.jsonl", ROWS, 0);
    plan_make(f);
    tokenize(f, f->plan.training, NULL, &store, NULL);
    survey(f, &s);
    assert_int_equal(s.training.rows, ROWS);
    assert_near("tokens", (double)s.training.tokens, (double)store.tokens.count, 2);
    assert_near("longest", (double)s.training.longest, (double)store.longest, 5);
    bool used[PLAN_WORDS] = {false};
    double sampled = 0;
    double all = 0;
    token_store_mark(&store, used);
    for (size_t id = 0; id < PLAN_WORDS; id++) {
        sampled += s.trained.used[id] ? 1 : 0;
        all += used[id] ? 1 : 0;
        assert_true(used[id] || !s.trained.used[id]);
    }
    assert_true(sampled < 0.9 * all);
    double words = PLAN_WORDS * survey_grown(&s.trained, sampled / PLAN_WORDS);
    assert_near("words", words, all, 5);
    survey_fini(&s);
    token_store_fini(&store);
}

/* A job that ends in its first epoch does not meet every word. */
static void
few_steps_train_few_words(void **state)
{
    struct plan_fixture *f = *state;
    struct survey s;
    f->request.training = plan_rows(f, "train.jsonl", 900, 0);
    f->request.params.max_steps = 5;
    f->request.params.batch_size = 8;
    plan_make(f);
    survey(f, &s);
    assert_true(s.trained.growth > 0.01 && s.trained.growth < 0.6);
    assert_true(s.seen.growth == 1.0);
    survey_fini(&s);
}

static void
touched_blocks_are_counted_once(void **state)
{
    (void)state;
    bool used[100] = {false};
    struct survey_words words = {used, 1.0};
    assert_int_equal(survey_touched(&words, 100, 1024, 4096), 0);
    used[0] = true;
    assert_int_equal(survey_touched(&words, 100, 1024, 4096), 4096);
    used[3] = used[1] = true; /* the same block */
    assert_int_equal(survey_touched(&words, 100, 1024, 4096), 4096);
    used[4] = true; /* the next one */
    assert_int_equal(survey_touched(&words, 100, 1024, 4096), 2 * 4096);
    assert_int_equal(survey_touched(&words, 100, 1024, 16384), 16384);
    words.growth = 2; /* of 25 blocks 2: 1 - (23 / 25)^2 of them is 3.84 */
    assert_int_equal(survey_touched(&words, 100, 1024, 4096), 4 * 4096);
    words.growth = 1000; /* never more than all of the table */
    assert_int_equal(survey_touched(&words, 100, 1024, 4096), 100 * 1024);
    words.growth = 1.0;
    memset(used, 0, sizeof used);
    used[1] = true; /* a row that lies across blocks touches both */
    assert_int_equal(survey_touched(&words, 100, 3000, 4096), 2 * 4096);
}

static void
a_folder_without_tokenizer_is_refused(void **state)
{
    struct plan_fixture *f = *state;
    struct survey s;
    struct err err;
    f->request.training = plan_rows(f, "train.jsonl", 50, 0);
    plan_make(f);
    assert_int_equal(survey_make(&f->plan, scratch_folder(&f->scratch, "empty"), &s, &err),
                     ERR_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(small_sets_are_surveyed_exactly),
        PLAN_TEST(a_validation_file_is_a_set_of_its_own),
        PLAN_TEST(large_sets_are_guessed_from_a_sample),
        PLAN_TEST(few_steps_train_few_words),
        cmocka_unit_test(touched_blocks_are_counted_once),
        PLAN_TEST(a_folder_without_tokenizer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
