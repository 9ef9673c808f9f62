/* A data set into token stores: the same on any number of threads, stopped at once, first fault. */
#include "core/data/tokenize.h"

#include "core/base/mem.h"
#include "core/data/labels.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 5000 }; /* many blocks, the last one not full */

struct fixture {
    struct scratch scratch;
    struct tokenizer *tokenizer;
    struct dataset dataset;
    uint32_t labels[ROWS];
    struct targets targets;
    bool second[ROWS];
};

static const char *const words[] = {"a", "b", "ac", "bcc", "x"};

static int
open_fixture(void **state)
{
    static struct fixture f;
    struct err err = {0};
    f = (struct fixture){0};
    scratch_open(&f.scratch);
    scratch_write_text(&f.scratch, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##c\n");
    if (tokenizer_open(f.scratch.folder, 8, &f.tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    f.dataset.rows = arena_array(f.scratch.arena, ROWS, sizeof *f.dataset.rows);
    f.dataset.count = ROWS;
    for (size_t i = 0; i < ROWS; i++) {
        char text[64] = "";
        for (size_t w = 0; w < 1 + i % 7; w++) {
            strcat(text, words[(i + w * i / 3) % 5]);
            strcat(text, " ");
        }
        struct data_row *row = &f.dataset.rows[i];
        row->line = i + 1;
        row->text = arena_copy_string(f.scratch.arena, text);
        row->text_length = strlen(text);
        row->pair = i % 3 == 0 ? "b a" : NULL;
        row->pair_length = i % 3 == 0 ? 3 : 0;
        f.labels[i] = (uint32_t)(i % 11);
        f.second[i] = i % 10 == 3;
    }
    f.targets = (struct targets){.rows = ROWS, .classes = f.labels};
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    tokenizer_free(f->tokenizer);
    scratch_close(&f->scratch);
    return 0;
}

static struct tokenize_task
task_of(const struct fixture *f)
{
    return (struct tokenize_task){
        .tokenizer = f->tokenizer,
        .dataset = &f->dataset,
        .name = "train.jsonl",
        .targets = &f->targets,
        .max_length = 8,
    };
}

static int
run(const struct tokenize_task *task, size_t threads, struct token_store stores[2], struct err *err)
{
    struct pool *pool = pool_new(threads, err);
    assert_non_null(pool);
    int rc = tokenize_dataset(task, pool, &stores[0], &stores[1], err);
    pool_free(pool);
    return rc;
}

static void
assert_same(const struct token_store *a, const struct token_store *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->longest, b->longest);
    assert_int_equal(a->tokens.count, b->tokens.count);
    assert_memory_equal(a->targets.classes, b->targets.classes, a->rows * sizeof(uint32_t));
    assert_memory_equal(a->offsets, b->offsets, (a->rows + 1) * sizeof *a->offsets);
    for (size_t row = 0; row < a->rows; row++) {
        uint32_t ids[2][16];
        uint8_t types[2][16];
        size_t length = a->offsets[row + 1] - a->offsets[row];
        token_store_copy(a, a->offsets[row], length, ids[0], types[0]);
        token_store_copy(b, b->offsets[row], length, ids[1], types[1]);
        assert_memory_equal(ids[0], ids[1], length * sizeof ids[0][0]);
        assert_memory_equal(types[0], types[1], length);
    }
}

/* The plain twin: row after row into the store that it belongs to. */
static void
stores_are_those_of_one_row_after_another_on_any_number_of_threads(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct token_store plain[2] = {0};
    struct tokenize_task task = task_of(f);
    task.second = f->second;
    for (size_t i = 0; i < ROWS; i++) {
        const struct data_row *row = &f->dataset.rows[i];
        struct text text = {row->text, row->text_length, row->pair, row->pair_length};
        assert_int_equal(
            token_store_append(&plain[f->second[i]], f->tokenizer, &text, 8, f->labels[i], &err),
            0);
    }
    assert_true(plain[0].rows + plain[1].rows == ROWS && plain[1].rows == ROWS / 10);
    for (size_t threads = 1; threads <= 4; threads++) {
        struct token_store stores[2] = {0};
        assert_int_equal(run(&task, threads, stores, &err), 0);
        assert_same(&stores[0], &plain[0]);
        assert_same(&stores[1], &plain[1]);
        token_store_fini(&stores[0]);
        token_store_fini(&stores[1]);
    }
    token_store_fini(&plain[0]);
    token_store_fini(&plain[1]);
}

static void
rows_are_appended_to_what_a_store_holds(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct token_store stores[2] = {0};
    struct tokenize_task task = task_of(f);
    f->dataset.count = 300;
    assert_int_equal(run(&task, 2, stores, &err), 0);
    size_t tokens = stores[0].tokens.count;
    assert_int_equal(run(&task, 2, stores, &err), 0);
    assert_int_equal(stores[0].rows, 600);
    assert_int_equal(stores[0].tokens.count, 2 * tokens);
    assert_int_equal(stores[0].offsets[300], tokens);
    assert_int_equal(stores[1].rows, 0);
    f->dataset.count = 0;
    assert_int_equal(run(&task, 2, stores, &err), 0);
    assert_int_equal(stores[0].rows, 600);
    token_store_fini(&stores[0]);
}

static void
the_first_row_that_fails_is_named_whoever_met_another_one_before(void **state)
{
    struct fixture *f = *state;
    struct tokenize_task task = task_of(f);
    static const size_t bad[] = {4999, 2600, 1234, 1300};
    for (size_t i = 0; i < 4; i++) {
        f->dataset.rows[bad[i]].text = "\xff";
        f->dataset.rows[bad[i]].text_length = 1;
    }
    for (size_t threads = 1; threads <= 4; threads++) {
        struct err err = {0};
        struct token_store stores[2] = {0};
        assert_int_equal(run(&task, threads, stores, &err), ERR_INVALID);
        assert_non_null(strstr(err.message, "train.jsonl line 1235: "));
        token_store_fini(&stores[0]);
    }
}

/* Says stop at the `left`-th question, from whatever thread. */
static bool
stop_after(void *context)
{
    atomic_int *left = context;
    return atomic_fetch_sub(left, 1) <= 0;
}

static void
a_stop_ends_the_work_at_the_next_row(void **state)
{
    struct fixture *f = *state;
    struct tokenize_task task = task_of(f);
    task.should_stop = stop_after;
    for (int questions = 0; questions < 3000; questions += 700) {
        struct err err = {0};
        struct token_store stores[2] = {0};
        atomic_int left = questions;
        task.context = &left;
        assert_int_equal(run(&task, 3, stores, &err), ERR_STOPPED);
        /* Each block of the wave asked once more at most, and no wave began after it. */
        assert_true(atomic_load(&left) > -64);
        token_store_fini(&stores[0]);
    }
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CASE(stores_are_those_of_one_row_after_another_on_any_number_of_threads),
        CASE(rows_are_appended_to_what_a_store_holds),
        CASE(the_first_row_that_fails_is_named_whoever_met_another_one_before),
        CASE(a_stop_ends_the_work_at_the_next_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
