/* Which keys differ between two configurations, which of them may change, and the taking over. */
#include "daemon/reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const folders[] = {"/a", "/b"};
static const struct model_alias aliases[] = {{"x", "y"}, {"z", "w"}};

/* Every member has a value, so that all of them can be shown as text. */
static struct config
some_config(void)
{
    return (struct config){
        .listen = {folders, 1},
        .data_dir = "/data",
        .engine = "auto",
        .log_level = LOG_INFO,
        .log_format = LOG_TEXT,
        .port_file = "",
    };
}

static void
equal_configurations_do_not_differ(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct config before = some_config(), after = some_config();
    struct reload_changes changes;
    reload_compare(&before, &after, arena, &changes);
    assert_int_equal(changes.count, 0);
    arena_free(arena);
}

static void
every_kind_of_value_is_compared_and_shown(void **state)
{
    (void)state;
    static const struct {
        const char *name, *before, *after;
        bool is_live;
    } wanted[] = {
        {"listen", "/a", "/a,/b", false},     {"data_dir", "/data", "/else", false},
        {"model_alias", "", "x=y,z=w", true}, {"max_file_bytes", "0", "1099511627776", true},
        {"log_level", "info", "error", true}, {"log_format", "text", "json", true},
    };
    struct arena *arena = arena_new();
    struct config before = some_config(), after = some_config();
    struct reload_changes changes;
    after.listen.count = 2;
    after.data_dir = "/else";
    after.model_alias = (struct config_aliases){aliases, 2};
    after.max_file_bytes = INT64_C(1) << 40;
    after.log_level = LOG_ERROR;
    after.log_format = LOG_JSON;
    reload_compare(&before, &after, arena, &changes);
    assert_int_equal(changes.count, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < changes.count; i++) {
        assert_string_equal(changes.items[i].row->name, wanted[i].name);
        assert_string_equal(changes.items[i].before, wanted[i].before);
        assert_string_equal(changes.items[i].after, wanted[i].after);
        assert_int_equal(changes.items[i].is_live, wanted[i].is_live);
    }
    arena_free(arena);
}

static void
only_live_keys_are_taken_over(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct config in_force = some_config(), next = some_config();
    struct reload_changes changes;
    next.threads = 7;
    next.data_dir = "/else";
    next.models_dir = (struct config_list){folders, 2};
    next.model_alias = (struct config_aliases){aliases, 1};
    next.keep_files_days = 3;
    next.log_format = LOG_JSON;
    reload_take(&next, &in_force);
    assert_int_equal(in_force.models_dir.count, 2);
    assert_string_equal(in_force.model_alias.items[0].name, "x");
    assert_int_equal(in_force.keep_files_days, 3);
    assert_int_equal(in_force.log_format, LOG_JSON);
    reload_compare(&in_force, &next, arena, &changes);
    assert_int_equal(changes.count, 2);
    assert_string_equal(changes.items[0].row->name, "data_dir");
    assert_string_equal(changes.items[1].row->name, "threads");
    arena_free(arena);
}

/* A name in the list of live keys that no key has would be silently dead. */
static void
the_live_keys_are_these(void **state)
{
    (void)state;
    size_t count = 0, live = 0;
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < count; i++)
        live += reload_is_live(&rows[i]);
    assert_int_equal(live, 15);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_configurations_do_not_differ),
        cmocka_unit_test(every_kind_of_value_is_compared_and_shown),
        cmocka_unit_test(only_live_keys_are_taken_over),
        cmocka_unit_test(the_live_keys_are_these),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
