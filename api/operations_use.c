/*
 * What the routes that use a model say of themselves; see operation.h. Classifications of plain
 * texts are described beside the models.
 *
 * Callers of text generators set much that means nothing to a classifier. What only steers how a
 * text is made is taken without a look; what asks for another kind of answer is refused unless it
 * asks for nothing.
 */
#include "api/operations_use.h"

#include "api/encode.h"
#include "api/encode_answer.h"
#include "api/encode_embeddings.h"
#include "api/encode_moderation.h"
#include "api/encode_spans.h"

/* Taken without effect, and refused unless null, false, 0, "", [] or {}. */
#define NEUTRAL(name)                                                                              \
    {                                                                                              \
        (name), INPUT_VALUE, .unused = true, .doc = "Of text generators, without effect."          \
    }
#define EMPTY(name)                                                                                \
    {                                                                                              \
        (name), INPUT_VALUE, .not_built = true,                                                    \
                             .doc = "The answer is one of the model's labels: leave it out."       \
    }

#define NULLABLE_OBJECT(properties)                                                                \
    "{\"anyOf\":[{\"type\":\"object\",\"properties\":{" properties "}},{\"type\":\"null\"}]}"
#define TEXT_PARTS                                                                                 \
    "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"object\",\"properties\":{\"type\":"  \
    "{\"enum\":[\"text\",\"input_text\",\"output_text\"]},\"text\":{\"type\":\"string\"}},"        \
    "\"required\":[\"type\",\"text\"]}}"
#define MESSAGES                                                                                   \
    "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"object\","                           \
    "\"properties\":{\"role\":{\"enum\":[\"system\",\"developer\",\"user\",\"assistant\","         \
    "\"tool\",\"function\"]},\"content\":{\"anyOf\":[{\"type\":\"string\"}," TEXT_PARTS            \
    ",{\"type\":\"null\"}]}},\"required\":[\"role\"]},\"contains\":{\"type\":\"object\","          \
    "\"properties\":{\"role\":{\"const\":\"user\"},\"content\":{\"anyOf\":[{\"type\":\"string\"}"  \
    "," TEXT_PARTS "]}},\"required\":[\"role\",\"content\"]}}"
#define ONE_INPUT                                                                                  \
    "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"text\":"             \
    "{\"type\":\"string\"},\"text_pair\":{\"type\":[\"string\",\"null\"]}},\"required\":"          \
    "[\"text\"],\"additionalProperties\":false}]}"
#define ONE_CHAT                                                                                   \
    "{\"type\":\"object\",\"properties\":{\"messages\":" MESSAGES "},\"required\":[\"messages\"]," \
    "\"additionalProperties\":false}"
#define MANY(one)                                                                                  \
    "{\"anyOf\":[" one ",{\"type\":\"array\",\"minItems\":1,\"items\":" one "}]"                   \
    "}"

/* ---- chat completions ------------------------------------------------------------------------ */

