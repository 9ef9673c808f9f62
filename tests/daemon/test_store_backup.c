/* Backups hold everything or are not there; what is restored is what was backed up, or nothing. */
#include "core/hub/tar.h"
#include "daemon/store/evaluations.h"
#include "daemon/store/jobs_life.h"
#include "daemon/store/models.h"
#include "daemon/store/query.h"
#include "daemon/store/restore.h"
#include "store_fixture.h"

#include "core/base/fileio.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_BYTES = 1 << 24, BIG_BYTES = 600000 };

static const char weights[] = "these are weights";

/* A stored file of these bytes, row and all. */
static const char *
store_bytes(struct fixture *f, const void *bytes, size_t length)
{
    char sha256[65];
    char *id = arena_alloc(f->arena, IDS_SIZE);
    const char *tmp = data_dir_tmp_path(f->store.dir, f->arena);
    ids_new(ID_FILE, id);
    fileio_sha256_bytes(bytes, length, sha256);
    struct file_row row = {.id = id,
                           .bytes = (int64_t)length,
                           .filename = "train.jsonl",
                           .purpose = "fine-tune",
                           .sha256 = arena_copy_string(f->arena, sha256)};
    fixture_ok(f, fileio_write(tmp, bytes, length, &f->err));
    fixture_ok(f, data_dir_store_file(f->store.dir, tmp, id, &f->err));
    fixture_ok(f, files_insert(f->db, &row, &f->err));
    return id;
}

static const char *
model_folder(struct fixture *f)
{
    const char *folder = data_dir_tmp_path(f->store.dir, f->arena);
    fixture_ok(f, fileio_make_folder(folder, &f->err));
    fixture_ok(f, fileio_write(arena_printf(f->arena, "%s/model.safetensors", folder), weights,
                               sizeof weights, &f->err));
    return folder;
}

static const char *
model_files(struct fixture *f)
{
    char sha256[65];
    fileio_sha256_bytes(weights, sizeof weights, sha256);
    return arena_printf(f->arena,
                        "[{\"name\":\"model.safetensors\",\"bytes\":%zu,\"sha256\":\"%s\"}]",
                        sizeof weights, sha256);
}

/* Two files, a running job with a checkpoint, a model of a job that is gone, an import. */
static const char *
fill(struct fixture *f)
{
    struct event_new event = {.message = "A checkpoint."};
    const struct model_shape shape = {16, 1, 4000, 32, -1};
    char *big = mem_small(BIG_BYTES);
    for (size_t i = 0; i < BIG_BYTES; i++)
        big[i] = (char)(i * 31 >> 3);
    const char *small = store_bytes(f, "{}\n", 3);
    store_bytes(f, big, BIG_BYTES);
    free(big);
    struct job_row job = fixture_start_job(f);
    fixture_ok(f, files_delete(f->db, job.training_file, &f->err) == ERR_CONFLICT ? 0 : -1);
    const char *path = data_dir_file_path(f->store.dir, job.training_file, f->arena);
    fixture_ok(f, fileio_write(path, "", 0, &f->err));
    sqlite3_exec(f->db->connection, "UPDATE files SET bytes = 0 WHERE bytes = 12", NULL, NULL,
                 NULL);
    struct checkpoint_row checkpoint = {.model = "ft:base:local::12345678:ckpt-step-3",
                                        .step = 3,
                                        .shape = shape,
                                        .files_json = model_files(f)};
    fixture_ok(f, data_dir_store_checkpoint(f->store.dir, model_folder(f), job.id, 3, &f->err));
    fixture_ok(
        f, jobs_add_checkpoint(f->db, fixture_lease(&job), &checkpoint, &event, f->arena, &f->err));
    struct model_row model = {.id = "ft:base:local::AAAAAAAA",
                              .job_id = "ftjob-AAAAAAAAAAAAAAAAAAAAAAAA",
                              .base = "base",
                              .root = "base",
                              .task = "classification",
                              .shape = shape,
                              .files_json = model_files(f)};
    fixture_ok(f, data_dir_store_model(f->store.dir, model_folder(f), model.job_id, &f->err));
    fixture_ok(f, models_insert(f->db, &model, &f->err));
    fixture_ok(f, data_dir_store_base_model(f->store.dir, model_folder(f), "my-model", &f->err));
    return small;
}

