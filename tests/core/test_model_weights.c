/* Folders in every form of weights: the same numbers, the form that wins, and indexes that lie. */
#include "core/hub/model_weights.h"

#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/hub/model_dir.h"
#include "core/hub/model_map.h"
#include "core/hub/weight_set.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MODELS FIXTURES "/weights/model/"

enum { SEED = 5 };

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

/* Copy a folder of fixtures; its files are few and known. */
static const char *
copy_model(struct scratch *scratch, const char *form, const char *name)
{
    static const char *const files[] = {
        "config.json",
        "vocab.txt",
        "model.safetensors",
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        "pytorch_model-00001-of-00002.bin",
        "pytorch_model-00002-of-00002.bin",
    };
    struct err err;
    const char *folder = scratch_path(scratch, name);
    assert_int_equal(fileio_make_folder(folder, &err), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *from = arena_printf(scratch->arena, MODELS "%s/%s", form, files[i]);
        if (fileio_exists(from))
            assert_int_equal(
                fileio_copy(from, arena_printf(scratch->arena, "%s/%s", folder, files[i]), &err),
                0);
    }
    return folder;
}

/* All parameters of a folder, by model_dir_load; released with free(). */
static float *
load(struct scratch *scratch, const char *folder, struct tensor_layout *layout)
{
    struct model_config config;
    struct model_load_report report;
    struct err err = {0};
    if (model_config_read(folder, scratch->arena, &config, &err) != 0 ||
        tensor_layout_build(&config, scratch->arena, layout, &err) != 0)
        fail_msg("%s", err.message);
    float *parameters = mem_array(layout->total, sizeof *parameters);
    if (model_dir_load(folder, layout, SEED, parameters, &report, &err) != 0)
        fail_msg("%s: %s", folder, err.message);
    assert_false(report.random_weights || report.missing_pooler || report.missing_classifier);
    return parameters;
}

static const char *const forms[] = {"f32", "f16", "bf16", "f64", "sharded", "bin", "bin_sharded"};

enum { FORMS = sizeof forms / sizeof forms[0] };

static void
every_form_gives_the_same_numbers(void **state)
{
    struct scratch *scratch = *state;
    struct tensor_layout layout;
    float *expected = load(scratch, MODELS "f32", &layout);
    assert_true(layout.total > 800);
    for (size_t i = 1; i < FORMS; i++) {
        float *found = load(scratch, arena_printf(scratch->arena, MODELS "%s", forms[i]), &layout);
        assert_memory_equal(found, expected, layout.total * sizeof *found);
        free(found);
    }
    free(expected);
}

static void
maps_of_every_form_hold_the_same_numbers(void **state)
{
    struct scratch *scratch = *state;
    struct tensor_layout plain;
    float *expected = load(scratch, MODELS "f32", &plain);
    for (size_t i = 0; i < FORMS; i++) {
        struct tensor_layout layout;
        struct model_map map;
        struct model_config config;
        struct model_load_report report;
        struct safetensors_rest rest;
        struct err err;
        const char *folder = arena_printf(scratch->arena, MODELS "%s", forms[i]);
        const struct model_map_source from = {folder, SEED, NULL};
        assert_int_equal(model_config_read(folder, scratch->arena, &config, &err), 0);
        assert_int_equal(tensor_layout_build(&config, scratch->arena, &layout, &err), 0);
        bool leaves = model_map_leaves_words(folder, &layout);
        assert_int_equal(model_map_load(&from, &layout, &map, &report, &err), 0);
        for (size_t t = 0; t < layout.count; t++)
            assert_memory_equal(model_map_parameters(&map) + layout.tensors[t].offset,
                                expected + plain.tensors[t].offset,
                                layout.tensors[t].rows * layout.tensors[t].columns *
                                    sizeof *expected);
        /* Words stay in the file where they are floats there. */
        assert_int_equal(leaves, i == 0 || i >= 4);
        assert_int_equal(model_map_rest(&map, NULL, &rest), leaves);
        if (leaves) {
            float words[64];
            assert_int_equal(fileio_get(rest.fd, rest.offset, words, sizeof words, &err), 0);
            assert_memory_equal(words, expected, sizeof words);
        }
        model_map_unload(&map);
    }
    free(expected);
}

