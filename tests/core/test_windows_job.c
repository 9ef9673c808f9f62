/*
 * A job with a stride, from its first step to the answers of its model: rows are windows, figures
 * and answers are of texts.
 */
#include "core/measure.h"
#include "core/predict.h"
#include "tests/core/windows_fixture.h"

enum { LABELS = 2, MOST_WINDOWS = 4 };

/* A text's answers by float arithmetic, in another order of sums than the program's. */
static const double close_enough = 1e-6;

/* ---- the model ------------------------------------------------------------------------------- */

/* What came of a run. */
struct outcome {
    struct resume_fixture *f;
    const char *folder; /* of the final model */
    json_t *validation, *test;
    char told[2048]; /* its events */
    double test_accuracy, test_loss;
    int64_t trained_tokens;
};

static void
note_event(void *context, enum train_level level, const char *message)
{
    struct outcome *outcome = context;
    size_t length = strlen(outcome->told);
    (void)level;
    snprintf(outcome->told + length, sizeof outcome->told - length, "%s\n", message);
}

static int
keep_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    struct outcome *outcome = context;
    if (!snapshot->final)
        return 0;
    outcome->validation = json_incref(snapshot->validation);
    outcome->test = json_incref(snapshot->test);
    outcome->test_accuracy = snapshot->latest[METRIC_TEST_ACCURACY];
    outcome->test_loss = snapshot->latest[METRIC_TEST_LOSS];
    outcome->trained_tokens = snapshot->progress.trained_tokens;
    return model_dir_save(&snapshot->save, outcome->folder, err);
}

static void
train(struct resume_fixture *f, const char *name, size_t threads, struct outcome *out)
{
    struct err err;
    struct train_plan made;
    struct pool *pool = pool_new(threads, &err);
    const struct train_observer observer = {
        .context = out, .on_event = note_event, .on_model = keep_model};
    *out = (struct outcome){.f = f, .folder = scratch_path(&f->scratch, name)};
    windows_plan(f, &made);
    if (train_run(&made, &f->request, f->engine, pool, &observer, NULL, &err) != 0)
        fail_msg("%s", err.message);
    train_plan_fini(&made);
    pool_free(pool);
}

static void
outcome_fini(struct outcome *outcome)
{
    json_decref(outcome->validation);
    json_decref(outcome->test);
}

/* The words of test row i, from one to another, as a text. */
static struct text
words_of(struct resume_fixture *f, size_t row, size_t from, size_t to)
{
    const char *bytes = "";
    for (size_t word = from; word < to; word++)
        bytes = arena_printf(f->scratch.arena, "%sw%zu ", bytes,
                             (row * 2 + word * 5 + 40) % RESUME_WORDS);
    return (struct text){.first = bytes, .first_length = strlen(bytes)};
}

static void
predict(struct predictor *predictor, enum predict_output wanted, size_t count,
        const struct text *texts, float *values, uint32_t *lengths)
{
    struct err err;
    struct pool *pool = pool_new(2, &err);
    const struct predictor_call call = {
        .output = wanted, .texts = texts, .count = count, .values = values, .lengths = lengths};
    if (predictor_run(predictor, pool, &call, &err) != 0)
        fail_msg("%s", err.message);
    pool_free(pool);
}

/* What the windows of test row i answer one by one: the softmax of their mean logits. A logit is
 * the logarithm of its probability but for a number that all classes share. */
static void
answer_by_windows(struct resume_fixture *f, struct predictor *predictor, size_t row,
                  double answer[LABELS])
{
    size_t words = windows_words(row), count = windows_of_words(words);
    struct text texts[MOST_WINDOWS];
    float values[MOST_WINDOWS][LABELS];
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        texts[i] = words_of(f, row, 3 * i, 3 * i + 4 < words ? 3 * i + 4 : words);
    predict(predictor, PREDICT_SCORES, count, texts, values[0], NULL);
    for (size_t k = 0; k < LABELS; k++) {
        double logit = 0;
        for (size_t i = 0; i < count; i++)
            logit += log((double)values[i][k]);
        answer[k] = exp(logit / (double)count);
        sum += answer[k];
    }
    for (size_t k = 0; k < LABELS; k++)
        answer[k] /= sum;
}