static const char *
backup_path(struct fixture *f)
{
    return scratch_path(&f->scratch, "the.backup");
}

static int
back_up(struct fixture *f, struct backup_report *report)
{
    const struct backup_order order = {.data_dir = f->path, .file = backup_path(f)};
    return backup_write(&order, report, &f->err);
}

static int
restore(struct fixture *f, const char *file, const char *to)
{
    struct backup_report report;
    const struct restore_order order = {.file = file, .data_dir = to};
    return restore_run(&order, &report, &f->err);
}

/* How many entries of the scratch folder begin like this. */
static size_t
count_beginning(struct fixture *f, const char *name)
{
    size_t count = 0;
    DIR *folder = opendir(f->scratch.folder);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        count += strncmp(entry->d_name, name, strlen(name)) == 0;
    closedir(folder);
    return count;
}

static void
expect_refused(struct fixture *f, int code, int wanted, const char *words)
{
    assert_int_equal(code, wanted);
    if (strstr(f->err.message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, f->err.message);
}

/* ---- backing up ------------------------------------------------------------------------------ */

/* One evaluation that has ended, and one that runs. */
static void
add_evaluations(struct fixture *f, const char *file, struct evaluation_row rows[2])
{
    for (size_t i = 0; i < 2; i++) {
        struct evaluation_row claimed;
        rows[i] = (struct evaluation_row){.model = "my-model", .file = file};
        fixture_ok(f, evaluations_insert(f->db, &rows[i], f->arena, &f->err));
        assert_int_equal(evaluations_claim(f->db, f->arena, &claimed, &f->err), 1);
        const struct evaluation_end end = {
            .id = rows[i].id, .attempt = 1, .document_json = "{\"rows\":1}"};
        if (i == 0)
            fixture_ok(f, evaluations_finish(f->db, &end, &f->err));
    }
}

static void
evaluations_are_restored_and_go_on(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    struct evaluation_row rows[2], found;
    const char *small = fill(f);
    add_evaluations(f, small, rows);
    fixture_ok(f, back_up(f, &report));
    fixture_ok(f, restore(f, backup_path(f), scratch_path(&f->scratch, "copy")));
    fixture_close_store(f);
    f->path = scratch_path(&f->scratch, "copy");
    fixture_open_store(f);
    fixture_ok(f, evaluations_get(f->db, rows[0].id, f->arena, &found, &f->err));
    assert_string_equal(found.document_json, "{\"rows\":1}");
    fixture_ok(f, evaluations_recover(f->db, &f->err)); /* as the daemon does at its start */
    assert_int_equal(evaluations_claim(f->db, f->arena, &found, &f->err), 1);
    assert_string_equal(found.id, rows[1].id);
    assert_int_equal(found.attempt, 2);
}

static void
what_is_restored_is_what_was_there(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    const char *small = fill(f);
    fixture_ok(f, back_up(f, &report));
    assert_int_equal(report.attempts, 1);
    assert_int_equal(report.files, 6);
    fixture_ok(f, restore(f, backup_path(f), scratch_path(&f->scratch, "copy")));
    fixture_close_store(f);
    struct err err;
    struct buf bytes = {0};
    f->path = scratch_path(&f->scratch, "copy");
    fixture_open_store(f);
    assert_int_equal(f->store.swept.files + f->store.swept.models + f->store.swept.checkpoints, 0);
    fixture_ok(f, fileio_read(data_dir_file_path(f->store.dir, small, f->arena), 10, &bytes, &err));
    assert_string_equal(buf_string(&bytes), "{}\n");
    buf_fini(&bytes);
    struct job_recovery recovery = {0};
    fixture_ok(f, jobs_recover(f->db, &recovery, &f->err));
    assert_int_equal(recovery.recovered, 1); /* it ran: queued again, as after a crash */
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(count_beginning(f, "copy"), 1);
}

static void
same_data_give_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    char first[65];
    char second[65];
    struct stat status;
    fill(f);
    fixture_ok(f, back_up(f, &report));
    fixture_ok(f, fileio_sha256(backup_path(f), first, &f->err));
    assert_int_equal(stat(backup_path(f), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, report.bytes);
    fixture_ok(f, fileio_remove_tree(backup_path(f), &f->err));
    fixture_ok(f, back_up(f, &report));
    fixture_ok(f, fileio_sha256(backup_path(f), second, &f->err));
    assert_string_equal(first, second);
}

static void
a_file_that_is_there_is_replaced_only_when_asked(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    scratch_write_text(&f->scratch, "the.backup", "precious");
    expect_refused(f, back_up(f, &report), ERR_CONFLICT, "there already");
    struct buf bytes = {0};
    fixture_ok(f, fileio_read(backup_path(f), 100, &bytes, &f->err));
    assert_string_equal(buf_string(&bytes), "precious");
    buf_fini(&bytes);
    const struct backup_order order = {f->path, backup_path(f), true, NULL, NULL};
    fixture_ok(f, backup_write(&order, &report, &f->err));
    fixture_ok(f, restore(f, backup_path(f), scratch_path(&f->scratch, "copy")));
}

static void
a_backup_with_holes_is_none(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    const char *file = fill(f);
    const char *path = data_dir_file_path(f->store.dir, file, f->arena);
    fixture_ok(f, fileio_write(path, "{]\n", 3, &f->err));
    expect_refused(f, back_up(f, &report), ERR_INVALID, "is damaged");
    fixture_ok(f, fileio_remove_tree(path, &f->err));
    expect_refused(f, back_up(f, &report), ERR_INVALID, "is missing");
    assert_int_equal(report.attempts, BACKUP_MAX_ATTEMPTS);
    assert_int_equal(count_beginning(f, "the.backup"), 0);
}

struct deletion {
    struct fixture *f;
    const char *id;
};

/* Somebody deletes the file while the backup is being written. */
static bool
delete_meanwhile(void *context, int64_t done, int64_t total)
{
    struct deletion *deletion = context;
    struct fixture *f = deletion->f;
    assert_true(done > 0 && done <= total + MAX_BYTES);
    if (deletion->id != NULL) {
        fixture_ok(f, files_delete(f->db, deletion->id, &f->err));
        fixture_ok(f, data_dir_remove_file(f->store.dir, deletion->id, &f->err));
    }
    deletion->id = NULL;
    return true;
}

static void
what_is_deleted_meanwhile_is_in_it(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    struct err err;
    struct deletion deletion = {f, fill(f)};
    const char *id = deletion.id;
    const struct backup_order order = {f->path, backup_path(f), false, delete_meanwhile, &deletion};
    fixture_ok(f, backup_write(&order, &report, &err));
    assert_int_equal(report.attempts, 1);
    fixture_ok(f, restore(f, backup_path(f), scratch_path(&f->scratch, "copy")));
    assert_true(
        fileio_exists(scratch_path(&f->scratch, arena_printf(f->arena, "copy/files/%s", id))));
    assert_false(fileio_exists(data_dir_file_path(f->store.dir, id, f->arena)));
}

static bool
stop(void *context, int64_t done, int64_t total)
{
    (void)context;
    return done < total / 2;
}

static void
stopped_ones_leave_nothing(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    fill(f);
    const struct backup_order order = {f->path, backup_path(f), false, stop, NULL};
    assert_int_equal(backup_write(&order, &report, &f->err), ERR_STOPPED);
    assert_int_equal(count_beginning(f, "the.backup"), 0);
    fixture_ok(f, back_up(f, &report));
    const struct restore_order back = {backup_path(f), scratch_path(&f->scratch, "copy"), stop,
                                       NULL};
    assert_int_equal(restore_run(&back, &report, &f->err), ERR_STOPPED);
    assert_int_equal(count_beginning(f, "copy"), 0);
}

static void
a_backup_lies_outside_the_data_directory(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    struct backup_order order = {.data_dir = f->path};
    order.file = arena_printf(f->arena, "%s/files/b", f->path);
    expect_refused(f, backup_write(&order, &report, &f->err), ERR_CONFLICT,
                   "choose a place outside");
    order.data_dir = scratch_folder(&f->scratch, "other");
    order.file = backup_path(f);
    expect_refused(f, backup_write(&order, &report, &f->err), ERR_NOT_FOUND, "no data directory");
    assert_int_equal(count_beginning(f, "the.backup"), 0);
}

/* ---- restoring ------------------------------------------------------------------------------- */

static void
only_an_empty_folder_is_restored_into(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    fill(f);
    fixture_ok(f, back_up(f, &report));
    const char *full = scratch_folder(&f->scratch, "full");
    scratch_write_text(&f->scratch, "full/mine", "mine");
    expect_refused(f, restore(f, backup_path(f), full), ERR_CONFLICT, "holds something");
    expect_refused(f, restore(f, backup_path(f), f->path), ERR_CONFLICT, "holds something");
    const char *empty = scratch_folder(&f->scratch, "empty");
    fixture_ok(f, restore(f, backup_path(f), arena_printf(f->arena, "%s//", empty)));
    fixture_close_store(f);
    f->path = empty;
    fixture_open_store(f);
    assert_int_equal(f->store.swept.files, 0);
    assert_true(fileio_exists(scratch_path(&f->scratch, "full/mine")));
}

static void
write_bytes(struct fixture *f, const char *name, const struct buf *bytes)
{
    scratch_write(&f->scratch, name, bytes->data, bytes->length);
}

/* The copy at "copy" is the whole one, or there is none; it is removed. */
static bool
is_whole_or_absent(struct fixture *f, const char *file)
{
    const char *copy = scratch_path(&f->scratch, "copy");
    if (restore(f, file, copy) != 0) {
        assert_int_equal(count_beginning(f, "copy"), 0);
        return false;
    }
    struct backup_report report;
    const struct backup_order again = {copy, scratch_path(&f->scratch, "again"), true, NULL, NULL};
    char wanted[65];
    char found[65];
    fixture_ok(f, backup_write(&again, &report, &f->err));
    fixture_ok(f, fileio_sha256(backup_path(f), wanted, &f->err));
    fixture_ok(f, fileio_sha256(again.file, found, &f->err));
    assert_string_equal(found, wanted);
    fixture_ok(f, fileio_remove_tree(copy, &f->err));
    return true;
}

/* A small one: one file and the model. */
static void
make_small_backup(struct fixture *f, struct buf *bytes)
{
    struct backup_report report;
    store_bytes(f, "{}\n", 3);
    fixture_ok(f, back_up(f, &report));
    fixture_ok(f, fileio_read(backup_path(f), MAX_BYTES, bytes, &f->err));
}

static void
damage_is_refused_wherever_it_is(void **state)
{
    enum { STRIDE = 1777 };
    struct fixture *f = *state;
    struct buf bytes = {0};
    size_t refused = 0;
    size_t tried = 0;
    make_small_backup(f, &bytes);
    for (size_t at = 0; at < bytes.length; at += STRIDE, tried++) {
        bytes.data[at] = (char)(bytes.data[at] ^ 4);
        write_bytes(f, "damaged", &bytes);
        refused += !is_whole_or_absent(f, scratch_path(&f->scratch, "damaged"));
        bytes.data[at] = (char)(bytes.data[at] ^ 4);
    }
    assert_true(refused > tried / 2); /* the others hit padding */
    buf_fini(&bytes);
}

static void
what_is_cut_off_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    make_small_backup(f, &bytes);
    size_t whole = bytes.length;
    for (size_t at = 0; at < whole - TAR_END_BYTES; at += 17 * TAR_BLOCK_BYTES + 100) {
        bytes.length = at;
        write_bytes(f, "cut", &bytes);
        assert_false(is_whole_or_absent(f, scratch_path(&f->scratch, "cut")));
    }
    bytes.length = whole;
    buf_fini(&bytes);
}

