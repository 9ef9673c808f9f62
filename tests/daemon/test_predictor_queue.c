/*
 * How passes are composed of what waits.
 */
#include "daemon/work/predictor_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LONG_BYTES = 200, MANY = 2000 };

static char letters[LONG_BYTES];
static struct text texts[MANY]; /* some 53 guessed tokens each */
static struct prediction_request requests[PREDICTOR_QUEUE_MAX];

static int
fill_texts(void **state)
{
    (void)state;
    memset(letters, 'a', sizeof letters);
    for (size_t i = 0; i < MANY; i++)
        texts[i] = (struct text){.first = letters, .first_length = LONG_BYTES};
    return 0;
}

static void
add(struct predictor_queue *queue, size_t i, const char *folder, size_t count)
{
    requests[i] = (struct prediction_request){.folder = folder, .texts = texts, .count = count};
    predictor_queue_add(queue, &requests[i]);
}

/* What the thread does after a pass. */
static void
put_back(struct predictor_queue *queue, const struct prediction_pass *pass)
{
    for (size_t i = 0; i < pass->part_count; i++)
        if (pass->parts[i].request->taken < pass->parts[i].request->count)
            predictor_queue_add(queue, pass->parts[i].request);
}

static void
empty_queue_gives_no_pass(void **state)
{
    struct predictor_queue queue;
    struct prediction_pass pass;
    (void)state;
    predictor_queue_init(&queue);
    assert_false(predictor_queue_take(&queue, &pass));
}

static void
small_requests_for_one_model_are_computed_together(void **state)
{
    struct predictor_queue queue;
    struct prediction_pass pass;
    (void)state;
    predictor_queue_init(&queue);
    add(&queue, 0, "x", 1);
    add(&queue, 1, "y", 1);
    add(&queue, 2, "x", 2);
    assert_true(predictor_queue_take(&queue, &pass));
    assert_string_equal(pass.folder, "x");
    assert_int_equal(pass.part_count, 2);
    assert_int_equal(pass.rows, 3);
    assert_ptr_equal(pass.parts[0].request, &requests[0]);
    assert_ptr_equal(pass.parts[1].request, &requests[2]);
    assert_int_equal(pass.parts[1].count, 2);
    assert_true(predictor_queue_take(&queue, &pass));
    assert_ptr_equal(pass.parts[0].request, &requests[1]);
    assert_false(predictor_queue_take(&queue, &pass));
}

/* Every text is in exactly one pass, in order, and no pass is larger than it may be. */
static void
large_request_is_cut_into_passes(void **state)
{
    struct predictor_queue queue;
    struct prediction_pass pass;
    size_t next = 0;
    (void)state;
    predictor_queue_init(&queue);
    add(&queue, 0, "x", MANY);
    while (predictor_queue_take(&queue, &pass)) {
        assert_int_equal(pass.part_count, 1);
        assert_int_equal(pass.parts[0].from, next);
        assert_true(pass.parts[0].count > 0 && pass.rows <= PREDICTOR_PASS_ROWS);
        assert_true(pass.tokens < PREDICTOR_PASS_TOKENS + LONG_BYTES);
        next += pass.parts[0].count;
        put_back(&queue, &pass);
    }
    assert_int_equal(next, MANY);
}

static void
empty_texts_are_limited_by_their_number(void **state)
{
    struct predictor_queue queue;
    struct prediction_pass pass;
    size_t rows = 0;
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        texts[i].first_length = 0;
    predictor_queue_init(&queue);
    add(&queue, 0, "x", MANY);
    while (predictor_queue_take(&queue, &pass)) {
        assert_true(pass.rows <= PREDICTOR_PASS_ROWS);
        rows += pass.rows;
        put_back(&queue, &pass);
    }
    assert_int_equal(rows, MANY);
}

static void
text_longer_than_a_pass_is_computed_all_the_same(void **state)
{
    struct predictor_queue queue;
    struct prediction_pass pass;
    (void)state;
    texts[0].first_length = SIZE_MAX / 4; /* never read here */
    predictor_queue_init(&queue);
    add(&queue, 0, "x", 2);
    assert_true(predictor_queue_take(&queue, &pass));
    assert_int_equal(pass.rows, 1);
}

/* Whoever comes with one text while thousands are computed is in the next pass. */
static void
single_text_is_in_the_next_pass_beside_a_large_request(void **state)
{
    struct predictor_queue queue;
    struct prediction_pass pass;
    (void)state;
    predictor_queue_init(&queue);
    add(&queue, 0, "x", MANY);
    assert_true(predictor_queue_take(&queue, &pass));
    add(&queue, 1, "x", 1);
    put_back(&queue, &pass);
    assert_true(predictor_queue_take(&queue, &pass));
    assert_int_equal(pass.part_count, 2);
    assert_int_equal(requests[1].taken, 1);
    assert_true(pass.rows > 2); /* what is left goes to the large one */
    assert_true(pass.tokens >= PREDICTOR_PASS_TOKENS);
}

static void
shares_are_equal(void **state)
{
    struct predictor_queue queue;
    struct prediction_pass pass;
    (void)state;
    predictor_queue_init(&queue);
    add(&queue, 0, "x", MANY);
    add(&queue, 1, "x", MANY);
    assert_true(predictor_queue_take(&queue, &pass));
    assert_int_equal(pass.part_count, 2);
    assert_true(pass.parts[0].count - pass.parts[1].count <= 1);
}

/* A full queue of one model and a request for another, all with rows left: nobody starves. */
static void
everybody_is_served_in_turn(void **state)
{
    struct predictor_queue queue;
    struct prediction_pass pass;
    size_t passes = 0;
    (void)state;
    predictor_queue_init(&queue);
    for (size_t i = 0; i < PREDICTOR_QUEUE_MAX; i++)
        add(&queue, i, i == PREDICTOR_QUEUE_MAX / 2 ? "y" : "x", MANY);
    for (size_t waiting = PREDICTOR_QUEUE_MAX; waiting > 0; passes++) {
        assert_true(predictor_queue_take(&queue, &pass));
        put_back(&queue, &pass);
        waiting = 0;
        for (size_t i = 0; i < PREDICTOR_QUEUE_MAX; i++)
            waiting += requests[i].taken == 0;
    }
    assert_true(passes <= 10); /* about ten texts a pass, and one pass for the other model */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(empty_queue_gives_no_pass, fill_texts),
        cmocka_unit_test_setup(small_requests_for_one_model_are_computed_together, fill_texts),
        cmocka_unit_test_setup(large_request_is_cut_into_passes, fill_texts),
        cmocka_unit_test_setup(empty_texts_are_limited_by_their_number, fill_texts),
        cmocka_unit_test_setup(text_longer_than_a_pass_is_computed_all_the_same, fill_texts),
        cmocka_unit_test_setup(single_text_is_in_the_next_pass_beside_a_large_request, fill_texts),
        cmocka_unit_test_setup(shares_are_equal, fill_texts),
        cmocka_unit_test_setup(everybody_is_served_in_turn, fill_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