static void
the_first_form_wins(void **state)
{
    static const struct {
        const char *form, *head;
        size_t files;
        bool pickled;
    } order[] = {
        {"bin_sharded", "pytorch_model.bin.index.json", 2, true},
        {"bin", "pytorch_model.bin", 1, true},
        {"sharded", "model.safetensors.index.json", 2, false},
        {"f32", "model.safetensors", 1, false},
    };
    struct scratch *scratch = *state;
    struct model_weights weights;
    struct err err;
    const char *folder = scratch_folder(scratch, "all");
    assert_int_equal(model_weights_find(folder, scratch->arena, &weights, &err), 0);
    assert_true(weights.head == NULL && weights.count == 0);
    assert_null(model_weights_head(folder, scratch->arena));
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        copy_model(scratch, order[i].form, "all");
        assert_int_equal(model_weights_find(folder, scratch->arena, &weights, &err), 0);
        assert_string_equal(weights.head, order[i].head);
        assert_int_equal(weights.count, order[i].files);
        assert_int_equal(weights.pickled, order[i].pickled);
        assert_int_equal(weights.indexed, order[i].files > 1);
        assert_string_equal(strrchr(model_weights_head(folder, scratch->arena), '/') + 1,
                            order[i].head);
    }
}

static void
names_of_files_tell_their_form(void **state)
{
    static const struct {
        const char *name;
        int form;
        bool decides;
    } cases[] = {
        {"model.safetensors", 0, true},
        {"model.safetensors.index.json", 1, true},
        {"model-00001-of-00002.safetensors", 1, false},
        {"pytorch_model.bin", 2, true},
        {"pytorch_model.bin.index.json", 3, true},
        {"pytorch_model-00012-of-00300.bin", 3, false},
        {"model-1-of-2.safetensors", -1, false},
        {"model-00001-of-00002.bin", -1, false},
        {"pytorch_model-00001-of-00002.safetensors", -1, false},
        {"model-00001-of-00002.safetensors.part", -1, false},
        {"model-00001-of-0000x.safetensors", -1, false},
        {"training_args.bin", -1, false},
        {"optimizer.bin", -1, false},
        {"", -1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool decides = true;
        assert_int_equal(model_weights_form(cases[i].name, &decides), cases[i].form);
        assert_int_equal(decides, cases[i].decides);
    }
    assert_true(model_weights_is_foreign("tf_model.h5"));
    assert_false(model_weights_is_foreign("pytorch_model.bin"));
}

static int
shout(void *context, const char *path, char hex[65], struct err *err)
{
    size_t *calls = context;
    (*calls)++;
    return fileio_sha256(path, hex, err);
}

static void
several_files_are_measured_and_hashed_as_one(void **state)
{
    struct scratch *scratch = *state;
    struct model_summary summary;
    struct model_weights weights;
    struct err err;
    char hex[65], one[65], two[65], expected[65];
    size_t calls = 0;
    const char *folder = MODELS "sharded";
    assert_int_equal(model_dir_summarize(folder, true, scratch->arena, &summary, &err), 0);
    assert_true(summary.has_weights);
    assert_int_equal(summary.bytes, 5072 + 868);
    assert_int_equal(fileio_sha256(MODELS "sharded/model-00001-of-00002.safetensors", one, &err),
                     0);
    assert_int_equal(fileio_sha256(MODELS "sharded/model-00002-of-00002.safetensors", two, &err),
                     0);
    const char *list = arena_printf(scratch->arena,
                                    "%s  model-00001-of-00002.safetensors\n"
                                    "%s  model-00002-of-00002.safetensors\n",
                                    one, two);
    fileio_sha256_bytes(list, strlen(list), expected);
    assert_string_equal(summary.sha256, expected);
    assert_int_equal(model_weights_find(folder, scratch->arena, &weights, &err), 0);
    assert_int_equal(model_weights_hash(folder, &weights, shout, &calls, hex, &err), 0);
    assert_string_equal(hex, expected);
    assert_int_equal(calls, 2);
    /* One file's hash is its own. */
    assert_int_equal(model_dir_summarize(MODELS "bin", true, scratch->arena, &summary, &err), 0);
    assert_int_equal(fileio_sha256(MODELS "bin/pytorch_model.bin", expected, &err), 0);
    assert_string_equal(summary.sha256, expected);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void
expect_refused(const char *folder, int code, const char *words)
{
    struct weight_set *set = NULL;
    struct err err = {0};
    int rc = weight_set_open(folder, &set, &err);
    if (rc != code || strstr(err.message, words) == NULL)
        fail_msg("%d, '%s' instead of %d, '%s'", rc, err.message, code, words);
    assert_null(set);
}

static void
indexes_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "model.safetensors.index.json"},
        {"[]", "no weight_map"},
        {"{}", "no weight_map"},
        {"{\"weight_map\": []}", "no weight_map"},
        {"{\"weight_map\": {}}", "no weight_map"},
        {"{\"weight_map\": {\"a\": 1}}", "tensor 'a' stands in what is no file's name"},
        {"{\"weight_map\": {\"a\": null}}", "what is no file's name"},
        {"{\"weight_map\": {\"a\": \"x\"}}", "'x' is no file of this folder"},
        {"{\"weight_map\": {\"a\": \"x.bin\"}}", "that ends in .safetensors is wanted"},
        {"{\"weight_map\": {\"a\": \".safetensors\"}}", "is no file of this folder"},
        {"{\"weight_map\": {\"a\": \"../x.safetensors\"}}", "is no file of this folder"},
        {"{\"weight_map\": {\"a\": \"/x.safetensors\"}}", "is no file of this folder"},
        {"{\"weight_map\": {\"a\": \"b/x.safetensors\"}}", "is no file of this folder"},
        {"{\"weight_map\": {\"a\": \"..safetensors\"}}", "is no file of this folder"},
        {"{\"weight_map\": {\"a\": \"x\\u0000.safetensors\"}}", "model.safetensors.index.json"},
        {"{\"weight_map\": {\"a\": \"x.safetensors\", \"a\": \"y.safetensors\"}}", "duplicate"},
        {"{\"weight_map\": {\"a\": \"x.safetensors\"}}",
         "model.safetensors.index.json names x.safetensors, which is not there"},
    };
    struct scratch *scratch = *state;
    const char *folder = scratch_folder(scratch, "m");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scratch_write_text(scratch, "m/model.safetensors.index.json", cases[i].text);
        expect_refused(folder, ERR_INVALID, cases[i].words);
    }
}

