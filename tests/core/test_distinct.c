/* Equal things are found, the earliest of them, in any number. */
#include "core/data/distinct.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PERIOD = 3000, ITEMS = 10000 };

static bool
same(const void *context, size_t item, size_t other)
{
    (void)context;
    return item % PERIOD == other % PERIOD;
}

static void
the_earliest_equal_item_is_found_while_the_table_grows(void **state)
{
    (void)state;
    struct distinct table;
    struct err err;
    distinct_init(&table, same, NULL);
    for (size_t i = 0; i < ITEMS; i++) {
        char name[32];
        size_t first = 0;
        int length = snprintf(name, sizeof name, "%zu", i % PERIOD);
        uint64_t hash = distinct_hash(&table, name, (size_t)length);
        assert_int_equal(distinct_add(&table, i, hash, &first, &err), 0);
        assert_int_equal(first, i % PERIOD);
    }
    assert_int_equal(table.count, PERIOD);
    distinct_fini(&table);
}

static void
items_of_one_hash_are_still_told_apart(void **state)
{
    (void)state;
    struct distinct table;
    struct err err;
    distinct_init(&table, same, NULL);
    for (size_t i = 0; i < 100; i++) {
        size_t first = 0;
        assert_int_equal(distinct_add(&table, i, 7, &first, &err), 0);
        assert_int_equal(first, i);
    }
    distinct_fini(&table);
}

static void
hashes_are_keyed_anew_for_every_table(void **state)
{
    (void)state;
    struct distinct a;
    struct distinct b;
    distinct_init(&a, same, NULL);
    distinct_init(&b, same, NULL);
    assert_int_equal(distinct_hash(&a, "x", 1), distinct_hash(&a, "x", 1));
    assert_true(distinct_hash(&a, "x", 1) != distinct_hash(&b, "x", 1));
    distinct_fini(&a);
    distinct_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_equal_item_is_found_while_the_table_grows),
        cmocka_unit_test(items_of_one_hash_are_still_told_apart),
        cmocka_unit_test(hashes_are_keyed_anew_for_every_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
