/* PyTorch's weights files: what torch wrote, number for number, and what is refused. */
#include "core/hub/torch_zip.h"

#include "core/base/fileio.h"
#include "core/hub/safetensors.h"
#include "core/hub/zip_reader.h"
#include "tests/support/scratch.h"
#include "tests/support/zip_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_NUMBERS = 64, OTHERS = 6, MOST_PARTS = 200 };

#define FOLDER FIXTURES "/weights/"

static struct torch_zip *
open_file(const char *path)
{
    struct torch_zip *file = NULL;
    struct err err = {0};
    if (torch_zip_open(path, &file, &err) != 0)
        fail_msg("%s", err.message);
    return file;
}

static const struct stored_tensor *
find(const struct torch_zip *file, const char *name)
{
    for (size_t i = 0; i < torch_zip_count(file); i++)
        if (strcmp(torch_zip_at(file, i)->name, name) == 0)
            return torch_zip_at(file, i);
    fail_msg("no tensor '%s'", name);
    return NULL;
}

/* The numbers of one are those of the other, bit for bit; a NaN is any NaN. */
static void
assert_same(const struct stored_tensor *is, const struct stored_tensor *wanted)
{
    float found[MOST_NUMBERS];
    float expected[MOST_NUMBERS];
    size_t count = wanted->length / sizeof(float);
    struct err err;
    assert_true(count <= MOST_NUMBERS);
    assert_int_equal(is->rank, wanted->rank);
    assert_memory_equal(is->shape, wanted->shape, is->rank * sizeof *is->shape);
    assert_int_equal(zip_reader_check(is->part, &err), 0);
    stored_tensor_to_float(is, found);
    stored_tensor_to_float(wanted, expected);
    for (size_t i = 0; i < count; i++)
        if (memcmp(&found[i], &expected[i], sizeof found[i]) != 0 &&
            !(isnan(found[i]) && isnan(expected[i])))
            fail_msg("%s[%zu] is %g, not %g", is->name, i, (double)found[i], (double)expected[i]);
}

static void
tensors_of_every_dtype_and_layout_are_what_torch_says(void **state)
{
    static const char *const files[] = {"dtypes.bin", "protocol4.bin"};
    struct safetensors *golden = NULL;
    struct err err;
    (void)state;
    assert_int_equal(safetensors_open(FOLDER "dtypes.safetensors", &golden, &err), 0);
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        char path[sizeof FOLDER + 32];
        snprintf(path, sizeof path, FOLDER "%s", files[f]);
        struct torch_zip *file = open_file(path);
        assert_int_equal(torch_zip_count(file), safetensors_count(golden) + OTHERS);
        for (size_t i = 0; i < safetensors_count(golden); i++) {
            const struct stored_tensor *wanted = safetensors_at(golden, i);
            assert_same(find(file, wanted->name), wanted);
        }
        torch_zip_close(file);
    }
    safetensors_close(golden);
}

static void
dtypes_and_layouts_are_told(void **state)
{
    static const struct {
        const char *name, *type;
        bool plain, strided;
    } cases[] = {
        {"f32.cube", "F32", true, false},     {"f32.turned", "F32", false, true},
        {"f32.part", "F32", true, false},     {"f32.repeated", "F32", false, true},
        {"f16.cube", "F16", false, false},    {"bf16.transposed", "BF16", false, true},
        {"f64.special", "F64", false, false}, {"i64", "I64", false, false},
        {"i32", "I32", false, false},         {"i16", "I16", false, false},
        {"i8", "I8", false, false},           {"u8", "U8", false, false},
        {"bool", "BOOL", false, false},
    };
    struct torch_zip *file = open_file(FOLDER "dtypes.bin");
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct stored_tensor *tensor = find(file, cases[i].name);
        assert_string_equal(tensor->type_name, cases[i].type);
        assert_int_equal(stored_tensor_is_plain(tensor), cases[i].plain);
        assert_int_equal(tensor->strides != NULL, cases[i].strided);
        assert_string_equal(tensor->file->name, "dtypes.bin");
    }
    /* One storage may be shared. */
    assert_ptr_equal(find(file, "f32.cube")->part, find(file, "f32.part")->part);
    assert_int_equal(stored_tensor_place(find(file, "f32.part")) -
                         stored_tensor_place(find(file, "f32.cube")),
                     5 * sizeof(float));
    assert_int_equal(stored_tensor_place(find(file, "f32.cube")) % 64, 0);
    torch_zip_close(file);
}

