/* Values of a create-job request arrive in their fields; every fault is told, all in one answer. */
#include "tests/daemon/job_params_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
an_absent_value_is_auto(void **state)
{
    (void)state;
    struct parsed parsed = parse_with(", \"n_epochs\": null, \"epsilon\": \"auto\"");
    struct train_params *params = &parsed.request.params;
    assert_int_equal(parsed.status, 0);
    assert_string_equal(parsed.request.model, "m");
    assert_string_equal(parsed.request.training_file, "file-a");
    assert_null(parsed.request.validation_file);
    assert_null(parsed.request.suffix);
    assert_null(parsed.request.metadata_json);
    assert_int_equal(parsed.request.task, TASK_AUTO);
    assert_int_equal(params->seed, PARAMS_AUTO);
    assert_int_equal(params->n_epochs, PARAMS_AUTO);
    assert_true(isnan(params->epsilon));
    assert_int_equal(params->optimizer, OPTIMIZER_AUTO);
    assert_true(params->precision == PRECISION_AUTO);
    assert_int_equal(params->gradient_checkpointing, PARAMS_AUTO);
    assert_int_equal(params->batching, BATCHING_AUTO);
    assert_int_equal(params->preset, PRESET_AUTO);
    release(&parsed);
}

static void
every_value_arrives_in_its_field(void **state)
{
    (void)state;
    struct parsed parsed = parse_with(
        ",\"validation_file\":\"v\",\"test_file\":\"t\",\"suffix\":\"s\",\"seed\":7,"
        "\"metadata\":{\"a\":\"b\"},\"task\":\"classification\","
        "\"columns\":{\"text\":\"x\",\"text_pair\":\"y\",\"label\":\"z\"},\"preset\":\"plain\","
        "\"n_epochs\":4,\"batch_size\":8,\"learning_rate\":0.25,\"learning_rate_multiplier\":2,"
        "\"max_seq_length\":64,\"optimizer\":\"momentum\",\"betas\":[0.5,0.75],\"epsilon\":0.125,"
        "\"weight_decay\":0.0625,\"max_grad_norm\":3,\"lr_scheduler\":\"constant\","
        "\"warmup_steps\":11,\"hidden_dropout\":0.2,\"attention_dropout\":0.3,"
        "\"classifier_dropout\":0.4,\"validation_split\":0.5,\"save_steps\":12,\"threads\":3,"
        "\"precision\":\"bf16\",\"gradient_checkpointing\":true,\"batching\":\"grouped\"");
    const struct job_request *request = &parsed.request;
    const struct train_params *params = &request->params;
    assert_int_equal(parsed.status, 0);
    assert_string_equal(request->validation_file, "v");
    assert_string_equal(request->test_file, "t");
    assert_string_equal(request->suffix, "s");
    assert_string_equal(request->metadata_json, "{\"a\":\"b\"}");
    assert_int_equal(request->task, TASK_CLASSIFICATION);
    assert_string_equal(request->columns.text, "x");
    assert_string_equal(request->columns.text_pair, "y");
    assert_string_equal(request->columns.label, "z");
    assert_int_equal(params->seed, 7);
    assert_int_equal(params->preset, PRESET_PLAIN);
    assert_int_equal(params->n_epochs, 4);
    assert_int_equal(params->max_steps, PARAMS_AUTO);
    assert_int_equal(params->batch_size, 8);
    assert_int_equal(params->max_seq_length, 64);
    assert_int_equal(params->optimizer, OPTIMIZER_MOMENTUM);
    assert_int_equal(params->lr_scheduler, SCHEDULER_CONSTANT);
    assert_int_equal(params->warmup_steps, 11);
    assert_int_equal(params->save_steps, 12);
    assert_int_equal(params->threads, 3);
    assert_int_equal(params->precision, GEMM_BF16);
    assert_int_equal(params->gradient_checkpointing, 1);
    assert_int_equal(params->batching, BATCHING_GROUPED);
    const double want[] = {0.25, 2, 0.5, 0.75, 0.125, 0.0625, 3, 0.2, 0.3, 0.4, 0.5};
    const double got[] = {params->learning_rate,
                          params->learning_rate_multiplier,
                          params->beta1,
                          params->beta2,
                          params->epsilon,
                          params->weight_decay,
                          params->max_grad_norm,
                          params->hidden_dropout,
                          params->attention_dropout,
                          params->classifier_dropout,
                          params->validation_split};
    assert_memory_equal(got, want, sizeof want);
    release(&parsed);
}

