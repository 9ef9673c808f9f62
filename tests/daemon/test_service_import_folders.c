/* Folders become base models through the seam, or are refused whole. */
#include "tests/daemon/transfer_fixture.h"

static void
folder_becomes_a_base_model(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct model_list list;
    fixture_write_model(f, "outside/small");
    scratch_write_text(&f->scratch, "outside/small/README.md", "words");
    fixture_ok(f, import_folder(f, "small", NULL, &model));
    assert_string_equal(model.id, "small");
    assert_string_equal(model.owned_by, "user");
    assert_string_equal(model.weights, "random");
    assert_int_equal(model.left_out_count, 1);
    assert_string_equal(model.left_out[0], "README.md");
    fixture_ok(f, service_models_list(f->service, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].id, "small");
    assert_int_equal(count_entries(f, "base_models/small"), 2);
    fixture_ok(f, import_folder(f, scratch_path(&f->scratch, "outside/small"), "again", &model));
    assert_string_equal(model.id, "again");
    fixture_close(f);
    fixture_open(f);
    fixture_ok(f, service_model_get(f->service, "again", f->arena, &model, &f->faults));
    assert_string_equal(model.owned_by, "user");
}

static void
paths_beyond_the_allowed_folders_are_refused(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    fixture_write_model(f, "elsewhere");
    fixture_write_model(f, "outside-not");
    const char *link = scratch_path(&f->scratch, "outside/link");
    assert_int_equal(symlink(scratch_path(&f->scratch, "elsewhere"), link), 0);
    const char *paths[] = {"../elsewhere",
                           "link",
                           "absent",
                           "/",
                           "",
                           ".././outside-not",
                           scratch_path(&f->scratch, "elsewhere"),
                           scratch_path(&f->scratch, "outside-not")};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(import_folder(f, paths[i], "x", &model), -1);
        f->faults.count = 0;
        assert_int_equal(count_entries(f, "base_models"), 0);
        assert_int_equal(count_entries(f, "tmp"), 0);
    }
    fixture_refused(f, import_folder(f, "../elsewhere", "x", &model), FAULT_INVALID_PARAMETER,
                    "path");
}

static void
link_to_a_file_outside_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    fixture_write_model(f, "outside/small");
    const char *secret = scratch_write_text(&f->scratch, "secret", "{}");
    assert_int_equal(symlink(secret, scratch_path(&f->scratch, "outside/small/tokenizer.json")), 0);
    struct fault fault =
        expect_refused(f, import_folder(f, "small", NULL, &model), FAULT_INVALID_MODEL, NULL);
    assert_non_null(strstr(fault.message, "leads out"));
}

static void
link_within_the_allowed_folders_is_followed(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    fixture_write_model(f, "outside/blobs");
    scratch_folder(&f->scratch, "outside/hub");
    static const char *const names[] = {"config.json", "vocab.txt"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(
            symlink(arena_printf(f->arena, "../blobs/%s", names[i]),
                    arena_printf(f->arena, "%s/outside/hub/%s", f->scratch.folder, names[i])),
            0);
    fixture_ok(f, import_folder(f, "hub", NULL, &model));
    struct stat status;
    const char *copy = arena_printf(f->arena, "%s/base_models/hub/config.json", f->data_dir);
    assert_int_equal(lstat(copy, &status), 0);
    assert_true(S_ISREG(status.st_mode));
}

static void
ids_that_are_wrong_or_taken_are_refused(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    char too_long[98];
    memset(too_long, 'a', 97);
    too_long[97] = '\0';
    const char *ids[] = {"", ".", "..", ".hidden", "a/b", "a b", "ft:x", "\xc3\xa4", too_long};
    fixture_write_model(f, "outside/a name");
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        expect_refused(f, import_folder(f, "a name", ids[i], &model), FAULT_INVALID_PARAMETER,
                       "id");
    expect_refused(f, import_folder(f, "a name", NULL, &model), FAULT_INVALID_PARAMETER, "id");
    expect_refused(f, import_folder(f, "a name", "tiny", &model), FAULT_CONFLICT, "id");
    fixture_ok(f, import_folder(f, "a name", "mine", &model));
    fixture_refused(f, import_folder(f, "a name", "mine", &model), FAULT_CONFLICT, "id");
    assert_int_equal(count_entries(f, "tmp"), 0);
}

static void
folder_that_is_no_model_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    scratch_folder(&f->scratch, "outside/empty");
    expect_refused(f, import_folder(f, "empty", NULL, &model), FAULT_INVALID_MODEL, NULL);
    scratch_write_text(&f->scratch, "outside/file", "x");
    expect_refused(f, import_folder(f, "file", NULL, &model), FAULT_INVALID_MODEL, NULL);
    fixture_write_model(f, "outside/broken");
    scratch_write_text(&f->scratch, "outside/broken/config.json", "{\"model_type\": \"gpt2\"}");
    expect_refused(f, import_folder(f, "broken", NULL, &model), FAULT_INVALID_MODEL, NULL);
    fixture_write_model(f, "outside/cut");
    scratch_write_text(&f->scratch, "outside/cut/model.safetensors", "short");
    expect_refused(f, import_folder(f, "cut", NULL, &model), FAULT_INVALID_MODEL, NULL);
    fixture_write_model(f, "outside/pickled");
    scratch_write_text(&f->scratch, "outside/pickled/pytorch_model.bin", "x");
    struct fault fault =
        expect_refused(f, import_folder(f, "pickled", NULL, &model), FAULT_INVALID_MODEL, NULL);
    assert_non_null(strstr(fault.message, "pytorch_model.bin"));
    fixture_write_model(f, "outside/wordless");
    unlink(scratch_path(&f->scratch, "outside/wordless/vocab.txt"));
    expect_refused(f, import_folder(f, "wordless", NULL, &model), FAULT_INVALID_MODEL, NULL);
}

