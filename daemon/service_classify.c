/*
 * Using a model: texts to the scores of labels.
 */
#include "daemon/service_predict.h"

struct classify_result
service_scores_of(const struct predict_answer *answer, size_t count)
{
    const struct prediction *prediction = &answer->prediction;
    return (struct classify_result){
        .model = answer->model.id,
        .task = prediction->task,
        .target = prediction->target,
        .labels = prediction->labels,
        .label_count = prediction->label_count,
        .thresholds = prediction->thresholds,
        .scores = prediction->values,
        .input_count = count,
        .tokens = prediction->tokens,
    };
}

static int
score(struct service *service, const struct predict_order *order, struct arena *arena,
      struct classify_result *out, struct fault_list *faults)
{
    struct predict_answer answer = {0};
    if (service_predict(service, order, arena, &answer, faults) != 0)
        return -1;
    *out = service_scores_of(&answer, order->count);
    return 0;
}

int
service_classify(struct service *service, const char *model, const struct classify_input *inputs,
                 size_t count, struct arena *arena, struct classify_result *out,
                 struct fault_list *faults)
{
    const struct predict_order order = {
        .model = model, .output = PREDICT_SCORES, .inputs = inputs, .count = count};
    return score(service, &order, arena, out, faults);
}

int
service_moderate(struct service *service, const char *model, const struct classify_input *inputs,
                 size_t count, struct arena *arena, struct classify_result *out,
                 struct fault_list *faults)
{
    const struct predict_order order = {.model = model,
                                        .output = PREDICT_SCORES,
                                        .moderates = true,
                                        .inputs = inputs,
                                        .count = count};
    return score(service, &order, arena, out, faults);
}
