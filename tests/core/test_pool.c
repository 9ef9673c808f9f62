/* The fork-join pool: every item exactly once, thousands of runs, on 1, 2 and 4 threads. */
#include "core/base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 1000, MOST_THREADS = 4, RUNS = 3000 };

struct count {
    size_t items;
    size_t threads;
    atomic_uint times[MANY];
    atomic_uint strange;                  /* calls with an item or thread out of range */
    unsigned by_thread[MOST_THREADS][64]; /* not atomic: a thread number belongs to one thread */
};

static void
count_item(void *context, size_t item, size_t thread)
{
    struct count *count = context;
    if (item >= count->items || thread >= count->threads) {
        atomic_fetch_add(&count->strange, 1);
        return;
    }
    atomic_fetch_add(&count->times[item], 1);
    count->by_thread[thread][0]++;
}

static void
check_run(struct pool *pool, size_t items)
{
    static struct count count;
    unsigned sum = 0;
    memset(&count, 0, sizeof count);
    count.items = items;
    count.threads = pool_threads(pool);
    pool_run(pool, count_item, &count, items);
    assert_int_equal(atomic_load(&count.strange), 0);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(atomic_load(&count.times[i]), i < items ? 1 : 0);
    for (size_t i = 0; i < MOST_THREADS; i++)
        sum += count.by_thread[i][0];
    assert_int_equal(sum, items);
}

static void
every_item_runs_exactly_once(void **state)
{
    (void)state;
    static const size_t thread_counts[] = {1, 2, 4};
    for (size_t t = 0; t < 3; t++) {
        struct err err;
        struct pool *pool = pool_new(thread_counts[t], &err);
        assert_non_null(pool);
        assert_int_equal(pool_threads(pool), thread_counts[t]);
        for (size_t items = 0; items < 20; items++)
            check_run(pool, items);
        check_run(pool, MANY);
        pool_free(pool);
    }
}

/* What one run wrote (plain memory, no atomics) the next run and the caller must see. */
static void
add_previous(void *context, size_t item, size_t thread)
{
    (void)thread;
    uint64_t(*values)[8] = context;
    values[1][item] = values[0][(item + 1) % 8] + item;
}

static void
thousands_of_runs_see_the_writes_of_the_run_before(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 4; threads *= 2) {
        struct err err;
        struct pool *pool = pool_new(threads, &err);
        uint64_t values[2][8] = {{0}};
        uint64_t want[8] = {0};
        assert_non_null(pool);
        for (size_t run = 0; run < RUNS; run++) {
            uint64_t next[8];
            pool_run(pool, add_previous, values, 8);
            memcpy(values[0], values[1], sizeof values[0]);
            for (size_t i = 0; i < 8; i++)
                next[i] = want[(i + 1) % 8] + i;
            memcpy(want, next, sizeof want);
            assert_memory_equal(values[0], want, sizeof want);
        }
        pool_free(pool);
    }
}

static void
a_pool_that_never_ran_is_freed(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct err err;
        struct pool *pool = pool_new(4, &err);
        assert_non_null(pool);
        pool_free(pool);
    }
    pool_free(NULL);
}

static void
several_pools_live_side_by_side(void **state)
{
    (void)state;
    struct err err;
    struct pool *one = pool_new(2, &err);
    struct pool *two = pool_new(3, &err);
    assert_true(one != NULL && two != NULL);
    for (size_t i = 0; i < 100; i++) {
        check_run(one, 1 + i % 40);
        check_run(two, 1 + i % 30);
    }
    pool_free(one);
    pool_free(two);
}

static void
impossible_thread_counts_are_refused_with_the_number(void **state)
{
    (void)state;
    struct err err;
    assert_null(pool_new(0, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_null(pool_new(1000000, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.message, "1000000"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_runs_exactly_once),
        cmocka_unit_test(thousands_of_runs_see_the_writes_of_the_run_before),
        cmocka_unit_test(a_pool_that_never_ran_is_freed),
        cmocka_unit_test(several_pools_live_side_by_side),
        cmocka_unit_test(impossible_thread_counts_are_refused_with_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
