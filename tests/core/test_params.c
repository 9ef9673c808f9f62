/* The rule that chooses what the user left out: the numbers that the README promises, pure and
 * once.
 */
#include "core/train/metrics.h"
#include "core/train/params.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct model_config
model_of_width(size_t hidden_size)
{
    return (struct model_config){
        .hidden_size = hidden_size,
        .max_positions = 512,
        .hidden_dropout = 0.1,
        .attention_dropout = 0.2,
        .classifier_dropout = 0.3,
    };
}

/* What params become for so many rows and a model of this width. */
static struct train_params
resolve(struct train_params params, size_t rows, size_t hidden_size, struct train_choices *choices)
{
    struct model_config config = model_of_width(hidden_size);
    struct train_facts facts = {.training_rows = rows, .config = &config};
    train_params_resolve(&params, &facts, choices);
    return params;
}

static struct train_params
resolve_auto(size_t rows, size_t hidden_size)
{
    struct train_choices choices;
    return resolve(train_params_auto(), rows, hidden_size, &choices);
}

static const struct train_choice *
find(const struct train_choices *choices, const char *name)
{
    for (size_t i = 0; i < choices->count; i++) {
        if (strcmp(choices->items[i].name, name) == 0)
            return &choices->items[i];
    }
    return NULL;
}

static void
assert_real(double got, double want)
{
    if (!(fabs(got - want) <= 1e-15))
        fail_msg("%.17g instead of %.17g", got, want);
}

static void
the_auto_preset_is_the_promised_recipe(void **state)
{
    (void)state;
    struct train_params params = resolve_auto(9003, 384); /* banking77 with MiniLM */
    assert_int_equal(params.optimizer, OPTIMIZER_ADAMW);
    assert_int_equal(params.lr_scheduler, SCHEDULER_LINEAR);
    assert_int_equal(params.batch_size, 32);
    assert_int_equal(params.n_epochs, 6);
    assert_int_equal(params.max_steps, 0);
    assert_int_equal(train_params_total_steps(&params, 9003), 282 * 6);
    assert_int_equal(params.warmup_steps, 102); /* 6 % of 1,692 is 101.52 */
    assert_real(params.learning_rate, 2e-4);
    assert_real(params.learning_rate_multiplier, 1);
    assert_real(params.weight_decay, 0);
    assert_real(params.max_grad_norm, 1);
    assert_real(params.warmup_ratio, 0.06);
    assert_real(params.beta1, 0.9);
    assert_real(params.beta2, 0.999);
    assert_real(params.epsilon, 1e-8);
    assert_real(params.validation_split, 0.1);
    assert_int_equal(params.save_steps, 0);
    assert_int_equal(params.threads, 0);
}

static void
the_plain_preset_is_the_tutorials_recipe(void **state)
{
    (void)state;
    struct train_choices choices;
    struct train_params params = train_params_auto();
    params.preset = PRESET_PLAIN;
    params = resolve(params, 500, 384, &choices);
    assert_int_equal(params.optimizer, OPTIMIZER_ADAM);
    assert_int_equal(params.lr_scheduler, SCHEDULER_CONSTANT);
    assert_int_equal(params.batch_size, 32);
    assert_int_equal(params.n_epochs, 3);
    assert_int_equal(params.warmup_steps, 0);
    assert_real(params.learning_rate, 5e-5);
    assert_real(params.weight_decay, 0);
    assert_real(params.max_grad_norm, 0);
    assert_string_equal(find(&choices, "learning_rate")->reason, "the preset \"plain\"");
    assert_string_equal(find(&choices, "baseline")->value, "true"); /* as the API writes it */
    assert_string_equal(find(&choices, "load_best_model")->value, "false");
}

