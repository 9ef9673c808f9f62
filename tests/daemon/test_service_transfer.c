/* Imported models are used and end, and models leave as archives. */
#include "tests/daemon/transfer_fixture.h"

#include "tests/support/classifier_folder.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IMPORT_TEST(imported_classifier_classifies),
        IMPORT_TEST(labels_without_a_classifier_are_refused),
        IMPORT_TEST(imported_model_is_deleted_unless_a_job_needs_it),
        IDLE_TEST(archive_is_the_same_however_it_is_read_and_can_be_imported),
        IDLE_TEST(archive_of_a_model_that_is_not_there_is_refused),
        IMPORT_TEST(archive_outlives_its_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
