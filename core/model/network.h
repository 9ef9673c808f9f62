/*
 * The network: what forward and backward passes share and do not change.
 */
#ifndef CORE_MODEL_NETWORK_H
#define CORE_MODEL_NETWORK_H

#include "core/gemm/gemm.h"
#include "core/model/config.h"
#include "core/model/tensors.h"
#include "core/ops/ops.h"

struct network {
    const struct model_config *config;
    const struct tensor_layout *layout;
    const struct gemm_engine *engine;
    enum gemm_precision precision; /* of dense layers; attention's small products are in float */
    const struct ops *ops;
    const float *parameters; /* layout->total floats */
    /* NULL, or the weights of dense layers once more in the engine's panels, at the same offsets:
     * for networks that do not learn. Used where a layer's outputs are a multiple of the width. */
    const float *panels;
};

/* Where a tensor's values stand. */
static inline const float *
network_tensor(const struct network *network, enum tensor_kind kind, size_t layer)
{
    return network->parameters + tensor_offset(network->layout, kind, layer);
}

#endif
