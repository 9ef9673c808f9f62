/*
 * What a create request is refused for, and what an accepted one is turned into.
 */
#include "tests/daemon/service_fixture.h"

static const char *
body_with(struct service_fixture *f, const char *file, const char *more)
{
    return arena_printf(f->arena, "{\"model\": \"tiny\", \"training_file\": \"%s\"%s}", file, more);
}

/* The request is refused for this; nothing is in the queue afterwards. */
static struct fault
refused(struct service_fixture *f, const char *body, enum fault_code code, const char *param)
{
    struct job_info job;
    struct job_list list = {0};
    struct page page = {.limit = 10};
    struct fault fault = fixture_refused(f, fixture_try_create(f, body, &job), code, param);
    fixture_ok(f, service_jobs_list(f->service, &page, NULL, 0, f->arena, &list, &f->faults));
    assert_int_equal(list.count, 0);
    return fault;
}

static void
auto_values_are_resolved_and_stored(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 40, ", \"validation_split\": 0.5");
    assert_non_null(strstr(job.parameters_json, "\"optimizer\":\"adamw\""));
    assert_non_null(strstr(job.parameters_json, "\"batch_size\":16"));
    assert_non_null(strstr(job.parameters_json, "\"validation_split\":0.5"));
    const char *preset = strstr(job.parameters_json, "\"preset\":\"auto\"");
    assert_non_null(preset); /* the preset's name, and nothing else that is still to be chosen */
    assert_null(strstr(preset + strlen("\"preset\":\"auto\""), "auto"));
    assert_in_range(job.seed, 0, INT32_MAX);
    assert_string_equal(job.task, "classification");
    assert_true(job.progress.total_steps > 0);
}

static void
seeds_are_drawn_anew(void **state)
{
    struct service_fixture *f = *state;
    struct job_info one = fixture_create(f, 20, ", \"seed\": null");
    struct job_info two = fixture_create(f, 20, "");
    struct job_info three = fixture_create(f, 20, "");
    assert_true(one.seed != two.seed || two.seed != three.seed);
}

static void
all_faults_of_a_body_are_told_at_once(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job;
    assert_int_equal(
        fixture_try_create(f, "{\"training_file\": 3, \"batch_sise\": 4, \"n_epochs\": 0}", &job),
        -1);
    assert_int_equal(f->faults.count, 4);
}

static void
missing_things_are_told_together(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job;
    const char *body = "{\"model\": \"nowhere\", \"training_file\": "
                       "\"file-000000000000000000000000\", \"test_file\": \"../../etc/passwd\"}";
    assert_int_equal(fixture_try_create(f, body, &job), -1);
    assert_int_equal(f->faults.count, 3);
    assert_int_equal(f->faults.items[0].code, FAULT_MODEL_NOT_FOUND);
    assert_string_equal(f->faults.items[0].param, "model");
    assert_non_null(strstr(f->faults.items[0].message, "nowhere"));
    assert_int_equal(f->faults.items[1].code, FAULT_FILE_NOT_FOUND);
    assert_string_equal(f->faults.items[1].param, "training_file");
    assert_string_equal(f->faults.items[2].param, "test_file");
}

static void
broken_line_is_named(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file = fixture_upload(
        f, "broken.jsonl",
        "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\": \"y\"}\n{\"text\": \n");
    assert_int_equal(file.status, FILE_ERROR);
    assert_non_null(strstr(file.status_details, "line 3"));
    struct fault fault =
        refused(f, body_with(f, file.id, ""), FAULT_INVALID_TRAINING_FILE, "training_file");
    assert_int_equal(fault.line, 3);
    assert_non_null(strstr(fault.message, "broken.jsonl"));
}

static void
text_that_is_not_utf8_is_named_by_line(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file = fixture_upload(f, "latin.csv", "text,label\na,x\ncaf\xe9,y\nb,x\n");
    struct fault fault =
        refused(f, body_with(f, file.id, ""), FAULT_INVALID_TRAINING_FILE, "training_file");
    assert_int_equal(fault.line, 3);
}