static void
what_is_no_plain_weights_file_is_refused_by_name(void **state)
{
    static const struct {
        const char *file;
        int code;
        const char *words;
    } cases[] = {
        {"calls.bin", ERR_UNSUPPORTED, "system: it is not a plain weights file"},
        {"module.bin", ERR_UNSUPPORTED, "wants to call torch.nn.modules.linear.Linear"},
        {"checkpoint.bin", ERR_UNSUPPORTED, "holds no dictionary of tensors"},
        {"legacy.bin", ERR_UNSUPPORTED, "format from before version 1.6"},
        {"script.bin", ERR_UNSUPPORTED, "is a TorchScript program"},
        {"deflated.bin", ERR_UNSUPPORTED, "is compressed, which torch.save never does"},
        {"dtypes.safetensors", ERR_INVALID, "no weights file of PyTorch"},
        {"absent.bin", ERR_NOT_FOUND, "absent.bin"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[sizeof FOLDER + 32];
        struct torch_zip *file = NULL;
        struct err err;
        snprintf(path, sizeof path, FOLDER "%s", cases[i].file);
        int code = torch_zip_open(path, &file, &err);
        if (code != cases[i].code || strstr(err.message, cases[i].words) == NULL ||
            strstr(err.message, cases[i].file) == NULL)
            fail_msg("%s: %d, '%s'", cases[i].file, code, code == 0 ? "" : err.message);
        assert_null(file);
    }
}

/* ---- parts of an archive exchanged ----------------------------------------------------------- */

struct fixture {
    struct scratch scratch;
    struct file_map map;
    struct zip_reader *zip; /* of a file that is in order */
    struct zip_part parts[MOST_PARTS];
    size_t count;
};

static int
open_fixture(void **state)
{
    static struct fixture f;
    struct err err;
    f = (struct fixture){0};
    scratch_open(&f.scratch);
    assert_int_equal(fileio_map(FOLDER "dtypes.bin", &f.map, &err), 0);
    assert_int_equal(zip_reader_open(f.map.bytes, f.map.length, &f.zip, &err), 0);
    for (; f.count < zip_reader_count(f.zip); f.count++) {
        const struct zip_entry *entry = zip_reader_at(f.zip, f.count);
        f.parts[f.count] = (struct zip_part){entry->name, entry->bytes, entry->length};
    }
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    zip_reader_close(f->zip);
    fileio_unmap(&f->map);
    scratch_close(&f->scratch);
    return 0;
}

static struct zip_part *
part(struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->parts[i].name, name) == 0)
            return &f->parts[i];
    fail_msg("no part '%s'", name);
    return NULL;
}

static void
expect(struct fixture *f, int code, const char *words)
{
    struct buf archive = {0};
    struct torch_zip *file = NULL;
    struct err err = {0};
    zip_file_build(&archive, f->parts, f->count, false);
    const char *path = scratch_write(&f->scratch, "x.bin", archive.data, archive.length);
    int rc = torch_zip_open(path, &file, &err);
    if (rc != code || strstr(err.message, words) == NULL)
        fail_msg("%d, '%s' instead of %d, '%s'", rc, err.message, code, words);
    torch_zip_close(file);
    buf_fini(&archive);
}

static void
an_archive_built_again_is_read(void **state)
{
    expect(*state, 0, "");
}

static void
big_endian_numbers_are_refused(void **state)
{
    struct fixture *f = *state;
    *part(f, "dtypes/byteorder") = (struct zip_part){"dtypes/byteorder", "big", 3};
    expect(f, ERR_UNSUPPORTED, "big-endian");
    part(f, "dtypes/byteorder")->name = "dtypes/else";
    expect(f, 0, ""); /* old files have none */
}

