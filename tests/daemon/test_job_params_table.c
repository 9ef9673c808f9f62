/* Every row of the parameter table takes a good value, refuses a bad one, and is documented. */
#include "tests/daemon/job_params_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* JSON values that a row takes and refuses; every row must have an entry. */
static const struct {
    const char *name;
    const char *good[4];
    const char *bad[6];
} examples[] = {
    {"model", {"\"m\""}, {"3", "\"\"", "[\"m\"]", "true"}},
    {"training_file", {"\"file-a\""}, {"3", "\"\"", "{}"}},
    {"validation_file", {"\"file-b\"", "null"}, {"3", "\"\"", "[]"}},
    {"test_file", {"\"file-c\"", "null"}, {"false", "\"\""}},
    {"suffix",
     {"\"my-model_2\"", "\"0123456789012345678901234567890123456789012345678901234567890123\"",
      "null"},
     {"\"\"", "7", "\"with blank\"", "\"a:b\"", "\"\\u00e9\"",
      "\"01234567890123456789012345678901234567890123456789012345678901234\""}},
    {"seed", {"0", "2147483647", "\"auto\"", "null"}, {"-1", "2147483648", "1.5", "\"7\""}},
    {"metadata", {"{}", "{\"k\":\"v\"}", "null"}, {"[]", "{\"k\":1}", "{\"\":\"v\"}", "\"k\""}},
    {"priority", {"0", "-100", "100", "\"auto\""}, {"101", "-101", "1.5", "\"high\""}},
    {"task",
     {"\"classification\"", "\"multi_label\"", "\"token_classification\"", "null"},
     {"\"classify\"", "3", "[]"}},
    {"columns",
     {"{}", "{\"text\":\"t\",\"text_pair\":\"u\",\"label\":\"l\"}", "{\"text\":null}", "null"},
     {"[]", "{\"text\":3}", "{\"text\":\"\"}", "{\"text\":\"a\",\"label\":\"a\"}"}},
    {"method",
     {"{\"type\":\"supervised\"}",
      "{\"type\":\"supervised\",\"supervised\":{\"hyperparameters\":{\"n_epochs\":2}}}",
      "{\"type\":\"linear_probe\",\"supervised\":null,\"dpo\":null}", "\"linear_probe\""},
     {"\"probe\"", "{\"type\":\"unsupervised\"}", "{\"type\":3}",
      "{\"type\":\"supervised\",\"supervised\":3}",
      "{\"type\":\"supervised\",\"supervised\":{\"hyperparameters\":3}}"}},
    {"hyperparameters", {"{}", "{\"n_epochs\":\"auto\"}", "null"}, {"[]", "3", "\"auto\""}},
    {"preset", {"\"plain\"", "\"auto\"", "null"}, {"\"fancy\"", "1", "{}"}},
    {"n_epochs", {"1", "50", "3.0", "\"auto\""}, {"0", "51", "-1", "2.5", "\"3\"", "[3]"}},
    {"max_steps", {"1", "0", "100000000", "\"auto\""}, {"-1", "100000001", "0.5", "\"9\""}},
    {"batch_size", {"1", "256", "\"auto\""}, {"0", "257", "1.5", "\"32\"", "true"}},
    {"learning_rate", {"5e-5", "10", "1e-300", "\"auto\""}, {"0", "-1e-5", "10.5", "\"1e-4\""}},
    {"learning_rate_multiplier", {"0.1", "2", "1000", "\"auto\""}, {"0", "-2", "1001", "\"2\""}},
    {"max_seq_length", {"3", "128", "65536", "\"auto\""}, {"2", "65537", "12.5", "\"128\""}},
    {"truncation",
     {"\"head\"", "\"tail\"", "\"head_tail\"", "null"},
     {"\"left\"", "1", "\"headtail\"", "[]"}},
    {"stride", {"0", "128", "\"auto\"", "null"}, {"-1", "65536", "1.5", "\"32\"", "true"}},
    {"dedupe", {"\"off\"", "\"exact\"", "\"near\"", "null"}, {"\"fuzzy\"", "true", "1"}},
    {"optimizer",
     {"\"adam\"", "\"adamw\"", "\"sgd\"", "\"momentum\""},
     {"\"rmsprop\"", "\"Adam\"", "1", "\"\""}},
    {"betas",
     {"[0.9,0.999]", "[0,0]", "\"auto\"", "null"},
     {"[0.9]", "[0.9,1]", "[0.9,0.99,0.999]", "[-0.1,0.9]", "0.9", "[\"0.9\",0.9]"}},
    {"epsilon", {"1e-8", "1", "\"auto\""}, {"0", "-1e-8", "1.5", "\"1e-8\""}},
    {"weight_decay", {"0", "0.01", "1", "\"auto\""}, {"-0.01", "1.01", "\"0\"", "[]"}},
    {"max_grad_norm", {"0", "1.0", "1000000000", "\"auto\""}, {"-1", "1e10", "\"1\""}},
    {"lr_scheduler",
     {"\"constant\"", "\"linear\"", "\"auto\"", "null"},
     {"\"linaer\"", "2", "\"step\""}},
    {"warmup_steps", {"0", "100", "\"auto\""}, {"-1", "2.5", "\"10\"", "100000001"}},
    {"warmup_ratio", {"0", "0.06", "1", "\"auto\""}, {"-0.1", "1.1", "\"0.1\""}},
    {"hidden_dropout", {"0", "0.1", "0.999", "\"auto\""}, {"1", "-0.1", "\"0.1\""}},
    {"attention_dropout", {"0", "0.1", "\"auto\""}, {"1", "-0.1", "false"}},
    {"classifier_dropout", {"0", "0.5", "\"auto\"", "null"}, {"1", "-0.1", "[]"}},
    {"validation_split", {"0", "0.1", "0.99", "\"auto\""}, {"1", "-0.1", "\"0.1\""}},
    {"save_steps", {"0", "500", "\"auto\""}, {"-1", "0.5", "\"5\""}},
    {"threads", {"0", "1", "1024", "\"auto\""}, {"-1", "1025", "1.5", "\"2\""}},
    {"precision", {"\"fp32\"", "\"bf16\"", "\"auto\"", "null"}, {"\"fp16\"", "16", "true", "\"\""}},
    {"gradient_checkpointing", {"true", "false", "\"auto\"", "null"}, {"1", "0", "\"true\"", "[]"}},
    {"batching",
     {"\"shuffle\"", "\"grouped\"", "\"auto\"", "null"},
     {"\"group\"", "false", "\"sorted\""}},
    {"eval_steps", {"0", "100", "\"auto\"", "null"}, {"-1", "0.5", "\"5\""}},
    {"metric_for_best_model",
     {"\"valid_loss\"", "\"valid_macro_f1\"", "\"auto\"", "null"},
     {"\"loss\"", "1", "\"test_loss\""}},
    {"load_best_model", {"true", "false", "\"auto\"", "null"}, {"1", "\"true\""}},
    {"early_stopping",
     {"{\"patience\":3}", "{\"patience\":1,\"min_delta\":0.5,\"metric\":\"valid_mcc\"}", "\"auto\"",
      "null"},
     {"3", "{}", "{\"patience\":0}", "{\"patience\":null}", "{\"patience\":2,\"min_delta\":-1}",
      "{\"patience\":2,\"metric\":\"train_loss\"}"}},
    {"label_smoothing", {"0", "0.1", "0.999", "\"auto\""}, {"1", "-0.1", "\"0.1\"", "true"}},
    {"focal_gamma", {"0", "2", "10", "\"auto\""}, {"-1", "10.5", "\"2\""}},
    {"oversample", {"0", "0.5", "1", "\"auto\""}, {"-0.1", "1.5", "\"1\"", "true"}},
    {"class_weights",
     {"\"balanced\"", "{\"a\":2,\"b\":0}", "{\"a\":1000000}", "null"},
     {"\"even\"", "{}", "{\"a\":-1}", "{\"a\":\"2\"}", "[1,2]", "{\"a\":1000001}"}},
    {"init_head",
     {"\"random\"", "\"linear_probe\"", "\"auto\"", "null"},
     {"\"probe\"", "1", "true"}},
    {"baseline", {"true", "false", "\"auto\"", "null"}, {"1", "\"true\"", "{}"}},
    {"output_dir", {NULL}, {NULL}}, /* of `finetuned run` alone; see below */
    {"gradient_accumulation_steps", {"null"}, {"2", "\"auto\""}},
    {"freeze", {"null"}, {"4"}},
    {"layerwise_lr_decay", {"null"}, {"0.9"}},
    {"lora", {"null"}, {"{\"rank\":8}"}},
    {"distillation", {"null"}, {"{\"teacher\":\"t\"}"}},
    {"integrations", {"null", "[]"}, {"[{\"type\":\"wandb\"}]"}},
};

