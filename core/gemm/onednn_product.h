/*
 * A matrix product as oneDNN computes it: compiled for one shape, run on any numbers.
 *
 * Compiling takes a tenth to a half of a millisecond and 50 to 100 KB. Private to core/gemm.
 */
#ifndef CORE_GEMM_ONEDNN_PRODUCT_H
#define CORE_GEMM_ONEDNN_PRODUCT_H

#include "core/gemm/onednn_api.h"

/* A product C (m,n) = op(A) op(B) (+ bias) (+ C): all that must be known to compile it. */
struct onednn_shape {
    int64_t m, n, k;
    int64_t lda, ldb, ldc;
    bool a_transposed, b_transposed; /* as stored: A(k,m), B(n,k) */
    bool bias, accumulate;
    enum onednn_type type; /* of A and B; C and bias are float */
};

/* A product made ready for one shape; used by one thread at a time. */
struct onednn_product {
    struct onednn_shape shape;
    void *primitive;
    void *a, *b, *c, *bias,
        *scratchpad; /* the library's memory objects, without data of their own */
    size_t scratchpad_bytes;
    uint64_t last_used; /* the cache's */
};

/* Where a product's numbers are; scratchpad is at least scratchpad_bytes, aligned to 64. */
struct onednn_data {
    const void *a, *b;
    const float *bias; /* NULL when the shape has none */
    float *c;
    void *scratchpad;
};

/* Compile a product; NULL when the library refuses: out of memory. */
struct onednn_product *onednn_product_new(const struct onednn_api *api,
                                          const struct onednn_shape *shape);
void onednn_product_free(const struct onednn_api *api, struct onednn_product *product);

/* Compute it on this thread; false when the library fails. The stream is this thread's alone. */
bool onednn_product_run(const struct onednn_api *api, struct onednn_product *product, void *stream,
                        const struct onednn_data *data);

#endif
