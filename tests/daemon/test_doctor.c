/* The doctor finds each fault that was planted, and nothing where there is none. */
#include "daemon/doctor.h"

#include "core/base/fileio.h"
#include "daemon/log.h"
#include "daemon/store/models.h"
#include "daemon/store/query.h"
#include "store_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

enum { DATABASE_MAX_BYTES = 1 << 24 };

static const char weights[] = "these are weights";

/* A file and a fine-tuned model, whole; the store is closed. */
struct patient {
    struct fixture *f;
    const char *file, *model; /* paths */
    const char *database;
    const char *models_dir; /* with one sound model */
    struct doctor_findings findings;
};

static void
add_stored(struct patient *patient)
{
    struct fixture *f = patient->f;
    static const char job_id[] = "ftjob-AAAAAAAAAAAAAAAAAAAAAAAA";
    char sha256[65];
    const char *file = fixture_add_file(f, "fine-tune");
    char *text = arena_alloc(f->arena, 12); /* as fixture_add_file says */
    fileio_sha256_bytes(text, 12, sha256);
    sqlite3_exec(f->db->connection,
                 arena_printf(f->arena, "UPDATE files SET sha256 = '%s'", sha256), NULL, NULL,
                 NULL);
    patient->file = data_dir_file_path(f->store.dir, file, f->arena);
    fixture_ok(f, fileio_write(patient->file, text, 12, &f->err));
    const char *folder = data_dir_model_path(f->store.dir, job_id, f->arena);
    fileio_sha256_bytes(weights, sizeof weights, sha256);
    struct model_row model = {
        .id = "ft:base:local::AAAAAAAA",
        .job_id = job_id,
        .base = "base",
        .root = "base",
        .task = "classification",
        .files_json = arena_printf(
            f->arena, "[{\"name\":\"model.safetensors\",\"bytes\":%zu,\"sha256\":\"%s\"}]",
            sizeof weights, sha256),
    };
    patient->model = arena_printf(f->arena, "%s/model.safetensors", folder);
    fixture_ok(f, fileio_make_folder(folder, &f->err));
    fixture_ok(f, fileio_write(patient->model, weights, sizeof weights, &f->err));
    fixture_ok(f, models_insert(f->db, &model, &f->err));
}

