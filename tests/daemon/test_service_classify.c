/*
 * Classification through the seam.
 */
#include "tests/daemon/service_fixture.h"

#include <math.h>
#include <pthread.h>

static struct classify_input
input_of(const char *text)
{
    return (struct classify_input){.first = text, .first_length = strlen(text)};
}

/* A model that has learned the rows. */
static const char *
train_model(struct service_fixture *f)
{
    struct job_info job = fixture_create(
        f, 120,
        ", \"n_epochs\": 10, \"batch_size\": 4, \"seed\": 1, \"learning_rate_multiplier\": 0.5");
    job = fixture_wait_success(f, job.id);
    assert_true(fixture_value(job.metrics, job.metric_count, "valid_accuracy") == 1.0);
    return job.fine_tuned_model;
}

static const char *
best_label(const struct classify_result *result, size_t row)
{
    size_t best = 0;
    for (size_t i = 1; i < result->label_count; i++)
        if (result->scores[row * result->label_count + i] >
            result->scores[row * result->label_count + best])
            best = i;
    return result->labels[best];
}

static void
rows_sum_to_one_and_labels_are_right(void **state)
{
    struct service_fixture *f = *state;
    const char *model = train_model(f);
    struct classify_input inputs[100];
    struct classify_result result = {0};
    for (size_t i = 0; i < 100; i++)
        inputs[i] = input_of(i % 2 == 0 ? "the film was very lovely" : "the meal was quite awful");
    fixture_ok(f, service_classify(f->service, model, inputs, 100, f->arena, &result, &f->faults));
    assert_string_equal(result.model, model);
    assert_string_equal(result.target, "label");
    assert_int_equal(result.input_count, 100);
    assert_int_equal(result.label_count, 2);
    assert_int_equal(result.tokens, 100 * 7);
    for (size_t i = 0; i < 100; i++) {
        double sum = 0;
        for (size_t j = 0; j < 2; j++)
            sum += (double)result.scores[2 * i + j];
        assert_true(fabs(sum - 1) < 1e-5);
        assert_string_equal(best_label(&result, i), i % 2 == 0 ? "positive" : "negative");
    }
}

/* Rows in Mistral's form name what their labels are of; so do the answers, model and checkpoint. */
static void
results_carry_the_name_that_the_rows_gave(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = {0};
    struct buf rows = {0};
    struct classify_input input = input_of("the film was fine");
    for (size_t i = 0; i < 20; i++)
        buf_printf(&rows, "{\"text\": \"the film was %s\", \"labels\": {\"mood\": \"%s\"}}\n",
                   i % 2 == 0 ? "fine" : "bad", i % 2 == 0 ? "up" : "down");
    struct file_info file = fixture_upload(f, "train.jsonl", buf_string(&rows));
    buf_fini(&rows);
    fixture_ok(f, fixture_try_create(f,
                                     arena_printf(f->arena,
                                                  "{\"model\": \"tiny\", \"training_file\": "
                                                  "\"%s\", \"n_epochs\": 1}",
                                                  file.id),
                                     &job));
    const char *model = fixture_wait_success(f, job.id).fine_tuned_model;
    struct checkpoint_list list = {0};
    struct page page = {.limit = 1};
    fixture_ok(f, service_job_checkpoints(f->service, job.id, &page, f->arena, &list, &f->faults));
    const char *names[] = {model, list.items[0].model};
    for (size_t i = 0; i < 2; i++) {
        struct classify_result result = {0};
        fixture_ok(
            f, service_classify(f->service, names[i], &input, 1, f->arena, &result, &f->faults));
        assert_string_equal(result.target, "mood");
        assert_int_equal(result.label_count, 2);
    }
}

