/*
 * What classifying and embedding share behind the seam: from a model's name and a client's texts to
 * numbers, by the predictor thread. For daemon/service_*.c only.
 */
#ifndef DAEMON_SERVICE_PREDICT_H
#define DAEMON_SERVICE_PREDICT_H

#include "daemon/service_state.h"

struct predict_order {
    const char *model;
    enum predict_output output;
    bool by_task;   /* instead: scores or words, whichever the model's task gives */
    bool moderates; /* only a model of multi_label will do */
    const struct classify_input *inputs;
    size_t count;
};

struct predict_answer {
    struct catalog_model model;
    enum predict_output output;
    struct prediction prediction;
};

/* Check the texts, find the model, compute; every failure is a fault. */
int service_predict(struct service *service, const struct predict_order *order, struct arena *arena,
                    struct predict_answer *out, struct fault_list *faults);

/* The answer to an order as the seam tells it: of scores, and of words. */
struct classify_result service_scores_of(const struct predict_answer *answer, size_t count);
struct label_words_result service_words_of(const struct predict_answer *answer,
                                           const struct predict_order *order, struct arena *arena);

/* MODEL_NOT_FINE_TUNED; param: what named the model. */
int service_fault_not_fine_tuned(struct fault_list *faults, const char *param, const char *model);

#endif