static void
an_index_of_too_many_files_is_refused(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    buf_append_string(&text, "{\"weight_map\": {\"t\": \"t.safetensors\"");
    for (size_t i = 0; i < WEIGHTS_FILES_MAX; i++)
        buf_printf(&text, ", \"t%zu\": \"f%zu.safetensors\"", i, i);
    buf_append_string(&text, "}}");
    const char *folder = scratch_folder(scratch, "m");
    scratch_write(scratch, "m/model.safetensors.index.json", text.data, text.length);
    expect_refused(folder, ERR_INVALID, "more than 256 files");
    buf_fini(&text);
}

/* Change the index of a copied folder: a tensor's file, NULL takes the tensor out. */
static void
change_index(const char *path, const char *tensor, const char *file)
{
    struct err err;
    json_t *root = json_parse_file(path, SIZE_MAX / 2, &err);
    json_t *map = json_object_get(root, "weight_map");
    assert_non_null(map);
    if (file == NULL)
        json_object_del(map, tensor);
    else
        json_object_set_new(map, tensor, json_string(file));
    char *text = json_text(root);
    assert_int_equal(fileio_write(path, text, strlen(text), &err), 0);
    free(text);
    json_decref(root);
}

static void
an_index_and_files_that_disagree_are_refused_by_tensor_and_file(void **state)
{
    static const struct {
        const char *form, *tensor, *file, *words;
    } cases[] = {
        {"sharded", "classifier.bias", NULL, "has tensor 'classifier.bias', of which "},
        {"sharded", "x", "model-00001-of-00002.safetensors",
         "says that tensor 'x' stands in model-00001-of-00002.safetensors, and it does not"},
        {"sharded", "bert.embeddings.word_embeddings.weight", "model-00002-of-00002.safetensors",
         "model-00001-of-00002.safetensors has tensor 'bert.embeddings.word_embeddings.weight', "
         "which by model.safetensors.index.json stands in model-00002-of-00002.safetensors"},
        {"bin_sharded", "classifier.bias", NULL, "has tensor 'classifier.bias', of which "},
        {"bin_sharded", "x", "pytorch_model-00001-of-00002.bin", "'x' stands in pytorch_model-0"},
    };
    struct scratch *scratch = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *folder =
            copy_model(scratch, cases[i].form, arena_printf(scratch->arena, "m%zu", i));
        change_index(model_weights_head(folder, scratch->arena), cases[i].tensor, cases[i].file);
        expect_refused(folder, ERR_INVALID, cases[i].words);
    }
}

