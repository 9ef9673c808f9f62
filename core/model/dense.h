/*
 * Dense layers as matrix products: y = x W^T + b with W (out, in). Private to core/model.
 *
 * Matrices of activations may be columns of a wider array: their stride is given beside them.
 */
#ifndef CORE_MODEL_DENSE_H
#define CORE_MODEL_DENSE_H

#include "core/model/network.h"

/* y (N,out) = x (N,in) W^T + b; x is dense */
static inline void
dense_forward(const struct network *network, size_t n, size_t in, size_t out, const float *x,
              const float *weight, const float *bias, float *y, size_t y_stride)
{
    struct gemm_call call = {.form = GEMM_NT,
                             .precision = network->precision,
                             .m = n,
                             .n = out,
                             .k = in,
                             .a = x,
                             .lda = in,
                             .b = weight,
                             .ldb = in,
                             .bias = bias,
                             .c = y,
                             .ldc = y_stride};
    size_t width = network->panels != NULL ? gemm_panel_width(network->engine) : 0;
    if (width > 0 && out % width == 0) {
        call.form = GEMM_NN;
        call.b = network->panels + (weight - network->parameters);
        call.ldb = width;
        call.panel_stride = width * in;
    }
    gemm_run(network->engine, &call);
}

/* dx (N,in) = dy (N,out) W, or +=; dx is dense */
static inline void
dense_backward(const struct network *network, size_t n, size_t in, size_t out, const float *dy,
               size_t dy_stride, const float *weight, bool accumulate, float *dx)
{
    gemm_run(network->engine, &(struct gemm_call){.form = GEMM_NN,
                                                  .precision = network->precision,
                                                  .m = n,
                                                  .n = in,
                                                  .k = out,
                                                  .a = dy,
                                                  .lda = dy_stride,
                                                  .b = weight,
                                                  .ldb = in,
                                                  .accumulate = accumulate,
                                                  .c = dx,
                                                  .ldc = in});
}

/* What a weight gradient is made of; of each matrix one of both is there. */
struct weight_operands {
    const float *dy; /* (N,out) */
    const uint16_t *dy_half;
    size_t dy_stride;
    const float *x; /* (N,in) */
    const uint16_t *x_half;
};

/* Rows from..to of dW (out,in) = dy^T x, or += */
static inline void
dense_weight_gradient(const struct network *network, size_t n, size_t in, size_t from, size_t to,
                      const struct weight_operands *operands, bool accumulate, float *dw)
{
    const struct weight_operands *o = operands;
    gemm_run(network->engine,
             &(struct gemm_call){.form = GEMM_TN,
                                 .precision = network->precision,
                                 .m = to - from,
                                 .n = in,
                                 .k = n,
                                 .a = o->dy == NULL ? NULL : o->dy + from,
                                 .a_half = o->dy_half == NULL ? NULL : o->dy_half + from,
                                 .lda = o->dy_stride,
                                 .b = o->x,
                                 .b_half = o->x_half,
                                 .ldb = in,
                                 .accumulate = accumulate,
                                 .c = dw + from * in,
                                 .ldc = in});
}

#endif