static void
inputs_that_cannot_be_are_refused(void **state)
{
    struct service_fixture *f = *state;
    struct classify_input *many = arena_array(f->arena, CLASSIFY_MAX_INPUTS + 1, sizeof *many);
    struct classify_result result;
    for (size_t i = 0; i <= CLASSIFY_MAX_INPUTS; i++)
        many[i] = input_of("the film");
    fixture_refused(f,
                    service_classify(f->service, "tiny", many, CLASSIFY_MAX_INPUTS + 1, f->arena,
                                     &result, &f->faults),
                    FAULT_INVALID_PARAMETER, "input");
    fixture_refused(f, service_classify(f->service, "tiny", many, 0, f->arena, &result, &f->faults),
                    FAULT_INVALID_PARAMETER, "input");
    many[1] = input_of("caf\xe9");
    struct fault fault = fixture_refused(
        f, service_classify(f->service, "tiny", many, 2, f->arena, &result, &f->faults),
        FAULT_INVALID_PARAMETER, "input");
    assert_non_null(strstr(fault.message, "input 1"));
}

static void
models_that_cannot_classify_are_refused(void **state)
{
    struct service_fixture *f = *state;
    struct classify_input input = input_of("the film");
    struct classify_result result;
    fixture_refused(f,
                    service_classify(f->service, "tiny", &input, 1, f->arena, &result, &f->faults),
                    FAULT_MODEL_NOT_FINE_TUNED, "model");
    fixture_refused(
        f, service_classify(f->service, "no-such", &input, 1, f->arena, &result, &f->faults),
        FAULT_MODEL_NOT_FOUND, "model");
}

static void
answer_follows_the_task_and_moderations_want_theirs(void **state)
{
    struct service_fixture *f = *state;
    const char *model = train_model(f);
    struct classify_input input = input_of("the film was very lovely");
    struct classify_result result = {0};
    struct model_answer answer = {0};
    fixture_ok(f, service_answer(f->service, model, &input, 1, f->arena, &answer, &f->faults));
    assert_null(answer.words);
    assert_string_equal(best_label(answer.scores, 0), "positive");
    struct fault fault = fixture_refused(
        f, service_moderate(f->service, model, &input, 1, f->arena, &result, &f->faults),
        FAULT_INVALID_PARAMETER, "model");
    assert_non_null(strstr(fault.message, "is a model of classification"));
    fixture_refused(f,
                    service_moderate(f->service, "tiny", &input, 1, f->arena, &result, &f->faults),
                    FAULT_MODEL_NOT_FINE_TUNED, "model");
}

static void
deleted_model_is_not_found_although_it_was_loaded(void **state)
{
    struct service_fixture *f = *state;
    const char *model = train_model(f);
    struct classify_input input = input_of("the film was fine");
    struct classify_result result = {0};
    fixture_ok(f, service_classify(f->service, model, &input, 1, f->arena, &result, &f->faults));
    fixture_ok(f, service_model_delete(f->service, model, &f->faults));
    fixture_refused(f,
                    service_classify(f->service, model, &input, 1, f->arena, &result, &f->faults),
                    FAULT_MODEL_NOT_FOUND, "model");
}

/* More models than stay loaded, used in turn: each answers as it did the first time. */
static void
models_in_turn_keep_their_answers(void **state)
{
    struct service_fixture *f = *state;
    enum { MODELS = 4 };
    const char *models[MODELS];
    float first[MODELS];
    struct classify_input input = input_of("the room was nasty");
    for (size_t i = 0; i < MODELS; i++) {
        struct job_info job = fixture_create(
            f, 20, arena_printf(f->arena, ", \"n_epochs\": 1, \"seed\": %zu", i + 1));
        models[i] = fixture_wait_success(f, job.id).fine_tuned_model;
    }
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < MODELS; i++) {
            struct classify_result result = {0};
            fixture_ok(f, service_classify(f->service, models[i], &input, 1, f->arena, &result,
                                           &f->faults));
            if (round == 0)
                first[i] = result.scores[0];
            assert_true(result.scores[0] == first[i]);
        }
}

/* A folder of the user's that was fine-tuned elsewhere can be used as it is; a damaged one says
 * why. */
