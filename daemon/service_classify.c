/*
 * Using a model: texts to the scores of labels.
 */
#include "daemon/service_predict.h"

int
service_classify(struct service *service, const char *model, const struct classify_input *inputs,
                 size_t count, struct arena *arena, struct classify_result *out,
                 struct fault_list *faults)
{
    const struct predict_order order = {
        .model = model, .output = PREDICT_SCORES, .inputs = inputs, .count = count};
    struct predict_answer answer = {0};
    if (service_predict(service, &order, arena, &answer, faults) != 0)
        return -1;
    *out = (struct classify_result){
        .model = answer.model.id,
        .task = answer.prediction.task,
        .target = answer.prediction.target,
        .labels = answer.prediction.labels,
        .label_count = answer.prediction.label_count,
        .thresholds = answer.prediction.thresholds,
        .scores = answer.prediction.values,
        .input_count = count,
        .tokens = answer.prediction.tokens,
    };
    return 0;
}
