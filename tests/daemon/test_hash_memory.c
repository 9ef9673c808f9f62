/* Remembered hashes: right the first time and again, and new when the file is another one. */
#include "daemon/work/hash_memory.h"

#include "core/base/fileio.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
a_file_that_changed_is_hashed_again(void **state)
{
    (void)state;
    struct scratch scratch;
    struct err err;
    char hex[65], want[65];
    struct hash_memory *memory = hash_memory_new();
    static const char *const texts[] = {"one", "two", "two", "other"}; /* sizes equal and not */
    scratch_open(&scratch);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *path = scratch_path(&scratch, "weights");
        assert_int_equal(fileio_write(path, texts[i], strlen(texts[i]), &err), 0);
        fileio_sha256_bytes(texts[i], strlen(texts[i]), want);
        for (int again = 0; again < 3; again++) {
            memset(hex, 'x', sizeof hex);
            assert_int_equal(hash_memory_get(memory, path, hex, &err), 0);
            assert_string_equal(hex, want);
        }
        assert_int_equal(hash_memory_get(NULL, path, hex, &err), 0);
        assert_string_equal(hex, want);
    }
    assert_true(hash_memory_get(memory, scratch_path(&scratch, "absent"), hex, &err) < 0);
    hash_memory_free(memory);
    hash_memory_free(NULL);
    scratch_close(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_changed_is_hashed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
