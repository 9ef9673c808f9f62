/*
 * Matrix products by themselves: those of a model's layers, with operands that stay in the cache.
 */
#ifndef TESTS_BENCH_PRODUCTS_H
#define TESTS_BENCH_PRODUCTS_H

#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/model/config.h"

#include <stdbool.h>
#include <stddef.h>

/* A product of a layer: what it is for, and its size; leading dimensions are as in the encoder. */
struct product {
    char name[48];
    bool attention; /* within one head of one row */
    struct gemm_call call;
};

enum { PRODUCTS_MAX = 32 };

/*
 * The products of one layer: a chunk of BATCH_CHUNK_TOKENS tokens forward and back, weight
 * gradients over `tokens` tokens, one head of a row of `length` tokens. Operands are not set.
 */
size_t products_of_layer(const struct model_config *config, size_t tokens, size_t length,
                         struct product products[PRODUCTS_MAX]);

/* GFLOP/s of all the pool's threads computing this product at once, measured for some seconds. */
double products_rate(const struct gemm_engine *engine, struct pool *pool,
                     const struct product *product, double seconds);

/*
 * The engine's hot rate on these threads: of the layer's dense products the fastest, in GFLOP/s.
 */
double products_hot_rate(const struct gemm_engine *engine, struct pool *pool,
                         const struct model_config *config, enum gemm_precision precision,
                         double seconds);

#endif
