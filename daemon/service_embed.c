/*
 * Using a model: texts to vectors of unit length.
 */
#include "daemon/service_predict.h"

#include <math.h>

/* The first `keep` of every `width` numbers, each such part of unit length again. */
static const float *
shorten(const float *vectors, size_t count, size_t width, size_t keep, struct arena *arena)
{
    float *shorter = arena_array(arena, count, keep * sizeof *shorter);
    for (size_t i = 0; i < count; i++) {
        double squares = 0;
        for (size_t j = 0; j < keep; j++)
            squares += (double)vectors[i * width + j] * (double)vectors[i * width + j];
        double length = squares > 0 ? sqrt(squares) : 1;
        for (size_t j = 0; j < keep; j++)
            shorter[i * keep + j] = (float)((double)vectors[i * width + j] / length);
    }
    return shorter;
}

static int
check_dimensions(const struct embed_call *call, size_t width, struct fault_list *faults)
{
    if (call->dimensions <= width)
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, "dimensions",
                     "'dimensions' is %zu, but the vectors of '%.100s' have %zu numbers: give from "
                     "1 to %zu, or leave it out.",
                     call->dimensions, call->model, width, width);
}

int
service_embed(struct service *service, const struct embed_call *call, struct arena *arena,
              struct embed_result *out, struct fault_list *faults)
{
    const struct predict_order order = {
        .model = call->model,
        .output = call->pooling == EMBED_MEAN ? PREDICT_MEAN : PREDICT_FIRST,
        .inputs = call->inputs,
        .count = call->count};
    struct predict_answer answer = {0};
    if (service_predict(service, &order, arena, &answer, faults) != 0 ||
        check_dimensions(call, answer.prediction.width, faults) != 0)
        return -1;
    size_t width = answer.prediction.width;
    size_t keep = call->dimensions > 0 ? call->dimensions : width;
    const float *vectors = answer.prediction.values;
    *out = (struct embed_result){
        .model = answer.model.id,
        .dimensions = keep,
        .vectors = keep < width ? shorten(vectors, call->count, width, keep, arena) : vectors,
        .input_count = call->count,
        .tokens = answer.prediction.tokens,
    };
    return 0;
}