static void
base_model_with_labels_classifies(void **state)
{
    struct service_fixture *f = *state;
    struct classify_input input = input_of("the book was good");
    struct classify_result ours = {0};
    struct classify_result theirs = {0};
    const char *model = train_model(f);
    struct job_list jobs = {0};
    struct page page = {.limit = 1};
    fixture_ok(f, service_classify(f->service, model, &input, 1, f->arena, &ours, &f->faults));
    fixture_ok(f, service_jobs_list(f->service, &page, NULL, 0, f->arena, &jobs, &f->faults));
    fixture_copy_to_bases(f, jobs.items[0].id);
    fixture_close(f);
    fixture_open(f);
    fixture_start(f);
    fixture_ok(f,
               service_classify(f->service, "trained", &input, 1, f->arena, &theirs, &f->faults));
    assert_true(ours.scores[0] == theirs.scores[0]);
    fixture_close(f);
    scratch_write_text(&f->scratch, "models/trained/model.safetensors", "no tensors at all");
    fixture_open(f);
    fixture_start(f);
    fixture_refused(
        f, service_classify(f->service, "trained", &input, 1, f->arena, &theirs, &f->faults),
        FAULT_INVALID_PARAMETER, "model");
}

struct caller {
    pthread_t thread;
    struct service *service;
    const char *model;
    size_t answered;
    bool was_not_ready;
};

static void *
call_often(void *context)
{
    struct caller *caller = context;
    struct classify_input input = input_of("the book was good");
    for (size_t i = 0; i < 20; i++) {
        struct arena *arena = arena_new();
        struct classify_result result = {0};
        struct fault_list *faults = arena_alloc(arena, sizeof *faults);
        faults->arena = arena;
        if (service_classify(caller->service, caller->model, &input, 1, arena, &result, faults) ==
            0)
            caller->answered++;
        else
            caller->was_not_ready = faults->items[0].code == FAULT_NOT_READY;
        arena_free(arena);
    }
    return NULL;
}

static void
many_callers_are_all_answered(void **state)
{
    struct service_fixture *f = *state;
    enum { CALLERS = 8 };
    struct caller callers[CALLERS];
    const char *model = train_model(f);
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.service = f->service, .model = model};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].answered, 20);
    }
}

/* Whoever waits when the daemon stops, and whoever comes afterwards, is told so. */
static void
callers_of_a_stopping_service_are_told(void **state)
{
    struct service_fixture *f = *state;
    struct caller caller = {.service = f->service, .model = train_model(f)};
    struct classify_input input = input_of("the book was good");
    struct classify_result result;
    assert_int_equal(pthread_create(&caller.thread, NULL, call_often, &caller), 0);
    service_stop(f->service);
    pthread_join(caller.thread, NULL);
    assert_true(caller.answered == 20 || caller.was_not_ready);
    fixture_refused(
        f, service_classify(f->service, caller.model, &input, 1, f->arena, &result, &f->faults),
        FAULT_NOT_READY, NULL);
}

static void
classification_is_the_same_while_a_job_trains(void **state)
{
    struct service_fixture *f = *state;
    const char *model = train_model(f);
    struct classify_input input = input_of("the book was good");
    struct classify_result before = {0};
    struct classify_result during = {0};
    fixture_ok(f, service_classify(f->service, model, &input, 1, f->arena, &before, &f->faults));
    struct job_info job = fixture_create_endless(f);
    fixture_wait(f, job.id, job_has_trained);
    fixture_ok(f, service_classify(f->service, model, &input, 1, f->arena, &during, &f->faults));
    assert_int_equal(fixture_get(f, job.id).status, JOB_RUNNING);
    assert_true(before.scores[0] == during.scores[0]);
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RUNNING_TEST(rows_sum_to_one_and_labels_are_right),
        RUNNING_TEST(results_carry_the_name_that_the_rows_gave),
        RUNNING_TEST(inputs_that_cannot_be_are_refused),
        RUNNING_TEST(models_that_cannot_classify_are_refused),
        RUNNING_TEST(answer_follows_the_task_and_moderations_want_theirs),
        RUNNING_TEST(deleted_model_is_not_found_although_it_was_loaded),
        RUNNING_TEST(models_in_turn_keep_their_answers),
        RUNNING_TEST(base_model_with_labels_classifies),
        RUNNING_TEST(many_callers_are_all_answered),
        RUNNING_TEST(callers_of_a_stopping_service_are_told),
        RUNNING_TEST(classification_is_the_same_while_a_job_trains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