static void
missing_and_misshapen_parts_are_named(void **state)
{
    struct fixture *f = *state;
    struct zip_part *numbers = part(f, "dtypes/data/0");
    numbers->length--;
    expect(f, ERR_INVALID, "tensor 'f32.special' has a storage of another size than");
    numbers->length++;
    numbers->name = "dtypes/data/00";
    expect(f, ERR_INVALID, "tensor 'f32.special' has numbers that are not in the archive");
    numbers->name = "dtypes/data/0";
    part(f, "dtypes/data.pkl")->name = "dtypes/deep/data.pkl";
    expect(f, ERR_INVALID, "no data.pkl");
    part(f, "dtypes/deep/data.pkl")->name = "dtypes/data.pkl";
    f->parts[f->count++] = (struct zip_part){"other/data.pkl", "", 0};
    expect(f, ERR_INVALID, "two files data.pkl");
}

static void
a_tensor_that_is_there_twice_is_refused(void **state)
{
    struct fixture *f = *state;
    char *bytes = arena_copy_bytes(f->scratch.arena, part(f, "dtypes/data.pkl")->bytes,
                                   part(f, "dtypes/data.pkl")->length);
    size_t length = part(f, "dtypes/data.pkl")->length;
    for (size_t i = 0; i + 8 < length; i++)
        if (memcmp(bytes + i, "f32.cube", 8) == 0)
            memcpy(bytes + i, "f16.cube", 8);
    part(f, "dtypes/data.pkl")->bytes = bytes;
    expect(f, ERR_INVALID, "tensor 'f16.cube' is there twice");
}

static void
a_damaged_pickle_is_seen_by_its_sum(void **state)
{
    struct fixture *f = *state;
    struct torch_zip *file = NULL;
    struct err err;
    char *bytes = arena_copy_bytes(f->scratch.arena, (const char *)f->map.bytes, f->map.length);
    const struct zip_entry *pickle = zip_reader_find(f->zip, "dtypes/data.pkl");
    bytes[pickle->bytes - f->map.bytes + 100] ^= 1;
    const char *path = scratch_write(&f->scratch, "x.bin", bytes, f->map.length);
    assert_int_equal(torch_zip_open(path, &file, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "data.pkl' of the zip archive has another check sum"));
}

static void
a_pointer_that_git_left_is_told(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    const char *path = scratch_write_text(&f->scratch, "x.bin", text);
    struct torch_zip *torch = NULL;
    struct safetensors *safetensors = NULL;
    struct err err;
    assert_int_equal(torch_zip_open(path, &torch, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "git lfs pull"));
    assert_int_equal(safetensors_open(path, &safetensors, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "git lfs pull"));
}

static void
a_real_file_of_the_shared_material_is_read(void **state)
{
    static const char path[] =
        SHARED_FOLDER "/models/random_tiny_bert_ner_h16_l1_torchzip/pytorch_model.bin";
    struct err err;
    (void)state;
    if (!shared_is_there(path))
        skip();
    struct torch_zip *file = open_file(path);
    assert_int_equal(torch_zip_count(file), 24);
    for (size_t i = 0; i < torch_zip_count(file); i++)
        assert_int_equal(zip_reader_check(torch_zip_at(file, i)->part, &err), 0);
    assert_int_equal(find(file, "classifier.weight")->shape[0], 9);
    torch_zip_close(file);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_of_every_dtype_and_layout_are_what_torch_says),
        cmocka_unit_test(dtypes_and_layouts_are_told),
        cmocka_unit_test(what_is_no_plain_weights_file_is_refused_by_name),
        CASE(an_archive_built_again_is_read),
        CASE(big_endian_numbers_are_refused),
        CASE(missing_and_misshapen_parts_are_named),
        CASE(a_tensor_that_is_there_twice_is_refused),
        CASE(a_damaged_pickle_is_seen_by_its_sum),
        CASE(a_pointer_that_git_left_is_told),
        cmocka_unit_test(a_real_file_of_the_shared_material_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
