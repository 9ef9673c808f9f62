/*
 * What a library must bring to be an engine; private to core/gemm.
 *
 * A backend knows how to load itself and how to compute C = alpha op(A) op(B) + beta C. Everything
 * else (choice, self-test, bias, measuring) is gemm.c's and the same for all.
 */
#ifndef CORE_GEMM_BACKEND_H
#define CORE_GEMM_BACKEND_H

#include "core/gemm/gemm.h"

enum { GEMM_NAME_BYTES = 96 };

struct gemm_backend {
    /* Open the library; *state is the backend's own, name its part of the numerics key. */
    int (*load)(void **state, char name[GEMM_NAME_BYTES], struct err *err);
    void (*unload)(void *state);
    /* C = alpha op(A) op(B) + beta C; call->bias and call->accumulate are not looked at. */
    void (*multiply)(const void *state, const struct gemm_call *call, float beta);
};

extern const struct gemm_backend gemm_openblas;

#endif
