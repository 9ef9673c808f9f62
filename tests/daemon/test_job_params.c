/* Every row of the parameter table takes a good value and refuses a bad one, all faults at once. */
#include "daemon/job_params.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct parsed {
    struct arena *arena;
    struct job_request request;
    struct fault_list faults;
    int status;
};

static struct parsed
parse(const char *body, enum job_params_use use)
{
    struct parsed parsed = {.arena = arena_new()};
    parsed.faults.arena = parsed.arena;
    parsed.status =
        job_params_parse(body, strlen(body), use, parsed.arena, &parsed.request, &parsed.faults);
    assert_int_equal(parsed.status, parsed.faults.count > 0 ? -1 : 0);
    return parsed;
}

/* A request with the required fields and these members (", \"x\": 1"). */
static struct parsed
parse_with(const char *members)
{
    char body[8192];
    int length =
        snprintf(body, sizeof body, "{\"model\":\"m\",\"training_file\":\"file-a\"%s}", members);
    assert_in_range(length, 1, sizeof body - 1);
    return parse(body, JOB_PARAMS_API);
}

static void
release(struct parsed *parsed)
{
    arena_free(parsed->arena);
}

static void
assert_fault(const struct parsed *parsed, size_t index, enum fault_code code, const char *param,
             const char *words)
{
    if (index >= parsed->faults.count)
        fail_msg("there are only %zu faults, %s is missing", parsed->faults.count, param);
    const struct fault *fault = &parsed->faults.items[index];
    if (fault->code != code || (param == NULL) != (fault->param == NULL) ||
        (param != NULL && strcmp(fault->param, param) != 0) ||
        strstr(fault->message, words) == NULL)
        fail_msg("fault %zu is %s, %s: %s", index, fault_code_name(fault->code),
                 fault->param != NULL ? fault->param : "(none)", fault->message);
}

/* The members parse without a fault. */
static void
assert_good(const char *members)
{
    struct parsed parsed = parse_with(members);
    if (parsed.faults.count > 0)
        fail_msg("%s: %s", members, parsed.faults.items[0].message);
    release(&parsed);
}

/* The members give exactly one fault. */
static void
assert_bad(const char *members, enum fault_code code, const char *param, const char *words)
{
    struct parsed parsed = parse_with(members);
    if (parsed.faults.count != 1)
        fail_msg("%s: %zu faults instead of one", members, parsed.faults.count);
    assert_fault(&parsed, 0, code, param, words);
    release(&parsed);
}

/* ---- the table ------------------------------------------------------------------------------- */

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
    {"task", {"\"classification\"", "\"auto\"", "null"}, {"\"classify\"", "3", "[]"}},
    {"columns",
     {"{}", "{\"text\":\"t\",\"text_pair\":\"u\",\"label\":\"l\"}", "{\"text\":null}", "null"},
     {"[]", "{\"text\":3}", "{\"text\":\"\"}", "{\"text\":\"a\",\"label\":\"a\"}"}},
    {"method",
     {"{\"type\":\"supervised\"}",
      "{\"type\":\"supervised\",\"supervised\":{\"hyperparameters\":{\"n_epochs\":2}}}",
      "{\"type\":\"supervised\",\"supervised\":null,\"dpo\":null}", "null"},
     {"\"supervised\"", "{\"type\":\"unsupervised\"}", "{\"type\":3}",
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
    {"output_dir", {NULL}, {NULL}}, /* of `finetuned run` alone; see below */
    {"gradient_accumulation_steps", {"null"}, {"2", "\"auto\""}},
    {"label_smoothing", {"null"}, {"0.1"}},
    {"class_weights", {"null"}, {"{\"a\":2}"}},
    {"precision", {"null"}, {"\"bf16\"", "\"fp32\""}},
    {"freeze", {"null"}, {"4"}},
    {"layerwise_lr_decay", {"null"}, {"0.9"}},
    {"lora", {"null"}, {"{\"rank\":8}"}},
    {"early_stopping", {"null"}, {"{\"patience\":3}"}},
    {"eval_steps", {"null"}, {"100"}},
    {"distillation", {"null"}, {"{\"teacher\":\"t\"}"}},
    {"priority", {"null"}, {"5"}},
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

/* ---- values ---------------------------------------------------------------------------------- */

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
        "\"classifier_dropout\":0.4,\"validation_split\":0.5,\"save_steps\":12,\"threads\":3");
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
    assert_bad(",\"task\":\"multi_label\"", FAULT_NOT_SUPPORTED_YET, "task", "classification");
    assert_bad(",\"task\":\"regression\"", FAULT_NOT_SUPPORTED_YET, "task", "classification");
    assert_bad(",\"method\":{\"type\":\"dpo\"}", FAULT_NOT_SUPPORTED_YET, "method.type", "dpo");
    assert_bad(",\"method\":{\"type\":\"reinforcement\"}", FAULT_NOT_SUPPORTED_YET, "method.type",
               "supervised");
    assert_bad(",\"method\":{\"type\":\"supervised\",\"dpo\":{}}", FAULT_NOT_SUPPORTED_YET,
               "method.dpo", "supervised");
    assert_bad(",\"hyperparameters\":{\"label_smoothing\":0.1}", FAULT_NOT_SUPPORTED_YET,
               "hyperparameters.label_smoothing", "not supported yet");
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

/* ---- stored parameters ----------------------------------------------------------------------- */

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
        cmocka_unit_test(every_row_has_examples),
        cmocka_unit_test(every_row_takes_its_good_values),
        cmocka_unit_test(every_row_refuses_its_bad_values),
        cmocka_unit_test(every_row_is_documented),
        cmocka_unit_test(choices_have_the_names_of_their_enumerations),
        cmocka_unit_test(the_help_fits_eighty_columns),
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
        cmocka_unit_test(stored_parameters_come_back_bit_for_bit),
        cmocka_unit_test(stored_parameters_name_every_stored_row_once),
        cmocka_unit_test(stored_parameters_of_an_older_program_are_read),
        cmocka_unit_test(damaged_stored_parameters_are_refused_with_the_member),
        cmocka_unit_test(choices_are_explained_in_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
