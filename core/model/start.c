/* How tensors start; see start.h. */
#include "core/model/start.h"

#include "core/base/rng.h"

static void
fill(float *values, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        values[i] = value;
}

static void
fill_normal(float *values, size_t count, const struct rng_stream *stream, double deviation)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(deviation * rng_normal(stream, i));
}

void
tensor_start(const struct tensor_layout *layout, size_t index, const struct model_config *config,
             uint64_t seed, float *parameters)
{
    const struct tensor *tensor = &layout->tensors[index];
    float *values = parameters + tensor->offset;
    size_t count = tensor->rows * tensor->columns;
    struct rng_stream stream = rng_stream(seed, RNG_INITIALISATION, (uint32_t)index, 0);
    switch (tensor->init) {
    case INIT_NORMAL:
        fill_normal(values, count, &stream, config->initializer_range);
        break;
    case INIT_ZERO:
        fill(values, count, 0.0f);
        break;
    case INIT_ONE:
        fill(values, count, 1.0f);
        break;
    }
    if (tensor->kind == TENSOR_WORD_EMBEDDING && config->pad_token_id < tensor->rows)
        fill(values + config->pad_token_id * tensor->columns, tensor->columns, 0.0f);
}