/* ---- hostile archives ------------------------------------------------------------------------ */

static void
add_entry(struct buf *archive, const char *folder, const char *name, const char *text)
{
    static const char zeros[TAR_BLOCK_BYTES];
    unsigned char block[TAR_BLOCK_BYTES];
    size_t length = strlen(text);
    tar_header(folder, name, (int64_t)length, block);
    buf_append(archive, block, sizeof block);
    buf_append(archive, text, length);
    buf_append(archive, zeros, (size_t)tar_padded((int64_t)length) - length);
}

/* An archive whose second entry is this; it must be refused for it. */
static void
expect_entry_refused(struct fixture *f, const char *folder, const char *name, const char *words)
{
    struct buf archive = {0};
    add_entry(&archive, BACKUP_FOLDER, BACKUP_FORMAT_FILE, "1\n");
    add_entry(&archive, folder, name, "evil");
    add_entry(&archive, folder, name, "evil");
    write_bytes(f, "hostile", &archive);
    buf_fini(&archive);
    expect_refused(
        f, restore(f, scratch_path(&f->scratch, "hostile"), scratch_path(&f->scratch, "copy")),
        ERR_INVALID, words);
    assert_int_equal(count_beginning(f, "copy"), 0);
    assert_int_equal(count_beginning(f, "evil"), 0);
}