static void
file_without_labels_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file =
        fixture_upload(f, "plain.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");
    assert_int_equal(file.status, FILE_PROCESSED);
    struct fault fault =
        refused(f, body_with(f, file.id, ""), FAULT_INVALID_TRAINING_FILE, "training_file");
    assert_non_null(strstr(fault.message, "label"));
}

static void
one_label_only_is_refused(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file =
        fixture_upload(f, "one.csv", "text,label\nthe film,good\nthe book,good\nthe meal,good\n");
    refused(f, body_with(f, file.id, ""), FAULT_INVALID_TRAINING_FILE, "training_file");
}

/* Chat rows of the fixture's kind; every `different`th answer is another. */
static const char *
chat_rows(struct service_fixture *f, size_t rows, size_t different)
{
    struct buf text = {0};
    for (size_t i = 0; i < rows; i++)
        buf_printf(&text,
                   "{\"messages\":[{\"role\":\"user\",\"content\":\"the film %zu\"},"
                   "{\"role\":\"assistant\",\"content\":\"answer %zu\"}]}\n",
                   i, i % different);
    const char *copy = arena_copy_string(f->arena, buf_string(&text));
    buf_fini(&text);
    return copy;
}

static void
chat_rows_with_a_few_answers_are_a_job(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job;
    struct file_info file = fixture_upload(f, "chat.jsonl", chat_rows(f, 60, 3));
    assert_int_equal(file.status, FILE_PROCESSED);
    fixture_ok(f, fixture_try_create(f, body_with(f, file.id, ""), &job));
    assert_string_equal(job.task, "classification");
}

static void
data_for_generating_text_are_no_classification_set(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file = fixture_upload(f, "chat.jsonl", chat_rows(f, 60, 60));
    assert_int_equal(file.status, FILE_PROCESSED);
    struct fault fault =
        refused(f, body_with(f, file.id, ""), FAULT_NOT_A_CLASSIFICATION_SET, "training_file");
    assert_non_null(strstr(fault.message, "generating text"));
}

static void
new_label_in_validation_is_named_by_line(void **state)
{
    struct service_fixture *f = *state;
    struct file_info training = fixture_upload(f, "train.jsonl", fixture_rows(f, 20));
    struct file_info other =
        fixture_upload(f, "other.csv", "text,label\nthe film,positive\nthe book,strange\n");
    struct fault fault =
        refused(f,
                body_with(f, training.id,
                          arena_printf(f->arena, ", \"validation_file\": \"%s\"", other.id)),
                FAULT_INVALID_VALIDATION_FILE, "validation_file");
    assert_int_equal(fault.line, 3);
    refused(f,
            body_with(f, training.id, arena_printf(f->arena, ", \"test_file\": \"%s\"", other.id)),
            FAULT_INVALID_TEST_FILE, "test_file");
}

static void
columns_make_a_file_fit(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = {0};
    struct file_info file =
        fixture_upload(f, "renamed.csv",
                       "utterance,intent\nthe film,good\nthe book,bad\na meal,good\na room,bad\n");
    assert_int_equal(file.status, FILE_PROCESSED);
    refused(f, body_with(f, file.id, ""), FAULT_INVALID_TRAINING_FILE, "training_file");
    fixture_ok(f, fixture_try_create(
                      f,
                      body_with(f, file.id,
                                ", \"columns\": {\"text\": \"utterance\", \"label\": \"intent\"}"),
                      &job));
    assert_string_equal(job.labels_json, "[\"bad\",\"good\"]");
}

static void
too_long_a_sequence_names_the_parameter(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 20));
    refused(f, body_with(f, file.id, ", \"max_seq_length\": 33"), FAULT_INVALID_PARAMETER,
            "max_seq_length");
}

