/*
 * The seam, continued: using models on texts. Included by service.h, which says the rules.
 */
#ifndef DAEMON_SERVICE_USE_H
#define DAEMON_SERVICE_USE_H

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/data/task.h"
#include "core/data/word.h"
#include "daemon/fault.h"

#include <stddef.h>
#include <stdint.h>

struct service;

/* One text, or a pair when second is not NULL. Lengths in bytes. */
struct classify_input {
    const char *first;
    size_t first_length;
    const char *second;
    size_t second_length;
    const struct data_word *words; /* of `first`, where the client divided it; else NULL */
    size_t word_count;
};

/* Texts of one request. */
enum { CLASSIFY_MAX_INPUTS = 2048 };

/*
 * The text that a chat asks about, by the rule of training data (core/data/chat.h): that of the
 * last user message. `messages` may be of any type; the text is copied into arena.
 * INVALID_PARAMETER with `param` when there is none. Needs no service.
 */
int service_chat_text(const json_t *messages, const char *param, struct arena *arena,
                      struct classify_input *out, struct fault_list *faults);

struct classify_result {
    const char *model;  /* never an alias */
    enum task task;     /* classification, multi_label or regression */
    const char *target; /* the key of each result: "label", or what the training data calls it */
    const char *const *labels;
    size_t label_count;
    const float *thresholds; /* (labels): a label of multi_label counts from here on; else NULL */
    const float *scores;     /* (inputs, labels): probabilities, or regression's numbers */
    size_t input_count;
    size_t tokens;
};

/* SLOW. MODEL_NOT_FINE_TUNED for a base model; MODEL_NOT_FOUND, and INVALID_PARAMETER for a model
 * that labels words, with param "model". */
int service_classify(struct service *service, const char *model,
                     const struct classify_input *inputs, size_t count, struct arena *arena,
                     struct classify_result *out, struct fault_list *faults);

/* SLOW. The same for models of multi_label; INVALID_PARAMETER for all others. */
int service_moderate(struct service *service, const char *model,
                     const struct classify_input *inputs, size_t count, struct arena *arena,
                     struct classify_result *out, struct fault_list *faults);

/* A word with its label, or an entity: neighbouring words with its type as the label. */
struct labelled_span {
    size_t start, end; /* code points of the text */
    const char *text;
    const char *label;
    double probability; /* of an entity the mean over its words */
};

struct labelled_spans {
    const struct labelled_span *items;
    size_t count;
};

struct labelled_text {
    struct labelled_spans words;    /* that the model saw; all but those behind its limit */
    struct labelled_spans entities; /* none where labels are not O and prefixes with types */
};

struct label_words_result {
    const char *model; /* never an alias */
    const struct labelled_text *texts;
    size_t input_count;
    size_t tokens;
};

/* SLOW. As service_classify, for models of token_classification; INVALID_PARAMETER for others. */
int service_label_words(struct service *service, const char *model,
                        const struct classify_input *inputs, size_t count, struct arena *arena,
                        struct label_words_result *out, struct fault_list *faults);

/* What a model says of texts, by its task: one of the two. */
struct model_answer {
    const struct classify_result *scores;
    const struct label_words_result *words;
};

/* SLOW. service_classify or service_label_words, whichever is the model's. */
int service_answer(struct service *service, const char *model, const struct classify_input *inputs,
                   size_t count, struct arena *arena, struct model_answer *out,
                   struct fault_list *faults);

enum embed_pooling { EMBED_MEAN, EMBED_FIRST };

struct embed_call {
    const char *model;
    const struct classify_input *inputs;
    size_t count;
    enum embed_pooling pooling;
    size_t dimensions; /* so many of the first, again of unit length; 0: all */
};

struct embed_result {
    const char *model; /* never an alias */
    size_t dimensions;
    const float *vectors; /* (inputs, dimensions), each of unit length */
    size_t input_count;
    size_t tokens;
};

/* SLOW. Any model with weights; INVALID_PARAMETER for more dimensions than it has. */
int service_embed(struct service *service, const struct embed_call *call, struct arena *arena,
                  struct embed_result *out, struct fault_list *faults);

#endif
