/*
 * The linear probe as a whole: features by the network, fit, and the classifier that answers; as a
 * run of its own, and as the start of one. The witness is scikit-learn on PyTorch's features
 * (tests/fixtures/golden_probe.py, golden_embeddings.py).
 */
#include "core/hub/model_map.h"
#include "core/predict.h"
#include "core/probe/probe.h"
#include "core/text/tokenizer.h"
#include "tests/core/resume_fixture.h"
#include "tests/support/golden.h"
#include "tests/support/small_model.h"

/*
 * The probe ends where the gradient of the mean loss is within 1e-4. With 9 rows and c = 10 the
 * penalty's curvature is 1 / 90, so a weight may be off by 0.01, and a probability by half of that.
 */
#define PROBABILITY_TOLERANCE 5e-3

enum { CLASSES = 3, MOST_TEXTS = 32, TEXT_TOKENS = 24 };

static void
append_line(struct token_store *store, const struct tokenizer *tokenizer, char *line, size_t index)
{
    struct err err;
    char *tab = strchr(line, '\t');
    struct text text = {.first = line, .first_length = strlen(line)};
    if (tab != NULL) {
        *tab = '\0';
        text.first_length = strlen(line);
        text.second = tab + 1;
        text.second_length = strlen(tab + 1);
    }
    assert_int_equal(
        token_store_append(store, tokenizer, &text, TEXT_TOKENS, (uint32_t)(index % CLASSES), &err),
        0);
}

/* The golden texts, labelled 0, 1, 2, 0, … */
static void
read_texts(struct token_store *store, const struct tokenizer *tokenizer)
{
    char line[1024];
    FILE *file = fopen(FIXTURES "/embeddings/texts.txt", "re");
    assert_non_null(file);
    for (size_t i = 0; fgets(line, sizeof line, file) != NULL; i++) {
        line[strcspn(line, "\n")] = '\0';
        append_line(store, tokenizer, line, i);
    }
    fclose(file);
}

/* A base model as a probe sees it. */
struct base {
    struct arena *arena;
    struct model_config config;
    struct tensor_layout layout;
    struct model_map map;
    struct tokenizer *tokenizer;
    struct network network;
};

static void
base_open(struct base *base, const char *folder, const struct gemm_engine *engine)
{
    struct err err;
    struct model_load_report report;
    *base = (struct base){.arena = arena_new()};
    assert_int_equal(model_config_read(folder, base->arena, &base->config, &err), 0);
    base->config.task = TASK_CLASSIFICATION;
    base->config.label_count = CLASSES;
    base->config.pooling = POOL_MEAN;
    base->config.normalize = true;
    const struct model_map_source from = {.folder = folder};
    assert_int_equal(tensor_layout_build(&base->config, base->arena, &base->layout, &err), 0);
    assert_int_equal(model_map_load(&from, &base->layout, &base->map, &report, &err), 0);
    assert_int_equal(tokenizer_open(folder, base->config.vocab_size, &base->tokenizer, &err), 0);
    base->network = (struct network){.config = &base->config,
                                     .layout = &base->layout,
                                     .engine = engine,
                                     .ops = ops_best(),
                                     .parameters = model_map_parameters(&base->map)};
}

static void
base_close(struct base *base)
{
    tokenizer_free(base->tokenizer);
    model_map_unload(&base->map);
    arena_free(base->arena);
}

static void
keep_logits(void *context, const struct batch *batch, const struct workspace *workspace)
{
    float *all = context;
    for (size_t row = 0; row < batch->rows; row++)
        memcpy(all + batch->sources[row] * CLASSES, workspace->logits + row * CLASSES,
               CLASSES * sizeof *all);
}

static void
the_network_answers_as_scikit_learn_does_on_its_means(void **state)
{
    const struct resume_fixture *f = *state;
    struct golden *golden = golden_open(FIXTURES "/probe/linear.safetensors");
    struct err err;
    struct base base;
    struct token_store store = {0};
    struct evaluator evaluator;
    struct probe_facts facts;
    struct pool *pool = pool_new(2, &err);
    float logits[MOST_TEXTS * CLASSES];
    base_open(&base, FIXTURES "/embeddings", f->engine);
    read_texts(&store, base.tokenizer);
    size_t count = store.rows * CLASSES;
    assert_true(store.rows <= MOST_TEXTS);
    const float *wanted = golden_values(golden, count, "means.probabilities");
    assert_int_equal(evaluator_init(&evaluator, &store, &base.config, 2, &err), 0);
    const struct probe_call call = {
        .evaluator = &evaluator, .network = &base.network, .pool = pool};
    if (probe_fit(&call, model_map_parameters(&base.map), &facts, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(facts.outputs, store.rows);
    const struct evaluator_visitor visitor = {.visit = keep_logits, .context = logits};
    evaluator_run(&evaluator, &base.network, pool, &visitor);
    for (size_t i = 0; i < count; i += CLASSES)
        ops_best()->softmax(CLASSES, logits + i);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)logits[i] - (double)wanted[i]) < PROBABILITY_TOLERANCE))
            fail_msg("probability %zu is %g, not %g", i, (double)logits[i], (double)wanted[i]);
    evaluator_fini(&evaluator);
    token_store_fini(&store);
    base_close(&base);
    pool_free(pool);
    golden_close(golden);
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* What a run said last of the test rows, and where its model went. */
struct outcome {
    const char *folder; /* for the model; NULL: nowhere */
    double accuracy, loss;
    size_t models, points;
    atomic_long questions; /* answered no; negative: all */
};