enum { EXAMPLE_COUNT = sizeof examples / sizeof examples[0] };

/* A request whose member `name` has this value, with whatever else is required. */
static struct parsed
parse_value(const char *name, const char *value)
{
    char body[2048];
    bool is_model = strcmp(name, "model") == 0;
    bool is_file = strcmp(name, "training_file") == 0;
    snprintf(body, sizeof body, "{%s%s\"%s\":%s}", is_model ? "" : "\"model\":\"m\",",
             is_file ? "" : "\"training_file\":\"file-a\",", name, value);
    return parse(body, JOB_PARAMS_API);
}

static void
every_row_has_examples(void **state)
{
    (void)state;
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    assert_int_equal(count, EXAMPLE_COUNT);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(rows[i].name, examples[i].name);
}

static void
every_row_takes_its_good_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        for (size_t k = 0; k < 4 && examples[i].good[k] != NULL; k++) {
            struct parsed parsed = parse_value(examples[i].name, examples[i].good[k]);
            if (parsed.faults.count > 0)
                fail_msg("%s = %s: %s", examples[i].name, examples[i].good[k],
                         parsed.faults.items[0].message);
            release(&parsed);
        }
    }
}

/* One fault each, which names the row (or a member of it) and shows what would be right. */
static void
every_row_refuses_its_bad_values(void **state)
{
    (void)state;
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        enum fault_code code =
            rows[i].type == PARAM_NOT_BUILT ? FAULT_NOT_SUPPORTED_YET : FAULT_INVALID_PARAMETER;
        for (size_t k = 0; k < 6 && examples[i].bad[k] != NULL; k++) {
            struct parsed parsed = parse_value(examples[i].name, examples[i].bad[k]);
            const struct fault *fault = &parsed.faults.items[0];
            if (parsed.faults.count != 1 || fault->code != code ||
                strncmp(fault->param, examples[i].name, strlen(examples[i].name)) != 0 ||
                strstr(fault->message, examples[i].name) == NULL)
                fail_msg("%s = %s: %zu faults, %s", examples[i].name, examples[i].bad[k],
                         parsed.faults.count,
                         parsed.faults.count > 0 ? fault->message : "accepted");
            release(&parsed);
        }
    }
}