static void
add_base_model(struct patient *patient)
{
    struct scratch *scratch = &patient->f->scratch;
    patient->models_dir = scratch_folder(scratch, "models");
    scratch_folder(scratch, "models/tiny");
    scratch_write_text(scratch, "models/tiny/config.json",
                       "{\"model_type\": \"bert\", \"hidden_size\": 8, \"num_hidden_layers\": 1, "
                       "\"num_attention_heads\": 2, \"intermediate_size\": 8, \"vocab_size\": 6, "
                       "\"max_position_embeddings\": 8, \"type_vocab_size\": 2}");
    scratch_write_text(scratch, "models/tiny/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
}

static int
setup(void **state)
{
    struct patient *patient = calloc(1, sizeof *patient);
    void *fixture = NULL;
    log_set_level(LOG_ERROR);
    fixture_setup(&fixture);
    patient->f = fixture;
    add_stored(patient);
    add_base_model(patient);
    patient->database = data_dir_database_path(patient->f->store.dir, patient->f->arena);
    fixture_close_store(patient->f);
    *state = patient;
    return 0;
}

static int
teardown(void **state)
{
    struct patient *patient = *state;
    void *fixture = patient->f;
    fixture_teardown(&fixture);
    free(patient);
    return 0;
}

static void
examine_with(struct patient *patient, const char *name, const char *value)
{
    const struct option_given given[] = {
        {"data-dir", patient->f->path},
        {"models-dir", patient->models_dir},
        {"min-free-bytes", "0"},
        {name, value},
    };
    const struct options options = {.given = (struct option_given *)(uintptr_t)given,
                                    .count = name != NULL ? 4 : 3};
    doctor_examine(&options, patient->f->arena, &patient->findings);
}

static void
examine(struct patient *patient)
{
    examine_with(patient, NULL, NULL);
}

static void
print_findings(const struct patient *patient)
{
    for (size_t i = 0; i < patient->findings.count; i++)
        print_message("%d %s %s\n", patient->findings.items[i].status,
                      patient->findings.items[i].name, patient->findings.items[i].detail);
}

/* Some finding of this check has the status and the words, and the worst is that status. */
static void
expect(const struct patient *patient, const char *name, enum doctor_status status,
       const char *words)
{
    bool found = false;
    for (size_t i = 0; i < patient->findings.count; i++) {
        const struct doctor_finding *finding = &patient->findings.items[i];
        found = found || (strcmp(finding->name, name) == 0 && finding->status == status &&
                          strstr(finding->detail, words) != NULL);
    }
    if (!found || patient->findings.worst != status) {
        print_findings(patient);
        fail_msg("no finding of %s with '%s', or another worst one", name, words);
    }
}

static void
tell_database(struct patient *patient, const char *sql)
{
    struct db *db = NULL;
    char *message = NULL;
    fixture_ok(patient->f, db_open(patient->database, &db, &patient->f->err));
    if (sqlite3_exec(db->connection, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    db_close(db);
}

/* ---- claims ---------------------------------------------------------------------------------- */

static void
a_sound_directory_has_nothing_found(void **state)
{
    struct patient *patient = *state;
    examine(patient);
    if (patient->findings.worst != DOCTOR_OK)
        print_findings(patient);
    assert_int_equal(patient->findings.worst, DOCTOR_OK);
    assert_true(patient->findings.count >= 12);
}

static void
looking_changes_nothing(void **state)
{
    struct patient *patient = *state;
    char before[65];
    char after[65];
    fixture_ok(patient->f, fileio_sha256(patient->database, before, &patient->f->err));
    examine(patient);
    fixture_ok(patient->f, fileio_sha256(patient->database, after, &patient->f->err));
    assert_string_equal(before, after);
    fixture_open_store(patient->f); /* a daemon may run */
    examine(patient);
    expect(patient, "data_dir", DOCTOR_OK,
           arena_printf(patient->f->arena, "used by process %ld", (long)getpid()));
}

static void
missing_files_are_found(void **state)
{
    struct patient *patient = *state;
    assert_int_equal(unlink(patient->model), 0);
    examine(patient);
    expect(patient, "stored", DOCTOR_FAIL, "model.safetensors is missing");
}

static void
files_of_another_size_are_found(void **state)
{
    struct patient *patient = *state;
    fixture_ok(patient->f, fileio_write(patient->file, "short", 5, &patient->f->err));
    examine(patient);
    expect(patient, "stored", DOCTOR_FAIL, "it has 5 bytes, and 12 were stored");
}

static void
flipped_bits_are_found(void **state)
{
    struct patient *patient = *state;
    char changed[sizeof weights];
    memcpy(changed, weights, sizeof weights);
    changed[7] ^= 1;
    fixture_ok(patient->f, fileio_write(patient->model, changed, sizeof changed, &patient->f->err));
    examine(patient);
    expect(patient, "stored", DOCTOR_FAIL, "its bytes are not those that were stored");
}

static void
resume_states_that_are_damaged_are_found(void **state)
{
    struct patient *patient = *state;
    struct fixture *f = patient->f;
    fixture_open_store(f);
    struct job_row job = fixture_start_job(f);
    const char *empty = data_dir_file_path(f->store.dir, job.training_file, f->arena);
    fixture_ok(f, fileio_write(empty, "", 0, &f->err));
    const char *folder = data_dir_resume_state_path(f->store.dir, job.id, "step-5", f->arena);
    fixture_ok(f, fileio_make_folder(folder, &f->err));
    static const char *const names[] = {"SHA256SUMS", "state.json", "state.safetensors"};
    for (size_t i = 0; i < 3; i++)
        fixture_ok(
            f, fileio_write(arena_printf(f->arena, "%s/%s", folder, names[i]), "x", 1, &f->err));
    fixture_close_store(f);
    tell_database(patient, "UPDATE files SET bytes = 0, sha256 ="
                           " 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'"
                           " WHERE seq = 2; INSERT INTO resume_states (job_seq, step, pending,"
                           " created_at) VALUES (1, 5, 0, 1)");
    examine(patient);
    expect(patient, "stored", DOCTOR_FAIL, "resume/step-5 is damaged");
}

static void
orphans_are_found(void **state)
{
    struct patient *patient = *state;
    const char *path = arena_printf(patient->f->arena, "%s/files/nobody", patient->f->path);
    fixture_ok(patient->f, fileio_write(path, "x", 1, &patient->f->err));
    examine(patient);
    expect(patient, "orphans", DOCTOR_WARN, "files/nobody");
}

static void
damaged_pages_are_found(void **state)
{
    struct patient *patient = *state;
    struct buf bytes = {0};
    fixture_ok(patient->f,
               fileio_read(patient->database, DATABASE_MAX_BYTES, &bytes, &patient->f->err));
    memset(bytes.data + bytes.length - 4096, 0x5a, 4096);
    memset(bytes.data + bytes.length / 8192 * 4096, 0x5a, 4096);
    fixture_ok(patient->f,
               fileio_write(patient->database, bytes.data, bytes.length, &patient->f->err));
    buf_fini(&bytes);
    examine(patient);
    expect(patient, "database", DOCTOR_FAIL, "damaged");
}

static void
broken_references_are_found(void **state)
{
    struct patient *patient = *state;
    tell_database(patient, "PRAGMA foreign_keys = OFF; INSERT INTO events (job_seq, id, created_at,"
                           " level, type, message) VALUES (77, 'e', 1, 'info', 'message', '')");
    examine(patient);
    expect(patient, "database", DOCTOR_FAIL, "names a row that does not exist");
}

static void
names_that_lead_outside_are_found(void **state)
{
    struct patient *patient = *state;
    tell_database(patient, "UPDATE models SET job_id = '../../etc'");
    examine(patient);
    expect(patient, "stored", DOCTOR_FAIL, "../../etc");
}

static void
newer_and_older_schemas_are_told(void **state)
{
    struct patient *patient = *state;
    tell_database(patient, "INSERT INTO migrations SELECT max(number) + 1, 'x', printf('%064d', 1),"
                           " 1 FROM migrations");
    examine(patient);
    expect(patient, "schema", DOCTOR_FAIL, "newer finetuned");
    tell_database(patient, "DELETE FROM migrations WHERE number >= (SELECT max(number) - 1 FROM"
                           " migrations)");
    examine(patient);
    expect(patient, "schema", DOCTOR_WARN, "the database has schema");
}

static void
formats_that_are_newer_are_told(void **state)
{
    struct patient *patient = *state;
    const char *path = arena_printf(patient->f->arena, "%s/FORMAT", patient->f->path);
    fixture_ok(patient->f, fileio_write(path, "99\n", 3, &patient->f->err));
    examine(patient);
    expect(patient, "data_dir", DOCTOR_FAIL, "newer finetuned");
    fixture_ok(patient->f, fileio_remove_tree(path, &patient->f->err));
    examine(patient);
    expect(patient, "data_dir", DOCTOR_FAIL, "no data directory");
}

static void
open_doors_are_found(void **state)
{
    struct patient *patient = *state;
    assert_int_equal(chmod(patient->file, 0644), 0);
    examine(patient);
    expect(patient, "permissions", DOCTOR_WARN, "files/file-");
    assert_int_equal(chmod(patient->f->path, 0755), 0);
    examine(patient);
    expect(patient, "permissions", DOCTOR_FAIL, "other users");
}

static void
full_disks_are_found(void **state)
{
    struct patient *patient = *state;
    examine_with(patient, "min-free-bytes", "1023G");
    expect(patient, "disk", DOCTOR_FAIL, "are to be kept free");
}

static void
engines_that_do_not_load_are_found(void **state)
{
    struct patient *patient = *state;
    examine_with(patient, "engine", "abacus");
    expect(patient, "engine", DOCTOR_FAIL, "abacus");
}

static void
broken_base_models_are_found(void **state)
{
    struct patient *patient = *state;
    scratch_write_text(&patient->f->scratch, "models/tiny/model.safetensors", "no such thing");
    examine(patient);
    expect(patient, "base_models", DOCTOR_FAIL, "tiny");
}

static void
wrong_configurations_are_found(void **state)
{
    struct patient *patient = *state;
    examine_with(patient, "threads", "many");
    expect(patient, "configuration", DOCTOR_FAIL, "threads");
    examine_with(patient, "import-dir", "/nonexistent/folder");
    expect(patient, "configuration", DOCTOR_FAIL, "import_dir");
}

#define DOCTOR_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DOCTOR_TEST(a_sound_directory_has_nothing_found),
        DOCTOR_TEST(looking_changes_nothing),
        DOCTOR_TEST(missing_files_are_found),
        DOCTOR_TEST(files_of_another_size_are_found),
        DOCTOR_TEST(flipped_bits_are_found),
        DOCTOR_TEST(resume_states_that_are_damaged_are_found),
        DOCTOR_TEST(orphans_are_found),
        DOCTOR_TEST(damaged_pages_are_found),
        DOCTOR_TEST(broken_references_are_found),
        DOCTOR_TEST(names_that_lead_outside_are_found),
        DOCTOR_TEST(newer_and_older_schemas_are_told),
        DOCTOR_TEST(formats_that_are_newer_are_told),
        DOCTOR_TEST(open_doors_are_found),
        DOCTOR_TEST(full_disks_are_found),
        DOCTOR_TEST(engines_that_do_not_load_are_found),
        DOCTOR_TEST(broken_base_models_are_found),
        DOCTOR_TEST(wrong_configurations_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
