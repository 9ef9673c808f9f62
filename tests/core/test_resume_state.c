/* Resume states as folders: damaged, hostile and newer ones are told apart from good ones. */
#include "core/base/json.h"
#include "core/hub/safetensors.h"
#include "core/train/resume_state.h"
#include "resume_fixture.h"

enum { STEP = 7 };

static const char *const names[] = {"state.json", "state.safetensors", "SHA256SUMS"};
enum { NAMES = sizeof names / sizeof names[0] };

/* A folder with a good state; its path. */
static const char *
make_state(struct resume_fixture *f)
{
    struct watch whole;
    const char *folder = scratch_folder(&f->scratch, "states");
    resume_run_whole(f, 1, folder, &whole);
    buf_fini(&whole.log);
    return resume_state_path(f, folder, STEP, false);
}

static const char *
file_of(struct resume_fixture *f, const char *folder, const char *name)
{
    return arena_printf(f->scratch.arena, "%s/%s", folder, name);
}

static struct buf
read_file(const char *path)
{
    struct buf bytes = {0};
    struct err err;
    if (fileio_read(path, 100 * 1000 * 1000, &bytes, &err) != 0)
        fail_msg("%s", err.message);
    return bytes;
}

static void
put_file(const char *path, const void *bytes, size_t length)
{
    struct err err;
    if (fileio_write(path, bytes, length, &err) != 0)
        fail_msg("%s", err.message);
}

static int
open_code(const char *folder, struct err *err)
{
    struct resume_file *file = NULL;
    int rc = resume_state_open(folder, &file, err);
    assert_true((rc == 0) == (file != NULL));
    resume_state_close(file);
    return rc;
}

/* Make the sums those of the files that stand there now: what a stranger would do. */
static void
sum_anew(struct resume_fixture *f, const char *folder)
{
    char sums[2][65];
    struct err err;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(fileio_sha256(file_of(f, folder, names[i]), sums[i], &err), 0);
    const char *text =
        arena_printf(f->scratch.arena, "%s  %s\n%s  %s\n", sums[0], names[0], sums[1], names[1]);
    put_file(file_of(f, folder, names[2]), text, strlen(text));
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void
every_damage_to_every_file_is_seen(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    const char *folder = make_state(f);
    for (size_t i = 0; i < NAMES; i++) {
        const char *path = file_of(f, folder, names[i]);
        struct buf good = read_file(path);
        put_file(path, good.data, good.length - 1);
        assert_int_equal(open_code(folder, &err), ERR_INVALID);
        put_file(path, good.data, good.length / 2);
        assert_int_equal(open_code(folder, &err), ERR_INVALID);
        put_file(path, "", 0);
        assert_int_equal(open_code(folder, &err), ERR_INVALID);
        for (size_t bit = 0; bit < 8 * good.length; bit += 1 + good.length / 5) {
            good.data[bit / 8] = (char)(good.data[bit / 8] ^ 1 << bit % 8);
            put_file(path, good.data, good.length);
            assert_int_equal(open_code(folder, &err), ERR_INVALID);
            good.data[bit / 8] = (char)(good.data[bit / 8] ^ 1 << bit % 8);
        }
        assert_int_equal(fileio_remove_tree(path, &err), 0);
        assert_int_equal(open_code(folder, &err), ERR_INVALID);
        assert_non_null(strstr(err.message, "gone"));
        buf_append(&good, "x", 1);
        put_file(path, good.data, good.length);
        assert_int_equal(open_code(folder, &err), ERR_INVALID);
        put_file(path, good.data, good.length - 1);
        assert_int_equal(open_code(folder, &err), 0);
        buf_fini(&good);
    }
    assert_int_equal(fileio_remove_tree(folder, &err), 0);
    assert_int_equal(open_code(folder, &err), ERR_NOT_FOUND);
}

static void
failed_write_leaves_nothing(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    const char *folder = make_state(f);
    struct watch run = {.stop_after = -1, .every = true};
    /* Below a file no folder can be made. */
    run.folder = file_of(f, folder, names[0]);
    assert_true(resume_run(f, 1, &(struct train_resume){.interval = -1}, &run, &err) < 0);
    assert_int_equal(run.states, 1);
    assert_int_equal(open_code(folder, &err), 0);
    buf_fini(&run.log);
}

/* ---- strangers ------------------------------------------------------------------------------- */

/* Replace a member of the facts, or remove it; value is taken. */
static void
change_fact(struct resume_fixture *f, const char *folder, const char *name, json_t *value)
{
    struct err err;
    const char *path = file_of(f, folder, names[0]);
    json_t *root = json_parse_file(path, 1 << 20, &err);
    json_t *facts = json_object_get(root, "facts");
    if (value != NULL)
        json_object_set_new(strcmp(name, "format") == 0 ? root : facts, name, value);
    else
        json_object_del(facts, name);
    char *text = json_text(root);
    put_file(path, text, strlen(text));
    free(text);
    json_decref(root);
    sum_anew(f, folder);
}

static void
state_of_a_newer_program_is_refused(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    const char *folder = make_state(f);
    change_fact(f, folder, "format", json_integer(RESUME_STATE_FORMAT + 1));
    put_file(file_of(f, folder, names[1]), "another form", 12); /* not even looked at */
    assert_int_equal(open_code(folder, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "newer finetuned"));
}

static void
impossible_facts_are_refused_by_name(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    const char *folder = make_state(f);
    const struct {
        const char *name;
        json_t *value;
    } wrong[] = {
        {"step", json_integer(0)},
        {"step", json_integer(-1)},
        {"step", json_integer(RESUME_STEPS + 1)},
        {"step", json_string("7")},
        {"optimizer_steps", json_integer(STEP + 1)},
        {"beta1_power", json_real(1.5)},
        {"beta2_power", json_null()},
        {"training_seconds", json_real(-1.0)},
        {"training_seconds", json_real(0.0)},
        {"pending", json_integer(1)},
        {"latest", json_array()},
        {"values", json_pack("{s:s}", "train_loss", "low")},
        {"seed", json_true()},
        {"numerics_key", json_stringn("a\0b", 3)},
        {"base_sha256", json_string("0123456789012345678901234567890123456789012345678901234567890"
                                    "123456789")},
        {"format", json_integer(0)},
        {"format", json_string("1")},
    };
    struct buf good = read_file(file_of(f, folder, names[0]));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        put_file(file_of(f, folder, names[0]), good.data, good.length);
        change_fact(f, folder, wrong[i].name, wrong[i].value);
        assert_int_equal(open_code(folder, &err), ERR_INVALID);
        assert_non_null(strstr(err.message, "state.json"));
    }
    buf_fini(&good);
}

