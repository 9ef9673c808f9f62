/*
 * Models in and out through the seam: imports from folders and archives, archives of models.
 */
#include "tests/daemon/service_fixture.h"

#include "core/base/fileio.h"
#include "core/hub/tar.h"
#include "tests/support/classifier_folder.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* A service that may import from scratch/outside. */
static int
setup_importing(void **state)
{
    fixture_prepare(state);
    struct service_fixture *f = *state;
    const char *outside = scratch_folder(&f->scratch, "outside");
    struct service_options options = fixture_options(f);
    options.import_dirs = &outside;
    options.import_dir_count = 1;
    if (service_open(&options, &f->service, &f->err) != 0)
        fail_msg("%s", f->err.message);
    return 0;
}

static size_t
count_entries(struct service_fixture *f, const char *folder)
{
    size_t count = 0;
    DIR *listing = opendir(arena_printf(f->arena, "%s/%s", f->data_dir, folder));
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

static int
import_folder(struct service_fixture *f, const char *path, const char *id, struct model_info *out)
{
    return service_model_import_folder(f->service, path, id, f->arena, out, &f->faults);
}

static int
import_bytes(struct service_fixture *f, const struct buf *bytes, const char *id,
             struct model_info *out)
{
    struct upload *upload = NULL;
    fixture_ok(f, service_upload_begin(f->service, &upload, &f->faults));
    fixture_ok(f, service_upload_write(upload, bytes->data, bytes->length, &f->faults));
    return service_model_import_archive_take(f->service, upload, id, f->arena, out, &f->faults);
}

/* Refused, and nothing stays behind. */
static struct fault
expect_refused(struct service_fixture *f, int code, enum fault_code fault, const char *param)
{
    struct fault refused = fixture_refused(f, code, fault, param);
    assert_int_equal(count_entries(f, "tmp"), 0);
    assert_int_equal(count_entries(f, "base_models"), 0);
    assert_null(strstr(refused.message, f->scratch.folder));
    return refused;
}

/* ---- folders -------------------------------------------------------------------------------- */

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

/* ---- archives in ---------------------------------------------------------------------------- */

static void
add_file(struct buf *archive, const char *folder, const char *name, const char *bytes)
{
    static const char zeros[TAR_BLOCK_BYTES];
    unsigned char block[TAR_BLOCK_BYTES];
    size_t length = strlen(bytes);
    tar_header(folder, name, (int64_t)length, block);
    buf_append(archive, block, sizeof block);
    buf_append(archive, bytes, length);
    buf_append(archive, zeros, (size_t)tar_padded((int64_t)length) - length);
}

/* Turn the header of the last entry, which has no bytes, into one of another type. */
static void
retype_last(struct buf *archive, char type)
{
    char *block = archive->data + archive->length - TAR_BLOCK_BYTES;
    unsigned sum = 0;
    block[156] = type;
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 7, "%06o", sum);
}

static void
archive_of_a_folder_becomes_a_model(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct buf archive = {0};
    add_file(&archive, "./small", "config.json", tiny_config);
    add_file(&archive, "./small", "vocab.txt", tiny_vocab);
    add_file(&archive, "./small", "notes.txt", "words");
    add_file(&archive, "./small/deeper", "config.json", "nonsense");
    fixture_ok(f, import_bytes(f, &archive, NULL, &model));
    assert_string_equal(model.id, "small");
    assert_int_equal(model.left_out_count, 2);
    fixture_ok(f, import_bytes(f, &archive, "other", &model));
    assert_int_equal(count_entries(f, "tmp"), 0);
    assert_int_equal(count_entries(f, "base_models/other"), 2);
    buf_fini(&archive);
}

static void
archive_without_a_folder_needs_an_id(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct buf archive = {0};
    add_file(&archive, ".", "config.json", tiny_config);
    add_file(&archive, ".", "vocab.txt", tiny_vocab);
    expect_refused(f, import_bytes(f, &archive, NULL, &model), FAULT_INVALID_PARAMETER, "id");
    fixture_ok(f, import_bytes(f, &archive, "named", &model));
    buf_fini(&archive);
}