static void
hyperparameters_may_stand_in_three_places(void **state)
{
    (void)state;
    struct parsed parsed =
        parse_with(",\"batch_size\":8,\"hyperparameters\":{\"n_epochs\":4,\"batch_size\":8.0},"
                   "\"method\":{\"type\":\"supervised\",\"supervised\":{\"hyperparameters\":"
                   "{\"learning_rate\":2e-5,\"n_epochs\":\"auto\",\"batch_size\":8}}}");
    assert_int_equal(parsed.status, 0);
    assert_int_equal(parsed.request.params.n_epochs, 4);
    assert_int_equal(parsed.request.params.batch_size, 8);
    assert_true(fabs(parsed.request.params.learning_rate - 2e-5) < 1e-18);
    release(&parsed);
}

static void
two_different_values_of_one_parameter_are_refused(void **state)
{
    (void)state;
    assert_bad(",\"n_epochs\":3,\"hyperparameters\":{\"n_epochs\":4}", FAULT_INVALID_PARAMETER,
               "hyperparameters.n_epochs", "'n_epochs' is 3");
    assert_bad(",\"hyperparameters\":{\"betas\":[0.9,0.99]},\"method\":{\"type\":\"supervised\","
               "\"supervised\":{\"hyperparameters\":{\"betas\":[0.9,0.999]}}}",
               FAULT_INVALID_PARAMETER, "method.supervised.hyperparameters.betas",
               "'hyperparameters.betas' is [0.9");
}

static void
parameters_that_exclude_each_other_are_refused_together(void **state)
{
    (void)state;
    assert_bad(",\"n_epochs\":3,\"max_steps\":100", FAULT_INVALID_PARAMETER, "max_steps",
               "exclude each other");
    assert_bad(",\"warmup_ratio\":0.1,\"hyperparameters\":{\"warmup_steps\":5}",
               FAULT_INVALID_PARAMETER, "warmup_ratio", "'hyperparameters.warmup_steps'");
    assert_good(",\"n_epochs\":3,\"max_steps\":0");
    assert_good(",\"n_epochs\":\"auto\",\"max_steps\":100");
}

static void
metadata_has_limits_in_characters(void **state)
{
    (void)state;
    char key[65 * 2 + 1] = "";
    for (size_t i = 0; i < 65; i++)
        memcpy(key + 2 * i, "\xc3\xa9", 3); /* two bytes, one character */
    char members[1024];
    snprintf(members, sizeof members, ",\"metadata\":{\"%s\":\"v\"}", key);
    assert_bad(members, FAULT_INVALID_PARAMETER, "metadata", "metadata must be");
    snprintf(members, sizeof members, ",\"metadata\":{\"%s\":\"v\"}", key + 2);
    assert_good(members);
    char value[514] = "";
    memset(value, 'v', 513);
    snprintf(members, sizeof members, ",\"metadata\":{\"k\":\"%s\"}", value);
    assert_bad(members, FAULT_INVALID_PARAMETER, "metadata", "to 512");
    snprintf(members, sizeof members, ",\"metadata\":{\"k\":\"%s\"}", value + 1);
    assert_good(members);
}

