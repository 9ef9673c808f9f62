/*
 * What a model says about one text, in the shapes of OpenAI's chat completions and responses.
 *
 * Field names live here, as in encode.h. The answer is the most probable label or, of other tasks
 * than classification, JSON: the list of labels, the number (an object where there are several),
 * the entities. It counts as one token, whatever its length. A stream is written whole, its events
 * one behind the other: there is nothing of it that would have to be waited for.
 */
#ifndef API_ENCODE_ANSWER_H
#define API_ENCODE_ANSWER_H

#include "api/fields.h"
#include "api/json_out.h"
#include "daemon/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Labels that may be asked for beside the answer's own, and equal answers to one question. */
enum { ANSWER_MAX_TOP = 20, ANSWER_MAX_CHOICES = 128 };

struct answer {
    const char *id;
    int64_t created;
    /* of one input, one of the two */
    const struct classify_result *result;
    const struct label_words_result *words;
    struct arena *arena;
    bool logprobs; /* of a label or a list of labels; numbers and entities have none */
    size_t top;    /* at most ANSWER_MAX_TOP; of a label */
    /* of a chat completion */
    size_t choices; /* 1 to ANSWER_MAX_CHOICES */
    bool stream_usage;
    /* of a response */
    const char *message_id;
    const char *instructions;  /* as they came, or NULL */
    const char *metadata_json; /* an object, or NULL */
};

extern const struct field_object chat_completion_fields, response_fields;

/* The model that answered, and the tokens that it read. */
const char *answer_model(const struct answer *answer);
size_t answer_tokens(const struct answer *answer);

void encode_chat_completion(struct json_out *out, const struct answer *answer);
void encode_chat_stream(struct buf *events, const struct answer *answer);

void encode_response(struct json_out *out, const struct answer *answer);
void encode_response_stream(struct buf *events, const struct answer *answer);

/* ---- for encode_answer.c, encode_chat.c and encode_response.c only --------------------------- */

struct answer_token {
    const char *token;
    double logprob;
    const struct answer_token *top;
    size_t top_count;
};

/* The answer's one token, and the most probable ones beside it. */
struct answer_words {
    struct answer_token said;
    struct answer_token top[ANSWER_MAX_TOP];
};

extern const struct field_object answer_token_fields;

/* Has the answer a probability, and was it asked for? */
bool answer_has_logprobs(const struct answer *answer);

/* Words that point into each other: *out stays where it is. */
void answer_find_words(const struct answer *answer, struct answer_words *out);

#endif
