/*
 * What a library must bring to be an engine; private to core/gemm.
 *
 * A backend knows how to load itself and how to compute one product. Choice, self-test and
 * measuring are gemm.c's and the same for all.
 */
#ifndef CORE_GEMM_BACKEND_H
#define CORE_GEMM_BACKEND_H

#include "core/gemm/gemm.h"

enum { GEMM_NAME_BYTES = 96 };

/* What loading found out. */
struct gemm_loaded {
    void *state;                /* the backend's own */
    char name[GEMM_NAME_BYTES]; /* its part of the numerics key */
    size_t panel_width;         /* 0: panels are not taken */
    bool has_bf16;              /* GEMM_BF16 runs on the processor's own instructions */
};

struct gemm_backend {
    const char *name; /* as a user picks it */
    /* Open the library; ERR_UNSUPPORTED when it or the processor is not there. */
    int (*load)(struct gemm_loaded *loaded, struct err *err);
    void (*unload)(void *state);
    /* One product, bias and accumulate included; from any thread, several at a time. m, n and k are
     * above 0. */
    void (*run)(const void *state, const struct gemm_call *call);
};

extern const struct gemm_backend gemm_native;
extern const struct gemm_backend gemm_onednn;
extern const struct gemm_backend gemm_openblas;

/* For engines that only know C += : every row of C becomes the bias. */
void gemm_fill_bias(const struct gemm_call *call);

#endif