/* OpenBLAS computes in fp32 alone, whatever the processor. */
static void
bf16_is_refused_where_the_engine_has_none(void **state)
{
    struct service_fixture *f = *state;
    gemm_engine_close(f->engine);
    if (gemm_engine_open("openblas", &f->engine, &f->err) != 0)
        fail_msg("%s", f->err.message);
    fixture_open(f);
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 20));
    struct fault fault = refused(f, body_with(f, file.id, ", \"precision\": \"bf16\""),
                                 FAULT_INVALID_PARAMETER, "precision");
    assert_non_null(strstr(fault.message, "\"fp32\""));
    struct job_info job = fixture_create(f, 20, ", \"precision\": \"auto\"");
    assert_non_null(strstr(job.parameters_json, "\"precision\":\"fp32\""));
    assert_int_equal(
        fixture_count_events(f, job.id, "precision = fp32 (engine and processor have no"), 1);
}

static void
how_it_is_computed_is_taken_from_the_request(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job =
        fixture_create(f, 20, ", \"gradient_checkpointing\": true, \"batching\": \"grouped\"");
    assert_non_null(strstr(job.parameters_json, "\"gradient_checkpointing\":true"));
    assert_non_null(strstr(job.parameters_json, "\"batching\":\"grouped\""));
}

static void
the_memory_of_a_job_is_told_before_it_runs(void **state)
{
    struct service_fixture *f = *state;
    struct job_info small = fixture_create(f, 40, ", \"batch_size\": 1");
    struct job_info large = fixture_create(f, 40, ", \"batch_size\": 40");
    assert_true(small.estimated_memory_bytes > 1024 * 1024);
    assert_true(large.estimated_memory_bytes > small.estimated_memory_bytes);
    assert_int_equal(fixture_get(f, large.id).estimated_memory_bytes, large.estimated_memory_bytes);
}

static void
validation_file_and_split_exclude_each_other(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 20));
    const char *more = arena_printf(f->arena, ", \"validation_file\": \"%s\"", file.id);
    struct job_info job;
    refused(f, body_with(f, file.id, arena_printf(f->arena, "%s, \"validation_split\": 0.2", more)),
            FAULT_INVALID_PARAMETER, "validation_split");
    fixture_ok(f, fixture_try_create(f, body_with(f, file.id, more), &job));
    assert_non_null(strstr(job.parameters_json, "\"validation_split\":0,"));
}

static void
model_without_a_tokenizer_of_ours_is_refused(void **state)
{
    struct service_fixture *f = *state;
    fixture_close(f);
    fixture_write_model(f, "models/foreign");
    scratch_write_text(
        &f->scratch, "models/foreign/tokenizer.json",
        "{\"normalizer\": {\"type\": \"NFKC\"}, \"model\": {\"type\": \"WordPiece\"}}");
    fixture_open(f);
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 20));
    struct fault fault = refused(
        f, arena_printf(f->arena, "{\"model\": \"foreign\", \"training_file\": \"%s\"}", file.id),
        FAULT_NOT_SUPPORTED_YET, "model");
    assert_non_null(strstr(fault.message, "NFKC"));
}