static void
the_learning_rate_follows_the_width(void **state)
{
    (void)state;
    static const struct {
        size_t width;
        double rate;
    } cases[] = {{32, 2e-4},  {384, 2e-4}, {511, 2e-4},  {512, 1e-4},
                 {767, 1e-4}, {768, 5e-5}, {1024, 5e-5}, {1, 2e-4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_real(resolve_auto(9003, cases[i].width).learning_rate, cases[i].rate);
}

static void
the_batch_is_smaller_for_little_data(void **state)
{
    (void)state;
    assert_int_equal(resolve_auto(999, 384).batch_size, 16);
    assert_int_equal(resolve_auto(1000, 384).batch_size, 32);
}

/* Of the preset "auto" alone; all else is as for classes. */
static void
labels_of_words_are_learned_from_small_batches(void **state)
{
    (void)state;
    struct model_config config = model_of_width(384);
    for (enum task task = TASK_AUTO; task <= TASK_TOKEN_CLASSIFICATION; task++)
        for (enum preset preset = PRESET_AUTO; preset <= PRESET_PLAIN; preset++) {
            bool small = task == TASK_TOKEN_CLASSIFICATION && preset == PRESET_AUTO;
            struct train_facts facts = {.training_rows = 9003, .config = &config, .task = task};
            struct train_params params = train_params_auto();
            struct train_choices choices;
            params.preset = preset;
            train_params_resolve(&params, &facts, &choices);
            assert_int_equal(params.batch_size, small ? 16 : 32);
            assert_int_equal(params.n_epochs, preset == PRESET_PLAIN || small ? 3 : 6);
            assert_real(params.learning_rate, preset == PRESET_PLAIN ? 5e-5 : 2e-4);
            if (small)
                assert_non_null(strstr(find(&choices, "batch_size")->reason, "labels of words"));
        }
}

static void
epochs_make_about_1500_steps_between_3_and_10(void **state)
{
    (void)state;
    assert_int_equal(resolve_auto(10, 384).n_epochs, 10);
    assert_int_equal(resolve_auto(9003, 384).n_epochs, 6);
    assert_int_equal(resolve_auto(16000, 384).n_epochs, 3);   /* 500 steps each */
    assert_int_equal(resolve_auto(15968, 384).n_epochs, 4);   /* 499 steps each */
    assert_int_equal(resolve_auto(1000000, 384).n_epochs, 3); /* would be 0.05 */
}

static void
a_given_value_wins_over_the_preset(void **state)
{
    (void)state;
    struct train_choices choices;
    struct train_params params = train_params_auto();
    params.preset = PRESET_PLAIN;
    params.optimizer = OPTIMIZER_SGD;
    params.learning_rate = 0.5;
    params.n_epochs = 9;
    params.max_grad_norm = 2;
    params.hidden_dropout = 0;
    params = resolve(params, 9003, 384, &choices);
    assert_int_equal(params.optimizer, OPTIMIZER_SGD);
    assert_int_equal(params.n_epochs, 9);
    assert_real(params.learning_rate, 0.5);
    assert_real(params.max_grad_norm, 2);
    assert_real(params.hidden_dropout, 0);
    assert_null(find(&choices, "optimizer"));
    assert_null(find(&choices, "learning_rate"));
    assert_null(find(&choices, "n_epochs"));
    assert_non_null(find(&choices, "batch_size"));
}

static void
max_steps_decides_over_epochs(void **state)
{
    (void)state;
    struct train_choices choices;
    struct train_params params = train_params_auto();
    params.max_steps = 600;
    params = resolve(params, 9003, 384, &choices);
    assert_int_equal(params.n_epochs, 3); /* 282 steps each */
    assert_int_equal(train_params_total_steps(&params, 9003), 600);
    assert_int_equal(params.warmup_steps, 36);
}

static void
the_last_batch_of_an_epoch_counts(void **state)
{
    (void)state;
    struct train_params params = train_params_auto();
    params.batch_size = 32;
    params.n_epochs = 2;
    params.max_steps = 0;
    assert_int_equal(train_params_total_steps(&params, 32), 2);
    assert_int_equal(train_params_total_steps(&params, 33), 4);
    assert_int_equal(train_params_total_steps(&params, 1), 2);
}

/* Whether there is little data is asked of the rows, how long an epoch is of what it visits. */
static void
repeated_rows_make_longer_epochs_and_not_more_data(void **state)
{
    (void)state;
    struct model_config config = model_of_width(384);
    struct train_facts facts = {.training_rows = 900, .repeated_rows = 2300, .config = &config};
    struct train_params params = train_params_auto();
    struct train_choices choices;
    train_params_resolve(&params, &facts, &choices);
    assert_int_equal(params.batch_size, 16);
    assert_int_equal(params.n_epochs, 8); /* 200 steps each */
    assert_int_equal(params.warmup_steps, 96);
    assert_real(params.oversample, 0);
}

static void
warmup_is_given_in_steps_or_as_a_ratio(void **state)
{
    (void)state;
    struct train_choices choices;
    struct train_params params = train_params_auto();
    params.max_steps = 100;
    params.warmup_ratio = 0.07; /* times 100 is 7.000000000000001 */
    params = resolve(params, 9003, 384, &choices);
    assert_int_equal(params.warmup_steps, 7);
    params = train_params_auto();
    params.max_steps = 100;
    params.warmup_steps = 25;
    params = resolve(params, 9003, 384, &choices);
    assert_int_equal(params.warmup_steps, 25);
    assert_real(params.warmup_ratio, 0.25);
    assert_null(find(&choices, "warmup_ratio"));
    params = train_params_auto();
    params.max_steps = 100;
    params.warmup_steps = 300;
    params = resolve(params, 9003, 384, &choices);
    assert_real(params.warmup_ratio, 1);
}

static void
lengths_and_dropouts_come_from_the_model(void **state)
{
    (void)state;
    struct train_params params = resolve_auto(9003, 384);
    assert_int_equal(params.max_seq_length, 512);
    assert_real(params.hidden_dropout, 0.1);
    assert_real(params.attention_dropout, 0.2);
    assert_real(params.classifier_dropout, 0.3);
    struct model_config config = model_of_width(384);
    config.max_seq_length = 64; /* fine-tuned before */
    struct train_facts facts = {.training_rows = 9003, .config = &config};
    struct train_choices choices;
    params = train_params_auto();
    train_params_resolve(&params, &facts, &choices);
    assert_int_equal(params.max_seq_length, 64);
}

/* bf16 where the machine has it, whatever the preset; the reason says which. */
static void
the_precision_follows_the_machine(void **state)
{
    (void)state;
    struct model_config config = model_of_width(384);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        struct train_facts facts = {
            .training_rows = 9003, .config = &config, .has_bf16 = bf16 == 1};
        for (int preset = PRESET_AUTO; preset <= PRESET_PLAIN; preset++) {
            struct train_choices choices;
            struct train_params params = train_params_auto();
            params.preset = (enum preset)preset;
            train_params_resolve(&params, &facts, &choices);
            assert_int_equal(params.precision, bf16 == 1 ? GEMM_BF16 : GEMM_FP32);
            assert_string_equal(find(&choices, "precision")->value, bf16 == 1 ? "bf16" : "fp32");
            assert_non_null(strstr(find(&choices, "precision")->reason, "processor"));
            params.precision = GEMM_FP32; /* asked for */
            train_params_resolve(&params, &facts, &choices);
            assert_int_equal(params.precision, GEMM_FP32);
            assert_null(find(&choices, "precision"));
        }
    }
}

static void
activations_are_kept_and_rows_shuffled_unless_asked_otherwise(void **state)
{
    (void)state;
    struct train_choices choices;
    struct train_params params = resolve(train_params_auto(), 9003, 384, &choices);
    assert_int_equal(params.gradient_checkpointing, 0);
    assert_string_equal(find(&choices, "gradient_checkpointing")->value, "false");
    assert_int_equal(params.batching, BATCHING_SHUFFLE);
    assert_string_equal(find(&choices, "batching")->value, "shuffle");
    params = train_params_auto();
    params.gradient_checkpointing = 1;
    params.batching = BATCHING_GROUPED;
    params = resolve(params, 9003, 384, &choices);
    assert_int_equal(params.gradient_checkpointing, 1);
    assert_int_equal(params.batching, BATCHING_GROUPED);
    assert_null(find(&choices, "gradient_checkpointing"));
    assert_null(find(&choices, "batching"));
}

static void
every_choice_has_a_name_a_value_and_a_reason(void **state)
{
    (void)state;
    static const char *const names[] = {"optimizer",
                                        "betas",
                                        "epsilon",
                                        "weight_decay",
                                        "max_grad_norm",
                                        "learning_rate",
                                        "batch_size",
                                        "learning_rate_multiplier",
                                        "max_steps",
                                        "n_epochs",
                                        "lr_scheduler",
                                        "warmup_ratio",
                                        "warmup_steps",
                                        "max_seq_length",
                                        "save_steps",
                                        "hidden_dropout",
                                        "threads",
                                        "attention_dropout",
                                        "seed",
                                        "classifier_dropout",
                                        "validation_split",
                                        "precision",
                                        "gradient_checkpointing",
                                        "batching",
                                        "eval_steps",
                                        "metric_for_best_model",
                                        "load_best_model",
                                        "label_smoothing",
                                        "focal_gamma",
                                        "oversample",
                                        "init_head",
                                        "baseline"};
    struct train_choices choices;
    resolve(train_params_auto(), 9003, 384, &choices);
    assert_int_equal(choices.count, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct train_choice *choice = find(&choices, names[i]);
        assert_non_null(choice);
        assert_true(strlen(choice->value) > 0);
        assert_true(strlen(choice->reason) > 5);
    }
    assert_string_equal(find(&choices, "learning_rate")->value, "0.0002");
    assert_string_equal(find(&choices, "betas")->value, "[0.9, 0.999]");
    assert_string_equal(find(&choices, "optimizer")->value, "adamw");
}

static void
truncation_is_as_the_files_say_unless_it_was_given(void **state)
{
    (void)state;
    struct train_choices choices = {.count = 0};
    struct train_params params = train_params_auto();
    train_params_resolve_truncation(&params, TRUNCATION_TAIL, &choices);
    assert_int_equal(params.truncation, TRUNCATION_TAIL);
    assert_string_equal(find(&choices, "truncation")->value, "tail");
    params.truncation = TRUNCATION_HEAD_TAIL;
    choices.count = 0;
    train_params_resolve_truncation(&params, TRUNCATION_TAIL, &choices);
    assert_int_equal(params.truncation, TRUNCATION_HEAD_TAIL);
    assert_int_equal(choices.count, 0);
}

static void
resolving_resolved_numbers_changes_nothing(void **state)
{
    (void)state;
    struct train_choices choices;
    struct train_params once = resolve_auto(9003, 384);
    struct train_params twice = resolve(once, 50, 768, &choices);
    assert_int_equal(choices.count, 0);
    assert_int_equal(twice.n_epochs, once.n_epochs);
    assert_int_equal(twice.batch_size, once.batch_size);
    assert_int_equal(twice.warmup_steps, once.warmup_steps);
    assert_real(twice.warmup_ratio, once.warmup_ratio);
    assert_real(twice.learning_rate, once.learning_rate);
}

static void
several_labels_start_at_their_prior_unless_the_preset_is_plain(void **state)
{
    (void)state;
    struct train_choices choices;
    struct model_config config = model_of_width(384);
    struct train_facts facts = {.training_rows = 9003, .config = &config};
    for (enum task task = TASK_CLASSIFICATION; task <= TASK_TOKEN_CLASSIFICATION; task++) {
        struct train_params params = train_params_auto();
        struct train_params plain = train_params_auto();
        bool sparse = task == TASK_MULTI_LABEL;
        plain.preset = PRESET_PLAIN;
        facts.task = task;
        train_params_resolve(&params, &facts, &choices);
        assert_int_equal(params.init_head, sparse ? INIT_HEAD_PRIOR : INIT_HEAD_RANDOM);
        train_params_resolve(&plain, &facts, &choices);
        assert_int_equal(plain.init_head, INIT_HEAD_RANDOM);
    }
}

static void
names_are_those_of_the_api(void **state)
{
    (void)state;
    assert_string_equal(optimizer_name(OPTIMIZER_MOMENTUM), "momentum");
    assert_string_equal(optimizer_name(OPTIMIZER_AUTO), "auto");
    assert_string_equal(lr_scheduler_name(SCHEDULER_LINEAR), "linear");
    assert_string_equal(preset_name(PRESET_PLAIN), "plain");
    assert_string_equal(batching_name(BATCHING_GROUPED), "grouped");
    assert_string_equal(precision_name(GEMM_BF16), "bf16");
    assert_string_equal(precision_name(PRECISION_AUTO), "auto");
    assert_string_equal(metric_name(METRIC_TRAIN_LOSS), "train_loss");
    assert_string_equal(metric_name(METRIC_TEST_ACCURACY), "test_accuracy");
    assert_string_equal(metric_name(METRIC_TOKENS_PER_SECOND), "tokens_per_second");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_auto_preset_is_the_promised_recipe),
        cmocka_unit_test(the_plain_preset_is_the_tutorials_recipe),
        cmocka_unit_test(the_learning_rate_follows_the_width),
        cmocka_unit_test(the_batch_is_smaller_for_little_data),
        cmocka_unit_test(labels_of_words_are_learned_from_small_batches),
        cmocka_unit_test(epochs_make_about_1500_steps_between_3_and_10),
        cmocka_unit_test(a_given_value_wins_over_the_preset),
        cmocka_unit_test(max_steps_decides_over_epochs),
        cmocka_unit_test(the_last_batch_of_an_epoch_counts),
        cmocka_unit_test(repeated_rows_make_longer_epochs_and_not_more_data),
        cmocka_unit_test(warmup_is_given_in_steps_or_as_a_ratio),
        cmocka_unit_test(lengths_and_dropouts_come_from_the_model),
        cmocka_unit_test(the_precision_follows_the_machine),
        cmocka_unit_test(activations_are_kept_and_rows_shuffled_unless_asked_otherwise),
        cmocka_unit_test(every_choice_has_a_name_a_value_and_a_reason),
        cmocka_unit_test(truncation_is_as_the_files_say_unless_it_was_given),
        cmocka_unit_test(resolving_resolved_numbers_changes_nothing),
        cmocka_unit_test(several_labels_start_at_their_prior_unless_the_preset_is_plain),
        cmocka_unit_test(names_are_those_of_the_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
