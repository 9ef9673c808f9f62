/* Parameters mapped from a file: the same values as a plain load, private writes, less memory. */
#include "core/hub/model_map.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/rng.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { VOCAB = 3001, HIDDEN = 32, MAX_TENSORS = 64, SEED = 3, PAGE = 4096 };

/* The word embedding has 94 pages and a part of one; a row is half a vector register's multiple. */
static const char config_text[] =
    "{\"model_type\":\"bert\",\"vocab_size\":3001,\"hidden_size\":32,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":2,\"intermediate_size\":512,\"max_position_embeddings\":40,"
    "\"type_vocab_size\":2,\"id2label\":{\"0\":\"no\",\"1\":\"yes\"},"
    "\"architectures\":[\"BertForSequenceClassification\"]}";

struct fixture {
    struct scratch scratch;
    const char *folder, *path;
    struct pool *pool; /* NULL, or whose threads copy */
    struct model_config config;
    struct tensor_layout plain; /* nothing moved */
    struct tensor_layout moved; /* what model_map_load is given */
    float *values;              /* what the file holds, by the plain layout */
};

static int
open_fixture(void **state)
{
    static struct fixture f;
    struct err err = {0};
    f = (struct fixture){0};
    scratch_open(&f.scratch);
    f.folder = scratch_folder(&f.scratch, "model");
    f.path = scratch_path(&f.scratch, "model/model.safetensors");
    scratch_write_text(&f.scratch, "model/config.json", config_text);
    scratch_write_text(&f.scratch, "model/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
    assert_int_equal(model_config_read(f.folder, f.scratch.arena, &f.config, &err), 0);
    f.config.max_seq_length = 12;
    assert_int_equal(tensor_layout_build(&f.config, f.scratch.arena, &f.plain, &err), 0);
    assert_int_equal(tensor_layout_build(&f.config, f.scratch.arena, &f.moved, &err), 0);
    assert_true(f.plain.count <= MAX_TENSORS);
    f.values = mem_array(f.plain.total, sizeof *f.values);
    for (size_t i = 0; i < f.plain.total; i++)
        f.values[i] = (float)(i * 2654435761u % 65521) / 4096.0f;
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    free(f->values);
    scratch_close(&f->scratch);
    return 0;
}

/* Write the values with the tensors in an order of their own; shift tensors of one value first. */
static void
write_weights(struct fixture *f, uint64_t order_seed, size_t shift)
{
    struct safetensors_source sources[MAX_TENSORS + 1];
    uint32_t order[MAX_TENSORS];
    struct err err = {0};
    struct rng_stream stream = rng_stream(order_seed, RNG_SHUFFLE, 0, 0);
    size_t count = f->plain.count;
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    if (order_seed > 0)
        rng_shuffle(&stream, order, count);
    sources[0] = (struct safetensors_source){
        .name = "cls.extra", .vector = true, .rows = 1, .columns = shift, .values = f->values};
    for (size_t i = 0; i < count; i++) {
        const struct tensor *tensor = &f->plain.tensors[order[i]];
        sources[i + 1] = (struct safetensors_source){.name = tensor->name,
                                                     .vector = tensor->vector,
                                                     .rows = tensor->rows,
                                                     .columns = tensor->columns,
                                                     .values = f->values + tensor->offset};
    }
    bool bare = shift == 0;
    assert_int_equal(safetensors_write(f->path, sources + bare, count + !bare, &err), 0);
}

static void
load(struct fixture *f, struct model_map *map)
{
    struct err err = {0};
    struct model_load_report report;
    assert_int_equal(tensor_layout_build(&f->config, f->scratch.arena, &f->moved, &err), 0);
    const struct model_map_source from = {f->folder, SEED, f->pool};
    if (model_map_load(&from, &f->moved, map, &report, &err) != 0)
        fail_msg("%s", err.message);
    assert_false(report.random_weights || report.missing_pooler || report.missing_classifier);
}

/* Every tensor of the map is what the file was given; the plain twin is model_dir_load. */
static void
assert_holds_the_file(const struct fixture *f, const struct model_map *map)
{
    struct err err = {0};
    struct model_load_report report;
    float *twin = mem_array(f->plain.total, sizeof *twin);
    assert_int_equal(model_dir_load(f->folder, &f->plain, SEED, twin, &report, &err), 0);
    for (size_t i = 0; i < f->plain.count; i++) {
        const struct tensor *a = &f->plain.tensors[i];
        const struct tensor *b = &f->moved.tensors[i];
        assert_memory_equal(model_map_parameters(map) + b->offset, twin + a->offset,
                            a->rows * a->columns * sizeof *twin);
    }
    free(twin);
}

static void
values_are_those_of_a_plain_load_wherever_tensors_stand_in_the_file(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    for (uint64_t order = 0; order < 6; order++) {
        f->pool = order % 2 == 0 ? NULL : pool_new(order, &err);
        for (size_t shift = 0; shift < 40; shift += 13) {
            struct model_map map;
            write_weights(f, order, shift);
            load(f, &map);
            assert_holds_the_file(f, &map);
            /* The word embedding but for its ends: less than two pages. */
            assert_true(map.mapped_bytes >= (size_t)VOCAB * HIDDEN * 4 - 2 * PAGE);
            model_map_unload(&map);
        }
        pool_free(f->pool);
        f->pool = NULL;
    }
}

static void
all_tensors_but_the_words_are_aligned_for_vectors(void **state)
{
    struct fixture *f = *state;
    struct model_map map;
    write_weights(f, 2, 5);
    load(f, &map);
    const float *base = model_map_parameters(&map);
    for (size_t i = 1; i < f->moved.count; i++) {
        size_t before = (size_t)((uintptr_t)(f->values + f->plain.tensors[i].offset) % 64);
        size_t now = (size_t)((uintptr_t)(base + f->moved.tensors[i].offset) % 64);
        assert_int_equal(now, before);
    }
    assert_int_equal(f->moved.parameters, f->plain.total);
    assert_true(f->moved.total >= f->plain.total && f->moved.total < f->plain.total + PAGE);
    model_map_unload(&map);
}

static void
a_file_of_our_own_is_mapped_but_for_its_ends(void **state)
{
    struct fixture *f = *state;
    struct model_map map;
    write_weights(f, 0, 0);
    load(f, &map);
    assert_true(map.mapped_bytes >= f->plain.total * sizeof(float) - 2 * PAGE);
    model_map_unload(&map);
}

static void
a_file_whose_data_begin_at_an_odd_byte_is_copied(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    struct err err = {0};
    struct model_map map;
    struct safetensors_rest rest;
    write_weights(f, 0, 0);
    assert_int_equal(fileio_read(f->path, SIZE_MAX / 2, &bytes, &err), 0);
    struct buf odd = {0};
    uint64_t length;
    memcpy(&length, bytes.data, sizeof length);
    uint64_t longer = length + 1;
    buf_append(&odd, &longer, sizeof longer);
    buf_append(&odd, bytes.data + 8, length);
    buf_append(&odd, " ", 1);
    buf_append(&odd, bytes.data + 8 + length, bytes.length - 8 - length);
    scratch_write(&f->scratch, "model/model.safetensors", odd.data, odd.length);
    load(f, &map);
    assert_holds_the_file(f, &map);
    assert_int_equal(map.mapped_bytes, 0);
    assert_true(model_map_rest(&map, NULL, &rest)); /* read(2) needs no alignment */
    model_map_unload(&map);
    buf_fini(&bytes);
    buf_fini(&odd);
}

static void
writes_stay_private_to_one_map_and_the_file_is_untouched(void **state)
{
    struct fixture *f = *state;
    struct model_map one, two;
    struct err err = {0};
    char before[65], after[65];
    write_weights(f, 0, 0);
    assert_int_equal(fileio_sha256(f->path, before, &err), 0);
    load(f, &one);
    load(f, &two);
    for (size_t i = 0; i < f->moved.total; i++)
        model_map_parameters(&one)[i] += 1.0f;
    assert_holds_the_file(f, &two);
    assert_int_equal(fileio_sha256(f->path, after, &err), 0);
    assert_string_equal(before, after);
    model_map_unload(&one);
    assert_holds_the_file(f, &two);
    model_map_unload(&two);
}

static void
a_file_that_is_replaced_or_removed_does_no_harm(void **state)
{
    struct fixture *f = *state;
    struct model_map map;
    struct safetensors_rest rest;
    struct err err = {0};
    float row[HIDDEN];
    const size_t words = f->plain.tensors[0].offset + 1500 * HIDDEN;
    write_weights(f, 1, 0);
    load(f, &map);
    assert_true(model_map_rest(&map, NULL, &rest));
    assert_int_equal(fileio_write(f->path, "gone", 4, &err), 0); /* by rename */
    assert_memory_equal(model_map_parameters(&map) + f->moved.tensors[0].offset + 1500 * HIDDEN,
                        f->values + words, sizeof row);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(fileio_get(rest.fd, rest.offset + 1500 * sizeof row, row, sizeof row, &err),
                     0);
    assert_memory_equal(row, f->values + words, sizeof row);
    model_map_unload(&map);
}

static void
owned_words_keep_their_values_when_the_file_is_overwritten_in_place(void **state)
{
    struct fixture *f = *state;
    struct model_map map;
    struct err err = {0};
    static bool used[VOCAB];
    static const size_t rows[] = {0, 1, 700, 1200, 1201, 1202, VOCAB - 1};
    write_weights(f, 1, 3);
    load(f, &map);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        used[rows[i]] = true;
    assert_int_equal(model_map_own_words(&map, &f->moved, used, &err), 0);
    assert_holds_the_file(f, &map); /* the others are still there too */
    /* Only values change: the file keeps its header and its length. */
    FILE *file = fopen(f->path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, -(long)(f->plain.total * sizeof(float)), SEEK_END), 0);
    for (size_t i = 0; i < f->plain.total; i++)
        assert_int_equal(fwrite("\0\0\0", 4, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_memory_equal(model_map_parameters(&map) + f->moved.tensors[0].offset +
                                rows[i] * HIDDEN,
                            f->values + rows[i] * HIDDEN, HIDDEN * sizeof(float));
    model_map_unload(&map);
}

/* Save what a map holds after some rows changed, with or without the rest; the weights' hash. */
static void
save(struct fixture *f, const struct model_map *map, const struct safetensors_rest *rest,
     const char *name, char hex[65])
{
    struct err err = {0};
    struct tokenizer *tokenizer = NULL;
    const char *folder = scratch_path(&f->scratch, name);
    assert_int_equal(tokenizer_open(f->folder, VOCAB, &tokenizer, &err), 0);
    const struct model_save what = {.config = &f->config,
                                    .layout = &f->moved,
                                    .parameters = model_map_parameters(map),
                                    .tokenizer = tokenizer,
                                    .task = "classification",
                                    .numerics_key = "key",
                                    .words_at_rest = rest};
    if (model_dir_save(&what, folder, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(
        fileio_sha256(arena_printf(f->scratch.arena, "%s/model.safetensors", folder), hex, &err),
        0);
    tokenizer_free(tokenizer);
}

static void
saving_unchanged_words_from_the_file_gives_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct model_map map;
    struct safetensors_rest rest;
    static bool changed[VOCAB];
    char from_memory[65], from_file[65];
    for (uint64_t order = 0; order < 2; order++) {
        write_weights(f, order, 7 * order);
        load(f, &map);
        for (size_t row = 0; row < VOCAB; row++) {
            changed[row] = row % 97 == 3 || (row > 2000 && row < 2400);
            model_map_parameters(&map)[f->moved.tensors[0].offset + row * HIDDEN + 5] +=
                changed[row] ? 0.5f : 0.0f;
        }
        assert_true(model_map_rest(&map, changed, &rest));
        save(f, &map, NULL, order == 0 ? "memory0" : "memory1", from_memory);
        save(f, &map, &rest, order == 0 ? "file0" : "file1", from_file);
        assert_string_equal(from_memory, from_file);
        model_map_unload(&map);
    }
}

static void
a_folder_without_weights_or_with_damaged_ones_leaves_nothing_mapped(void **state)
{
    struct fixture *f = *state;
    struct model_map map;
    struct model_load_report report;
    struct safetensors_rest rest;
    struct err err = {0};
    const struct model_map_source from = {f->folder, SEED, NULL};
    assert_int_equal(model_map_load(&from, &f->moved, &map, &report, &err), 0);
    assert_true(report.random_weights);
    assert_true(map.mapped_bytes == 0 && !model_map_rest(&map, NULL, &rest));
    float *twin = mem_array(f->plain.total, sizeof *twin);
    assert_int_equal(model_dir_load(f->folder, &f->plain, SEED, twin, &report, &err), 0);
    assert_memory_equal(model_map_parameters(&map), twin, f->plain.total * sizeof *twin);
    free(twin);
    model_map_unload(&map);
    write_weights(f, 0, 0);
    assert_int_equal(truncate(f->path, 100000), 0);
    assert_int_equal(model_map_load(&from, &f->moved, &map, &report, &err), ERR_INVALID);
    assert_true(map.pages.memory == NULL && map.words_place == 0);
    model_map_unload(&map);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CASE(values_are_those_of_a_plain_load_wherever_tensors_stand_in_the_file),
        CASE(all_tensors_but_the_words_are_aligned_for_vectors),
        CASE(a_file_of_our_own_is_mapped_but_for_its_ends),
        CASE(a_file_whose_data_begin_at_an_odd_byte_is_copied),
        CASE(writes_stay_private_to_one_map_and_the_file_is_untouched),
        CASE(a_file_that_is_replaced_or_removed_does_no_harm),
        CASE(owned_words_keep_their_values_when_the_file_is_overwritten_in_place),
        CASE(saving_unchanged_words_from_the_file_gives_the_same_bytes),
        CASE(a_folder_without_weights_or_with_damaged_ones_leaves_nothing_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
