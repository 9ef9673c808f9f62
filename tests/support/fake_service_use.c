/* Using the fake service's models; see fake_service.h. */
#include "tests/support/fake_service_state.h"

#include <string.h>

/* Called with the lock held. */
static void
pass_gate(struct service *service)
{
    service->at_gate++;
    pthread_cond_broadcast(&service->changed);
    while (service->gate_closed)
        pthread_cond_wait(&service->changed, &service->mutex);
}

void
fake_service_set_task(struct service *service, enum task task)
{
    pthread_mutex_lock(&service->mutex);
    service->task = task;
    pthread_mutex_unlock(&service->mutex);
}

static enum task
task_of(const struct service *service)
{
    return service->task == TASK_AUTO ? TASK_CLASSIFICATION : service->task;
}

/* The first word is a PER, by its bytes up to the first blank; the rest is nothing. */
int
service_label_words(struct service *service, const char *model, const struct classify_input *inputs,
                    size_t count, struct arena *arena, struct label_words_result *out,
                    struct fault_list *faults)
{
    if (fake_enter(service, faults) != 0)
        return fake_leave(service, -1);
    struct labelled_text *texts = arena_array(arena, count, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        struct labelled_span *spans = arena_array(arena, 2, sizeof *spans);
        size_t length =
            inputs[i].words != NULL ? inputs[i].words[0].length : strcspn(inputs[i].first, " ");
        const char *word = arena_copy_bytes(arena, inputs[i].first, length);
        spans[0] = (struct labelled_span){0, length, word, "B-PER", 0.75};
        spans[1] = (struct labelled_span){0, length, word, "PER", 0.75};
        texts[i] = (struct labelled_text){{&spans[0], 1}, {&spans[1], 1}};
    }
    *out = (struct label_words_result){arena_copy_string(arena, model), texts, count, 3 * count};
    return fake_leave(service, 0);
}

int
service_classify(struct service *service, const char *model, const struct classify_input *inputs,
                 size_t count, struct arena *arena, struct classify_result *out,
                 struct fault_list *faults)
{
    struct model_info info;
    int result = fake_enter(service, faults);
    pass_gate(service);
    if (result != 0 || fake_find_model(service, model, &info, faults) != 0)
        return fake_leave(service, -1);
    if (!info.fine_tuned)
        return fake_leave(service, fault_add(faults, FAULT_MODEL_NOT_FINE_TUNED, "model",
                                             "The model has no classifier yet."));
    static const float thresholds[FAKE_LABELS] = {0.5f, 0.25f, 0.2f};
    float *scores = arena_array(arena, count * FAKE_LABELS, sizeof *scores);
    size_t tokens = 0;
    for (size_t i = 0; i < count; i++) {
        tokens += inputs[i].first_length + inputs[i].second_length;
        scores[i * FAKE_LABELS] = 0.1f;
        scores[i * FAKE_LABELS + 1] = inputs[i].second != NULL ? 0.7f : 0.65f;
        scores[i * FAKE_LABELS + 2] = 0.2f;
    }
    *out = (struct classify_result){
        .model = arena_copy_string(arena, model),
        .task = task_of(service),
        .target = "label",
        .labels = fake_labels,
        .label_count = FAKE_LABELS,
        .thresholds = service->task == TASK_MULTI_LABEL ? thresholds : NULL,
        .scores = scores,
        .input_count = count,
        .tokens = tokens,
    };
    return fake_leave(service, 0);
}

int
service_moderate(struct service *service, const char *model, const struct classify_input *inputs,
                 size_t count, struct arena *arena, struct classify_result *out,
                 struct fault_list *faults)
{
    if (service_classify(service, model, inputs, count, arena, out, faults) != 0)
        return -1;
    if (out->task == TASK_MULTI_LABEL)
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, "model", "The model is of another task.");
}

int
service_answer(struct service *service, const char *model, const struct classify_input *inputs,
               size_t count, struct arena *arena, struct model_answer *out,
               struct fault_list *faults)
{
    struct classify_result *scores = arena_alloc(arena, sizeof *scores);
    struct label_words_result *words = arena_alloc(arena, sizeof *words);
    *out = (struct model_answer){0};
    pthread_mutex_lock(&service->mutex);
    bool says_words = task_of(service) == TASK_TOKEN_CLASSIFICATION;
    pthread_mutex_unlock(&service->mutex);
    if (says_words)
        out->words = words;
    else
        out->scores = scores;
    return says_words ? service_label_words(service, model, inputs, count, arena, words, faults)
                      : service_classify(service, model, inputs, count, arena, scores, faults);
}

/* Vectors along an axis of their own for each kind of pooling: the mean's is the first. */
int
service_embed(struct service *service, const struct embed_call *call, struct arena *arena,
              struct embed_result *out, struct fault_list *faults)
{
    struct model_info info;
    if (fake_enter(service, faults) != 0 ||
        fake_find_model(service, call->model, &info, faults) != 0)
        return fake_leave(service, -1);
    if (call->dimensions > FAKE_DIMENSIONS)
        return fake_leave(service, fault_add(faults, FAULT_INVALID_PARAMETER, "dimensions",
                                             "The model has fewer dimensions."));
    size_t width = call->dimensions > 0 ? call->dimensions : FAKE_DIMENSIONS;
    float *vectors = arena_array(arena, call->count, width * sizeof *vectors);
    size_t tokens = 0;
    for (size_t i = 0; i < call->count; i++) {
        tokens += call->inputs[i].first_length + call->inputs[i].second_length;
        vectors[i * width + (call->pooling == EMBED_MEAN ? 0 : width - 1)] = 1.0f;
    }
    *out = (struct embed_result){
        .model = arena_copy_string(arena, call->model),
        .dimensions = width,
        .vectors = vectors,
        .input_count = call->count,
        .tokens = tokens,
    };
    return fake_leave(service, 0);
}
