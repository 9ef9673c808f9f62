/* Stored parameters come back as the same numbers, also from an older program. */
#include "daemon/job_params.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
assert_same_real(double a, double b)
{
    if (isnan(a) && isnan(b))
        return;
    assert_memory_equal(&a, &b, sizeof a);
}

static void
assert_same_params(const struct train_params *a, const struct train_params *b)
{
    assert_int_equal(a->preset, b->preset);
    assert_int_equal(a->seed, b->seed);
    assert_int_equal(a->n_epochs, b->n_epochs);
    assert_int_equal(a->max_steps, b->max_steps);
    assert_int_equal(a->batch_size, b->batch_size);
    assert_int_equal(a->max_seq_length, b->max_seq_length);
    assert_same_real(a->learning_rate, b->learning_rate);
    assert_same_real(a->learning_rate_multiplier, b->learning_rate_multiplier);
    assert_int_equal(a->optimizer, b->optimizer);
    assert_same_real(a->beta1, b->beta1);
    assert_same_real(a->beta2, b->beta2);
    assert_same_real(a->epsilon, b->epsilon);
    assert_same_real(a->weight_decay, b->weight_decay);
    assert_same_real(a->max_grad_norm, b->max_grad_norm);
    assert_int_equal(a->lr_scheduler, b->lr_scheduler);
    assert_int_equal(a->warmup_steps, b->warmup_steps);
    assert_same_real(a->warmup_ratio, b->warmup_ratio);
    assert_same_real(a->hidden_dropout, b->hidden_dropout);
    assert_same_real(a->attention_dropout, b->attention_dropout);
    assert_same_real(a->classifier_dropout, b->classifier_dropout);
    assert_same_real(a->validation_split, b->validation_split);
    assert_int_equal(a->save_steps, b->save_steps);
    assert_int_equal(a->threads, b->threads);
    assert_true(a->precision == b->precision);
    assert_int_equal(a->gradient_checkpointing, b->gradient_checkpointing);
    assert_int_equal(a->batching, b->batching);
    assert_int_equal(a->truncation, b->truncation);
    assert_int_equal(a->stride, b->stride);
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->init_head, b->init_head);
    assert_int_equal(a->baseline, b->baseline);
}

static void
assert_round_trip(const struct train_params *params)
{
    struct arena *arena = arena_new();
    struct train_params back;
    struct err err;
    const char *json = job_params_print(params, arena);
    if (job_params_restore(json, &back, &err) != 0)
        fail_msg("%s: %s", json, err.message);
    assert_same_params(params, &back);
    arena_free(arena);
}

static struct train_params
resolved_params(enum preset preset)
{
    struct model_config config = {.hidden_size = 384,
                                  .max_positions = 512,
                                  .hidden_dropout = 0.1,
                                  .attention_dropout = 0.1,
                                  .classifier_dropout = 0.1};
    struct train_facts facts = {.training_rows = 9003, .config = &config};
    struct train_params params = train_params_auto();
    struct train_choices choices;
    params.preset = preset;
    train_params_resolve(&params, &facts, &choices);
    return params;
}

static void
stored_parameters_come_back_bit_for_bit(void **state)
{
    (void)state;
    struct train_params params = train_params_auto();
    assert_round_trip(&params);
    params = resolved_params(PRESET_AUTO);
    assert_round_trip(&params);
    params = resolved_params(PRESET_PLAIN);
    assert_round_trip(&params);
    params.learning_rate = 0.1 + 0.2; /* needs all 17 digits */
    params.epsilon = 5e-324;
    params.warmup_ratio = 1.0 / 3.0;
    params.beta2 = nextafter(1.0, 0.0);
    params.precision = GEMM_BF16;
    params.gradient_checkpointing = 1;
    params.batching = BATCHING_GROUPED;
    params.truncation = TRUNCATION_HEAD_TAIL;
    params.stride = 16;
    params.n_epochs = 100000; /* beyond what a user may say: it came from max_steps */
    assert_round_trip(&params);
}

static void
stored_parameters_name_every_stored_row_once(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct train_params params = resolved_params(PRESET_AUTO);
    const char *json = job_params_print(&params, arena);
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    for (size_t i = 0; i < count; i++) {
        const char *quoted = arena_printf(arena, "\"%s\":", rows[i].name);
        const char *found = strstr(json, quoted);
        assert_int_equal(found != NULL, job_params_is_stored(&rows[i]));
    }
    assert_non_null(strstr(json, "\"learning_rate\":0.0002"));
    assert_non_null(strstr(json, "\"epsilon\":1e-08"));
    assert_non_null(strstr(json, "\"precision\":\"fp32\",\"gradient_checkpointing\":false,"
                                 "\"batching\":\"shuffle\""));
    assert_null(strstr(json, "\"auto\",\"seed\":\"auto\""));
    arena_free(arena);
}

static void
stored_parameters_of_an_older_program_are_read(void **state)
{
    (void)state;
    struct train_params params;
    struct err err;
    assert_int_equal(job_params_restore("{\"n_epochs\":3}", &params, &err), 0);
    assert_int_equal(params.n_epochs, 3);
    assert_int_equal(params.batch_size, PARAMS_AUTO);
    assert_true(params.precision == PRECISION_AUTO);
    assert_int_equal(params.gradient_checkpointing, PARAMS_AUTO);
    assert_true(isnan(params.learning_rate));
}

static void
damaged_stored_parameters_are_refused_with_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *json, *words;
    } damaged[] = {{"{\"n_epochs\":\"three\"}", "n_epochs"},
                   {"{\"model\":\"m\"}", "model"},
                   {"{\"betas\":[0.9]}", "betas"},
                   {"{\"optimizer\":\"lion\"}", "optimizer"},
                   {"{\"gradient_checkpointing\":1}", "gradient_checkpointing"},
                   {"[]", "not a JSON object"},
                   {"{", "not valid JSON"}};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct train_params params = {.n_epochs = 77};
        struct err err;
        assert_int_equal(job_params_restore(damaged[i].json, &params, &err), ERR_INVALID);
        assert_non_null(strstr(err.message, damaged[i].words));
        assert_int_equal(params.n_epochs, 77);
    }
}

static void
choices_are_explained_in_one_sentence(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct train_choices choices = {
        .items = {{"batch_size", "32", "there are many rows"}, {"seed", "1", "none was drawn"}},
        .count = 2};
    assert_string_equal(job_params_explain(&choices, arena),
                        "Chosen for this job: batch_size = 32 (there are many rows); seed = 1 "
                        "(none was drawn).");
    choices.count = 0;
    assert_string_equal(job_params_explain(&choices, arena), "Every parameter was given.");
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_parameters_come_back_bit_for_bit),
        cmocka_unit_test(stored_parameters_name_every_stored_row_once),
        cmocka_unit_test(stored_parameters_of_an_older_program_are_read),
        cmocka_unit_test(damaged_stored_parameters_are_refused_with_the_member),
        cmocka_unit_test(choices_are_explained_in_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