static void
hostile_archives_are_refused_whole(void **state)
{
    static const struct {
        const char *folder, *name;
        char type;
        const char *words;
    } cases[] = {
        {"..", "config.json", '0', "leads out"},
        {"small/..", "vocab.txt", '0', "leads out"},
        {"small/../../x", "notes", '0', "leads out"},
        {"/etc", "config.json", '0', "absolute"},
        {"small", "tokenizer.json", '1', "link or a device"},
        {"small", "tokenizer.json", '2', "link or a device"},
        {"small", "notes", '2', "link or a device"},
        {"small", "tokenizer.json", '3', "link or a device"},
        {"small", "tokenizer.json", '6', "link or a device"},
        {"second", "tokenizer.json", '0', "another folder"},
        {"small", "config.json", '0', "twice"},
        {"./small", "./config.json", '0', "twice"},
        {"small", "pytorch_model.bin", '0',
         "pytorch_model.bin: this is no weights file of PyTorch"},
        {"small", "tf_model.h5", '0', "weights are in tf_model.h5"},
        {"small", "model-00001-of-00002.safetensors", '0', "the index of the parts"},
    };
    struct service_fixture *f = *state;
    struct model_info model;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf archive = {0};
        add_file(&archive, "small", "config.json", tiny_config);
        add_file(&archive, "small", "vocab.txt", tiny_vocab);
        add_file(&archive, cases[i].folder, cases[i].name, "");
        retype_last(&archive, cases[i].type);
        struct fault fault =
            expect_refused(f, import_bytes(f, &archive, "x", &model), FAULT_INVALID_MODEL, NULL);
        if (strstr(fault.message, cases[i].words) == NULL)
            fail_msg("%zu: '%s' lacks '%s'", i, fault.message, cases[i].words);
        buf_fini(&archive);
    }
}

static void
archive_that_is_cut_off_is_refused_wherever_it_is_cut(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct buf archive = {0};
    add_file(&archive, "small", "config.json", tiny_config);
    add_file(&archive, "small", "vocab.txt", tiny_vocab);
    size_t needed = archive.length - TAR_BLOCK_BYTES; /* behind it only the vocabulary's end */
    for (size_t cut = 1; cut < needed; cut += 61) {
        struct buf piece = {0};
        buf_append(&piece, archive.data, cut);
        expect_refused(f, import_bytes(f, &piece, "x", &model), FAULT_INVALID_MODEL, NULL);
        buf_fini(&piece);
    }
    buf_fini(&archive);
}

/* ---- weights of every form ------------------------------------------------------------------ */

/* Files of the fixtures: one small classifier in every form. */
#define WEIGHTS FIXTURES "/weights/model/"

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

/* Append a file of the fixtures to an archive, in folder "m". */
static void
add_fixture(struct service_fixture *f, struct buf *archive, const char *name)
{
    static const char zeros[TAR_BLOCK_BYTES];
    unsigned char block[TAR_BLOCK_BYTES];
    struct buf bytes = {0};
    fixture_ok(f,
               fileio_read(arena_printf(f->arena, WEIGHTS "%s", name), 1 << 20, &bytes, &f->err));
    tar_header("m", strrchr(name, '/') + 1, (int64_t)bytes.length, block);
    buf_append(archive, block, sizeof block);
    buf_append(archive, bytes.data, bytes.length);
    buf_append(archive, zeros, (size_t)tar_padded((int64_t)bytes.length) - bytes.length);
    buf_fini(&bytes);
}