static void
note_point(void *context, const struct train_point *point)
{
    struct outcome *outcome = context;
    outcome->points++;
    outcome->accuracy = point->values[METRIC_TEST_ACCURACY];
    outcome->loss = point->values[METRIC_TEST_LOSS];
}

static int
note_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    struct outcome *outcome = context;
    outcome->models++;
    if (!snapshot->final || outcome->folder == NULL)
        return 0;
    return model_dir_save(&snapshot->save, outcome->folder, err);
}

static bool
ask(void *context)
{
    struct outcome *outcome = context;
    return atomic_load(&outcome->questions) >= 0 && atomic_fetch_sub(&outcome->questions, 1) <= 0;
}

static int
run_job(struct resume_fixture *f, size_t threads, struct outcome *outcome, struct err *err)
{
    struct arena *arena = arena_new();
    struct train_plan plan;
    struct train_fault fault = {0};
    struct pool *pool = pool_new(threads, err);
    const struct train_observer observer = {
        .context = outcome, .on_point = note_point, .on_model = note_model, .should_stop = ask};
    if (train_plan_make(&f->request, arena, &plan, &fault, err) != 0)
        fail_msg("%s", err->message);
    int rc = train_run(&plan, &f->request, f->engine, pool, &observer, NULL, err);
    train_plan_fini(&plan);
    pool_free(pool);
    arena_free(arena);
    return rc;
}

/* Run a probe; sum = of the weights that it saves. */
static struct outcome
run_probe(struct resume_fixture *f, enum gemm_precision precision, size_t threads, char sum[65])
{
    struct err err;
    struct outcome outcome = {.questions = -1};
    const char *name = arena_printf(f->scratch.arena, "%s-%zu", precision_name(precision), threads);
    outcome.folder = scratch_path(&f->scratch, name);
    f->request.params.method = METHOD_LINEAR_PROBE;
    f->request.params.precision = precision;
    if (run_job(f, threads, &outcome, &err) != 0)
        fail_msg("%s", err.message);
    const char *weights = arena_printf(f->scratch.arena, "%s/model.safetensors", outcome.folder);
    assert_int_equal(fileio_sha256(weights, sum, &err), 0);
    return outcome;
}

static void
a_run_of_its_own_has_one_step_and_the_same_model_on_any_threads(void **state)
{
    static const enum gemm_precision precisions[] = {GEMM_FP32, GEMM_BF16};
    static const size_t threads[] = {1, 2, 4};
    struct resume_fixture *f = *state;
    char sums[3][65];
    size_t count = f->request.has_bf16 ? 2 : 1;
    if (!f->request.has_bf16)
        printf("SKIPPED: bf16, which this processor has not\n");
    for (size_t p = 0; p < count; p++) {
        for (size_t i = 0; i < 3; i++) {
            struct outcome outcome = run_probe(f, precisions[p], threads[i], sums[i]);
            assert_int_equal(outcome.points, 1);
            assert_int_equal(outcome.models, 1);
        }
        assert_string_equal(sums[1], sums[0]);
        assert_string_equal(sums[2], sums[0]);
    }
}

/* The share of the test rows that a saved model gets right, by the predictor. */
static double
accuracy_of(struct resume_fixture *f, const char *folder)
{
    struct err err;
    struct predictor *predictor;
    float values[9 * 2];
    struct text texts[9];
    struct pool *pool = pool_new(1, &err);
    size_t correct = 0;
    const char *const names[] = {"no", "yes"};
    char words[9][128] = {{0}};
    for (size_t row = 0; row < 9; row++) { /* as resume_rows writes them */
        for (size_t word = 0; word <= row * 7 % 12; word++)
            snprintf(words[row] + strlen(words[row]), 8, "w%zu ",
                     (row * 2 + word * 5 + 40) % RESUME_WORDS);
        texts[row] = (struct text){.first = words[row], .first_length = strlen(words[row])};
    }
    assert_int_equal(predictor_open(folder, f->engine, &predictor, &err), 0);
    const struct predictor_call call = {
        .output = PREDICT_SCORES, .texts = texts, .count = 9, .values = values};
    assert_int_equal(predictor_run(predictor, pool, &call, &err), 0);
    for (size_t row = 0; row < 9; row++) {
        size_t best = values[2 * row + 1] > values[2 * row] ? 1 : 0;
        correct +=
            strcmp(predictor_config(predictor)->labels[best], names[row % 3 == 0 ? 1 : 0]) == 0;
    }
    predictor_free(predictor);
    pool_free(pool);
    return (double)correct / 9;
}