static void
a_seventeenth_pair_of_metadata_is_refused(void **state)
{
    (void)state;
    char members[1024] = ",\"metadata\":{";
    for (int i = 0; i < 17; i++)
        snprintf(members + strlen(members), sizeof members - strlen(members), "%s\"k%d\":\"v\"",
                 i > 0 ? "," : "", i);
    strncat(members, "}", 2);
    assert_bad(members, FAULT_INVALID_PARAMETER, "metadata", "at most 16");
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void
all_faults_come_in_one_answer(void **state)
{
    (void)state;
    struct parsed parsed = parse(
        "{\"modle\":\"m\",\"n_epochs\":0,\"lora\":{\"rank\":4},\"seed\":\"x\"}", JOB_PARAMS_API);
    assert_int_equal(parsed.faults.count, 6);
    assert_fault(&parsed, 0, FAULT_UNKNOWN_PARAMETER, "modle", "did you mean 'model'?");
    assert_fault(&parsed, 1, FAULT_INVALID_PARAMETER, "n_epochs", "from 1 to 50");
    assert_fault(&parsed, 2, FAULT_NOT_SUPPORTED_YET, "lora", "not supported yet");
    assert_fault(&parsed, 3, FAULT_INVALID_PARAMETER, "seed", "\"x\"");
    assert_fault(&parsed, 4, FAULT_MISSING_PARAMETER, "model", "'model' is missing");
    assert_fault(&parsed, 5, FAULT_MISSING_PARAMETER, "training_file", "is missing");
    release(&parsed);
}

static void
a_required_field_that_is_null_is_missing(void **state)
{
    (void)state;
    struct parsed parsed = parse("{\"model\":null,\"training_file\":\"f\"}", JOB_PARAMS_API);
    assert_int_equal(parsed.faults.count, 1);
    assert_fault(&parsed, 0, FAULT_MISSING_PARAMETER, "model", "'model' is missing");
    release(&parsed);
}

static void
malformed_json_gives_line_and_column(void **state)
{
    (void)state;
    static const char *const broken[] = {"",
                                         "{",
                                         "{\"model\":\"m\",\n \"training_file\" \"f\"}",
                                         "{\"model\":\"m\",\"model\":\"n\"}",
                                         "{\"model\":\"\\u0000\"}",
                                         "{\"learning_rate\":1e999}",
                                         "{\"seed\":99999999999999999999}",
                                         "{\"learning_rate\":NaN}",
                                         "{\"model\":\"\xff\"}"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct parsed parsed = parse(broken[i], JOB_PARAMS_API);
        assert_int_equal(parsed.faults.count, 1);
        assert_fault(&parsed, 0, FAULT_INVALID_JSON, NULL, "not valid JSON at line");
        release(&parsed);
    }
    struct parsed parsed = parse(broken[2], JOB_PARAMS_API);
    assert_fault(&parsed, 0, FAULT_INVALID_JSON, NULL, "line 2, column");
    release(&parsed);
}

static void
a_body_that_is_no_object_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {"[]", "null", "3", "\"model\""};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct parsed parsed = parse(bodies[i], JOB_PARAMS_API);
        assert_int_equal(parsed.faults.count, 1);
        assert_fault(&parsed, 0, FAULT_INVALID_JSON, NULL, "must be a JSON object");
        release(&parsed);
    }
}

static void
an_unknown_key_is_told_the_nearest_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *key, *nearest;
    } spellings[] = {{"n_epoch", "n_epochs"},
                     {"epochs", "n_epochs"},
                     {"num_epochs", "n_epochs"},
                     {"learning_rte", "learning_rate"},
                     {"learningRate", "learning_rate"},
                     {"batchsize", "batch_size"},
                     {"hidden_dropout_prob", "hidden_dropout"},
                     {"trainning_file", "training_file"},
                     {"lr_schedular", "lr_scheduler"},
                     {"warmup", "warmup_steps"},
                     {"max-seq-length", "max_seq_length"},
                     {"optimiser", "optimizer"}};
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        char members[128];
        char words[64];
        snprintf(members, sizeof members, ",\"%s\":1", spellings[i].key);
        snprintf(words, sizeof words, "did you mean '%s'?", spellings[i].nearest);
        assert_bad(members, FAULT_UNKNOWN_PARAMETER, spellings[i].key, words);
    }
}

static void
an_unknown_key_unlike_any_other_is_told_all(void **state)
{
    (void)state;
    assert_bad(",\"xyzzy\":1", FAULT_UNKNOWN_PARAMETER, "xyzzy",
               "known here are: model, training_");
    assert_bad(",\"hyperparameters\":{\"xyzzy\":1}", FAULT_UNKNOWN_PARAMETER,
               "hyperparameters.xyzzy", "known here are: preset, n_epochs");
    assert_bad(",\"method\":{\"type\":\"supervised\",\"supervised\":{\"x\":1}}",
               FAULT_UNKNOWN_PARAMETER, "method.supervised.x", "hyperparameters");
    assert_bad(",\"method\":{\"type\":\"supervised\",\"x\":1}", FAULT_UNKNOWN_PARAMETER, "method.x",
               "supervised");
    assert_bad(",\"columns\":{\"labels\":\"l\"}", FAULT_UNKNOWN_PARAMETER, "columns.labels",
               "did you mean 'label'");
}

static void
a_parameter_in_the_wrong_place_is_told_where_it_belongs(void **state)
{
    (void)state;
    assert_bad(",\"hyperparameters\":{\"seed\":1}", FAULT_UNKNOWN_PARAMETER, "hyperparameters.seed",
               "put 'seed' at the top level");
}

