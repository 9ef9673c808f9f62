/*
 * An estimate is the sum of what a run allocates and touches. That it meets the memory of a whole
 * process is the end-to-end test's.
 */
#include "core/base/cpu.h"
#include "core/data/tokenize.h"
#include "core/hub/model_map.h"
#include "core/train/evaluate.h"
#include "core/train/memory.h"
#include "core/train/order.h"
#include "core/train/survey.h"
#include "tests/core/plan_fixture.h"

#include <string.h>

#include <cmocka.h>

static struct train_memory
estimate_with(struct plan_fixture *f, const struct train_memory_facts *facts)
{
    struct train_memory memory;
    struct err err;
    plan_make(f);
    if (train_memory_estimate(&f->plan, facts, &memory, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(memory.peak, memory.process + memory.data + memory.parameters +
                                      memory.gradients + memory.moments + memory.activations +
                                      memory.evaluation + memory.saving);
    return memory;
}

static struct train_memory
estimate(struct plan_fixture *f)
{
    struct train_memory_facts facts = {.base_folder = f->request.base_folder, .threads = 2};
    return estimate_with(f, &facts);
}

/* Bytes of all parameters but the word embedding, which has whole pages here. */
static size_t
other_bytes_of(struct plan_fixture *f, enum pooling pooling)
{
    struct tensor_layout layout;
    struct err err;
    struct model_config config = f->plan.config;
    config.pooling = pooling;
    assert_int_equal(tensor_layout_build(&config, f->scratch.arena, &layout, &err), 0);
    return (layout.total - (size_t)PLAN_WORDS * PLAN_HIDDEN) * sizeof(float);
}

static size_t
other_bytes(struct plan_fixture *f)
{
    return other_bytes_of(f, f->plan.config.pooling);
}

static void
the_model_is_counted_by_what_a_run_touches(void **state)
{
    struct plan_fixture *f = *state;
    size_t words = (size_t)PLAN_WORDS * PLAN_HIDDEN * sizeof(float);
    f->request.training = plan_rows(f, "train.jsonl", 60, 0);
    struct train_memory adam = estimate(f);
    size_t others = other_bytes(f);
    assert_int_equal(adam.parameters, others + words); /* all of them: they start at random */
    assert_true(adam.gradients > others && adam.gradients < others + words);
    assert_int_equal(adam.moments, 2 * adam.gradients);
    f->request.params.optimizer = OPTIMIZER_MOMENTUM;
    assert_int_equal(estimate(f).moments, adam.gradients);
    f->request.params.optimizer = OPTIMIZER_SGD;
    assert_int_equal(estimate(f).moments, 0);
    f->request.params.optimizer = OPTIMIZER_ADAMW;
    f->request.params.weight_decay = 0.01; /* visits every row */
    struct train_memory decay = estimate(f);
    assert_int_equal(decay.moments, 2 * (others + words));
    assert_int_equal(decay.gradients, adam.gradients);
}

/* The workspace of the very batch that is the largest of the run. */
static void
check_activations(struct plan_fixture *f, double oversample)
{
    struct err err;
    struct tokenizer *tokenizer = NULL;
    struct token_store store = {0};
    struct tensor_layout layout;
    struct pool *pool = pool_new(1, &err);
    f->request.params.validation_split = 0;
    f->request.params.n_epochs = 3;
    f->request.params.oversample = oversample;
    f->request.training = plan_rows(f, "train.jsonl", 300, 0);
    struct train_memory memory = estimate(f);
    struct oversample repeats;
    assert_int_equal(train_plan_repeats(&f->plan, &repeats, &err), 0);
    assert_int_equal(f->plan.repeated_rows, oversample > 0 ? 100 : 0);
    assert_int_equal(tokenizer_open(f->request.base_folder, PLAN_WORDS, &tokenizer, &err), 0);
    struct tokenize_task task = {.tokenizer = tokenizer,
                                 .dataset = f->plan.training,
                                 .name = "train.jsonl",
                                 .targets = &f->plan.training_targets,
                                 .max_length = PLAN_LONGEST};
    assert_int_equal(tokenize_dataset(&task, pool, &store, NULL, &err), 0);
    uint32_t lengths[300];
    uint32_t order[400];
    for (size_t i = 0; i < store.rows; i++)
        lengths[i] = (uint32_t)(store.offsets[i + 1] - store.offsets[i]);
    struct order rule = {.seed = 3,
                         .batching = BATCHING_SHUFFLE,
                         .batch_size = 16,
                         .rows = train_plan_epoch_rows(&f->plan),
                         .lengths = lengths,
                         .oversample = oversample > 0 ? &repeats : NULL};
    struct workspace_shape shape = {.training = true,
                                    .rows = 16,
                                    .tokens =
                                        order_largest_batch(&rule, f->plan.total_steps, order),
                                    .longest = store.longest,
                                    .threads = 2,
                                    .layout = &layout};
    assert_int_equal(tensor_layout_build(&f->plan.config, f->scratch.arena, &layout, &err), 0);
    assert_true(shape.tokens < batch_most_tokens(&store, 16));
    assert_int_equal(memory.activations, workspace_bytes(&f->plan.config, &shape));
    assert_int_equal(f->plan.total_steps, oversample > 0 ? 3 * 25 : 3 * 19);
    oversample_fini(&repeats);
    token_store_fini(&store);
    tokenizer_free(tokenizer);
    pool_free(pool);
}

static void
activations_are_those_of_the_largest_batch(void **state)
{
    check_activations(*state, 0);
    check_activations(*state, 1);
}

static void
less_is_needed_with_checkpointing_small_batches_and_fewer_threads(void **state)
{
    struct plan_fixture *f = *state;
    struct train_memory_facts facts = {.base_folder = f->request.base_folder, .threads = 8};
    f->request.training = plan_rows(f, "train.jsonl", 300, 0);
    struct train_memory usual = estimate(f);
    assert_true(estimate_with(f, &facts).process > usual.process);
    assert_true(estimate_with(f, &facts).activations > usual.activations);
    f->request.params.batch_size = 4;
    assert_true(estimate(f).activations < usual.activations / 2);
    f->request.params.batch_size = PARAMS_AUTO;
    f->request.params.gradient_checkpointing = 1;
    assert_true(estimate(f).activations < usual.activations);
    struct model_config deep = f->plan.config;
    deep.layers = 12;
    struct workspace_shape shape = {
        .training = true, .rows = 32, .tokens = 1000, .longest = PLAN_LONGEST, .threads = 2};
    size_t kept = workspace_bytes(&deep, &shape);
    shape.checkpointing = true;
    assert_true(workspace_bytes(&deep, &shape) < kept / 2);
    f->request.params.gradient_checkpointing = 0;
    f->request.params.batching = BATCHING_GROUPED; /* gathers the long rows */
    assert_true(estimate(f).activations > usual.activations);
}

/* Evaluators on the real tokens lie where a step's activations do: only what is more counts. */
static void
evaluation_is_what_its_workspaces_take_beyond_training(void **state)
{
    struct plan_fixture *f = *state;
    struct err err;
    struct tokenizer *tokenizer = NULL;
    struct pool *pool = pool_new(1, &err);
    size_t want = 0, outputs = 0;
    f->request.params.batch_size = 2; /* a step needs less */
    f->request.training = plan_rows(f, "train.jsonl", 200, 0);
    f->request.validation = plan_rows(f, "valid.jsonl", 20, 1000); /* one batch holds it */
    struct train_memory without_test = estimate(f);
    f->request.test = plan_rows(f, "test.jsonl", 900, 2000); /* cut into several */
    struct train_memory memory = estimate(f);
    assert_int_equal(tokenizer_open(f->request.base_folder, PLAN_WORDS, &tokenizer, &err), 0);
    const struct dataset *sets[] = {f->plan.validation, f->plan.test};
    for (size_t i = 0; i < 2; i++) {
        struct token_store store = {0};
        struct tokenize_task task = {.tokenizer = tokenizer,
                                     .dataset = sets[i],
                                     .name = "a set",
                                     .max_length = PLAN_LONGEST};
        assert_int_equal(tokenize_dataset(&task, pool, &store, NULL, &err), 0);
        want = evaluator_bytes(&store, &f->plan.config, 2);
        outputs +=
            evaluation_outputs_bytes(TASK_CLASSIFICATION, store.rows, f->plan.config.label_count);
        token_store_fini(&store);
        assert_true(want > memory.activations);
        if (i == 0)
            assert_int_equal(without_test.evaluation, want - memory.activations + outputs);
    }
    /* the last token or so of a full batch stays free */
    want += outputs - memory.activations;
    assert_true(memory.evaluation <= want && memory.evaluation > want - want / 20);
    f->request.params.batch_size = 200;
    assert_int_equal(estimate(f).evaluation, outputs); /* a step needs more */
    tokenizer_free(tokenizer);
    pool_free(pool);
}

static void
saving_is_counted_where_a_model_is_saved(void **state)
{
    struct plan_fixture *f = *state;
    struct train_memory_facts facts = {
        .base_folder = f->request.base_folder, .threads = 2, .saves = true};
    f->request.training = plan_rows(f, "train.jsonl", 60, 0);
    assert_int_equal(estimate(f).saving, 0);
    assert_true(estimate_with(f, &facts).saving > 0);
}

/* A probe has nothing of training, but its dense layers a second time, in panels. */
static void
a_probe_counts_its_weights_twice_and_no_moments(void **state)
{
    struct plan_fixture *f = *state;
    f->request.params.method = METHOD_LINEAR_PROBE;
    f->request.training = plan_rows(f, "train.jsonl", 60, 0);
    struct train_memory memory = estimate(f);
    size_t words = (size_t)PLAN_WORDS * PLAN_HIDDEN * sizeof(float);
    assert_int_equal(memory.parameters, 2 * other_bytes(f) + words);
    assert_int_equal(memory.gradients + memory.moments, 0);
}

/* The fixture's model with weights in a file, where words that no text uses can stay. */
static void
save_weights(struct plan_fixture *f)
{
    struct err err;
    struct tensor_layout layout;
    struct model_map map;
    struct model_load_report report;
    const struct model_map_source from = {.folder = f->request.base_folder};
    plan_make(f);
    assert_int_equal(tensor_layout_build(&f->plan.config, f->scratch.arena, &layout, &err), 0);
    assert_int_equal(model_map_load(&from, &layout, &map, &report, &err), 0);
    const struct model_save save = {.config = &f->plan.config,
                                    .layout = &layout,
                                    .parameters = model_map_parameters(&map),
                                    .tokenizer = f->plan.tokenizer,
                                    .task = "classification",
                                    .numerics_key = "test"};
    f->request.base_folder = scratch_path(&f->scratch, "saved");
    if (model_dir_save(&save, f->request.base_folder, &err) != 0)
        fail_msg("%s", err.message);
    model_map_unload(&map);
}

/* Reading a row of a mapped file brings its neighbours along. */
static void
a_probe_counts_the_words_around_those_that_it_reads(void **state)
{
    struct plan_fixture *f = *state;
    struct survey survey;
    struct err err;
    size_t words = (size_t)PLAN_WORDS * PLAN_HIDDEN * sizeof(float);
    f->request.training = plan_rows(f, "train.jsonl", 60, 0);
    save_weights(f);
    struct train_memory training = estimate(f);
    f->request.params.method = METHOD_LINEAR_PROBE;
    struct train_memory probe = estimate(f);
    assert_int_equal(survey_make(&f->plan, f->request.base_folder, &survey, &err), 0);
    size_t row = PLAN_HIDDEN * sizeof(float);
    size_t read = survey_touched(&survey.seen, PLAN_WORDS, row, SURVEY_READ_BYTES);
    size_t written = survey_touched(&survey.seen, PLAN_WORDS, row, SURVEY_WRITTEN_BYTES);
    assert_true(written < read && read < words + SURVEY_READ_BYTES);
    assert_int_equal(training.parameters, other_bytes_of(f, POOL_FIRST) + written);
    assert_int_equal(probe.parameters, 2 * other_bytes_of(f, POOL_MEAN) + read);
    survey_fini(&survey);
}

/* Features of many rows are more than gradients and moments, which are not there yet. */
static void
a_head_that_starts_as_a_probe_counts_its_features(void **state)
{
    struct plan_fixture *f = *state;
    f->request.training = plan_rows(f, "train.jsonl", 30000, 0);
    f->request.params.baseline = 0;
    f->request.params.batch_size = 1;
    f->request.params.max_steps = 1;
    f->request.params.optimizer = OPTIMIZER_SGD;
    size_t plain = estimate(f).peak;
    f->request.params.init_head = INIT_HEAD_LINEAR_PROBE;
    struct train_memory start = estimate(f);
    size_t features = f->plan.training_rows * PLAN_HIDDEN * sizeof(float);
    assert_true(start.evaluation > features);
    assert_true(start.peak > plain);
}

static void
the_process_itself_is_part_of_it(void **state)
{
    struct plan_fixture *f = *state;
    size_t bytes = train_memory_of_process();
    assert_true(bytes > 1024 * 1024);
    assert_true(bytes <= (size_t)cpu_peak_memory_bytes() * 2);
    struct train_memory_facts facts = {
        .base_folder = f->request.base_folder, .threads = 2, .process_bytes = 123456789};
    f->request.training = plan_rows(f, "train.jsonl", 60, 0);
    assert_int_equal(estimate_with(f, &facts).peak, estimate(f).peak + 123456789);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(the_model_is_counted_by_what_a_run_touches),
        PLAN_TEST(activations_are_those_of_the_largest_batch),
        PLAN_TEST(less_is_needed_with_checkpointing_small_batches_and_fewer_threads),
        PLAN_TEST(evaluation_is_what_its_workspaces_take_beyond_training),
        PLAN_TEST(saving_is_counted_where_a_model_is_saved),
        PLAN_TEST(a_probe_counts_its_weights_twice_and_no_moments),
        PLAN_TEST(a_probe_counts_the_words_around_those_that_it_reads),
        PLAN_TEST(a_head_that_starts_as_a_probe_counts_its_features),
        PLAN_TEST(the_process_itself_is_part_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
