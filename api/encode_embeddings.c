/* Vectors, as numbers or packed; see encode_embeddings.h. */
#include "api/encode_embeddings.h"

#include "api/base64.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct vector {
    int64_t index;
    const float *values;
    size_t length;
    bool packed;
};

struct usage {
    int64_t read;
};

struct embeddings {
    const char *id;
    const struct vector *vectors;
    size_t count;
    const char *model;
    struct usage usage;
};

static void
put_little_endian(float value, unsigned char *bytes)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (size_t i = 0; i < sizeof bits; i++)
        bytes[i] = (unsigned char)(bits >> 8 * i);
}

static void
write_packed(struct json_out *out, const char *key, const struct vector *vector)
{
    struct buf text = {0};
    unsigned char *bytes = mem_resize(NULL, vector->length, sizeof(float));
    for (size_t i = 0; i < vector->length; i++)
        put_little_endian(vector->values[i], bytes + i * sizeof(float));
    base64_append(&text, bytes, vector->length * sizeof(float));
    json_out_string(out, key, buf_string(&text));
    free(bytes);
    buf_fini(&text);
}

static void
write_values(struct json_out *out, const char *key, const void *item)
{
    const struct vector *vector = item;
    if (vector->packed) {
        write_packed(out, key, vector);
        return;
    }
    json_out_array(out, key);
    for (size_t i = 0; i < vector->length; i++)
        json_out_float(out, NULL, vector->values[i]);
    json_out_end_array(out);
}

static const struct field_row vector_rows[] = {
    {"object", FIELD_WORD("embedding"), .doc = "Always \"embedding\"."},
    {"index", FIELD_INTEGER(struct vector, index), .doc = "Of the input, from 0."},
    {"embedding",
     FIELD_WRITTEN(write_values, "{\"anyOf\":[{\"type\":\"array\",\"items\":{\"type\":\"number\"}},"
                                 "{\"type\":\"string\",\"contentEncoding\":\"base64\"}]}"),
     .doc = "A vector of unit length; with encoding_format base64 its little-endian floats."},
};
static const struct field_object vector_fields =
    FIELD_OBJECT("Embedding", struct vector, vector_rows, "An input's vector.");

static const struct field_row usage_rows[] = {
    {"prompt_tokens", FIELD_INTEGER(struct usage, read),
     .doc = "What the model read, special tokens counted."},
    {"completion_tokens", FIELD_JSON("0"), .doc = "Always 0; for Mistral's clients."},
    {"total_tokens", FIELD_INTEGER(struct usage, read), .doc = "The same."},
};
static const struct field_object usage_fields =
    FIELD_OBJECT("EmbeddingsUsage", struct usage, usage_rows, "Tokens.");

static const struct field_row embeddings_rows[] = {
    {"id", FIELD_STRING(struct embeddings, id), .doc = "Of this answer; it is not stored."},
    {"object", FIELD_WORD("list"), .doc = "Always \"list\"."},
    {"data", FIELD_LIST(struct embeddings, vectors, count, &vector_fields),
     .doc = "A vector for each input, in their order."},
    {"model", FIELD_STRING(struct embeddings, model), .doc = "That answered, never an alias."},
    {"usage", FIELD_WITHIN(struct embeddings, usage, &usage_fields), .doc = "Tokens."},
};
const struct field_object embeddings_fields =
    FIELD_OBJECT("Embeddings", struct embeddings, embeddings_rows, "Texts as vectors.");

void
encode_embeddings(struct json_out *out, const char *id, const struct embed_result *result,
                  bool packed)
{
    struct vector *vectors = mem_resize(NULL, result->input_count, sizeof *vectors);
    for (size_t i = 0; i < result->input_count; i++)
        vectors[i] = (struct vector){.index = (int64_t)i,
                                     .values = result->vectors + i * result->dimensions,
                                     .length = result->dimensions,
                                     .packed = packed};
    const struct embeddings embeddings = {.id = id,
                                          .vectors = vectors,
                                          .count = result->input_count,
                                          .model = result->model,
                                          .usage = {(int64_t)result->tokens}};
    fields_encode(out, NULL, &embeddings_fields, &embeddings);
    free(vectors);
}
