/* Checked sizes, zeroed arrays, arenas, mapped pages. */
#include "core/base/mem.h"
#include "core/base/pages.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
products_and_sums_that_overflow_are_refused_and_leave_the_result_alone(void **state)
{
    (void)state;
    size_t out = 7;
    assert_true(mem_multiply(0, SIZE_MAX, &out) && out == 0);
    assert_true(mem_multiply(SIZE_MAX, 0, &out) && out == 0);
    assert_true(mem_multiply(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    assert_true(mem_multiply(SIZE_MAX / 3, 3, &out) && out == SIZE_MAX / 3 * 3);
    out = 7;
    assert_false(mem_multiply(SIZE_MAX / 3 + 1, 3, &out));
    assert_false(mem_multiply(SIZE_MAX, SIZE_MAX, &out));
    assert_false(mem_multiply((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_int_equal(out, 7);
    assert_true(mem_add(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    out = 7;
    assert_false(mem_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 7);
}

static void
arrays_are_zeroed_aligned_and_refused_when_they_overflow(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 15, 16, 17, 4097};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        float *array = mem_array(counts[i], sizeof *array);
        assert_non_null(array);
        assert_int_equal((uintptr_t)array % 64, 0);
        for (size_t j = 0; j < counts[i]; j++)
            assert_true(array[j] == 0.0f);
        free(array);
    }
    assert_null(mem_array(SIZE_MAX, 2));
    assert_null(mem_array(SIZE_MAX, 1));
    assert_null(mem_array(SIZE_MAX / 4 + 2, 4));
}

static void
arena_memory_is_zeroed_aligned_and_disjoint(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    struct arena *arena = arena_new();
    unsigned char *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++) { /* among them blocks larger than an arena's own */
        size_t size = i % 50 == 49 ? 40000 : i;
        blocks[i] = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(blocks[i][j], 0);
        memset(blocks[i], (int)(i % 255) + 1, size);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 50 == 49 ? 40000 : i;
        for (size_t j = 0; j < size; j++)
            assert_int_equal(blocks[i][j], i % 255 + 1);
    }
    arena_free(arena);
    arena_free(NULL);
}

static void
arena_copies_end_with_nul(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char text[] = "to be copied";
    char *copy = arena_copy_string(arena, text);
    text[0] = 'x';
    assert_string_equal(copy, "to be copied");
    assert_null(arena_copy_string(arena, NULL));
    assert_string_equal(arena_copy_string(arena, ""), "");
    char *bytes = arena_copy_bytes(arena, "a\0b", 3);
    assert_memory_equal(bytes, "a\0b", 4);
    assert_string_equal(arena_copy_bytes(arena, NULL, 0), "");
    char *made = arena_printf(arena, "%s-%d", "job", 12);
    assert_string_equal(made, "job-12");
    char *numbers = arena_array(arena, 3, 5);
    assert_int_equal(numbers[14], 0);
    arena_free(arena);
}

static void
resizing_keeps_the_bytes(void **state)
{
    (void)state;
    char *memory = mem_small(3);
    memcpy(memory, "ab", 3);
    memory = mem_resize(memory, 1000, 100);
    assert_string_equal(memory, "ab");
    memory[99999] = 'z';
    free(memory);
    free(mem_small(0));
}

static void
pages_are_zeroed_writable_and_refused_when_they_overflow(void **state)
{
    (void)state;
    struct pages pages = pages_map(100000, sizeof(float));
    float *values = pages.memory;
    assert_non_null(values);
    assert_int_equal(pages.bytes, 400000);
    assert_true(values[0] == 0.0f && values[99999] == 0.0f);
    values[99999] = 1.0f;
    pages_unmap(&pages);
    assert_null(pages.memory);
    pages_unmap(&pages);
    assert_null(pages_map(SIZE_MAX, 2).memory);
    assert_null(pages_map(SIZE_MAX, 1).memory);
    pages = pages_map(0, 4);
    assert_non_null(pages.memory);
    pages_unmap(&pages);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_and_sums_that_overflow_are_refused_and_leave_the_result_alone),
        cmocka_unit_test(arrays_are_zeroed_aligned_and_refused_when_they_overflow),
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_disjoint),
        cmocka_unit_test(arena_copies_end_with_nul),
        cmocka_unit_test(resizing_keeps_the_bytes),
        cmocka_unit_test(pages_are_zeroed_writable_and_refused_when_they_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