/* Answers of the test rows are those of their windows together; so are the run's figures. */
static void
check_answers(const struct outcome *outcome)
{
    struct resume_fixture *f = outcome->f;
    struct predictor *predictor = NULL;
    struct text texts[WINDOWS_TEST_ROWS];
    float values[WINDOWS_TEST_ROWS][LABELS];
    uint32_t lengths[WINDOWS_TEST_ROWS];
    struct err err;
    double right = 0, loss = 0, windowed = 0;
    assert_int_equal(predictor_open(outcome->folder, f->engine, &predictor, &err), 0);
    assert_true(predictor_config(predictor)->windows.wanted);
    assert_int_equal(predictor_config(predictor)->windows.stride, WINDOWS_STRIDE);
    for (size_t i = 0; i < WINDOWS_TEST_ROWS; i++)
        texts[i] = words_of(f, i, 0, windows_words(i));
    predict(predictor, PREDICT_SCORES, WINDOWS_TEST_ROWS, texts, values[0], lengths);
    size_t yes = strcmp(predictor_config(predictor)->labels[0], "yes") == 0 ? 0 : 1;
    for (size_t i = 0; i < WINDOWS_TEST_ROWS; i++) {
        double answer[LABELS];
        size_t words = windows_words(i), count = windows_of_words(words);
        size_t truth = i % 3 == 0 ? yes : 1 - yes;
        answer_by_windows(f, predictor, i, answer);
        for (size_t k = 0; k < LABELS; k++)
            assert_true(fabs(answer[k] - (double)values[i][k]) < close_enough);
        assert_int_equal(lengths[i], words + 2 * count + (count - 1) * WINDOWS_STRIDE);
        right += values[i][truth] > values[i][1 - truth];
        loss -= log((double)values[i][truth]);
        windowed += count > 1;
    }
    assert_true(windowed >= 4);
    assert_true(fabs(outcome->test_accuracy - right / WINDOWS_TEST_ROWS) < 1e-9);
    assert_true(fabs(outcome->test_loss - loss / WINDOWS_TEST_ROWS) < close_enough * 10);
    predictor_free(predictor);
}

