/*
 * Weights at random: whatever the bytes of a pickle, a zip archive, a safetensors file or an index,
 * the readers neither crash nor hand out a number that lies outside its file.
 *
 * Files that are in order are damaged in up to eight places by a generator of fixed seed: bytes
 * changed, numbers overwritten by ones that mean something, stretches cut out, doubled or taken
 * from another file. Under the address sanitizer this is what a fuzzer does, only that every run
 * does the same. WEIGHTS_DAMAGE_RUNS and WEIGHTS_DAMAGE_SEED in the environment make it a longer
 * one.
 */
#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/rng.h"
#include "core/hub/model_weights.h"
#include "core/hub/safetensors.h"
#include "core/hub/torch_zip.h"
#include "core/hub/unpickler.h"
#include "core/hub/weight_set.h"
#include "core/hub/zip_reader.h"
#include "tests/support/scratch.h"
#include "tests/support/zip_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RUNS = 2000, MOST_DAMAGES = 8, MOST_SEEDS = 4, MOST_PARTS = 200, MOST_NUMBERS = 4096 };

#define FOLDER FIXTURES "/weights/"

static const char *const archives[] = {"dtypes.bin", "protocol4.bin", "calls.bin",
                                       "model/bin/pytorch_model.bin"};
static const char *const safetensors_files[] = {"dtypes.safetensors", "model/f16/model.safetensors",
                                                "model/bf16/model.safetensors",
                                                "model/f64/model.safetensors"};
static const char *const indexes[] = {"model/sharded/model.safetensors.index.json"};

static const struct {
    const char *bytes;
    size_t length;
} pieces[] = {
    {"\0\0\0\0\0\0\0\0", 8},
    {"\xff\xff\xff\xff\xff\xff\xff\xff", 8},
    {"\xff\xff\xff\xff\xff\xff\xff\x7f", 8},
    {"\xff\xff\xff\x7f", 4},
    {"\0\0\0\x80", 4},
    {"PK\1\2", 4},
    {"PK\3\4", 4},
    {"PK\5\6", 4},
    {"PK\6\6", 4},
    {"PK\6\7", 4},
    {"\1\0\x18\0", 4},
    {"cos\nsystem\n", 11},
    {"ctorch._utils\n_rebuild_tensor_v2\n", 33},
    {"ctorch\nDoubleStorage\n", 21},
    {"ccollections\nOrderedDict\n)R", 27},
    {"(t", 2},
    {"h\0", 2},
    {"q\0", 2},
    {"tRs", 3},
    {"0", 1},
    {"2", 1},
    {"Q", 1},
    {"R", 1},
    {"}", 1},
    {"\x8a\x08", 2},
    {"\"dtype\":\"F64\"", 13},
    {"[0,0]", 5},
    {"18446744073709551616", 20},
    {"null", 4},
    {"../", 3},
    {"model-00002-of-00002.safetensors", 32},
};

/* Where random numbers come from, and the files that damaged ones are made of. */
struct fixture {
    struct scratch scratch;
    struct rng_stream stream;
    uint64_t at;
    size_t runs;
    struct buf seeds[MOST_SEEDS];
    size_t seed_count;
};

static uint64_t
environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL || *text == '\0' ? otherwise : strtoull(text, NULL, 10);
}

static int
open_fixture(void **state)
{
    static struct fixture f;
    f = (struct fixture){.runs = environment("WEIGHTS_DAMAGE_RUNS", RUNS)};
    f.stream = rng_stream(environment("WEIGHTS_DAMAGE_SEED", 11), RNG_SHUFFLE, 0, 0);
    scratch_open(&f.scratch);
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->seed_count; i++)
        buf_fini(&f->seeds[i]);
    scratch_close(&f->scratch);
    return 0;
}

