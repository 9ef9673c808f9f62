/*
 * oneDNN's C interface, loaded at run time: as much of it as matrix products need.
 *
 * Versions 2 and 3 differ in how memory descriptors and matrix products are described; that ends
 * here. The types of the library are declared from its published binary interface, so that nothing
 * of it is needed to build. Private to core/gemm.
 */
#ifndef CORE_GEMM_ONEDNN_API_H
#define CORE_GEMM_ONEDNN_API_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum onednn_type { ONEDNN_BF16 = 2, ONEDNN_F32 = 3 }; /* the library's own numbers */

/* Argument of an execution, as the library declares it. */
struct onednn_argument {
    int index;
    void *memory;
};

/* The library's answer to dnnl_version(). */
struct onednn_version {
    int major, minor, patch;
    const char *hash;
    unsigned cpu_runtime, gpu_runtime;
};

typedef int onednn_create_function(void **out);
typedef int onednn_destroy_function(void *object);

/* The library's functions; those of the other version are NULL. */
struct onednn_api {
    void *library;
    const struct onednn_version *version;
    void *engine;

    const struct onednn_version *(*get_version)(void);
    int (*get_isa)(void);
    int (*set_cache_capacity)(int capacity);
    int (*sgemm)(char trans_a, char trans_b, int64_t m, int64_t n, int64_t k, float alpha,
                 const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                 int64_t ldc);
    int (*engine_create)(void **engine, int kind, size_t index);
    onednn_destroy_function *engine_destroy;
    int (*stream_create)(void **stream, void *engine, unsigned flags);
    onednn_destroy_function *stream_destroy;
    int (*memory_create)(void **memory, const void *description, void *engine, void *data);
    int (*memory_set_data)(void *memory, void *data);
    onednn_destroy_function *memory_destroy;
    onednn_create_function *attributes_create;
    onednn_destroy_function *attributes_destroy;
    int (*attributes_set_scratchpad)(void *attributes, int mode);
    int (*attributes_set_post_ops)(void *attributes, const void *post_ops);
    onednn_create_function *post_ops_create;
    onednn_destroy_function *post_ops_destroy;
    const void *(*query_description)(const void *primitive_description, int what, int index);
    size_t (*description_bytes)(const void *description);
    onednn_destroy_function *primitive_description_destroy;
    int (*primitive_create)(void **primitive, const void *primitive_description);
    int (*primitive_execute)(const void *primitive, void *stream, int count,
                             const struct onednn_argument *arguments);
    onednn_destroy_function *primitive_destroy;

    /* version 2 */
    int (*description_init)(void *description, int dimensions, const int64_t *sizes, int type,
                            const int64_t *strides);
    int (*append_sum_2)(void *post_ops, float scale);
    int (*matmul_init)(void *operation, const void *a, const void *b, const void *bias,
                       const void *c);
    int (*primitive_description_create)(void **out, const void *operation, const void *attributes,
                                        void *engine, const void *hint);

    /* version 3 */
    int (*description_create)(void **description, int dimensions, const int64_t *sizes, int type,
                              const int64_t *strides);
    onednn_destroy_function *description_destroy;
    int (*append_sum_3)(void *post_ops, float scale, int32_t zero_point, int type);
    int (*matmul_create)(void **out, void *engine, const void *a, const void *b, const void *bias,
                         const void *c, const void *attributes);
};

/*
 * Open the first of the libraries (sonames, NULL-terminated) that is there. The caller has set
 * OMP_NUM_THREADS=1 before. ERR_UNSUPPORTED when none is, or when it is of another major version or
 * was built for another threading library than OpenMP.
 */
int onednn_api_open(const char *const *sonames, struct onednn_api *api, struct err *err);
void onednn_api_close(struct onednn_api *api);

/* A stream for one thread at a time, released with stream_destroy; NULL when memory is out. */
void *onednn_api_stream(const struct onednn_api *api);

/* "onednn-2.6.3-avx512_core_bf16": version, and the instructions that it uses here. */
void onednn_api_name(const struct onednn_api *api, size_t bytes, char *name);

/* Whether the library multiplies bfloat16 numbers by instructions made for them. */
bool onednn_api_has_bf16(const struct onednn_api *api);

#endif