static void
a_long_or_hostile_key_does_not_break_the_message(void **state)
{
    (void)state;
    char members[1024] = ",\"";
    for (size_t i = 0; i < 200; i++)
        memcpy(members + 2 + 2 * i, "\xc3\xa9", 3);
    strncat(members, "\":1", 4);
    struct parsed parsed = parse_with(members);
    assert_int_equal(parsed.faults.count, 1);
    assert_true(strlen(parsed.faults.items[0].param) < 80);
    assert_non_null(strstr(parsed.faults.items[0].param, "\xc3\xa9..."));
    release(&parsed);
}

static void
more_faults_than_there_is_room_for_are_dropped(void **state)
{
    (void)state;
    char members[4096] = "";
    for (int i = 0; i < 100; i++)
        snprintf(members + strlen(members), sizeof members - strlen(members), ",\"zz%d\":1", i);
    struct parsed parsed = parse_with(members);
    assert_int_equal(parsed.faults.count, FAULTS_MAX);
    release(&parsed);
}

static void
what_is_not_built_yet_is_refused_by_name(void **state)
{
    (void)state;
    assert_bad(",\"lr_scheduler\":\"cosine\"", FAULT_NOT_SUPPORTED_YET, "lr_scheduler",
               "\"cosine\" is not supported yet; use one of auto, constant, linear");
    assert_bad(",\"lr_scheduler\":\"polynomial\"", FAULT_NOT_SUPPORTED_YET, "lr_scheduler", "");
    assert_bad(",\"lr_scheduler\":\"inverse_sqrt\"", FAULT_NOT_SUPPORTED_YET, "lr_scheduler", "");
    assert_bad(",\"method\":{\"type\":\"dpo\"}", FAULT_NOT_SUPPORTED_YET, "method.type", "dpo");
    assert_bad(",\"method\":{\"type\":\"reinforcement\"}", FAULT_NOT_SUPPORTED_YET, "method.type",
               "supervised");
    assert_bad(",\"method\":{\"type\":\"supervised\",\"dpo\":{}}", FAULT_NOT_SUPPORTED_YET,
               "method.dpo", "supervised");
    assert_bad(",\"hyperparameters\":{\"freeze\":4}", FAULT_NOT_SUPPORTED_YET,
               "hyperparameters.freeze", "not supported yet");
}

static void
a_method_without_type_is_refused(void **state)
{
    (void)state;
    assert_bad(",\"method\":{\"supervised\":{}}", FAULT_MISSING_PARAMETER, "method.type",
               "\"type\": \"supervised\"");
}

static void
output_dir_belongs_to_run_alone(void **state)
{
    (void)state;
    struct parsed parsed = parse(
        "{\"model\":\"dir\",\"training_file\":\"a.jsonl\",\"output_dir\":\"out\"}", JOB_PARAMS_RUN);
    assert_int_equal(parsed.status, 0);
    assert_string_equal(parsed.request.output_dir, "out");
    release(&parsed);
    parsed = parse_with(",\"output_dir\":\"out\"");
    assert_int_equal(parsed.faults.count, 1);
    assert_fault(&parsed, 0, FAULT_UNKNOWN_PARAMETER, "output_dir", "Unknown parameter");
    assert_null(strstr(parsed.faults.items[0].message, "known here are: output_dir"));
    assert_null(parsed.request.output_dir);
    release(&parsed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_value_is_auto),
        cmocka_unit_test(every_value_arrives_in_its_field),
        cmocka_unit_test(hyperparameters_may_stand_in_three_places),
        cmocka_unit_test(two_different_values_of_one_parameter_are_refused),
        cmocka_unit_test(parameters_that_exclude_each_other_are_refused_together),
        cmocka_unit_test(metadata_has_limits_in_characters),
        cmocka_unit_test(a_seventeenth_pair_of_metadata_is_refused),
        cmocka_unit_test(all_faults_come_in_one_answer),
        cmocka_unit_test(a_required_field_that_is_null_is_missing),
        cmocka_unit_test(malformed_json_gives_line_and_column),
        cmocka_unit_test(a_body_that_is_no_object_is_refused),
        cmocka_unit_test(an_unknown_key_is_told_the_nearest_spelling),
        cmocka_unit_test(an_unknown_key_unlike_any_other_is_told_all),
        cmocka_unit_test(a_parameter_in_the_wrong_place_is_told_where_it_belongs),
        cmocka_unit_test(a_long_or_hostile_key_does_not_break_the_message),
        cmocka_unit_test(more_faults_than_there_is_room_for_are_dropped),
        cmocka_unit_test(what_is_not_built_yet_is_refused_by_name),
        cmocka_unit_test(a_method_without_type_is_refused),
        cmocka_unit_test(output_dir_belongs_to_run_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
