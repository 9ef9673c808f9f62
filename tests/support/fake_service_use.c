/* Using the fake service's models; see fake_service.h. */
#include "tests/support/fake_service_state.h"

/* Called with the lock held. */
static void
pass_gate(struct service *service)
{
    service->at_gate++;
    pthread_cond_broadcast(&service->changed);
    while (service->gate_closed)
        pthread_cond_wait(&service->changed, &service->mutex);
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
        .target = "label",
        .labels = fake_labels,
        .label_count = FAKE_LABELS,
        .probabilities = scores,
        .input_count = count,
        .tokens = tokens,
    };
    return fake_leave(service, 0);
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
