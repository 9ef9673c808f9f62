/*
 * Faults: names, limits, and that a cut message stays well-formed.
 */
#include "daemon/fault.h"
#include "core/base/buf.h"
#include "core/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int
open_list(void **state)
{
    struct arena *arena = arena_new();
    struct fault_list *faults = arena_alloc(arena, sizeof *faults);
    faults->arena = arena;
    *state = faults;
    return 0;
}

static int
close_list(void **state)
{
    arena_free(((struct fault_list *)*state)->arena);
    return 0;
}

static void
every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FAULT_CODE_COUNT; i++) {
        assert_non_null(fault_code_name((enum fault_code)i));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(fault_code_name((enum fault_code)i),
                                    fault_code_name((enum fault_code)j));
    }
}

static void
faults_keep_copies_of_their_texts(void **state)
{
    struct fault_list *faults = *state;
    char param[] = "model";
    assert_int_equal(fault_add(faults, FAULT_MODEL_NOT_FOUND, param, "no '%s'", param), -1);
    param[0] = 'x';
    assert_int_equal(faults->count, 1);
    assert_string_equal(faults->items[0].param, "model");
    assert_string_equal(faults->items[0].message, "no 'model'");
    assert_int_equal(faults->items[0].line, 0);
}

static void
faults_beyond_the_limit_are_dropped(void **state)
{
    struct fault_list *faults = *state;
    for (size_t i = 0; i < FAULTS_MAX + 5; i++)
        assert_int_equal(fault_add(faults, FAULT_INVALID_PARAMETER, NULL, "number %zu", i), -1);
    assert_int_equal(faults->count, FAULTS_MAX);
    assert_string_equal(faults->items[FAULTS_MAX - 1].message, "number 63");
}

/* Whatever byte the cut falls on. */
static void
cut_message_is_well_formed(void **state)
{
    struct fault_list *faults = *state;
    struct buf text = {0};
    for (size_t i = 0; i < 2000; i++)
        buf_append_string(&text, "\xe2\x82\xac"); /* the euro sign */
    for (size_t shift = 0; shift < 3; shift++) {
        fault_add(faults, FAULT_INVALID_PARAMETER, NULL, "%.*s%s", (int)shift, "ab",
                  buf_string(&text));
        const char *message = faults->items[shift].message;
        assert_true(strlen(message) > 2000);
        assert_int_equal(utf8_valid_length(message, strlen(message)), strlen(message));
    }
    buf_fini(&text);
}

static void
message_with_a_byte_that_is_no_text_is_kept_whole(void **state)
{
    struct fault_list *faults = *state;
    fault_add(faults, FAULT_INVALID_PARAMETER, NULL, "'%s' is no name: give another.",
              "a\xff"
              "b");
    assert_string_equal(faults->items[0].message, "'a\xff"
                                                  "b' is no name: give another.");
}

static void
failures_of_ours_do_not_show_our_insides(void **state)
{
    struct fault_list *faults = *state;
    struct err err = {.code = ERR_IO, .message = "open /secret/place: no"};
    assert_int_equal(fault_add_err(faults, &err), -1);
    assert_int_equal(faults->items[0].code, FAULT_INTERNAL);
    assert_null(strstr(faults->items[0].message, "secret"));
    err.code = ERR_FULL;
    fault_add_err(faults, &err);
    assert_int_equal(faults->items[1].code, FAULT_DISK_FULL);
    assert_null(strstr(faults->items[1].message, "secret"));
}

#define FAULT_TEST(test) cmocka_unit_test_setup_teardown(test, open_list, close_list)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT_TEST(every_code_has_a_name_of_its_own),
        FAULT_TEST(faults_keep_copies_of_their_texts),
        FAULT_TEST(faults_beyond_the_limit_are_dropped),
        FAULT_TEST(message_with_a_byte_that_is_no_text_is_kept_whole),
        FAULT_TEST(cut_message_is_well_formed),
        FAULT_TEST(failures_of_ours_do_not_show_our_insides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
