/* THE error table: complete, and one body for both standards. */
#include "api/errors.h"

#include "core/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static int
open_arena(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int
close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void
every_fault_code_has_its_row(void **state)
{
    (void)state;
    for (int code = 0; code < FAULT_CODE_COUNT; code++) {
        const struct error_row *row = error_row((enum fault_code)code);
        assert_int_equal(row->code, code);
        assert_in_range(row->status, 400, 507);
        assert_non_null(fault_code_name(row->code));
        bool server = row->status >= 500;
        assert_int_equal(strcmp(row->type, "server_error") == 0, server);
    }
    assert_int_equal(error_status(FAULT_MODEL_NOT_FOUND, false), 404);
    assert_int_equal(error_status(FAULT_MODEL_NOT_FOUND, true), 400);
    assert_int_equal(error_status(FAULT_CONFLICT, true), 409);
}

static void
error_body_lists_every_fault_with_pointer_and_line(void **state)
{
    (void)state;
    struct fault_list faults = {.arena = arena};
    struct buf body = {0};
    struct err err;
    fault_add(&faults, FAULT_INVALID_TRAINING_FILE, "training_file", "Line 7 is bad.");
    faults.items[0].line = 7;
    fault_add(&faults, FAULT_UNKNOWN_PARAMETER, "betas[1].a~b/c", "No such thing.");
    errors_encode(&faults, 400, "req_1", &body);
    json_t *root = json_parse(buf_string(&body), body.length, false, &err);
    const json_t *errors = json_object_get(root, "errors");
    const json_t *first = json_array_get(errors, 0);
    const json_t *second = json_array_get(errors, 1);
    const json_t *error = json_object_get(root, "error");
    assert_int_equal(json_array_size(errors), 2);
    assert_string_equal(json_string_value(json_object_get(first, "pointer")), "#/training_file");
    assert_int_equal(json_integer_value(json_object_get(first, "line")), 7);
    assert_string_equal(json_string_value(json_object_get(second, "pointer")), "#/betas/1/a~0b~1c");
    assert_null(json_object_get(second, "line"));
    assert_string_equal(json_string_value(json_object_get(error, "message")),
                        "Line 7 is bad. No such thing.");
    assert_string_equal(json_string_value(json_object_get(error, "param")), "training_file");
    assert_string_equal(json_string_value(json_object_get(root, "instance")),
                        "urn:finetuned:request:req_1");
    json_decref(root);
    buf_fini(&body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_code_has_its_row),
        cmocka_unit_test(error_body_lists_every_fault_with_pointer_and_line),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