static void
check_document(const struct outcome *outcome)
{
    struct resume_fixture *f = outcome->f;
    struct dataset *data = NULL;
    struct evaluation_outputs outputs;
    json_t *document = NULL;
    struct err err;
    const struct data_source source = {.path = f->request.test.path, .name = "test.jsonl"};
    assert_int_equal(measure_read(&source, &data, &err), 0);
    const struct measure_call call = {
        .dataset = data, .name = "test.jsonl", .engine = f->engine, .pool = pool_new(3, &err)};
    if (measure_model(&call, outcome->folder, &outputs, &document, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(json_integer_value(json_object_get(document, "rows")), WINDOWS_TEST_ROWS);
    assert_true(json_equal(document, outcome->test));
    json_decref(document);
    evaluation_outputs_fini(&outputs);
    pool_free(call.pool);
    dataset_free(data);
}

static void
a_text_has_one_answer_and_figures_count_texts(void **state)
{
    struct resume_fixture *f = *state;
    struct outcome outcome;
    train(f, "out", 2, &outcome);
    assert_non_null(strstr(outcome.told, "windows of at most 6 tokens"));
    assert_int_equal(json_integer_value(json_object_get(outcome.validation, "rows")), 9);
    check_answers(&outcome);
    check_document(&outcome);
    outcome_fini(&outcome);
}

static void
a_linear_probe_learns_texts(void **state)
{
    struct resume_fixture *f = *state;
    struct outcome outcome;
    f->request.params.method = METHOD_LINEAR_PROBE;
    train(f, "out", 2, &outcome);
    assert_non_null(strstr(outcome.told, "for 35 rows in"));
    check_answers(&outcome);
    check_document(&outcome);
    outcome_fini(&outcome);
}

/* Losses and answers of the other tasks of texts: one label, "a", is true of every third row; the
 * number of a row is how many words it has. */
struct other_task {
    enum task task;
    const char *yes, *no; /* labels; NULL: numbers */
};

static void
write_rows(struct resume_fixture *f, const struct other_task *other, const char *name, size_t rows)
{
    struct buf text = {0};
    for (size_t row = 0; row < rows; row++) {
        buf_printf(&text, "{\"text\":\"%s\",", words_of(f, row, 0, windows_words(row)).first);
        if (other->yes == NULL)
            buf_printf(&text, "\"label\":%zu.5}\n", windows_words(row));
        else
            buf_printf(&text, "\"labels\":%s}\n", row % 3 == 0 ? other->yes : other->no);
    }
    scratch_write_text(&f->scratch, name, buf_string(&text));
    buf_fini(&text);
}

static double
loss_of(const struct other_task *other, size_t row, const float *values)
{
    double loss = 0;
    double distance = (double)values[0] - ((double)windows_words(row) + 0.5);
    if (other->yes == NULL)
        return distance * distance;
    for (size_t k = 0; k < LABELS; k++) { /* "a" and "b"; "no" is b alone */
        bool is_true = k == 1 || row % 3 == 0;
        loss -= log(is_true ? (double)values[k] : 1 - (double)values[k]);
    }
    return loss / LABELS;
}

static double
logit_of(const struct other_task *other, double value)
{
    return other->yes == NULL ? value : log(value / (1 - value));
}

static void
check_task(struct resume_fixture *f, const struct other_task *other, const char *folder)
{
    struct outcome outcome;
    struct predictor *predictor = NULL;
    struct err err;
    double sum = 0;
    size_t width = other->yes == NULL ? 1 : LABELS;
    write_rows(f, other, "train.jsonl", RESUME_ROWS);
    write_rows(f, other, "test.jsonl", WINDOWS_TEST_ROWS);
    f->request.task = other->task;
    train(f, folder, 2, &outcome);
    assert_int_equal(predictor_open(outcome.folder, f->engine, &predictor, &err), 0);
    for (size_t row = 0; row < WINDOWS_TEST_ROWS; row++) {
        size_t words = windows_words(row), count = windows_of_words(words);
        struct text texts[1 + MOST_WINDOWS] = {words_of(f, row, 0, words)};
        float values[(1 + MOST_WINDOWS) * LABELS];
        for (size_t i = 0; i < count; i++)
            texts[1 + i] = words_of(f, row, 3 * i, 3 * i + 4 < words ? 3 * i + 4 : words);
        predict(predictor, PREDICT_SCORES, 1 + count, texts, values, NULL);
        for (size_t k = 0; k < width; k++) {
            double mean = 0;
            for (size_t i = 1; i <= count; i++)
                mean += logit_of(other, (double)values[i * width + k]) / (double)count;
            assert_true(fabs(mean - logit_of(other, (double)values[k])) < 1e-4);
        }
        sum += loss_of(other, row, values);
    }
    double mean = sum / WINDOWS_TEST_ROWS;
    double told =
        other->yes == NULL
            ? json_real_value(json_object_get(json_object_get(outcome.test, "measures"), "mse"))
            : outcome.test_loss;
    assert_true(fabs(told - mean) < 1e-4 * mean);
    predictor_free(predictor);
    outcome_fini(&outcome);
}

static void
labels_and_numbers_have_one_answer_too(void **state)
{
    static const struct other_task others[] = {
        {TASK_MULTI_LABEL, "[\"a\",\"b\"]", "[\"b\"]"},
        {TASK_REGRESSION, NULL, NULL},
    };
    check_task(*state, &others[0], "labels");
    check_task(*state, &others[1], "numbers");
}

/* A vector is the direction of all windows' together. */
static void
vectors_are_of_all_windows(void **state)
{
    struct resume_fixture *f = *state;
    enum { HIDDEN = 32, ROW = 5 }; /* 12 words: 4 windows */
    struct outcome outcome;
    struct predictor *predictor = NULL;
    struct err err;
    train(f, "out", 1, &outcome);
    assert_int_equal(predictor_open(outcome.folder, f->engine, &predictor, &err), 0);
    struct text whole = words_of(f, ROW, 0, 12), half = words_of(f, ROW, 0, 4);
    float one[HIDDEN], first[HIDDEN], alone[HIDDEN];
    double length = 0, same = 0, product = 0;
    assert_int_equal(windows_words(ROW), 12);
    predict(predictor, PREDICT_MEAN, 1, &whole, one, NULL);
    predict(predictor, PREDICT_FIRST, 1, &whole, first, NULL);
    predict(predictor, PREDICT_MEAN, 1, &half, alone, NULL);
    for (size_t i = 0; i < HIDDEN; i++) {
        length += (double)one[i] * (double)one[i];
        same += (double)first[i] * (double)first[i];
        product += (double)one[i] * (double)alone[i];
    }
    assert_true(fabs(length - 1) < 1e-5 && fabs(same - 1) < 1e-5);
    assert_true(product < 0.9999); /* not the first window's alone */
    predictor_free(predictor);
    outcome_fini(&outcome);
}

static void
pairs_are_refused_by_the_model(void **state)
{
    struct resume_fixture *f = *state;
    struct outcome outcome;
    struct predictor *predictor = NULL;
    struct err err;
    train(f, "out", 1, &outcome);
    assert_int_equal(predictor_open(outcome.folder, f->engine, &predictor, &err), 0);
    const struct text pair = {.first = "w1", .first_length = 2, .second = "w2", .second_length = 2};
    const struct predictor_call call = {.texts = &pair, .count = 1};
    assert_int_equal(predictor_check(predictor, &call, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "it reads long texts in windows"));
    predictor_free(predictor);
    outcome_fini(&outcome);
}

static void
a_damaged_stride_in_a_config_is_refused(void **state)
{
    struct resume_fixture *f = *state;
    static const char *const bad[] = {"-1", "6", "1.5", "\"1\"", "true", "[1]"};
    struct model_config config;
    struct err err;
    const char *folder = scratch_folder(&f->scratch, "damaged");
    for (size_t i = 0; i <= sizeof bad / sizeof bad[0]; i++) {
        bool good = i == sizeof bad / sizeof bad[0];
        scratch_write_text(&f->scratch, "damaged/config.json",
                           arena_printf(f->scratch.arena,
                                        "%.*s,\"finetuned\":{\"max_seq_length\":6,\"stride\":%s}}",
                                        (int)strlen(resume_config) - 1, resume_config,
                                        good ? "5" : bad[i]));
        int rc = model_config_read(folder, f->scratch.arena, &config, &err);
        assert_int_equal(rc, good ? 0 : ERR_INVALID);
        if (!good)
            assert_non_null(strstr(err.message, "finetuned.stride is"));
    }
    assert_true(config.windows.wanted && config.windows.stride == 5);
}

/* A job that starts from such a model goes on so, unless it says otherwise. */
static void
the_stride_is_handed_on(void **state)
{
    struct resume_fixture *f = *state;
    struct outcome outcome;
    struct train_plan made;
    train(f, "out", 1, &outcome);
    f->request.base_folder = outcome.folder;
    f->request.params.stride = f->request.params.max_seq_length = PARAMS_AUTO;
    windows_plan(f, &made);
    assert_int_equal(made.params.stride, WINDOWS_STRIDE);
    assert_int_equal(made.params.max_seq_length, WINDOWS_LENGTH);
    assert_true(made.further_windows > 0);
    train_plan_fini(&made);
    f->request.params.truncation = TRUNCATION_TAIL;
    windows_plan(f, &made);
    assert_int_equal(made.params.stride, PARAMS_AUTO);
    assert_false(made.config.windows.wanted);
    train_plan_fini(&made);
    outcome_fini(&outcome);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void
any_number_of_threads_and_any_interruption_give_the_same_bytes(void **state)
{
    struct resume_fixture *f = *state;
    const char *folder = scratch_folder(&f->scratch, "states");
    struct watch one, three, rest = {.stop_after = -1};
    struct err err;
    resume_run_whole(f, 1, folder, &one);
    resume_run_whole(f, 3, NULL, &three);
    assert_int_equal(one.log.length, three.log.length);
    assert_memory_equal(one.log.data, three.log.data, one.log.length);
    if (resume_go_on(f, 2, resume_state_path(f, folder, 3, false), &rest, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(buf_string(&rest.log), resume_log_from(&one, 4));
    buf_fini(&one.log);
    buf_fini(&three.log);
    buf_fini(&rest.log);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WINDOWS_TEST(a_text_has_one_answer_and_figures_count_texts),
        WINDOWS_TEST(a_linear_probe_learns_texts),
        WINDOWS_TEST(labels_and_numbers_have_one_answer_too),
        WINDOWS_TEST(vectors_are_of_all_windows),
        WINDOWS_TEST(pairs_are_refused_by_the_model),
        WINDOWS_TEST(a_damaged_stride_in_a_config_is_refused),
        WINDOWS_TEST(the_stride_is_handed_on),
        WINDOWS_TEST(any_number_of_threads_and_any_interruption_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