static void
archive_with_weights_twice_gives_the_form_that_wins_in_any_order(void **state)
{
    static const char *const names[] = {"bin/pytorch_model.bin", "f32/config.json",
                                        "f32/model.safetensors", "f32/vocab.txt"};
    struct service_fixture *f = *state;
    struct model_info model;
    for (size_t first = 0; first < 4; first++) {
        struct buf archive = {0};
        for (size_t i = 0; i < 4; i++)
            add_fixture(f, &archive, names[(first + i) % 4]);
        fixture_ok(f, import_bytes(f, &archive, arena_printf(f->arena, "m%zu", first), &model));
        assert_int_equal(model.left_out_count, 1);
        assert_string_equal(model.left_out[0], "m/pytorch_model.bin");
        buf_fini(&archive);
    }
    struct buf archive = {0};
    for (size_t i = 0; i < 2; i++)
        add_fixture(f, &archive, names[i]);
    add_fixture(f, &archive, names[3]);
    fixture_ok(f, import_bytes(f, &archive, "pickled", &model));
    assert_string_equal(model.weights, "pretrained");
    assert_int_equal(model.left_out_count, 0);
    buf_fini(&archive);
}

static void
damaged_numbers_of_a_pickled_model_are_refused_at_its_import(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct buf archive = {0};
    add_fixture(f, &archive, "f32/config.json");
    add_fixture(f, &archive, "f32/vocab.txt");
    add_fixture(f, &archive, "bin/pytorch_model.bin");
    static const char header[] = "data/0FB"; /* a name, and the field that pads up to the numbers */
    char *at = memmem(archive.data, archive.length, header, sizeof header - 1);
    assert_non_null(at);
    at += sizeof header - 1;
    at[2 + (unsigned char)at[0]] ^= 0x40;
    struct fault fault =
        expect_refused(f, import_bytes(f, &archive, "x", &model), FAULT_INVALID_MODEL, NULL);
    assert_non_null(strstr(fault.message, "has another check sum than its bytes"));
    buf_fini(&archive);
}

/* ---- their use and their end ---------------------------------------------------------------- */

static void
imported_classifier_classifies(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct classify_result result;
    struct text text = classifier_text(&f->scratch, 3, 1);
    classifier_folder_write(&f->scratch, "outside/judge", 2, 7);
    fixture_ok(f, import_folder(f, "judge", NULL, &model));
    assert_string_equal(model.weights, "pretrained");
    assert_string_equal(model.task, "classification");
    fixture_start(f);
    struct classify_input input = {.first = text.first, .first_length = text.first_length};
    fixture_ok(f, service_classify(f->service, "judge", &input, 1, f->arena, &result, &f->faults));
    assert_int_equal(result.label_count, CLASSIFIER_LABELS);
}

static void
labels_without_a_classifier_are_refused(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    classifier_folder_write(&f->scratch, "outside/judge", 2, 7);
    unlink(scratch_path(&f->scratch, "outside/judge/model.safetensors"));
    expect_refused(f, import_folder(f, "judge", NULL, &model), FAULT_INVALID_MODEL, NULL);
}

static void
imported_model_is_deleted_unless_a_job_needs_it(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct job_info job;
    fixture_write_model(f, "outside/small");
    fixture_ok(f, import_folder(f, "small", NULL, &model));
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 40));
    fixture_ok(f, fixture_try_create(f,
                                     arena_printf(f->arena,
                                                  "{\"model\": \"small\", \"training_file\": "
                                                  "\"%s\"}",
                                                  file.id),
                                     &job));
    fixture_refused(f, service_model_delete(f->service, "small", &f->faults), FAULT_IN_USE,
                    "model");
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
    fixture_ok(f, service_model_delete(f->service, "small", &f->faults));
    assert_int_equal(count_entries(f, "base_models"), 0);
    assert_int_equal(count_entries(f, "tmp"), 0);
    fixture_refused(f, service_model_get(f->service, "small", f->arena, &model, &f->faults),
                    FAULT_MODEL_NOT_FOUND, "model");
    fixture_ok(f, import_folder(f, "small", NULL, &model));
    fixture_refused(f, service_model_delete(f->service, "tiny", &f->faults),
                    FAULT_BASE_MODEL_PROTECTED, "model");
}

