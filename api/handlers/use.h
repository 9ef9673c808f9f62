/*
 * What the handlers that use a model share: what they read of their bodies beyond the tables
 * (operations_use.c), and how they wrap their answers.
 *
 * Readers add faults and go on, so that one answer names them all: use_classify looks at them.
 */
#ifndef API_HANDLERS_USE_H
#define API_HANDLERS_USE_H

#include "api/encode_answer.h"
#include "api/request.h"
#include "core/base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct use_call {
    struct request *request;
    json_t *body; /* NULL: it was refused. The texts of the inputs may point into it. */
    const char *model;
    struct classify_input *inputs;
    size_t count;
};

/* Read the body by the route's table; -1 with its faults. To be closed in any case. */
int use_open(struct request *request, struct use_call *out);
void use_close(struct use_call *call);

/* Values that the table has checked. */
bool use_bool(const struct use_call *call, const char *key);
size_t use_count(const struct use_call *call, const char *key, size_t absent);
bool use_is(const struct use_call *call, const char *key, const char *word);

/* `input`: a text, {"text", "text_pair"}, or a list of these. */
void use_inputs(struct use_call *call);

/* A conversation, by the rule of training data, as the one input. */
void use_messages(struct use_call *call, const json_t *messages, const char *param);

/* `input`: {"messages"} or a list of these, each an input. */
void use_conversations(struct use_call *call);

/* `input`: a text, {"tokens"} of a text that is divided into words already, or a list of these. */
void use_word_inputs(struct use_call *call);

/* `input`: a text, {"type": "text", "text"}, {"text", "text_pair"}, or a list of these. */
void use_parts(struct use_call *call);

/* What the model says of the one input, whatever its task, into answer->result or ->words; -1 when
 * there is a fault, now or from before. */
int use_answer(const struct use_call *call, struct answer *answer);

/* The inputs' scores; -1 when there is a fault, now or from before. */
int use_classify(const struct use_call *call, struct classify_result *out);

/*
 * A format of answers ({"type": "text"}, or JSON by whatever schema): does it ask for JSON? Labels
 * are said as they were trained, and these may well be JSON texts: use_check_json refuses a model
 * of classification of which any label is not. What other tasks say is JSON.
 */
bool use_wants_json(const struct use_call *call, const json_t *format, const char *param);
int use_check_json(const struct use_call *call, const struct answer *answer, const char *param);

/* Ids of answers are the request's: answers are not stored. */
const char *use_id(const struct use_call *call, const char *prefix);

/* A whole stream of server-sent events as one answer: nothing of it had to be waited for. */
struct reply use_events_take(struct buf *events);

#endif
