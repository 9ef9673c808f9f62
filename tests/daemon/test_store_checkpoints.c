/* Rows of checkpoints: newest first, one a step, found by model id, kept while in use. */
#include "store_fixture.h"

static const struct measure measures[] = {{"valid_loss", 0.25}, {"valid_accuracy", 0.875}};

static struct checkpoint_row
checkpoint_of(struct fixture *f, const struct job_row *job, int64_t step)
{
    const char *model = ids_model(f->arena, "base", NULL, job->id);
    return (struct checkpoint_row){.model = ids_checkpoint_model(f->arena, model, step),
                                   .step = step,
                                   .shape = {384, 6, INT64_C(22713216), 256, 0},
                                   .files_json = "[]",
                                   .measures = measures,
                                   .measure_count = 2};
}

static struct checkpoint_row
add_checkpoint(struct fixture *f, const struct job_row *job, int64_t step)
{
    struct checkpoint_row row = checkpoint_of(f, job, step);
    fixture_ok(f, checkpoints_insert(f->db, job->seq, &row, f->arena, &f->err));
    return row;
}

static void
row_is_found_by_its_model(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct checkpoint_row row = add_checkpoint(f, &job, 40);
    struct checkpoint_row read = {0};
    fixture_ok(f, checkpoints_get_by_model(f->db, row.model, f->arena, &read, &f->err));
    assert_true(ids_is_valid(ID_CHECKPOINT, read.id));
    assert_string_equal(read.id, row.id);
    assert_int_equal(read.seq, row.seq);
    assert_int_equal(read.created_at, row.created_at);
    assert_string_equal(read.job_id, job.id);
    assert_string_equal(read.model, row.model);
    assert_int_equal(read.step, 40);
    assert_memory_equal(&read.shape, &row.shape, sizeof read.shape);
    assert_string_equal(read.files_json, "[]");
    assert_int_equal(read.measure_count, 2);
    assert_string_equal(read.measures[1].name, "valid_accuracy");
    assert_true(read.measures[1].value == 0.875);
    assert_int_equal(checkpoints_get_by_model(f->db, "ft:x", f->arena, &read, &f->err),
                     ERR_NOT_FOUND);
}

static void
pages_are_complete_in_both_directions(void **state)
{
    struct fixture *f = *state;
    struct job_row other = fixture_start_job(f);
    struct job_row job = fixture_start_job(f);
    for (int64_t step = 1; step <= 11; step++) {
        add_checkpoint(f, &job, step * 10);
        add_checkpoint(f, &other, step * 10);
    }
    for (int ascending = 0; ascending < 2; ascending++) {
        struct list_query query = {.limit = 4, .ascending = ascending};
        struct checkpoint_rows page = {.has_more = true};
        int64_t seen = 0;
        while (page.has_more) {
            fixture_ok(f, checkpoints_page(f->db, job.seq, &query, f->arena, &page, &f->err));
            for (size_t i = 0; i < page.count; i++, seen++) {
                assert_int_equal(page.items[i].step, (ascending ? seen + 1 : 11 - seen) * 10);
                assert_string_equal(page.items[i].job_id, job.id);
            }
            query.after = page.items[page.count - 1].id;
        }
        assert_int_equal(seen, 11);
    }
}

static void
second_checkpoint_of_a_step_is_refused(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    add_checkpoint(f, &job, 40);
    struct checkpoint_row again = checkpoint_of(f, &job, 40);
    assert_int_equal(checkpoints_insert(f->db, job.seq, &again, f->arena, &f->err), ERR_CONFLICT);
}

static void
deleted_checkpoint_is_gone_and_its_step_free(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct checkpoint_row row = add_checkpoint(f, &job, 40);
    fixture_ok(f, checkpoints_delete(f->db, row.id, &f->err));
    assert_int_equal(checkpoints_delete(f->db, row.id, &f->err), ERR_NOT_FOUND);
    add_checkpoint(f, &job, 40);
}

static void
checkpoint_that_an_unfinished_job_starts_from_is_kept(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct checkpoint_row row = add_checkpoint(f, &job, 40);
    struct job_new next = fixture_job(fixture_add_file(f, "fine-tune"));
    next.model = row.model;
    const char *id = fixture_insert_job(f, &next);
    assert_int_equal(checkpoints_delete(f->db, row.id, &f->err), ERR_CONFLICT);
    assert_non_null(strstr(f->err.message, id));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(row_is_found_by_its_model),
        STORE_TEST(pages_are_complete_in_both_directions),
        STORE_TEST(second_checkpoint_of_a_step_is_refused),
        STORE_TEST(deleted_checkpoint_is_gone_and_its_step_free),
        STORE_TEST(checkpoint_that_an_unfinished_job_starts_from_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
