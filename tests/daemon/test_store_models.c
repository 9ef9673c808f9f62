/* Rows of fine-tuned models: read back as written, kept while an unfinished job starts from them.
 */
#include "store_fixture.h"

static struct model_row
model_of(struct fixture *f, const char *suffix)
{
    char *job = arena_alloc(f->arena, IDS_SIZE);
    ids_new(ID_JOB, job);
    return (struct model_row){.id = ids_model(f->arena, "base", suffix, job),
                              .job_id = job,
                              .base = "base",
                              .root = "base",
                              .task = "classification",
                              .shape = {384, 6, INT64_C(22713216), 256, 64},
                              .files_json = "[{\"name\":\"config.json\"}]"};
}

static void
row_reads_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct model_row row = model_of(f, "bank");
    fixture_ok(f, models_insert(f->db, &row, &f->err));
    struct model_row read = {0};
    fixture_ok(f, models_get(f->db, row.id, f->arena, &read, &f->err));
    assert_int_equal(read.seq, row.seq);
    assert_string_equal(read.id, row.id);
    assert_int_equal(read.created_at, row.created_at);
    assert_string_equal(read.job_id, row.job_id);
    assert_string_equal(read.base, "base");
    assert_string_equal(read.root, "base");
    assert_string_equal(read.task, "classification");
    assert_memory_equal(&read.shape, &row.shape, sizeof read.shape);
    assert_string_equal(read.files_json, row.files_json);
}

static void
list_is_newest_first(void **state)
{
    struct fixture *f = *state;
    struct model_rows rows;
    fixture_ok(f, models_list(f->db, f->arena, &rows, &f->err));
    assert_int_equal(rows.count, 0);
    struct model_row made[20];
    for (size_t i = 0; i < 20; i++) {
        made[i] = model_of(f, NULL);
        fixture_ok(f, models_insert(f->db, &made[i], &f->err));
    }
    fixture_ok(f, models_list(f->db, f->arena, &rows, &f->err));
    assert_int_equal(rows.count, 20);
    for (size_t i = 0; i < 20; i++)
        assert_string_equal(rows.items[i].id, made[19 - i].id);
}

static void
unknown_model_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct model_row row;
    assert_int_equal(models_get(f->db, "ft:x", f->arena, &row, &f->err), ERR_NOT_FOUND);
    assert_int_equal(models_delete(f->db, "ft:x", &f->err), ERR_NOT_FOUND);
}

static void
model_that_an_unfinished_job_starts_from_is_kept(void **state)
{
    struct fixture *f = *state;
    struct model_row model = model_of(f, NULL);
    fixture_ok(f, models_insert(f->db, &model, &f->err));
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    job.model = model.id;
    const char *id = fixture_insert_job(f, &job);
    assert_int_equal(models_delete(f->db, model.id, &f->err), ERR_CONFLICT);
    assert_non_null(strstr(f->err.message, id));
    const struct job_change cancel = {.from = 1u << JOB_STATE_QUEUED,
                                      .to = JOB_STATE_CANCELLED,
                                      .event = {.message = "Cancelled"}};
    fixture_ok(f, jobs_change(f->db, id, &cancel, &f->err));
    fixture_ok(f, models_delete(f->db, model.id, &f->err));
}

static void
job_on_a_deleted_model_is_refused(void **state)
{
    struct fixture *f = *state;
    struct model_row model = model_of(f, NULL);
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    job.model = model.id;
    char id[IDS_SIZE];
    const struct event_new event = {.message = "Created"};
    assert_int_equal(jobs_insert(f->db, &job, &event, id, &f->err), ERR_NOT_FOUND);
    assert_non_null(strstr(f->err.message, model.id));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(row_reads_back_as_written),
        STORE_TEST(list_is_newest_first),
        STORE_TEST(unknown_model_is_not_found),
        STORE_TEST(model_that_an_unfinished_job_starts_from_is_kept),
        STORE_TEST(job_on_a_deleted_model_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