static void
every_row_is_documented(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(rows[i].doc) > 10);
        assert_int_equal(rows[i].doc[strlen(rows[i].doc) - 1], '.');
        assert_true(strlen(job_params_describe(&rows[i], arena)) > 5);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(rows[i].name, rows[k].name);
    }
    arena_free(arena);
}

static void
choices_have_the_names_of_their_enumerations(void **state)
{
    (void)state;
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    for (size_t i = 0; i < count; i++) {
        for (const struct param_choice *c = rows[i].choices; c != NULL && c->name != NULL; c++) {
            if (strcmp(rows[i].name, "task") == 0)
                assert_string_equal(c->name, task_name((enum task)c->value));
            else if (strcmp(rows[i].name, "optimizer") == 0)
                assert_string_equal(c->name, optimizer_name((enum optimizer)c->value));
            else if (strcmp(rows[i].name, "preset") == 0)
                assert_string_equal(c->name, preset_name((enum preset)c->value));
            else if (strcmp(rows[i].name, "precision") == 0)
                assert_string_equal(c->name, precision_name((enum gemm_precision)c->value));
            else if (strcmp(rows[i].name, "metric_for_best_model") == 0)
                assert_true(c->value == (unsigned)METRIC_AUTO ||
                            strcmp(c->name, metric_name((enum metric)c->value)) == 0);
            else if (strcmp(rows[i].name, "method") == 0)
                assert_string_equal(c->name, train_method_name((enum train_method)c->value));
            else if (strcmp(rows[i].name, "init_head") == 0)
                assert_string_equal(c->name, init_head_name((enum init_head)c->value));
            else if (strcmp(rows[i].name, "truncation") == 0)
                assert_string_equal(c->name, truncation_name((enum truncation)c->value));
            else if (strcmp(rows[i].name, "dedupe") == 0)
                assert_string_equal(c->name, dedupe_name((enum dedupe)c->value));
            else if (strcmp(rows[i].name, "batching") == 0)
                assert_string_equal(c->name, batching_name((enum batching)c->value));
            else if (c->built)
                assert_string_equal(c->name, lr_scheduler_name((enum lr_scheduler)c->value));
        }
    }
}

static void
the_help_fits_eighty_columns(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    job_params_print_help(file);
    fclose(file);
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    for (size_t i = 0; i < count; i++)
        assert_non_null(strstr(text, rows[i].name));
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") < 80);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_examples),
        cmocka_unit_test(every_row_takes_its_good_values),
        cmocka_unit_test(every_row_refuses_its_bad_values),
        cmocka_unit_test(every_row_is_documented),
        cmocka_unit_test(choices_have_the_names_of_their_enumerations),
        cmocka_unit_test(the_help_fits_eighty_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