/* Any bytes of state.json, with sums that fit them, end in an answer. */
static void
mutated_numbers_never_crash(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    const char *folder = make_state(f);
    struct buf good = read_file(file_of(f, folder, names[0]));
    for (size_t i = 0; i < good.length; i += 3) {
        char before = good.data[i];
        good.data[i] = "\"9-{]x\xff"[i % 7];
        put_file(file_of(f, folder, names[0]), good.data, good.length);
        sum_anew(f, folder);
        int rc = open_code(folder, &err);
        assert_true(rc == 0 || rc == ERR_INVALID || rc == ERR_UNSUPPORTED);
        good.data[i] = before;
    }
    buf_fini(&good);
}

/* Write arrays that a reader must refuse, with sums that fit. */
static void
check_rows_refused(struct resume_fixture *f, const char *folder, const uint32_t *rows, size_t count)
{
    struct err err;
    struct watch run = {.stop_after = -1};
    const struct safetensors_source list = {
        .name = "word_rows", .vector = true, .rows = 1, .columns = count, .integers = rows};
    assert_int_equal(safetensors_write(file_of(f, folder, names[1]), &list, 1, &err), 0);
    sum_anew(f, folder);
    assert_int_equal(resume_go_on(f, 1, folder, &run, &err), ERR_INVALID);
    assert_int_equal(run.line_count, 0);
}

static void
arrays_that_do_not_fit_are_refused(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    const char *folder = make_state(f);
    static const uint32_t beyond[] = {5, 95};
    static const uint32_t twice[] = {5, 6, 5};
    static const uint32_t padding[] = {0};
    static const uint32_t many[200] = {1, 2, 3};
    check_rows_refused(f, folder, beyond, 2);
    check_rows_refused(f, folder, twice, 3);
    check_rows_refused(f, folder, padding, 1);
    check_rows_refused(f, folder, many, 200);
    check_rows_refused(f, folder, many, 3); /* fine, but the rest is missing */
    static const float values[3] = {1, 2, 3};
    struct watch run = {.stop_after = -1};
    const struct safetensors_source floats = {
        .name = "word_rows", .vector = true, .rows = 1, .columns = 3, .values = values};
    assert_int_equal(safetensors_write(file_of(f, folder, names[1]), &floats, 1, &err), 0);
    sum_anew(f, folder);
    assert_int_equal(resume_go_on(f, 1, folder, &run, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "U32"));
}