static void
places_that_no_backup_has_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char no_backup[] = "which no backup does";
    expect_entry_refused(f, BACKUP_FOLDER "/..", "evil", no_backup);
    expect_entry_refused(f, BACKUP_FOLDER "/files/..", "evil", no_backup);
    expect_entry_refused(f, BACKUP_FOLDER "/files/.", "evil", no_backup);
    expect_entry_refused(f, BACKUP_FOLDER "/files/", "evil", no_backup);
    expect_entry_refused(f, BACKUP_FOLDER "/files", ".evil", no_backup);
    expect_entry_refused(f, BACKUP_FOLDER "/files", "ev il", no_backup);
    expect_entry_refused(f, BACKUP_FOLDER "/tmp", "evil", no_backup);
    expect_entry_refused(f, BACKUP_FOLDER "/jobs/a/b/c/d/e", "evil", no_backup);
    expect_entry_refused(f, BACKUP_FOLDER, "lock", no_backup);
    expect_entry_refused(f, "/", "evil", no_backup);
    expect_entry_refused(f, "..", "evil", no_backup);
    expect_entry_refused(f, BACKUP_FOLDER "/files", "evil", "twice");
}

static void
what_is_no_backup_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *copy = scratch_path(&f->scratch, "copy");
    const char *text = scratch_write_text(&f->scratch, "text", "Dear diary");
    const char *empty = scratch_write_text(&f->scratch, "nothing", "");
    assert_int_equal(restore(f, text, copy), ERR_INVALID);
    assert_int_equal(restore(f, empty, copy), ERR_INVALID);
    assert_int_not_equal(restore(f, scratch_path(&f->scratch, "absent"), copy), 0);
    expect_refused(f, restore(f, f->path, copy), ERR_INVALID, "no plain file");
    struct buf archive = {0};
    add_entry(&archive, BACKUP_FOLDER, BACKUP_FORMAT_FILE, "2\n");
    write_bytes(f, "newer", &archive);
    buf_fini(&archive);
    expect_refused(f, restore(f, scratch_path(&f->scratch, "newer"), copy), ERR_UNSUPPORTED,
                   "newer");
    assert_int_equal(count_beginning(f, "copy"), 0);
}

