/*
 * Models through the seam: lists, files, deletion, and fine-tuning a fine-tuned one.
 */
#include "tests/daemon/service_fixture.h"

#include <unistd.h>

static struct job_info
train_one(struct service_fixture *f, const char *more)
{
    struct job_info job = fixture_create(f, 40, more);
    return fixture_wait_success(f, job.id);
}

static struct model_info
get_model(struct service_fixture *f, const char *id)
{
    struct model_info info = {0};
    fixture_ok(f, service_model_get(f->service, id, f->arena, &info, &f->faults));
    return info;
}

static void
list_has_base_and_fine_tuned_models(void **state)
{
    struct service_fixture *f = *state;
    struct model_list list = {0};
    struct job_info job = train_one(f, ", \"n_epochs\": 1, \"suffix\": \"moods\", \"stride\": 4");
    fixture_ok(f, service_models_list(f->service, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].id, "tiny");
    assert_false(list.items[0].fine_tuned);
    assert_string_equal(list.items[0].owned_by, "system");
    assert_string_equal(list.items[0].weights, "random");
    assert_int_equal(list.items[0].hidden_size, 16);
    assert_int_equal(list.items[0].max_seq_length, 32);
    assert_int_equal(list.items[0].stride, -1);
    assert_null(list.items[0].task);
    assert_string_equal(list.items[1].id, job.fine_tuned_model);
    assert_non_null(strstr(list.items[1].id, ":moods:"));
    assert_true(list.items[1].fine_tuned);
    assert_string_equal(list.items[1].root, "tiny");
    assert_string_equal(list.items[1].job_id, job.id);
    assert_string_equal(list.items[1].task, "classification");
    assert_string_equal(list.items[1].weights, "fine-tuned");
    assert_true(list.items[1].parameters > 0);
    assert_int_equal(list.items[1].stride, 4);
}

