/* Labels as the tokens of an answer; see encode_answer.h. */
#include "api/encode_answer.h"

#include <math.h>

/* What OpenAI gives in place of the logarithm of zero. */
#define LEAST_LOGPROB (-9999.0)

/* The most probable label that is not yet among the first `count` of `taken`. */
static size_t
next_best(const struct classify_result *result, const size_t *taken, size_t count)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < result->label_count; i++) {
        bool is_taken = false;
        for (size_t j = 0; j < count; j++)
            is_taken |= taken[j] == i;
        if (!is_taken &&
            (best == SIZE_MAX || result->probabilities[i] > result->probabilities[best]))
            best = i;
    }
    return best;
}

static struct answer_token
token_of(const struct classify_result *result, size_t label)
{
    double probability = (double)result->probabilities[label];
    return (struct answer_token){.token = result->labels[label],
                                 .logprob = probability > 0 ? log(probability) : LEAST_LOGPROB};
}

void
answer_find_words(const struct answer *answer, struct answer_words *out)
{
    size_t taken[ANSWER_MAX_TOP];
    const struct classify_result *result = answer->result;
    out->said = token_of(result, next_best(result, NULL, 0));
    out->said.top = out->top;
    for (size_t i = 0; i < answer->top && i < result->label_count; i++) {
        taken[i] = next_best(result, taken, i);
        out->top[i] = token_of(result, taken[i]);
        out->said.top_count++;
    }
}

static void
write_bytes(struct json_out *out, const char *key, const void *item)
{
    const struct answer_token *token = item;
    json_out_array(out, key);
    for (const char *c = token->token; *c != '\0'; c++)
        json_out_integer(out, NULL, (unsigned char)*c);
    json_out_end_array(out);
}

#define TOKEN_ROWS                                                                                 \
    {"token", FIELD_STRING(struct answer_token, token),                                            \
     .doc = "A label: it counts as one token."},                                                   \
        {"logprob", FIELD_REAL(struct answer_token, logprob),                                      \
         .doc = "Natural logarithm of its probability."},                                          \
    {                                                                                              \
        "bytes",                                                                                   \
            FIELD_WRITTEN(write_bytes, "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}"),   \
            .doc = "The label in UTF-8."                                                           \
    }

static const struct field_row top_rows[] = {TOKEN_ROWS};
static const struct field_object top_fields =
    FIELD_OBJECT("TopLogprob", struct answer_token, top_rows, "A label with its probability.");

static const struct field_row token_rows[] = {
    TOKEN_ROWS,
    {"top_logprobs", FIELD_LIST(struct answer_token, top, top_count, &top_fields),
     .doc = "The most probable labels, as many as were asked for."},
};
const struct field_object answer_token_fields = FIELD_OBJECT(
    "TokenLogprob", struct answer_token, token_rows, "The answer with its probability.");
