/* What a model says as the token of an answer; see encode_answer.h. */
#include "api/encode_answer.h"

#include "api/encode_spans.h"

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
        if (!is_taken && (best == SIZE_MAX || result->scores[i] > result->scores[best]))
            best = i;
    }
    return best;
}

static double
logprob_of(double probability)
{
    return probability > 0 ? log(probability) : LEAST_LOGPROB;
}

static struct answer_token
token_of(const struct classify_result *result, size_t label)
{
    return (struct answer_token){.token = result->labels[label],
                                 .logprob = logprob_of((double)result->scores[label])};
}

/* The labels that reach their thresholds as a list, with the probability of just these. */
static void
say_labels(const struct classify_result *result, struct json_out *out, struct answer_token *said)
{
    json_out_array(out, NULL);
    for (size_t i = 0; i < result->label_count; i++) {
        bool counts = result->scores[i] >= result->thresholds[i];
        double probability = (double)result->scores[i];
        if (counts)
            json_out_string(out, NULL, result->labels[i]);
        said->logprob += logprob_of(counts ? probability : 1 - probability);
    }
    json_out_end_array(out);
    said->logprob = said->logprob < LEAST_LOGPROB ? LEAST_LOGPROB : said->logprob;
}

static void
say_numbers(const struct classify_result *result, struct json_out *out)
{
    if (result->label_count == 1) {
        json_out_float(out, NULL, result->scores[0]);
        return;
    }
    json_out_object(out, NULL);
    for (size_t i = 0; i < result->label_count; i++)
        json_out_float(out, result->labels[i], result->scores[i]);
    json_out_end_object(out);
}

/* What is no single label, as JSON. */
static struct answer_token
say_json(const struct answer *answer)
{
    struct buf text = {0};
    struct json_out out = {.buf = &text};
    struct answer_token said = {0};
    if (answer->words != NULL)
        encode_entities(&out, NULL, &answer->words->texts[0]);
    else if (answer->result->task == TASK_MULTI_LABEL)
        say_labels(answer->result, &out, &said);
    else
        say_numbers(answer->result, &out);
    said.token = arena_copy_bytes(answer->arena, buf_string(&text), text.length);
    buf_fini(&text);
    return said;
}

static bool
is_label(const struct answer *answer)
{
    return answer->words == NULL && answer->result->task == TASK_CLASSIFICATION;
}

const char *
answer_model(const struct answer *answer)
{
    return answer->words != NULL ? answer->words->model : answer->result->model;
}

size_t
answer_tokens(const struct answer *answer)
{
    return answer->words != NULL ? answer->words->tokens : answer->result->tokens;
}

bool
answer_has_logprobs(const struct answer *answer)
{
    return answer->logprobs && answer->words == NULL && answer->result->task != TASK_REGRESSION;
}

void
answer_find_words(const struct answer *answer, struct answer_words *out)
{
    size_t taken[ANSWER_MAX_TOP];
    const struct classify_result *result = answer->result;
    if (!is_label(answer)) {
        out->said = say_json(answer);
        return;
    }
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
     .doc = "What is said: it counts as one token."},                                              \
        {"logprob", FIELD_REAL(struct answer_token, logprob),                                      \
         .doc = "Natural logarithm of its probability."},                                          \
    {                                                                                              \
        "bytes",                                                                                   \
            FIELD_WRITTEN(write_bytes, "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}"),   \
            .doc = "The same in UTF-8."                                                            \
    }

static const struct field_row top_rows[] = {TOKEN_ROWS};
static const struct field_object top_fields =
    FIELD_OBJECT("TopLogprob", struct answer_token, top_rows, "A label with its probability.");

static const struct field_row token_rows[] = {
    TOKEN_ROWS,
    {"top_logprobs", FIELD_LIST(struct answer_token, top, top_count, &top_fields),
     .doc = "The most probable labels, as many as were asked for; of a label alone."},
};
const struct field_object answer_token_fields = FIELD_OBJECT(
    "TokenLogprob", struct answer_token, token_rows, "The answer with its probability.");