/* ---- facts ----------------------------------------------------------------------------------- */

static void
facts_are_read_back_to_the_bit(void **state)
{
    (void)state;
    struct err err;
    struct resume_facts again;
    struct resume_facts facts = {.step = 12345678901,
                                 .total_steps = 12345678902,
                                 .pending = true,
                                 .optimizer_steps = 12345678901,
                                 .beta1_power = 4.9406564584124654e-324,
                                 .beta2_power = 1.0 - 0x1p-53,
                                 .rows_done = 7,
                                 .trained_tokens = INT64_MAX,
                                 .training_seconds = 1.0 / 3.0,
                                 .seconds_elapsed = 0x1.fffffffffffffp+1000,
                                 .seed = 2147483647,
                                 .best = {.step = 12345678900, .value = -0.1, .without = 3},
                                 .owner = {.numerics_key = "native/fp32/2"}};
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        facts.values[i] = i % 2 == 0 ? NAN : -0.1 * (double)i;
        facts.latest[i] = i % 3 == 0 ? NAN : 1e-300 / (double)i;
    }
    json_t *object = resume_facts_object(&facts);
    char *text = json_text(object);
    json_t *parsed = json_parse(text, strlen(text), false, &err);
    assert_int_equal(resume_facts_read(parsed, &again, &err), 0);
    assert_true(again.beta1_power == facts.beta1_power && again.beta2_power == facts.beta2_power);
    assert_true(again.training_seconds == facts.training_seconds);
    assert_true(again.seconds_elapsed == facts.seconds_elapsed);
    assert_int_equal(again.step, facts.step);
    assert_int_equal(again.trained_tokens, facts.trained_tokens);
    assert_true(again.pending && !again.halved);
    assert_int_equal(again.best.step, facts.best.step);
    assert_true(again.best.value == facts.best.value && again.best.without == 3);
    assert_false(again.best.ended);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        assert_true(again.values[i] == facts.values[i] || (isnan(facts.values[i]) && i % 2 == 0));
        assert_true(again.latest[i] == facts.latest[i] || (isnan(facts.latest[i]) && i % 3 == 0));
    }
    json_decref(object);
    json_decref(parsed);
    free(text);
}

/* Format 1 knew of no best model, and of no parameters for it. */
static void
state_of_the_first_format_is_gone_on_from(void **state)
{
    static const char *const young[] = {"best_step", "best_value", "validations_without_progress",
                                        "ended_early"};
    struct resume_fixture *f = *state;
    struct err err;
    struct watch run = {.stop_after = -1};
    const char *folder = make_state(f);
    change_fact(f, folder, "format", json_integer(1));
    for (size_t i = 0; i < sizeof young / sizeof young[0]; i++)
        change_fact(f, folder, young[i], NULL);
    assert_int_equal(resume_go_on(f, 1, folder, &run, &err), 0);
    buf_fini(&run.log);
}

/* A vocabulary's untouched rows are not in the file. */
static void
state_holds_touched_word_rows_only(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct safetensors *file = NULL;
    const char *folder = make_state(f);
    assert_int_equal(safetensors_open(file_of(f, folder, names[1]), &file, &err), 0);
    const struct stored_tensor *rows = safetensors_find(file, "word_rows");
    const struct stored_tensor *words =
        safetensors_find(file, "second.bert.embeddings.word_embeddings.weight");
    assert_non_null(rows);
    assert_non_null(words);
    assert_true(rows->length / 4 < RESUME_WORDS);
    assert_int_equal(words->shape[0], rows->length / 4);
    safetensors_close(file);
}

#define RESUME_TEST(test) cmocka_unit_test_setup_teardown(test, resume_setup, resume_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RESUME_TEST(every_damage_to_every_file_is_seen),
        RESUME_TEST(failed_write_leaves_nothing),
        RESUME_TEST(state_of_a_newer_program_is_refused),
        RESUME_TEST(impossible_facts_are_refused_by_name),
        RESUME_TEST(mutated_numbers_never_crash),
        RESUME_TEST(arrays_that_do_not_fit_are_refused),
        RESUME_TEST(state_of_the_first_format_is_gone_on_from),
        RESUME_TEST(state_holds_touched_word_rows_only),
        cmocka_unit_test(facts_are_read_back_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
