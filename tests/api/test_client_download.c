/*
 * What download takes from a daemon, which may be anybody: plain names and whole rows only.
 *
 * The client is a program, not a library, so its sources are part of this one.
 */
#define FINETUNED_VERSION "test"
#include "api/client/client.c"
#include "api/client/command_download.c"
#include "api/client/fields.c"
#include "api/client/http.c"
#include "api/client/lines.c"
#include "api/client/text.c"

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static void
names_that_lead_elsewhere_are_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"config.json", "model.safetensors", "vocab.txt", "LICENSE",
                                       "model-00001-of-00002.safetensors"};
    static const char *const bad[] = {"",           ".",       "..",   "../x",    "/etc/passwd",
                                      "a/b",        ".bashrc", "a\nb", "a\x1b[m", "a\\..\\b",
                                      "caf\xc3\xa9"};
    char longer[400] = "";
    memset(longer, 'x', sizeof longer - 1);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(is_plain_name(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(is_plain_name(bad[i]));
    assert_false(is_plain_name(longer));
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int
read_text(struct arena *arena, const char *text, struct wanted_file *out)
{
    struct client client = {.arena = arena};
    const struct wanted_file common = {.folder = "dir"};
    json_t *row = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(row);
    int result = read_row(&client, &common, row, out);
    assert_int_equal(result == CLIENT_OK, client.problem.length == 0);
    buf_fini(&client.problem);
    json_decref(row);
    return result;
}

static void
rows_must_be_whole(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "[]",
        "7",
        "{\"name\": \"a\", \"bytes\": -1, \"sha256\": \"" HASH "\"}",
        "{\"name\": \"a\", \"bytes\": \"5\", \"sha256\": \"" HASH "\"}",
        "{\"name\": \"a\", \"bytes\": 5, \"sha256\": \"abc\"}",
        "{\"name\": \"a\", \"bytes\": 5, \"sha256\": null}",
        "{\"name\": \"../a\", \"bytes\": 5, \"sha256\": \"" HASH "\"}",
        "{\"name\": 7, \"bytes\": 5, \"sha256\": \"" HASH "\"}",
    };
    struct arena *arena = arena_new();
    struct wanted_file file;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(read_text(arena, bad[i], &file), CLIENT_REFUSED);
    assert_int_equal(
        read_text(arena, "{\"name\": \"a\", \"bytes\": 5, \"sha256\": \"" HASH "\"}", &file),
        CLIENT_OK);
    assert_string_equal(file.path, "dir/a");
    assert_string_equal(file.part, "dir/a.part");
    assert_int_equal(file.bytes, 5);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_lead_elsewhere_are_refused),
        cmocka_unit_test(rows_must_be_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
