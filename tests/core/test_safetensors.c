/* The safetensors reader against its own writer, against hostile headers, and against damage. */
#include "core/hub/safetensors.h"

#include "core/base/err.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const float weight[6] = {1.0f, -2.0f, 0.5f, 3.25f, 1e-30f, -0.0f};
static const float bias[3] = {0.25f, 7.0f, -1.0f};

static const struct safetensors_source sources[2] = {
    {.name = "z.weight", .rows = 2, .columns = 3, .values = weight},
    {.name = "a.bias", .vector = true, .rows = 1, .columns = 3, .values = bias},
};

static int
open_scratch(void **state)
{
    static struct scratch scratch;
    scratch_open(&scratch);
    *state = &scratch;
    return 0;
}

static int
close_scratch(void **state)
{
    scratch_close(*state);
    return 0;
}

/* Bytes of a whole file. */
static size_t
read_all(const char *path, unsigned char *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, room, file);
    fclose(file);
    assert_true(length < room);
    return length;
}

static void
written_file_is_read_back(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "m.safetensors");
    struct safetensors *file = NULL;
    struct err err;
    assert_int_equal(safetensors_write(path, sources, 2, &err), 0);
    assert_int_equal(safetensors_open(path, &file, &err), 0);
    assert_int_equal(safetensors_count(file), 2);
    assert_string_equal(safetensors_at(file, 0)->name, "a.bias"); /* by name */
    assert_null(safetensors_at(file, 2));
    const struct stored_tensor *entry = safetensors_find(file, "z.weight");
    assert_non_null(entry);
    assert_int_equal(entry->rank, 2);
    assert_int_equal(entry->shape[0], 2);
    assert_int_equal(entry->shape[1], 3);
    assert_string_equal(entry->type_name, "F32");
    float values[6];
    stored_tensor_to_float(entry, values);
    assert_memory_equal(values, weight, sizeof weight);
    entry = safetensors_find(file, "a.bias");
    assert_int_equal(entry->rank, 1);
    stored_tensor_to_float(entry, values);
    assert_memory_equal(values, bias, sizeof bias);
    assert_null(safetensors_find(file, "weight"));
    safetensors_close(file);
}

static void
same_tensors_give_the_same_bytes_with_data_aligned_to_eight(void **state)
{
    struct scratch *scratch = *state;
    unsigned char first[1024];
    unsigned char second[1024];
    struct err err;
    const char *path = scratch_path(scratch, "m.safetensors");
    assert_int_equal(safetensors_write(path, sources, 2, &err), 0);
    size_t length = read_all(path, first, sizeof first);
    assert_int_equal(safetensors_write(path, sources, 2, &err), 0);
    assert_int_equal(read_all(path, second, sizeof second), length);
    assert_memory_equal(first, second, length);
    uint64_t header = 0;
    memcpy(&header, first, sizeof header);
    assert_int_equal((8 + header) % 64, 0); /* where the data begin */
    assert_int_equal(8 + header + sizeof weight + sizeof bias, length);
    const char *expected = "{\"__metadata__\":{\"format\":\"pt\"},\"z.weight\":{\"dtype\":\"F32\","
                           "\"shape\":[2,3],\"data_offsets\":[0,24]},\"a.bias\":{\"dtype\":\"F32\","
                           "\"shape\":[3],\"data_offsets\":[24,36]}}";
    assert_memory_equal(first + 8, expected, strlen(expected));
}

static void
failed_write_leaves_nothing(void **state)
{
    struct scratch *scratch = *state;
    struct err err = {0};
    const char *path = scratch_path(scratch, "absent/m.safetensors");
    assert_int_equal(safetensors_write(path, sources, 2, &err), ERR_IO);
    assert_non_null(strstr(err.message, "m.safetensors"));
}