static void
without_import_dir_the_remedy_is_told(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct fault fault =
        fixture_refused(f, import_folder(f, "tiny", "x", &model), FAULT_INVALID_PARAMETER, "path");
    assert_non_null(strstr(fault.message, "import_dir"));
    assert_non_null(strstr(fault.message, "application/x-tar"));
}

static const char *const sharded_files[] = {
    "config.json", "vocab.txt", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors"};

enum { SHARDED_FILES = sizeof sharded_files / sizeof sharded_files[0] };

static void
copy_fixture(struct service_fixture *f, const char *from, const char *folder)
{
    const char *slash = strrchr(from, '/');
    fixture_ok(f, fileio_copy(arena_printf(f->arena, WEIGHTS "%s", from),
                              arena_printf(f->arena, "%s/%s", folder, slash + 1), &f->err));
}

static void
folder_of_several_weights_files_is_imported_whole_and_others_left_out(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    const char *folder = scratch_folder(&f->scratch, "outside/parts");
    for (size_t i = 0; i < SHARDED_FILES; i++)
        copy_fixture(f, arena_printf(f->arena, "sharded/%s", sharded_files[i]), folder);
    copy_fixture(f, "bin/pytorch_model.bin", folder);
    scratch_write_text(&f->scratch, "outside/parts/tf_model.h5", "x");
    fixture_ok(f, import_folder(f, "parts", NULL, &model));
    assert_string_equal(model.weights, "pretrained");
    assert_int_equal(model.left_out_count, 2);
    assert_int_equal(count_entries(f, "base_models/parts"), SHARDED_FILES);
    unlink(scratch_path(&f->scratch, "outside/parts/model-00002-of-00002.safetensors"));
    struct fault fault =
        fixture_refused(f, import_folder(f, "parts", "fewer", &model), FAULT_INVALID_MODEL, NULL);
    assert_non_null(strstr(fault.message, "model-00002-of-00002.safetensors, which is not there"));
    unlink(scratch_path(&f->scratch, "outside/parts/model.safetensors.index.json"));
    fixture_ok(f, import_folder(f, "parts", "pickled", &model)); /* the next form */
    assert_int_equal(count_entries(f, "base_models/pickled"), 3);
    unlink(scratch_path(&f->scratch, "outside/parts/pytorch_model.bin"));
    fault =
        fixture_refused(f, import_folder(f, "parts", "none", &model), FAULT_INVALID_MODEL, NULL);
    assert_non_null(strstr(fault.message, "is missing: put it beside them"));
    assert_int_equal(count_entries(f, "tmp"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IMPORT_TEST(folder_becomes_a_base_model),
        IMPORT_TEST(paths_beyond_the_allowed_folders_are_refused),
        IMPORT_TEST(link_to_a_file_outside_is_refused),
        IMPORT_TEST(link_within_the_allowed_folders_is_followed),
        IMPORT_TEST(ids_that_are_wrong_or_taken_are_refused),
        IMPORT_TEST(folder_that_is_no_model_is_refused),
        IDLE_TEST(without_import_dir_the_remedy_is_told),
        IMPORT_TEST(folder_of_several_weights_files_is_imported_whole_and_others_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