static void
task_and_labels_follow_from_the_file_or_from_the_request(void **state)
{
    struct service_fixture *f = *state;
    static const struct {
        const char *rows, *more, *task, *labels, *event;
    } cases[] = {
        {"{\"text\": \"a\", \"label\": 0.5}\n{\"text\": \"b\", \"label\": 1}\n", "", "regression",
         "[\"label\"]", "with 1 number (task regression)"},
        {"{\"text\": \"a\", \"label\": 0.5}\n{\"text\": \"b\", \"label\": 1}\n",
         ", \"task\": \"classification\"", "classification", "[\"0.5\",\"1\"]", "with 2 labels, "},
        {"{\"text\": \"a\", \"labels\": [\"y\", \"x\"]}\n{\"text\": \"b\", \"labels\": []}\n", "",
         "multi_label", "[\"x\",\"y\"]", "with 2 labels (task multi_label)"},
        {"{\"tokens\": [\"a\", \"b\"], \"labels\": [\"O\", \"B-x\"]}\n", "", "token_classification",
         "[\"B-x\",\"O\"]", "with 2 labels (task token_classification)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct job_info job = {0};
        struct file_info file = fixture_upload(f, "rows.jsonl", cases[i].rows);
        fixture_ok(f, fixture_try_create(f, body_with(f, file.id, cases[i].more), &job));
        assert_string_equal(job.task, cases[i].task);
        assert_string_equal(job.labels_json, cases[i].labels);
        assert_int_equal(fixture_count_events(f, job.id, cases[i].event), 1);
    }
}

static void
options_that_a_task_has_no_use_for_are_refused_by_name(void **state)
{
    struct service_fixture *f = *state;
    struct file_info file =
        fixture_upload(f, "scores.jsonl",
                       "{\"text\": \"a\", \"label\": 0.5}\n{\"text\": \"b\", \"label\": 1.5}\n");
    refused(f, body_with(f, file.id, ", \"class_weights\": \"balanced\""), FAULT_INVALID_PARAMETER,
            "class_weights");
    refused(f, body_with(f, file.id, ", \"hyperparameters\": {\"focal_gamma\": 2}"),
            FAULT_INVALID_PARAMETER, "focal_gamma");
}

static void
model_with_a_damaged_file_names_the_tensor(void **state)
{
    struct service_fixture *f = *state;
    fixture_close(f);
    fixture_write_model(f, "models/damaged");
    /* A valid file of tensors, which is not this network's. */
    static const char header[] =
        "{\"embeddings.word_embeddings.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],"
        "\"data_offsets\":[0,8]}} ";
    unsigned char bytes[8 + sizeof header - 1 + 8] = {sizeof header - 1};
    memcpy(bytes + 8, header, sizeof header - 1);
    scratch_write(&f->scratch, "models/damaged/model.safetensors", bytes, sizeof bytes);
    fixture_open(f);
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 20));
    struct fault fault = refused(
        f, arena_printf(f->arena, "{\"model\": \"damaged\", \"training_file\": \"%s\"}", file.id),
        FAULT_INVALID_PARAMETER, "model");
    assert_non_null(strstr(fault.message, "word_embeddings"));
}

static void
alias_stands_for_its_model(void **state)
{
    struct service_fixture *f = *state;
    struct model_alias alias = {"gpt-4o-mini-2024-07-18", "tiny"};
    struct service_options options = fixture_options(f);
    options.aliases = &alias;
    options.alias_count = 1;
    if (service_open(&options, &f->service, &f->err) != 0)
        fail_msg("%s", f->err.message);
    struct job_info job = {0};
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, 20));
    fixture_ok(f, fixture_try_create(f,
                                     arena_printf(f->arena,
                                                  "{\"model\": \"gpt-4o-mini-2024-07-18\", "
                                                  "\"training_file\": \"%s\"}",
                                                  file.id),
                                     &job));
    assert_string_equal(job.model, "tiny");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(auto_values_are_resolved_and_stored),
        IDLE_TEST(seeds_are_drawn_anew),
        PREPARED_TEST(bf16_is_refused_where_the_engine_has_none),
        IDLE_TEST(how_it_is_computed_is_taken_from_the_request),
        IDLE_TEST(the_memory_of_a_job_is_told_before_it_runs),
        IDLE_TEST(all_faults_of_a_body_are_told_at_once),
        IDLE_TEST(missing_things_are_told_together),
        IDLE_TEST(broken_line_is_named),
        IDLE_TEST(text_that_is_not_utf8_is_named_by_line),
        IDLE_TEST(file_without_labels_is_refused),
        IDLE_TEST(one_label_only_is_refused),
        IDLE_TEST(chat_rows_with_a_few_answers_are_a_job),
        IDLE_TEST(data_for_generating_text_are_no_classification_set),
        IDLE_TEST(new_label_in_validation_is_named_by_line),
        IDLE_TEST(columns_make_a_file_fit),
        IDLE_TEST(too_long_a_sequence_names_the_parameter),
        IDLE_TEST(validation_file_and_split_exclude_each_other),
        IDLE_TEST(model_without_a_tokenizer_of_ours_is_refused),
        IDLE_TEST(task_and_labels_follow_from_the_file_or_from_the_request),
        IDLE_TEST(options_that_a_task_has_no_use_for_are_refused_by_name),
        IDLE_TEST(model_with_a_damaged_file_names_the_tensor),
        PREPARED_TEST(alias_stands_for_its_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