static void
checkpoint_is_a_model_but_not_listed(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = train_one(f, ", \"n_epochs\": 2");
    struct checkpoint_list list = {0};
    struct page page = {.limit = 10};
    fixture_ok(f, service_job_checkpoints(f->service, job.id, &page, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].model,
                        arena_printf(f->arena, "%s:ckpt-step-%lld", job.fine_tuned_model,
                                     (long long)job.progress.total_steps));
    struct model_info info = get_model(f, list.items[1].model);
    assert_string_equal(info.root, "tiny");
    assert_string_equal(info.job_id, job.id);
    fixture_ok(f, service_model_delete(f->service, list.items[1].model, &f->faults));
    fixture_refused(f,
                    service_model_get(f->service, list.items[1].model, f->arena, &info, &f->faults),
                    FAULT_MODEL_NOT_FOUND, "model");
    fixture_ok(f, service_job_checkpoints(f->service, job.id, &page, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 1);
}

/* Every listed file opens, with the size and hash that the list says. */
static void
expect_files(struct service_fixture *f, const char *model, const char *must_have)
{
    struct model_file_list list = {0};
    bool found = false;
    fixture_ok(f, service_model_files(f->service, model, f->arena, &list, &f->faults));
    for (size_t i = 0; i < list.count; i++) {
        struct model_file file = {0};
        int fd = -1;
        char hex[65];
        fixture_ok(f, service_model_file_open(f->service, model, list.items[i].name, f->arena,
                                              &file, &fd, &f->faults));
        char *bytes = arena_alloc(f->arena, (size_t)file.bytes + 1);
        assert_int_equal(read(fd, bytes, (size_t)file.bytes + 1), file.bytes);
        close(fd);
        fileio_sha256_bytes(bytes, (size_t)file.bytes, hex);
        assert_string_equal(hex, list.items[i].sha256);
        assert_string_equal(hex, file.sha256);
        found = found || strcmp(file.name, must_have) == 0;
    }
    assert_true(found);
}

static void
files_of_models_open_and_match_their_hashes(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = train_one(f, ", \"n_epochs\": 1");
    struct model_file file;
    int fd;
    expect_files(f, job.fine_tuned_model, "model.safetensors");
    expect_files(f, "tiny", "vocab.txt");
    static const char *const names[] = {"../../lock", "/etc/passwd",  "",
                                        ".",          "config.json/", "absent"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fixture_refused(f,
                        service_model_file_open(f->service, job.fine_tuned_model, names[i],
                                                f->arena, &file, &fd, &f->faults),
                        FAULT_NOT_FOUND, "name");
        fixture_refused(
            f,
            service_model_file_open(f->service, "tiny", names[i], f->arena, &file, &fd, &f->faults),
            FAULT_NOT_FOUND, "name");
    }
}

static void
hash_of_a_changed_base_file_is_computed_anew(void **state)
{
    struct service_fixture *f = *state;
    scratch_write_text(&f->scratch, "models/tiny/README.md", "one");
    expect_files(f, "tiny", "README.md");
    scratch_write_text(&f->scratch, "models/tiny/README.md", "another");
    expect_files(f, "tiny", "README.md");
}

static void
base_model_is_never_deleted(void **state)
{
    struct service_fixture *f = *state;
    fixture_refused(f, service_model_delete(f->service, "tiny", &f->faults),
                    FAULT_BASE_MODEL_PROTECTED, "model");
    assert_true(fileio_exists(arena_printf(f->arena, "%s/tiny/config.json", f->models_dir)));
    fixture_refused(f, service_model_delete(f->service, "ft:tiny:local::12345678", &f->faults),
                    FAULT_MODEL_NOT_FOUND, "model");
}

static void
deleted_model_leaves_no_folder(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = train_one(f, ", \"n_epochs\": 1");
    struct model_info info;
    const char *config = arena_printf(f->arena, "%s/models/%s/config.json", f->data_dir, job.id);
    assert_true(fileio_exists(config));
    fixture_ok(f, service_model_delete(f->service, job.fine_tuned_model, &f->faults));
    assert_false(fileio_exists(config));
    fixture_refused(
        f, service_model_get(f->service, job.fine_tuned_model, f->arena, &info, &f->faults),
        FAULT_MODEL_NOT_FOUND, "model");
    assert_string_equal(fixture_get(f, job.id).fine_tuned_model, job.fine_tuned_model);
}

static struct job_info
create_from(struct service_fixture *f, const char *model, const char *more)
{
    struct job_info job = {0};
    struct file_info file = fixture_upload(f, "more.jsonl", fixture_rows(f, 30));
    fixture_ok(f, fixture_try_create(f,
                                     arena_printf(f->arena,
                                                  "{\"model\": \"%s\", \"training_file\": \"%s\", "
                                                  "\"learning_rate\": 0.001%s}",
                                                  model, file.id, more),
                                     &job));
    return job;
}

static void
fine_tuned_model_is_fine_tuned_further(void **state)
{
    struct service_fixture *f = *state;
    struct job_info first = train_one(f, ", \"n_epochs\": 2");
    struct job_info second = create_from(f, first.fine_tuned_model, ", \"n_epochs\": 1");
    assert_string_equal(second.model, first.fine_tuned_model);
    second = fixture_wait_success(f, second.id);
    assert_string_equal(get_model(f, second.fine_tuned_model).root, "tiny");
    assert_int_equal(strncmp(second.fine_tuned_model, "ft:tiny:local::", 15), 0);
    assert_int_equal(fixture_count_events(f, second.id, "no weights file"), 0);
}

static void
model_that_an_unfinished_job_starts_from_stays(void **state)
{
    struct service_fixture *f = *state;
    struct job_info first = train_one(f, ", \"n_epochs\": 1");
    struct job_info endless = create_from(f, first.fine_tuned_model, ", \"max_steps\": 1000000");
    struct fault fault =
        fixture_refused(f, service_model_delete(f->service, first.fine_tuned_model, &f->faults),
                        FAULT_IN_USE, "model");
    assert_non_null(strstr(fault.message, endless.id));
    fixture_ok(f, service_job_cancel(f->service, endless.id, f->arena, &endless, &f->faults));
    fixture_ok(f, service_model_delete(f->service, first.fine_tuned_model, &f->faults));
}

static void
version_names_engine_and_formats(void **state)
{
    struct service_fixture *f = *state;
    struct version_info version;
    service_version(f->service, f->arena, &version);
    assert_string_equal(version.engine, gemm_engine_name(f->engine));
    assert_true(version.schema >= 1);
    assert_int_equal(version.format, 1);
    assert_true(strlen(version.version) > 0 && strlen(version.cpu) > 0 &&
                strlen(version.commit) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RUNNING_TEST(list_has_base_and_fine_tuned_models),
        RUNNING_TEST(checkpoint_is_a_model_but_not_listed),
        RUNNING_TEST(files_of_models_open_and_match_their_hashes),
        IDLE_TEST(hash_of_a_changed_base_file_is_computed_anew),
        IDLE_TEST(base_model_is_never_deleted),
        RUNNING_TEST(deleted_model_leaves_no_folder),
        RUNNING_TEST(fine_tuned_model_is_fine_tuned_further),
        RUNNING_TEST(model_that_an_unfinished_job_starts_from_stays),
        IDLE_TEST(version_names_engine_and_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
