/*
 * Using a model of token_classification: texts to labelled words and entities.
 */
#include "daemon/service_predict.h"
#include "daemon/word_labels.h"

struct label_words_result
service_words_of(const struct predict_answer *answer, const struct predict_order *order,
                 struct arena *arena)
{
    const struct prediction *prediction = &answer->prediction;
    struct word_labels names = word_labels_of(prediction->labels, prediction->label_count, arena);
    struct labelled_text *texts = arena_array(arena, order->count, sizeof *texts);
    for (size_t i = 0; i < order->count; i++)
        texts[i] = word_labels_apply(&names, order->inputs[i].first, &prediction->words[i]);
    return (struct label_words_result){.model = answer->model.id,
                                       .texts = texts,
                                       .input_count = order->count,
                                       .tokens = prediction->tokens};
}

int
service_label_words(struct service *service, const char *model, const struct classify_input *inputs,
                    size_t count, struct arena *arena, struct label_words_result *out,
                    struct fault_list *faults)
{
    const struct predict_order order = {
        .model = model, .output = PREDICT_WORDS, .inputs = inputs, .count = count};
    struct predict_answer answer = {0};
    if (service_predict(service, &order, arena, &answer, faults) != 0)
        return -1;
    *out = service_words_of(&answer, &order, arena);
    return 0;
}