/* A file of a header and data_length zero bytes. */
static const char *
write_file(struct scratch *scratch, const char *header, size_t data_length)
{
    unsigned char bytes[4096] = {0};
    uint64_t length = strlen(header);
    assert_true(8 + length + data_length <= sizeof bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    return scratch_write(scratch, "x.safetensors", bytes, 8 + length + data_length);
}

static void
hostile_headers_are_refused_with_a_reason(void **state)
{
    struct scratch *scratch = *state;
#define ONE(dtype, shape, offsets)                                                                 \
    "{\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(a, b)                                                                                  \
    "{\"s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" a "},"                             \
    "\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" b "}}"
    static const struct {
        const char *header;
        size_t data;
        const char *reason;
    } cases[] = {
        {"", 0, "does not begin with"},
        {"[1]", 0, "does not begin with"},
        {"{\"t\":", 0, "not valid JSON"},
        {"{} {}", 0, "not valid JSON"},
        {"{\"t\":5}", 0, "not described by an object"},
        {"{\"t\":{}}", 0, "no dtype"},
        {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no shape"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets"},
        {ONE("F31", "[1]", "[0,4]"), 4, "'F31'"},
        {ONE("F32", "[1.0]", "[0,4]"), 4, "no whole number"},
        {ONE("F32", "[-1]", "[0,4]"), 4, "no whole number"},
        {ONE("F32", "[\"1\"]", "[0,4]"), 4, "no whole number"},
        {ONE("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "dimensions"},
        {ONE("F32", "[4611686018427387904]", "[0,0]"), 0, "too large"},
        {ONE("F32", "[4294967296,4294967296]", "[0,0]"), 0, "too large"},
        {ONE("F32", "[99999999999999999999]", "[0,0]"), 0, "not valid JSON"},
        {ONE("F32", "[1]", "[0,4.0]"), 4, "two whole numbers"},
        {ONE("F32", "[1]", "[-4,0]"), 4, "two whole numbers"},
        {ONE("F32", "[1]", "[0]"), 4, "two whole numbers"},
        {ONE("F32", "[1]", "[0,4,8]"), 4, "two whole numbers"},
        {ONE("F32", "[1]", "[4,0]"), 4, "outside the file"},
        {ONE("F32", "[2]", "[0,8]"), 4, "outside the file"},
        {ONE("F32", "[1]", "[9223372036854775803,9223372036854775807]"), 4, "outside the file"},
        {ONE("F32", "[1]", "[0,3]"), 3, "do not match"},
        {ONE("F16", "[1]", "[0,4]"), 4, "do not match"},
        {ONE("F32", "[1]", "[4,8]"), 8, "hole"},
        {ONE("F32", "[1]", "[0,4]"), 8, "belong to no tensor"},
        {TWO("[0,4]", "[0,4]"), 4, "overlaps"},
        {TWO("[0,4]", "[2,6]"), 6, "overlaps"},
        {TWO("[0,4]", "[8,12]"), 12, "hole"},
        {"{}", 1, "belong to no tensor"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
         "\"t\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
         0, "duplicate"},
        {"{\"__metadata__\":5}", 0, "__metadata__"},
        {"{\"__metadata__\":{\"a\":5}}", 0, "__metadata__"},
        {"{\"\xff\":5}", 0, "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct safetensors *file = NULL;
        struct err err = {0};
        const char *path = write_file(scratch, cases[i].header, cases[i].data);
        int rc = safetensors_open(path, &file, &err);
        if (rc != ERR_INVALID || strstr(err.message, cases[i].reason) == NULL || file != NULL)
            fail_msg("%s: got %d '%s'", cases[i].header, rc, err.message);
        assert_non_null(strstr(err.message, "x.safetensors"));
    }
}

static void
unusual_but_legal_headers_are_read(void **state)
{
    struct scratch *scratch = *state;
    static const struct {
        const char *header;
        size_t data, count;
    } cases[] = {
        {"{}", 0, 0},
        {"{}      ", 0, 0},
        {"{\"__metadata__\":{}}", 0, 0},
        {ONE("F32", "[]", "[0,4]"), 4, 1},    /* a scalar */
        {ONE("F32", "[0,7]", "[0,0]"), 0, 1}, /* an empty tensor */
        {ONE("I64", "[1,2]", "[0,16]"), 16, 1},
        {ONE("BOOL", "[3]", "[0,3]"), 3, 1},
        {TWO("[4,8]", "[0,4]"), 8, 2}, /* in any order */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct safetensors *file = NULL;
        struct err err = {0};
        if (safetensors_open(write_file(scratch, cases[i].header, cases[i].data), &file, &err) != 0)
            fail_msg("%s: %s", cases[i].header, err.message);
        assert_int_equal(safetensors_count(file), cases[i].count);
        safetensors_close(file);
    }
}

static void
short_and_absent_files_are_refused(void **state)
{
    struct scratch *scratch = *state;
    struct safetensors *file = NULL;
    struct err err = {0};
    assert_int_equal(safetensors_open(scratch_path(scratch, "no"), &file, &err), ERR_NOT_FOUND);
    assert_int_equal(safetensors_open(scratch_write_text(scratch, "e", ""), &file, &err),
                     ERR_INVALID);
    assert_int_equal(safetensors_open(scratch_write_text(scratch, "s", "1234567"), &file, &err),
                     ERR_INVALID);
    assert_int_equal(safetensors_open(scratch_write(scratch, "h", "\xff\xff\xff\x7f\0\0\0\0{}", 10),
                                      &file, &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.message, "is this a safetensors file?"));
    assert_int_equal(
        safetensors_open(scratch_write(scratch, "h", "\x09\0\0\0\0\0\0\0{}", 10), &file, &err),
        ERR_INVALID);
    assert_non_null(strstr(err.message, "cut short"));
}

/* A damaged file: refused with a sentence, or read with entries that lie within it. */
static void
check_survival(const char *path, size_t file_length)
{
    struct safetensors *file = NULL;
    struct err err = {0};
    int rc = safetensors_open(path, &file, &err);
    if (rc != 0) {
        assert_int_equal(rc, ERR_INVALID);
        assert_true(strlen(err.message) > strlen(path));
        assert_null(file);
        return;
    }
    size_t total = 0;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const struct stored_tensor *entry = safetensors_at(file, i);
        float values[64];
        total += entry->length;
        assert_ptr_equal(safetensors_find(file, entry->name), entry);
        assert_true(entry->length <= sizeof values);
        stored_tensor_to_float(entry, values);
    }
    assert_true(total + 8 <= file_length);
    safetensors_close(file);
}

static void
every_damage_of_the_header_is_survived(void **state)
{
    struct scratch *scratch = *state;
    unsigned char bytes[1024];
    struct err err;
    const char *path = scratch_path(scratch, "m.safetensors");
    assert_int_equal(safetensors_write(path, sources, 2, &err), 0);
    size_t length = read_all(path, bytes, sizeof bytes);
    size_t header = length - sizeof weight - sizeof bias;
    static const unsigned char others[] = {0x00, '0', '9', '"', '}', ',', ' ', 0xff};
    for (size_t at = 0; at < header; at++) {
        unsigned char kept = bytes[at];
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] = (unsigned char)(kept ^ 1u << bit);
            check_survival(scratch_write(scratch, "d", bytes, length), length);
        }
        for (size_t i = 0; i < sizeof others; i++) {
            bytes[at] = others[i];
            check_survival(scratch_write(scratch, "d", bytes, length), length);
        }
        bytes[at] = kept;
    }
    for (size_t cut = 0; cut < length; cut++) {
        struct safetensors *file = NULL;
        assert_int_equal(safetensors_open(scratch_write(scratch, "d", bytes, cut), &file, &err),
                         ERR_INVALID);
    }
}

static void
every_half_is_converted_exactly(void **state)
{
    (void)state;
    static uint16_t halves[65536];
    static float values[65536];
    for (size_t i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    struct stored_tensor entry = {
        .type = STORED_F16,
        .bytes = (const unsigned char *)halves,
        .length = sizeof halves,
    };
    stored_tensor_to_float(&entry, values);
    for (unsigned i = 0; i < 65536; i++) {
        int exponent = (int)(i >> 10 & 0x1f);
        double fraction = (double)(i & 0x3ff) / 1024.0;
        double expected = exponent == 0    ? ldexp(fraction, -14)
                          : exponent == 31 ? (double)INFINITY
                                           : ldexp(1.0 + fraction, exponent - 15);
        if (exponent == 31 && fraction != 0.0)
            assert_true(isnan(values[i]));
        else
            assert_true((double)values[i] == (i >> 15 ? -expected : expected) &&
                        (signbit(values[i]) != 0) == (i >> 15 != 0));
    }
}

static void
bfloat_is_the_upper_half_of_a_float(void **state)
{
    (void)state;
    static uint16_t halves[65536];
    static float values[65536];
    for (size_t i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    struct stored_tensor entry = {
        .type = STORED_BF16,
        .bytes = (const unsigned char *)halves,
        .length = sizeof halves,
    };
    stored_tensor_to_float(&entry, values);
    for (uint32_t i = 0; i < 65536; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        assert_true(bits == i << 16);
    }
    assert_true(values[0x3f80] == 1.0f && values[0xc000] == -2.0f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(written_file_is_read_back, open_scratch, close_scratch),
        cmocka_unit_test_setup_teardown(same_tensors_give_the_same_bytes_with_data_aligned_to_eight,
                                        open_scratch, close_scratch),
        cmocka_unit_test_setup_teardown(failed_write_leaves_nothing, open_scratch, close_scratch),
        cmocka_unit_test_setup_teardown(hostile_headers_are_refused_with_a_reason, open_scratch,
                                        close_scratch),
        cmocka_unit_test_setup_teardown(unusual_but_legal_headers_are_read, open_scratch,
                                        close_scratch),
        cmocka_unit_test_setup_teardown(short_and_absent_files_are_refused, open_scratch,
                                        close_scratch),
        cmocka_unit_test_setup_teardown(every_damage_of_the_header_is_survived, open_scratch,
                                        close_scratch),
        cmocka_unit_test(every_half_is_converted_exactly),
        cmocka_unit_test(bfloat_is_the_upper_half_of_a_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