static const struct input_row chat_body[] = {
    {"model", INPUT_TEXT, .required = true, .doc = "A fine-tuned model, a checkpoint or an alias."},
    {"messages", INPUT_VALUE, .required = true, .schema = MESSAGES,
     .doc = "A conversation: the last user message is the text, as in training."},
    {"stream", INPUT_BOOLEAN, .doc = "Answer with server-sent events."},
    {"stream_options", INPUT_VALUE,
     .schema = NULLABLE_OBJECT("\"include_usage\":{\"type\":[\"boolean\",\"null\"]}"),
     .doc = "{\"include_usage\": true}: the stream ends with the numbers of tokens."},
    {"logprobs", INPUT_BOOLEAN, .doc = "Say the logarithm of the label's probability."},
    {"top_logprobs", INPUT_INTEGER, .min = 0, .max = ANSWER_MAX_TOP,
     .doc = "And those of so many of the most probable labels; needs logprobs."},
    {"n", INPUT_INTEGER, .min = 1, .max = ANSWER_MAX_CHOICES, .standard = 1,
     .doc = "So many equal answers."},
    {"response_format", INPUT_VALUE, .schema = NULLABLE_OBJECT("\"type\":{\"type\":\"string\"}"),
     .doc = "{\"type\": \"text\"}; or JSON, where all labels of the model are JSON texts."},
    NEUTRAL("frequency_penalty"),
    NEUTRAL("function_call"),
    NEUTRAL("logit_bias"),
    NEUTRAL("max_completion_tokens"),
    NEUTRAL("max_tokens"),
    NEUTRAL("metadata"),
    NEUTRAL("modalities"),
    NEUTRAL("parallel_tool_calls"),
    NEUTRAL("prediction"),
    NEUTRAL("presence_penalty"),
    NEUTRAL("prompt_cache_key"),
    NEUTRAL("prompt_cache_options"),
    NEUTRAL("prompt_cache_retention"),
    NEUTRAL("prompt_mode"), /* this, random_seed and safe_prompt are Mistral's */
    NEUTRAL("random_seed"),
    NEUTRAL("reasoning_effort"),
    NEUTRAL("safe_prompt"),
    NEUTRAL("safety_identifier"),
    NEUTRAL("seed"),
    NEUTRAL("service_tier"),
    NEUTRAL("stop"),
    NEUTRAL("store"),
    NEUTRAL("temperature"),
    NEUTRAL("tool_choice"),
    NEUTRAL("top_p"),
    NEUTRAL("user"),
    NEUTRAL("verbosity"),
    EMPTY("audio"),
    EMPTY("functions"),
    EMPTY("moderation"),
    EMPTY("tools"),
    EMPTY("web_search_options"),
    {0},
};

