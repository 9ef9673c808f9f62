/*
 * Using a model for whoever takes what it says, whatever its task: texts to scores or to words.
 */
#include "daemon/service_predict.h"

int
service_answer(struct service *service, const char *model, const struct classify_input *inputs,
               size_t count, struct arena *arena, struct model_answer *out,
               struct fault_list *faults)
{
    const struct predict_order order = {
        .model = model, .by_task = true, .inputs = inputs, .count = count};
    struct predict_answer answer = {0};
    *out = (struct model_answer){0};
    if (service_predict(service, &order, arena, &answer, faults) != 0)
        return -1;
    if (answer.output == PREDICT_WORDS) {
        struct label_words_result *words = arena_alloc(arena, sizeof *words);
        *words = service_words_of(&answer, &order, arena);
        out->words = words;
    } else {
        struct classify_result *scores = arena_alloc(arena, sizeof *scores);
        *scores = service_scores_of(&answer, count);
        out->scores = scores;
    }
    return 0;
}