/* Data of a newer program are neither backed up nor restored. */
static void
newer_data_are_refused(void **state)
{
    struct fixture *f = *state;
    struct backup_report report;
    struct buf bytes = {0};
    make_small_backup(f, &bytes);
    buf_fini(&bytes);
    fixture_ok(f, fileio_remove_tree(backup_path(f), &f->err));
    static const char newer[] = "INSERT INTO migrations SELECT max(number) + 1, '9999_newer',"
                                " printf('%064d', 1), 1 FROM migrations";
    assert_int_equal(sqlite3_exec(f->db->connection, newer, NULL, NULL, NULL), SQLITE_OK);
    expect_refused(f, back_up(f, &report), ERR_UNSUPPORTED, "newer finetuned");
    assert_int_equal(count_beginning(f, "the.backup"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_is_restored_is_what_was_there),
        STORE_TEST(evaluations_are_restored_and_go_on),
        STORE_TEST(same_data_give_the_same_bytes),
        STORE_TEST(a_file_that_is_there_is_replaced_only_when_asked),
        STORE_TEST(a_backup_with_holes_is_none),
        STORE_TEST(what_is_deleted_meanwhile_is_in_it),
        STORE_TEST(stopped_ones_leave_nothing),
        STORE_TEST(a_backup_lies_outside_the_data_directory),
        STORE_TEST(only_an_empty_folder_is_restored_into),
        STORE_TEST(damage_is_refused_wherever_it_is),
        STORE_TEST(what_is_cut_off_is_refused),
        STORE_TEST(places_that_no_backup_has_are_refused),
        STORE_TEST(what_is_no_backup_is_refused),
        STORE_TEST(newer_data_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