const struct operation chat_completions_operation = {
    .id = "chat.completions.create",
    .group = "Use",
    .uses_model = true,
    .summary = "Ask as one asks a chat model",
    .doc = "OpenAI's shape: a program that asked a fine-tuned chat model for a label asks here and "
           "reads it from the same place. The content of the answer is the most probable label; of "
           "other tasks JSON: a list of labels, a number, the entities.",
    .body = chat_body,
    .answers = (const struct answer_row[]){{200, &chat_completion_fields, NULL, "The label."},
                                           {200, NULL, "text/event-stream",
                                            "With \"stream\", chunks and at last [DONE]."},
                                           {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_MODEL_NOT_FINE_TUNED,
                               FAULT_NOT_SUPPORTED_YET, FAULT_QUEUE_FULL),
    .example = "{\"model\":\"ft:all-minilm-l6-v2:local::...\",\"messages\":[{\"role\":\"user\","
               "\"content\":\"When do you open?\"}]}",
};

/* ---- responses ------------------------------------------------------------------------------- */

static const struct input_row responses_body[] = {
    {"model", INPUT_TEXT, .required = true, .doc = "A fine-tuned model, a checkpoint or an alias."},
    {"input", INPUT_VALUE, .required = true,
     .schema = "{\"anyOf\":[{\"type\":\"string\"}," MESSAGES "]}",
     .doc = "A text, or a conversation: its last user message is the text, as in training."},
    {"instructions", INPUT_TEXT, .doc = "Left out, as a system message is; it comes back."},
    {"stream", INPUT_BOOLEAN, .doc = "Answer with server-sent events."},
    {"include", INPUT_TEXTS, .min = 0, .max = 32,
     .doc = "\"message.output_text.logprobs\": say the logarithm of the label's probability."},
    {"top_logprobs", INPUT_INTEGER, .min = 0, .max = ANSWER_MAX_TOP,
     .doc = "And those of so many of the most probable labels."},
    {"metadata", INPUT_PAIRS, .max = 16, .doc = "It comes back."},
    {"text", INPUT_VALUE,
     .schema = NULLABLE_OBJECT("\"format\":" NULLABLE_OBJECT("\"type\":{\"type\":\"string\"}")),
     .doc = "{\"format\": {\"type\": \"text\"}}; or JSON, where all labels are JSON texts."},
    NEUTRAL("background_options"),
    NEUTRAL("context_management"),
    NEUTRAL("max_output_tokens"),
    NEUTRAL("max_tool_calls"),
    NEUTRAL("parallel_tool_calls"),
    NEUTRAL("prompt_cache_key"),
    NEUTRAL("prompt_cache_options"),
    NEUTRAL("prompt_cache_retention"),
    NEUTRAL("reasoning"),
    NEUTRAL("safety_identifier"),
    NEUTRAL("service_tier"),
    NEUTRAL("store"),
    NEUTRAL("stream_options"),
    NEUTRAL("temperature"),
    NEUTRAL("tool_choice"),
    NEUTRAL("top_p"),
    NEUTRAL("truncation"),
    NEUTRAL("user"),
    EMPTY("access_programs"),
    EMPTY("background"),
    EMPTY("conversation"),
    EMPTY("image"),
    EMPTY("moderation"),
    EMPTY("previous_response_id"),
    EMPTY("prompt"),
    EMPTY("tools"),
    {0},
};

const struct operation responses_operation = {
    .id = "responses.create",
    .group = "Use",
    .uses_model = true,
    .summary = "Ask as one asks for a response",
    .doc = "The output text is what a chat completion's content would be. Nothing is stored.",
    .body = responses_body,
    .answers = (const struct answer_row[]){{200, &response_fields, NULL, "The label."},
                                           {200, NULL, "text/event-stream",
                                            "With \"stream\", numbered events from "
                                            "response.created to response.completed."},
                                           {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_MODEL_NOT_FINE_TUNED,
                               FAULT_NOT_SUPPORTED_YET, FAULT_QUEUE_FULL),
    .example = "{\"model\":\"ft:all-minilm-l6-v2:local::...\",\"input\":\"When do you open?\"}",
};

/* ---- embeddings ------------------------------------------------------------------------------ */

static const char *const formats[] = {"float", "base64", NULL};
static const char *const poolings[] = {"mean", "cls", NULL};
static const char *const types[] = {"float", NULL};

static const struct input_row embeddings_body[] = {
    {"model", INPUT_TEXT, .required = true, .doc = "Any model that has weights."},
    {"input", INPUT_VALUE, .required = true, .schema = MANY(ONE_INPUT),
     .doc = "A text, a pair {\"text\", \"text_pair\"}, or a list of at most 2,048; no token ids."},
    {"encoding_format", INPUT_CHOICE, .choices = formats,
     .doc = "Numbers, or little-endian floats as base64."},
    {"dimensions", INPUT_INTEGER, .min = 1, .max = INT32_MAX,
     .doc = "So many of the first numbers, scaled to unit length again."},
    {"pooling", INPUT_CHOICE, .choices = poolings,
     .doc = "The mean over all tokens, or the first one's vector."},
    {"output_dimension", INPUT_INTEGER, .min = 1, .max = INT32_MAX,
     .doc = "Mistral's name of dimensions."},
    {"output_dtype", INPUT_CHOICE, .choices = types, .doc = "Of Mistral's clients."},
    {"metadata", INPUT_VALUE, .unused = true, .doc = "Of Mistral's clients."},
    {"user", INPUT_VALUE, .unused = true, .doc = "Of OpenAI's clients, without effect."},
    {0},
};

const struct operation embeddings_operation = {
    .id = "embeddings.create",
    .group = "Use",
    .uses_model = true,
    .summary = "Turn texts into vectors",
    .doc = "Of unit length, from the encoder of a base model or a fine-tuned one.",
    .body = embeddings_body,
    .answers =
        (const struct answer_row[]){{200, &embeddings_fields, NULL, "One vector an input."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_QUEUE_FULL),
    .example = "{\"model\":\"all-minilm-l6-v2\",\"input\":[\"When do you open?\"]}",
};

/* ---- chat classifications -------------------------------------------------------------------- */

static const struct input_row converse_body[] = {
    {"model", INPUT_TEXT, .required = true, .doc = "A fine-tuned model, a checkpoint or an alias."},
    {"input", INPUT_VALUE, .required = true, .schema = MANY(ONE_CHAT),
     .doc = "A conversation {\"messages\"}, or a list of at most 2,048: the last user message of "
            "each is "
            "the text, as in training."},
    {"metadata", INPUT_VALUE, .unused = true, .doc = "Of Mistral's clients."},
    {0},
};

const struct operation chat_classifications_operation = {
    .id = "classifiers.classify_chat",
    .group = "Use",
    .uses_model = true,
    .summary = "Classify conversations",
    .doc = "Mistral's shape: the probability of each label for each conversation.",
    .body = converse_body,
    .answers =
        (const struct answer_row[]){{200, &classification_fields, NULL, "One result an input."},
                                    {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_MODEL_NOT_FINE_TUNED, FAULT_QUEUE_FULL),
    .example = "{\"model\":\"ft:all-minilm-l6-v2:local::...\",\"input\":{\"messages\":[{\"role\":"
               "\"user\",\"content\":\"When do you open?\"}]}}",
};

/* ---- moderations ----------------------------------------------------------------------------- */

#define ONE_PART                                                                                   \
    "{\"anyOf\":[" ONE_INPUT                                                                       \
    ",{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"text\"},"                         \
    "\"text\":{\"type\":\"string\"}},\"required\":[\"type\",\"text\"]}]}"

static const struct input_row moderations_body[] = {
    {"model", INPUT_TEXT, .required = true,
     .doc = "A fine-tuned model of multi_label, a checkpoint or an alias."},
    {"input", INPUT_VALUE, .required = true, .schema = MANY(ONE_PART),
     .doc = "A text, a part {\"type\": \"text\", \"text\"}, a pair, or a list of at most 2,048: "
            "each has a "
            "result."},
    {0},
};

const struct operation moderations_operation = {
    .id = "moderations.create",
    .group = "Use",
    .uses_model = true,
    .summary = "Say which labels texts have",
    .doc = "OpenAI's shape, with the model's labels as the categories.",
    .body = moderations_body,
    .answers =
        (const struct answer_row[]){{200, &moderation_fields, NULL, "One result an input."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_MODEL_NOT_FINE_TUNED, FAULT_QUEUE_FULL),
    .example = "{\"model\":\"ft:all-minilm-l6-v2:local::...\",\"input\":\"When do you open?\"}",
};

/* ---- token classifications ------------------------------------------------------------------- */

#define ONE_DIVIDED                                                                                \
    "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"tokens\":"           \
    "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\",\"minLength\":1}}},"        \
    "\"required\":[\"tokens\"],\"additionalProperties\":false}]}"

static const struct input_row label_words_body[] = {
    {"model", INPUT_TEXT, .required = true,
     .doc = "A fine-tuned model of token_classification, a checkpoint or an alias."},
    {"input", INPUT_VALUE, .required = true, .schema = MANY(ONE_DIVIDED),
     .doc =
         "A text, which blanks and punctuation divide into words; {\"tokens\"} with the words as "
         "in training; or a list of at most 2,048."},
    {0},
};

const struct operation token_classifications_operation = {
    .id = "token_classifications.create",
    .group = "Use",
    .uses_model = true,
    .summary = "Label the words of texts",
    .doc = "Each word's most probable label, and the entities that neighbouring labels make.",
    .body = label_words_body,
    .answers =
        (const struct answer_row[]){
            {200, &token_classification_fields, NULL, "One result an input."}, {0}},
    .faults = OPERATION_FAULTS(FAULT_MODEL_NOT_FOUND, FAULT_MODEL_NOT_FINE_TUNED, FAULT_QUEUE_FULL),
    .example = "{\"model\":\"ft:all-minilm-l6-v2:local::...\",\"input\":\"Ada lives in London.\"}",
};