/* ---- archives out --------------------------------------------------------------------------- */

static void
read_archive(struct service_fixture *f, const char *id, size_t piece,
             struct model_archive_info *info, struct buf *out)
{
    struct model_archive *archive = NULL;
    char bytes[4096];
    fixture_ok(f, service_model_archive_open(f->service, id, f->arena, info, &archive, &f->faults));
    while ((int64_t)out->length < info->bytes) {
        int64_t got = service_model_archive_read(archive, (int64_t)out->length, bytes, piece);
        assert_true(got > 0 && got <= (int64_t)piece);
        buf_append(out, bytes, (size_t)got);
    }
    service_model_archive_close(archive);
    assert_int_equal(out->length, info->bytes);
}

static void
archive_is_the_same_however_it_is_read_and_can_be_imported(void **state)
{
    struct service_fixture *f = *state;
    struct model_archive_info first;
    struct model_archive_info second;
    struct model_info model;
    struct buf whole = {0};
    struct buf again = {0};
    read_archive(f, "tiny", 4096, &first, &whole);
    read_archive(f, "tiny", 7, &second, &again);
    assert_string_equal(first.name, "tiny.tar");
    assert_string_equal(first.sha256, second.sha256);
    assert_memory_equal(whole.data, again.data, whole.length);
    assert_int_equal(first.bytes % TAR_BLOCK_BYTES, 0);
    fixture_ok(f, import_bytes(f, &whole, "copy", &model));
    assert_int_equal(model.left_out_count, 0);
    buf_fini(&whole);
    buf_fini(&again);
}

static void
archive_of_a_model_that_is_not_there_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct model_archive *archive = NULL;
    struct model_archive_info info;
    fixture_refused(
        f, service_model_archive_open(f->service, "nowhere", f->arena, &info, &archive, &f->faults),
        FAULT_MODEL_NOT_FOUND, "model");
}

static void
archive_outlives_its_model(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct model_archive *archive = NULL;
    struct model_archive_info info;
    char bytes[2048];
    fixture_write_model(f, "outside/small");
    fixture_ok(f, import_folder(f, "small", NULL, &model));
    fixture_ok(
        f, service_model_archive_open(f->service, "small", f->arena, &info, &archive, &f->faults));
    fixture_ok(f, service_model_delete(f->service, "small", &f->faults));
    for (int64_t at = 0; at < info.bytes;) {
        int64_t got = service_model_archive_read(archive, at, bytes, sizeof bytes);
        assert_true(got > 0);
        at += got;
    }
    service_model_archive_close(archive);
}

#define IMPORT_TEST(test) cmocka_unit_test_setup_teardown(test, setup_importing, fixture_teardown)

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
        IDLE_TEST(archive_of_a_folder_becomes_a_model),
        IDLE_TEST(archive_without_a_folder_needs_an_id),
        IDLE_TEST(hostile_archives_are_refused_whole),
        IDLE_TEST(archive_that_is_cut_off_is_refused_wherever_it_is_cut),
        IMPORT_TEST(folder_of_several_weights_files_is_imported_whole_and_others_left_out),
        IDLE_TEST(archive_with_weights_twice_gives_the_form_that_wins_in_any_order),
        IDLE_TEST(damaged_numbers_of_a_pickled_model_are_refused_at_its_import),
        IMPORT_TEST(imported_classifier_classifies),
        IMPORT_TEST(labels_without_a_classifier_are_refused),
        IMPORT_TEST(imported_model_is_deleted_unless_a_job_needs_it),
        IDLE_TEST(archive_is_the_same_however_it_is_read_and_can_be_imported),
        IDLE_TEST(archive_of_a_model_that_is_not_there_is_refused),
        IMPORT_TEST(archive_outlives_its_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
