/* The sweep removes orphans of our own making, and nothing else. */
#include "core/base/fileio.h"
#include "store_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static bool
is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static const char *
new_id(struct fixture *f, enum id_kind kind)
{
    char *id = arena_alloc(f->arena, IDS_SIZE);
    ids_new(kind, id);
    return id;
}

/* A folder below the data directory with a file in it. */
static const char *
make(struct fixture *f, const char *path)
{
    fixture_ok(f, fileio_make_folder(path, &f->err));
    const char *file = arena_printf(f->arena, "%s/bytes", path);
    fixture_ok(f, fileio_write(file, "x", 1, &f->err));
    return path;
}

static const char *
make_file(struct fixture *f, const char *id)
{
    const char *path = data_dir_file_path(f->store.dir, id, f->arena);
    fixture_ok(f, fileio_write(path, "x", 1, &f->err));
    return path;
}

static void
orphans_go_and_what_rows_name_stays(void **state)
{
    struct fixture *f = *state;
    const struct data_dir *dir = f->store.dir;
    struct job_row job = fixture_start_job(f);
    struct job_lease lease = fixture_lease(&job);
    const char *gone = new_id(f, ID_JOB);
    struct checkpoint_row checkpoint = {.model = "ft:m:ckpt-step-10", .step = 10, .files_json = ""};
    fixture_ok(f, jobs_add_checkpoint(f->db, lease, &checkpoint, NULL, f->arena, &f->err));
    struct model_row model = {
        .id = "ft:m", .job_id = job.id, .base = "b", .root = "b", .task = "t", .files_json = "[]"};
    const struct job_progress_row progress = {.step = 10};
    const struct event_new event = {.message = "Succeeded"};
    fixture_ok(f, jobs_finish(f->db, lease, &model, &progress, &event, &f->err));
    const char *kept[] = {
        make_file(f, job.training_file),
        make(f, data_dir_model_path(dir, job.id, f->arena)),
        make(f, data_dir_checkpoint_path(dir, job.id, 10, f->arena)),
        make(f, arena_printf(f->arena, "%s/resume", data_dir_job_path(dir, job.id, f->arena))),
        make(f, arena_printf(f->arena, "%s/files/notes of the operator", f->path)),
        make(f, arena_printf(f->arena, "%s/models/lost+found", f->path)),
        make(f, arena_printf(f->arena, "%s/jobs/%s/checkpoints/step-010", f->path, job.id)),
    };
    const char *swept[] = {
        make_file(f, new_id(f, ID_FILE)),
        make(f, data_dir_model_path(dir, gone, f->arena)),
        make(f, data_dir_checkpoint_path(dir, job.id, 20, f->arena)),
        make(f, data_dir_job_path(dir, gone, f->arena)),
        make(f, data_dir_upload_path(dir, new_id(f, ID_UPLOAD), f->arena)),
    };
    fixture_close_store(f);
    fixture_open_store(f);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        assert_true(is_there(kept[i]));
    for (size_t i = 0; i < sizeof swept / sizeof swept[0]; i++)
        assert_false(is_there(swept[i]));
    const struct sweep_report expected = {
        .files = 1, .models = 1, .jobs = 1, .checkpoints = 1, .uploads = 1};
    assert_memory_equal(&f->store.swept, &expected, sizeof expected);
}

/* The last event of a job, "" without one. */
static const char *
last_event(struct fixture *f, const struct job_row *job)
{
    struct event_rows events = fixture_events(f, job->seq);
    return events.count > 0 ? events.items[events.count - 1].message : "";
}

/* A file, a link to nowhere and a link to itself: the start goes on, tells of it once, and what
 * belongs there can be stored again. */
static void
what_is_no_folder_in_a_folders_place_is_removed_and_told(void **state)
{
    static const char *const places[] = {"", "/checkpoints", "/resume"};
    static const char *const targets[] = {NULL, "nowhere", "resume"};
    struct fixture *f = *state;
    for (size_t i = 0; i < 9; i++) {
        struct job_row job = fixture_start_job(f);
        const char *folder = data_dir_job_path(f->store.dir, job.id, f->arena);
        const char *place = arena_printf(f->arena, "%s%s", folder, places[i / 3]);
        if (place[strlen(folder)] != '\0')
            fixture_ok(f, fileio_make_folder(folder, &f->err));
        if (targets[i % 3] == NULL)
            fixture_ok(f, fileio_write(place, "x", 1, &f->err));
        else
            assert_int_equal(symlink(targets[i % 3], place), 0);
        fixture_close_store(f);
        fixture_open_store(f);
        assert_false(is_there(place));
        assert_non_null(strstr(last_event(f, &job), "something else and removed it"));
        size_t told = fixture_events(f, job.seq).count;
        fixture_close_store(f);
        fixture_open_store(f);
        assert_int_equal(fixture_events(f, job.seq).count, told);
        const char *tmp = make(f, data_dir_tmp_path(f->store.dir, f->arena));
        fixture_ok(f, data_dir_store_resume_state(f->store.dir, tmp, job.id, "step-3", &f->err));
        assert_true(is_there(data_dir_resume_state_path(f->store.dir, job.id, "step-3", f->arena)));
    }
}

/* An operator may have put them on another disk. */
static void
a_link_to_a_folder_stays(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    const char *folder = make(f, data_dir_job_path(f->store.dir, job.id, f->arena));
    const char *elsewhere = make(f, arena_printf(f->arena, "%s/elsewhere", f->path));
    const char *link = arena_printf(f->arena, "%s/resume", folder);
    assert_int_equal(symlink(elsewhere, link), 0);
    size_t told = fixture_events(f, job.seq).count;
    fixture_close_store(f);
    fixture_open_store(f);
    assert_true(is_there(link) && is_there(elsewhere));
    assert_int_equal(fixture_events(f, job.seq).count, told);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(orphans_go_and_what_rows_name_stays),
        STORE_TEST(what_is_no_folder_in_a_folders_place_is_removed_and_told),
        STORE_TEST(a_link_to_a_folder_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