static void
a_missing_or_doubled_file_of_several_is_told(void **state)
{
    struct scratch *scratch = *state;
    struct err err;
    const char *folder = copy_model(scratch, "sharded", "m");
    const char *one = scratch_path(scratch, "m/model-00001-of-00002.safetensors");
    const char *two = scratch_path(scratch, "m/model-00002-of-00002.safetensors");
    assert_int_equal(fileio_copy(one, two, &err), 0);
    expect_refused(folder, ERR_INVALID, "copy all files from one place");
    assert_int_equal(unlink(two), 0);
    expect_refused(folder, ERR_INVALID,
                   "names model-00002-of-00002.safetensors, which is not there: put it beside the "
                   "others, all 2 of them are needed");
}

static void
damaged_numbers_are_seen_when_they_are_read_and_by_a_verification(void **state)
{
    struct scratch *scratch = *state;
    struct tensor_layout layout;
    struct model_load_report report;
    struct err err;
    const char *folder = copy_model(scratch, "bin", "m");
    float *parameters = load(scratch, folder, &layout);
    assert_int_equal(model_dir_verify(folder, &layout, &report, &err), 0);
    struct weight_set *set = NULL;
    assert_int_equal(weight_set_open(folder, &set, &err), 0);
    size_t place = stored_tensor_place(weight_set_find(set, "bert.pooler.dense.bias"));
    weight_set_close(set);
    FILE *file = fopen(scratch_path(scratch, "m/pytorch_model.bin"), "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)place + 3, SEEK_SET), 0);
    assert_int_equal(fputc(0x12, file), 0x12);
    assert_int_equal(fclose(file), 0);
    static const char words[] = "pytorch_model.bin: tensor 'bert.pooler.dense.bias': entry '";
    assert_int_equal(model_dir_check(folder, &layout, &report, &err), 0); /* reads no numbers */
    assert_int_equal(model_dir_verify(folder, &layout, &report, &err), ERR_INVALID);
    assert_memory_equal(err.message, words, sizeof words - 1);
    assert_int_equal(model_dir_load(folder, &layout, SEED, parameters, &report, &err), ERR_INVALID);
    assert_memory_equal(err.message, words, sizeof words - 1);
    free(parameters);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(every_form_gives_the_same_numbers),
        CASE(maps_of_every_form_hold_the_same_numbers),
        CASE(the_first_form_wins),
        CASE(names_of_files_tell_their_form),
        CASE(several_files_are_measured_and_hashed_as_one),
        CASE(indexes_that_are_none_are_refused),
        CASE(an_index_of_too_many_files_is_refused),
        CASE(an_index_and_files_that_disagree_are_refused_by_tensor_and_file),
        CASE(a_missing_or_doubled_file_of_several_is_told),
        CASE(damaged_numbers_are_seen_when_they_are_read_and_by_a_verification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
