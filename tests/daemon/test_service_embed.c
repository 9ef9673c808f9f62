/*
 * Vectors of texts through the seam, and the text of a conversation.
 */
#include "tests/daemon/service_fixture.h"

#include <math.h>

enum { INPUTS = 60 };

static const char *
train_model(struct service_fixture *f)
{
    struct job_info job = fixture_create(f, 40, ", \"n_epochs\": 1, \"seed\": 1");
    return fixture_wait_success(f, job.id).fine_tuned_model;
}

static struct classify_input
input_of(const char *text)
{
    return (struct classify_input){.first = text, .first_length = strlen(text)};
}

static struct embed_result
embed(struct service_fixture *f, const struct embed_call *call)
{
    struct embed_result result = {0};
    fixture_ok(f, service_embed(f->service, call, f->arena, &result, &f->faults));
    return result;
}

static double
dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void
vectors_of_a_fine_tuned_model_are_of_unit_length(void **state)
{
    struct service_fixture *f = *state;
    struct classify_input inputs[INPUTS];
    const char *model = train_model(f);
    for (size_t i = 0; i < INPUTS; i++)
        inputs[i] = input_of(i % 2 == 0 ? "the film was very lovely" : "the meal was quite awful");
    for (size_t pooling = 0; pooling < 2; pooling++) {
        struct embed_result result =
            embed(f, &(struct embed_call){.model = model,
                                          .inputs = inputs,
                                          .count = INPUTS,
                                          .pooling = pooling == 0 ? EMBED_MEAN : EMBED_FIRST});
        size_t n = result.dimensions;
        assert_string_equal(result.model, model);
        assert_int_equal(result.input_count, INPUTS);
        assert_int_equal(result.tokens, INPUTS * 7);
        for (size_t i = 0; i < INPUTS; i++) {
            const float *vector = result.vectors + i * n;
            assert_true(fabs(dot(vector, vector, n) - 1) < 1e-6);
            assert_true(fabs(dot(vector, result.vectors + i % 2 * n, n) - 1) < 1e-6);
        }
        assert_true(dot(result.vectors, result.vectors + n, n) < 1 - 1e-6);
    }
}

static void
shorter_vectors_are_the_same_direction_cut(void **state)
{
    struct service_fixture *f = *state;
    struct classify_input input = input_of("the film was very lovely");
    struct embed_call call = {.model = train_model(f), .inputs = &input, .count = 1};
    struct embed_result whole = embed(f, &call);
    call.dimensions = 3;
    struct embed_result cut = embed(f, &call);
    double length = sqrt(dot(whole.vectors, whole.vectors, 3));
    assert_int_equal(cut.dimensions, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(fabs((double)cut.vectors[i] * length - (double)whole.vectors[i]) < 1e-6);
    call.dimensions = whole.dimensions;
    assert_true(embed(f, &call).vectors[0] == whole.vectors[0]);
    call.dimensions = whole.dimensions + 1;
    struct embed_result result;
    fixture_refused(f, service_embed(f->service, &call, f->arena, &result, &f->faults),
                    FAULT_INVALID_PARAMETER, "dimensions");
}

/* The small base model of the fixture has a folder without weights. */
static void
models_that_know_nothing_are_refused(void **state)
{
    struct service_fixture *f = *state;
    struct classify_input input = input_of("the film");
    struct embed_call call = {.model = "tiny", .inputs = &input, .count = 1};
    struct embed_result result;
    struct fault fault =
        fixture_refused(f, service_embed(f->service, &call, f->arena, &result, &f->faults),
                        FAULT_INVALID_PARAMETER, "model");
    assert_non_null(strstr(fault.message, "no weights"));
    call.model = "no-such";
    fixture_refused(f, service_embed(f->service, &call, f->arena, &result, &f->faults),
                    FAULT_MODEL_NOT_FOUND, "model");
    call.count = 0;
    fixture_refused(f, service_embed(f->service, &call, f->arena, &result, &f->faults),
                    FAULT_INVALID_PARAMETER, "input");
}

/* Both kinds of questions to one model, in turn: neither disturbs the other. */
static void
embedding_and_classifying_take_turns(void **state)
{
    struct service_fixture *f = *state;
    struct classify_input input = input_of("the film was very lovely");
    struct embed_call call = {.model = train_model(f), .inputs = &input, .count = 1};
    struct classify_result first = {0};
    float vector = embed(f, &call).vectors[0];
    fixture_ok(f,
               service_classify(f->service, call.model, &input, 1, f->arena, &first, &f->faults));
    for (size_t i = 0; i < 5; i++) {
        struct classify_result again = {0};
        fixture_ok(
            f, service_classify(f->service, call.model, &input, 1, f->arena, &again, &f->faults));
        assert_true(again.scores[0] == first.scores[0]);
        assert_true(embed(f, &call).vectors[0] == vector);
    }
}

static void
conversation_asks_about_its_last_user_message(void **state)
{
    struct service_fixture *f = *state;
    struct err err;
    struct classify_input input;
    static const char text[] = "[{\"role\":\"user\",\"content\":\"one\"},{\"role\":\"assistant\","
                               "\"content\":\"x\"},{\"role\":\"user\",\"content\":\"two\"}]";
    json_t *messages = json_parse(text, sizeof text - 1, false, &err);
    fixture_ok(f, service_chat_text(messages, "messages", f->arena, &input, &f->faults));
    json_decref(messages); /* the text is a copy */
    assert_string_equal(input.first, "two");
    assert_int_equal(input.first_length, 3);
    assert_null(input.second);
    fixture_refused(f, service_chat_text(NULL, "messages", f->arena, &input, &f->faults),
                    FAULT_INVALID_PARAMETER, "messages");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RUNNING_TEST(vectors_of_a_fine_tuned_model_are_of_unit_length),
        RUNNING_TEST(shorter_vectors_are_the_same_direction_cut),
        RUNNING_TEST(models_that_know_nothing_are_refused),
        RUNNING_TEST(embedding_and_classifying_take_turns),
        RUNNING_TEST(conversation_asks_about_its_last_user_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
