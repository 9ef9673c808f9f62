/*
 * Options taken over while the service runs: models come and go, aliases and limits change, a
 * mistake changes nothing, and those who read meanwhile never notice.
 */
#include "daemon/service_reload.h"

#include "tests/daemon/service_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static void
reload(struct service_fixture *f, const struct service_options *options)
{
    if (service_reload(f->service, options, &f->err) != 0)
        fail_msg("%s", f->err.message);
}

static bool
has_model(struct service_fixture *f, const char *id)
{
    struct model_info info;
    struct fault_list faults = {.arena = f->arena};
    return service_model_get(f->service, id, f->arena, &info, &faults) == 0;
}

static void
base_models_come_and_go(void **state)
{
    struct service_fixture *f = *state;
    struct service_options options = fixture_options(f);
    fixture_write_model(f, "models/second");
    assert_false(has_model(f, "second"));
    reload(f, &options);
    assert_true(has_model(f, "second"));
    assert_int_equal(fileio_remove_tree(scratch_path(&f->scratch, "models/second"), &f->err), 0);
    reload(f, &options);
    assert_false(has_model(f, "second"));
    const char *more[] = {f->models_dir, scratch_folder(&f->scratch, "more")};
    fixture_write_model(f, "more/third");
    options.models_dirs = more;
    options.models_dir_count = 2;
    reload(f, &options);
    assert_true(has_model(f, "third"));
    assert_true(has_model(f, "tiny"));
}

static void
a_model_that_gets_another_folder_is_exchanged(void **state)
{
    struct service_fixture *f = *state;
    struct service_options options = fixture_options(f);
    const char *more[] = {scratch_folder(&f->scratch, "more")};
    struct model_file file;
    int fd = -1;
    fixture_write_model(f, "more/tiny");
    scratch_write_text(&f->scratch, "more/tiny/LICENSE", "new");
    options.models_dirs = more;
    reload(f, &options);
    fixture_ok(f, service_model_file_open(f->service, "tiny", "LICENSE", f->arena, &file, &fd,
                                          &f->faults));
    close(fd);
}

static void
aliases_and_limits_change(void **state)
{
    struct service_fixture *f = *state;
    struct service_options options = fixture_options(f);
    const struct model_alias alias = {"gpt", "tiny"};
    struct upload *upload = NULL;
    options.aliases = &alias;
    options.alias_count = 1;
    options.max_file_bytes = 3;
    reload(f, &options);
    assert_true(has_model(f, "gpt"));
    fixture_ok(f, service_upload_begin(f->service, &upload, &f->faults));
    assert_int_equal(service_upload_write(upload, "four", 4, &f->faults), -1);
    assert_int_equal(f->faults.items[0].code, FAULT_BODY_TOO_LARGE);
    service_upload_abort(upload);
    options.alias_count = 0;
    reload(f, &options);
    assert_false(has_model(f, "gpt"));
}

static void
a_mistake_changes_nothing(void **state)
{
    struct service_fixture *f = *state;
    struct service_options options = fixture_options(f);
    const struct model_alias wrong = {"tiny", "tiny"}, right = {"gpt", "tiny"};
    const char *absent = scratch_path(&f->scratch, "absent");
    fixture_write_model(f, "models/second");
    options.aliases = &wrong;
    options.alias_count = 1;
    options.max_file_bytes = 3;
    assert_int_equal(service_reload(f->service, &options, &f->err), ERR_INVALID);
    assert_non_null(strstr(f->err.message, "'tiny' is also the name of a base model"));
    options.aliases = &right;
    options.models_dirs = &absent;
    assert_int_equal(service_reload(f->service, &options, &f->err), ERR_INVALID);
    assert_false(has_model(f, "second"));
    assert_false(has_model(f, "gpt"));
    assert_true(has_model(f, "tiny"));
    struct upload *upload = NULL;
    fixture_ok(f, service_upload_begin(f->service, &upload, &f->faults));
    fixture_ok(f, service_upload_write(upload, "four", 4, &f->faults));
    service_upload_abort(upload);
}

static void
a_model_that_a_job_waits_for_stays(void **state)
{
    struct service_fixture *f = *state;
    struct service_options options = fixture_options(f);
    struct job_info job = {0};
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 20));
    const char *body =
        arena_printf(f->arena, "{\"model\": \"tiny\", \"training_file\": \"%s\"}", file.id);
    fixture_ok(f, fixture_try_create(f, body, &job));
    options.models_dir_count = 0;
    reload(f, &options);
    assert_true(has_model(f, "tiny"));
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
    reload(f, &options);
    assert_false(has_model(f, "tiny"));
}

struct reader {
    struct service *service;
    atomic_bool done;
};

static void *
read_all_the_time(void *context)
{
    struct reader *reader = context;
    while (!atomic_load(&reader->done)) {
        struct arena *arena = arena_new();
        struct fault_list faults = {.arena = arena};
        struct model_info info;
        struct model_list list;
        struct upload *upload = NULL;
        int wrong = service_model_get(reader->service, "tiny", arena, &info, &faults) != 0;
        wrong |= service_models_list(reader->service, arena, &list, &faults) != 0;
        service_model_get(reader->service, "gpt", arena, &info, &faults);
        if (service_upload_begin(reader->service, &upload, &faults) == 0)
            service_upload_write(upload, "four", 4, &faults);
        service_upload_abort(upload);
        arena_free(arena);
        if (wrong)
            return reader;
    }
    return NULL;
}

static void
readers_never_miss_a_model_that_stays(void **state)
{
    enum { READERS = 3, ROUNDS = 60 };
    struct service_fixture *f = *state;
    struct service_options options = fixture_options(f);
    const struct model_alias alias = {"gpt", "tiny"};
    struct reader reader = {.service = f->service};
    pthread_t threads[READERS];
    options.aliases = &alias;
    atomic_init(&reader.done, false);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &reader), 0);
    for (size_t i = 0; i < ROUNDS; i++) {
        fixture_write_model(f, "models/second");
        options.alias_count = i % 2;
        options.max_file_bytes = 3 + (int64_t)i % 2;
        reload(f, &options);
        assert_int_equal(fileio_remove_tree(scratch_path(&f->scratch, "models/second"), &f->err),
                         0);
        reload(f, &options);
    }
    atomic_store(&reader.done, true);
    for (size_t i = 0; i < READERS; i++) {
        void *missed = NULL;
        pthread_join(threads[i], &missed);
        assert_null(missed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(base_models_come_and_go),
        IDLE_TEST(a_model_that_gets_another_folder_is_exchanged),
        IDLE_TEST(aliases_and_limits_change),
        IDLE_TEST(a_mistake_changes_nothing),
        IDLE_TEST(a_model_that_a_job_waits_for_stays),
        cmocka_unit_test_setup_teardown(readers_never_miss_a_model_that_stays,
                                        fixture_setup_running, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