static void
read_seeds(struct fixture *f, const char *const *names, size_t count)
{
    struct err err;
    for (size_t i = 0; i < count; i++) {
        const char *path = arena_printf(f->scratch.arena, FOLDER "%s", names[i]);
        assert_int_equal(fileio_read(path, 1 << 20, &f->seeds[f->seed_count++], &err), 0);
    }
}

static size_t
draw(struct fixture *f, size_t below)
{
    uint32_t bits[4];
    rng_block(&f->stream, f->at++, bits);
    return below == 0 ? 0 : bits[0] % below;
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* One damage; other: another file, of which a stretch may be taken. */
static void
damage(struct fixture *f, const struct buf *other, struct buf *bytes)
{
    struct buf out = {0};
    size_t where = draw(f, bytes->length + 1);
    size_t rest = bytes->length - where;
    size_t length = draw(f, 8) == 0 ? draw(f, rest + 1) : draw(f, 9) % (rest + 1);
    size_t piece = draw(f, sizeof pieces / sizeof pieces[0]);
    size_t from = draw(f, other->length + 1);
    size_t taken = draw(f, 64) % (other->length - from + 1);
    char byte = (char)draw(f, 256);
    buf_append(&out, bytes->data, where);
    switch (draw(f, 7)) {
    case 0:
    case 1: /* a byte changed */
        length = rest > 0;
        buf_append(&out, &byte, length);
        break;
    case 2: /* overwritten */
        length = pieces[piece].length < rest ? pieces[piece].length : rest;
        buf_append(&out, pieces[piece].bytes, length);
        break;
    case 3: /* put in between */
        length = 0;
        buf_append(&out, pieces[piece].bytes, pieces[piece].length);
        break;
    case 4: /* doubled */
        buf_append(&out, bytes->data + where, length);
        length = 0;
        break;
    case 5: /* from the other */
        buf_append(&out, other->data + from, taken);
        length = taken < rest ? taken : rest;
        break;
    default: /* cut out */
        break;
    }
    buf_append(&out, bytes->data + where + length, rest - length);
    buf_fini(bytes);
    *bytes = out;
}

static void
damage_often(struct fixture *f, const struct buf *other, struct buf *bytes)
{
    for (size_t left = 1 + draw(f, 1 + draw(f, MOST_DAMAGES)); left > 0 && bytes->length > 0;
         left--)
        damage(f, other, bytes);
}

/* A damaged copy of one of the seeds. */
static void
make_damaged(struct fixture *f, struct buf *out)
{
    const struct buf *seed = &f->seeds[draw(f, f->seed_count)];
    const struct buf *other = &f->seeds[draw(f, f->seed_count)];
    buf_clear(out);
    buf_append(out, seed->data, seed->length);
    damage_often(f, other, out);
}

/* A copy of exactly these bytes, so that a read behind them is seen; released with free(). */
static unsigned char *
copy_exactly(const struct buf *bytes)
{
    unsigned char *copy = malloc(bytes->length > 0 ? bytes->length : 1);
    assert_non_null(copy);
    if (bytes->length > 0)
        memcpy(copy, bytes->data, bytes->length);
    return copy;
}

/* ---- what must hold of all that is read ------------------------------------------------------ */

/* Every number lies inside the file; those of small tensors are looked at. */
static void
check_tensor(const struct stored_tensor *tensor)
{
    static float numbers[MOST_NUMBERS];
    size_t count = 1;
    size_t last = 0;
    bool small = tensor->type != STORED_OTHER;
    for (size_t i = 0; i < tensor->rank; i++) {
        small = small && tensor->shape[i] <= MOST_NUMBERS;
        count = small ? count * (size_t)tensor->shape[i] : count;
        small = small && count <= MOST_NUMBERS;
        if (tensor->strides != NULL)
            last += (size_t)((tensor->shape[i] - 1) * tensor->strides[i]);
    }
    const unsigned char *end = tensor->file->bytes + tensor->file->length;
    assert_true(tensor->bytes >= tensor->file->bytes && tensor->bytes <= end);
    assert_true((tensor->strides != NULL ? last : tensor->length) <= (size_t)(end - tensor->bytes));
    if (small)
        stored_tensor_to_float(tensor, numbers);
}

static void
check_pickled(const struct pickled_tensor *tensor)
{
    uint64_t last = tensor->offset;
    bool empty = false;
    for (size_t i = 0; i < tensor->rank; i++) {
        empty = empty || tensor->shape[i] == 0;
        last += (tensor->shape[i] - 1) * tensor->strides[i];
    }
    assert_true(empty || last < tensor->storage->count);
    assert_non_null(tensor->name);
}

/* ---- the readers ----------------------------------------------------------------------------- */

static void
damaged_zip_archives_do_no_harm(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    size_t read = 0;
    read_seeds(f, archives, sizeof archives / sizeof archives[0]);
    for (size_t run = 0; run < f->runs; run++) {
        struct zip_reader *zip = NULL;
        struct err err;
        make_damaged(f, &bytes);
        unsigned char *copy = copy_exactly(&bytes);
        if (zip_reader_open(copy, bytes.length, &zip, &err) == 0) {
            for (size_t i = 0; i < zip_reader_count(zip); i++)
                zip_reader_check(zip_reader_at(zip, i), &err);
            read++;
        }
        zip_reader_close(zip);
        free(copy);
    }
    print_message("%zu of %zu archives were read\n", read, f->runs);
    assert_true(read > 0 && read < f->runs);
    buf_fini(&bytes);
}

/* The parts of an archive that is in order; they point into it. */
static size_t
list_parts(const struct buf *archive, struct zip_part *parts, struct zip_reader **zip)
{
    struct err err;
    assert_int_equal(
        zip_reader_open((const unsigned char *)archive->data, archive->length, zip, &err), 0);
    size_t count = zip_reader_count(*zip);
    assert_true(count <= MOST_PARTS);
    for (size_t i = 0; i < count; i++) {
        const struct zip_entry *entry = zip_reader_at(*zip, i);
        parts[i] = (struct zip_part){entry->name, entry->bytes, entry->length};
    }
    return count;
}

static size_t
find_pickle(const struct zip_part *parts, size_t count)
{
    size_t index = 0;
    while (index < count && strstr(parts[index].name, "/data.pkl") == NULL)
        index++;
    assert_true(index < count);
    return index;
}

static void
damaged_pickles_do_no_harm(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    size_t read = 0;
    read_seeds(f, archives, sizeof archives / sizeof archives[0]);
    for (size_t i = 0; i < f->seed_count; i++) { /* the pickle takes its archive's place */
        struct zip_part parts[MOST_PARTS];
        struct zip_reader *zip = NULL;
        struct buf pickle = {0};
        size_t count = list_parts(&f->seeds[i], parts, &zip);
        const struct zip_part *part = &parts[find_pickle(parts, count)];
        buf_append(&pickle, part->bytes, part->length);
        zip_reader_close(zip);
        buf_fini(&f->seeds[i]);
        f->seeds[i] = pickle;
    }
    for (size_t run = 0; run < 4 * f->runs; run++) {
        struct arena *arena = arena_new();
        struct pickled_weights weights;
        struct err err;
        make_damaged(f, &bytes);
        unsigned char *copy = copy_exactly(&bytes);
        int rc = unpickler_read(copy, bytes.length, arena, &weights, &err);
        free(copy); /* nothing points into it */
        for (size_t i = 0; rc == 0 && i < weights.count; i++)
            check_pickled(&weights.tensors[i]);
        read += rc == 0;
        arena_free(arena);
    }
    print_message("%zu of %zu pickles were read\n", read, 4 * f->runs);
    assert_true(read > 0 && read < 4 * f->runs);
    buf_fini(&bytes);
}

/* A seed's archive with its pickle, or another part, damaged and its sums right again. */
static void
make_mended(struct fixture *f, struct buf *out)
{
    struct zip_part parts[MOST_PARTS];
    struct zip_reader *zip = NULL;
    struct buf bytes = {0};
    const struct buf *seed = &f->seeds[draw(f, f->seed_count)];
    size_t count = list_parts(seed, parts, &zip);
    struct zip_part *part = &parts[draw(f, 4) == 0 ? draw(f, count) : find_pickle(parts, count)];
    buf_append(&bytes, part->bytes, part->length);
    damage_often(f, seed, &bytes);
    part->bytes = bytes.data;
    part->length = bytes.length;
    buf_clear(out);
    zip_file_build(out, parts, count, draw(f, 2) == 0);
    zip_reader_close(zip);
    buf_fini(&bytes);
}

static void
damaged_files_of_torch_with_right_sums_do_no_harm(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    size_t read = 0;
    read_seeds(f, archives, sizeof archives / sizeof archives[0]);
    for (size_t run = 0; run < f->runs; run++) {
        struct torch_zip *file = NULL;
        struct err err;
        make_mended(f, &bytes);
        const char *path = scratch_write(&f->scratch, "x.bin", bytes.data, bytes.length);
        if (torch_zip_open(path, &file, &err) == 0) {
            for (size_t i = 0; i < torch_zip_count(file); i++) {
                check_tensor(torch_zip_at(file, i));
                assert_int_equal(zip_reader_check(torch_zip_at(file, i)->part, &err), 0);
            }
            read++;
        }
        torch_zip_close(file);
    }
    print_message("%zu of %zu files of PyTorch were read\n", read, f->runs);
    assert_true(read > 0 && read < f->runs);
    buf_fini(&bytes);
}

static void
damaged_safetensors_do_no_harm(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    size_t read = 0;
    read_seeds(f, safetensors_files, sizeof safetensors_files / sizeof safetensors_files[0]);
    for (size_t run = 0; run < f->runs; run++) {
        struct safetensors *file = NULL;
        struct err err;
        make_damaged(f, &bytes);
        const char *path = scratch_write(&f->scratch, "x.safetensors", bytes.data, bytes.length);
        if (safetensors_open(path, &file, &err) == 0) {
            for (size_t i = 0; i < safetensors_count(file); i++)
                check_tensor(safetensors_at(file, i));
            read++;
        }
        safetensors_close(file);
    }
    print_message("%zu of %zu safetensors files were read\n", read, f->runs);
    assert_true(read > 0 && read < f->runs);
    buf_fini(&bytes);
}

static void
damaged_indexes_do_no_harm(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    struct err err;
    size_t read = 0;
    const char *folder = scratch_folder(&f->scratch, "m");
    read_seeds(f, indexes, sizeof indexes / sizeof indexes[0]);
    for (int i = 1; i <= 2; i++) {
        const char *name = arena_printf(f->scratch.arena, "model-0000%d-of-00002.safetensors", i);
        assert_int_equal(
            fileio_copy(arena_printf(f->scratch.arena, FOLDER "model/sharded/%s", name),
                        arena_printf(f->scratch.arena, "%s/%s", folder, name), &err),
            0);
    }
    for (size_t run = 0; run < f->runs; run++) {
        struct weight_set *set = NULL;
        make_damaged(f, &bytes);
        scratch_write(&f->scratch, "m/model.safetensors.index.json", bytes.data, bytes.length);
        if (weight_set_open(folder, &set, &err) == 0) {
            check_tensor(weight_set_find(set, "bert.embeddings.word_embeddings.weight"));
            read++;
        }
        weight_set_close(set);
    }
    print_message("%zu of %zu folders were read\n", read, f->runs);
    assert_true(read > 0 && read < f->runs);
    buf_fini(&bytes);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CASE(damaged_zip_archives_do_no_harm),
        CASE(damaged_pickles_do_no_harm),
        CASE(damaged_files_of_torch_with_right_sums_do_no_harm),
        CASE(damaged_safetensors_do_no_harm),
        CASE(damaged_indexes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
