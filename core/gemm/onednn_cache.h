/*
 * Products that stay compiled, by shape: a bounded number, the least recently used give way.
 *
 * A product is taken out of the cache while a thread runs it, and given back afterwards; a second
 * thread that wants the same shape meanwhile gets one of its own. So nothing is shared while it
 * runs, and the lock is held for a search among few. Compiling has a lock of its own.
 *
 * Private to core/gemm.
 */
#ifndef CORE_GEMM_ONEDNN_CACHE_H
#define CORE_GEMM_ONEDNN_CACHE_H

#include "core/gemm/onednn_product.h"

/* Shapes are spread over sets by a hash; within its set a product may stand anywhere. */
enum {
    ONEDNN_CACHE_SETS = 64,
    ONEDNN_CACHE_WAYS = 8,
    ONEDNN_CACHE_PRODUCTS = ONEDNN_CACHE_SETS * ONEDNN_CACHE_WAYS
};

struct onednn_cache;

/* The library outlives the cache. */
struct onednn_cache *onednn_cache_new(const struct onednn_api *api);

/* Every product has been given back. NULL is fine. */
void onednn_cache_free(struct onednn_cache *cache);

/* A product for this shape, kept or newly compiled; NULL when the library refuses. Any thread. */
struct onednn_product *onednn_cache_take(struct onednn_cache *cache,
                                         const struct onednn_shape *shape);

/* Return what was taken; the cache may drop it or another one. Any thread. */
void onednn_cache_give(struct onednn_cache *cache, struct onednn_product *product);

/* Products in the cache now: at most ONEDNN_CACHE_PRODUCTS. */
size_t onednn_cache_count(struct onednn_cache *cache);

#endif
