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
                             .alpha = 1.0f,
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
                                                  .alpha = 1.0f,
                                                  .a = dy,
                                                  .lda = dy_stride,
                                                  .b = weight,
                                                  .ldb = in,
                                                  .accumulate = accumulate,
                                                  .c = dx,
                                                  .ldc = in});
}

/* Rows from..to of dW (out,in) = dy (N,out)^T x (N,in); x is dense */
static inline void
dense_weight_gradient(const struct network *network, size_t n, size_t in, size_t from, size_t to,
                      const float *dy, size_t dy_stride, const float *x, float *dw)
{
    gemm_run(network->engine, &(struct gemm_call){.form = GEMM_TN,
                                                  .precision = network->precision,
                                                  .m = to - from,
                                                  .n = in,
                                                  .k = n,
                                                  .alpha = 1.0f,
                                                  .a = dy + from,
                                                  .lda = dy_stride,
                                                  .b = x,
                                                  .ldb = in,
                                                  .c = dw + from * in,
                                                  .ldc = in});
}

#endif