static void
its_saved_model_answers_as_it_was_measured(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct outcome outcome = {.questions = -1, .folder = scratch_path(&f->scratch, "saved")};
    f->request.params.method = METHOD_LINEAR_PROBE;
    assert_int_equal(run_job(f, 2, &outcome, &err), 0);
    double accuracy = accuracy_of(f, outcome.folder);
    if (fabs(accuracy - outcome.accuracy) > 1e-9)
        fail_msg("it was measured at %g and answers at %g", outcome.accuracy, accuracy);
}

/* Features from rounded operands: another model, which answers, in floats, next to the same. */
static void
with_bf16_features_are_rounded_and_answers_are_not(void **state)
{
    struct resume_fixture *f = *state;
    char plain[65], rounded[65];
    if (!f->request.has_bf16) {
        printf("SKIPPED: this processor has no bf16\n");
        return;
    }
    struct outcome wanted = run_probe(f, GEMM_FP32, 2, plain);
    struct outcome got = run_probe(f, GEMM_BF16, 2, rounded);
    assert_string_not_equal(rounded, plain);
    assert_true(fabs(got.loss - wanted.loss) < 0.01 * wanted.loss);
    double accuracy = accuracy_of(f, got.folder);
    if (fabs(accuracy - got.accuracy) > 1e-9)
        fail_msg("it was measured at %g and answers at %g", got.accuracy, accuracy);
}

/* A step with next to no learning rate leaves what the head started as. */
static void
a_head_that_starts_as_a_probe_is_one(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct outcome probe = {.questions = -1};
    struct outcome start = {.questions = -1};
    f->request.params.method = METHOD_LINEAR_PROBE;
    assert_int_equal(run_job(f, 2, &probe, &err), 0);
    f->request.params.method = METHOD_SUPERVISED;
    f->request.params.init_head = INIT_HEAD_LINEAR_PROBE;
    f->request.params.max_steps = 1;
    f->request.params.learning_rate = 1e-30;
    assert_int_equal(run_job(f, 2, &start, &err), 0);
    assert_true(fabs(probe.loss - start.loss) < 1e-6);
}

/* 32 labels: panels (model/panels.h) divide the classifier, which is fitted after they are made. */
static void
a_probe_of_many_labels_is_measured_with_the_head_that_was_fitted(void **state)
{
    struct resume_fixture *f = *state;
    struct buf text = {0};
    for (size_t row = 0; row < 128; row++)
        buf_printf(&text, "{\"text\":\"w%zu w%zu\",\"label\":\"l%zu\"}\n", row % 90, row * 7 % 90,
                   row % 32);
    const char *path = scratch_write_text(&f->scratch, "many.jsonl", buf_string(&text));
    buf_fini(&text);
    f->request.training = f->request.test = (struct train_file){path, "many.jsonl"};
    f->request.params.validation_split = 0;
    a_head_that_starts_as_a_probe_is_one(state);
}

static void
a_probe_is_stopped_at_once_and_leaves_no_model(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    f->request.params.method = METHOD_LINEAR_PROBE;
    for (long questions = 0; questions < 40; questions += 13) {
        struct outcome outcome = {.questions = questions};
        assert_int_equal(run_job(f, 2, &outcome, &err), ERR_STOPPED);
        assert_int_equal(outcome.models, 0);
    }
}

static void
rows_of_a_thinned_store_are_spread_evenly(void **state)
{
    struct err err;
    struct token_store store = {0};
    struct token_store thin;
    (void)state;
    for (uint32_t row = 0; row < 10; row++) {
        uint32_t ids[2] = {row, row + 1};
        uint8_t types[2] = {0, 0};
        assert_int_equal(token_store_add(&store, ids, types, row % 2 + 1, row, &err), 0);
    }
    assert_int_equal(probe_thin(&store, 4, &thin, &err), 0);
    assert_int_equal(thin.rows, 4);
    static const uint32_t wanted[] = {0, 2, 5, 7};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(thin.targets.classes[i], wanted[i]);
        assert_int_equal(thin.offsets[i + 1] - thin.offsets[i], wanted[i] % 2 + 1);
    }
    token_store_fini(&thin);
    assert_int_equal(probe_thin(&store, 100, &thin, &err), 0);
    assert_int_equal(thin.rows, 10);
    token_store_fini(&thin);
    token_store_fini(&store);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, resume_setup, resume_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_network_answers_as_scikit_learn_does_on_its_means),
        TEST(a_run_of_its_own_has_one_step_and_the_same_model_on_any_threads),
        TEST(its_saved_model_answers_as_it_was_measured),
        TEST(a_head_that_starts_as_a_probe_is_one),
        TEST(with_bf16_features_are_rounded_and_answers_are_not),
        TEST(a_probe_of_many_labels_is_measured_with_the_head_that_was_fitted),
        TEST(a_probe_is_stopped_at_once_and_leaves_no_model),
        TEST(rows_of_a_thinned_store_are_spread_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
