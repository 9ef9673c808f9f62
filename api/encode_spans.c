/* Labelled words and entities; see encode_spans.h. */
#include "api/encode_spans.h"

#define SPAN_ROWS(of_label)                                                                        \
    {"text", FIELD_STRING(struct labelled_span, text), .doc = "As it stands in the input."},       \
        {"start", FIELD_COUNT(struct labelled_span, start),                                        \
         .doc = "Where it begins, in code points."},                                               \
        {"end", FIELD_COUNT(struct labelled_span, end), .doc = "Where it ends: not in it."},       \
        {"label", FIELD_STRING(struct labelled_span, label), .doc = of_label},                     \
    {                                                                                              \
        "probability", FIELD_REAL(struct labelled_span, probability),                              \
            .doc = "Of the label; of an entity the mean over its words."                           \
    }

static const struct field_row word_rows[] = {SPAN_ROWS("The most probable one.")};
static const struct field_object word_fields =
    FIELD_OBJECT("LabelledWord", struct labelled_span, word_rows, "A word and its label.");

static const struct field_row entity_rows[] = {SPAN_ROWS("The type, without a prefix.")};
static const struct field_object entity_fields = FIELD_OBJECT(
    "Entity", struct labelled_span, entity_rows, "Neighbouring words that are one thing.");

static const struct field_row spans_rows[] = {
    {"tokens", FIELD_LIST(struct labelled_text, words.items, words.count, &word_fields),
     .doc = "The words that the model saw: all but those behind its limit."},
    {"entities", FIELD_LIST(struct labelled_text, entities.items, entities.count, &entity_fields),
     .doc = "Of labels such as B-PER and I-PER; none where labels are of another kind."},
};
static const struct field_object spans_fields =
    FIELD_OBJECT("LabelledText", struct labelled_text, spans_rows, "Of one input.");

/* An answer is not stored: its id comes from the request. */
struct answer {
    const char *id;
    const char *model;
    const struct labelled_text *texts;
    size_t count;
    size_t tokens;
};

static const struct field_row usage_rows[] = {
    {"prompt_tokens", FIELD_COUNT(struct answer, tokens),
     .doc = "What the model read, special tokens counted."},
    {"completion_tokens", FIELD_JSON("0"), .doc = "Always 0: nothing is generated."},
    {"total_tokens", FIELD_COUNT(struct answer, tokens), .doc = "Their sum."},
};
static const struct field_object usage_fields =
    FIELD_OBJECT("TokenClassificationUsage", struct answer, usage_rows, "Tokens.");

static const struct field_row answer_rows[] = {
    {"id", FIELD_STRING(struct answer, id), .doc = "Of this answer; it is not stored."},
    {"object", FIELD_WORD("token_classification"), .doc = "Always \"token_classification\"."},
    {"model", FIELD_STRING(struct answer, model), .doc = "That answered, never an alias."},
    {"results", FIELD_LIST(struct answer, texts, count, &spans_fields), .doc = "One an input."},
    {"usage", FIELD_SAME(&usage_fields), .doc = "Tokens that were read."},
};
const struct field_object token_classification_fields =
    FIELD_OBJECT("TokenClassification", struct answer, answer_rows, "Labels of words.");

void
encode_token_classification(struct json_out *out, const char *id,
                            const struct label_words_result *result)
{
    struct answer answer = {id, result->model, result->texts, result->input_count, result->tokens};
    fields_encode(out, NULL, &token_classification_fields, &answer);
}

void
encode_entities(struct json_out *out, const char *key, const struct labelled_text *text)
{
    json_out_array(out, key);
    for (size_t i = 0; i < text->entities.count; i++)
        fields_encode(out, NULL, &entity_fields, &text->entities.items[i]);
    json_out_end_array(out);
}
