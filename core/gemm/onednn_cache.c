/* Compiled products by shape, set-associative as a processor's cache is; see onednn_cache.h. */
#include "core/gemm/onednn_cache.h"

#include "core/base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct onednn_cache {
    const struct onednn_api *api;
    pthread_mutex_t compiling; /* one at a time: see compile() */
    pthread_mutex_t lock;      /* of what follows */
    uint64_t clock;            /* counts what was given back */
    struct onednn_product *sets[ONEDNN_CACHE_SETS][ONEDNN_CACHE_WAYS]; /* NULL: free */
};

static bool
is_same(const struct onednn_shape *a, const struct onednn_shape *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->lda == b->lda && a->ldb == b->ldb &&
           a->ldc == b->ldc && a->a_transposed == b->a_transposed &&
           a->b_transposed == b->b_transposed && a->bias == b->bias &&
           a->accumulate == b->accumulate && a->type == b->type;
}

/* The set of a shape. Any function will do that spreads neighbours: here multiplication by an odd
 * constant (2^64 over the golden ratio), whose product's upper bits depend on all lower ones. */
static size_t
set_of(const struct onednn_shape *shape)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    const uint64_t words[] = {(uint64_t)shape->m,
                              (uint64_t)shape->n,
                              (uint64_t)shape->k,
                              (uint64_t)shape->a_transposed,
                              (uint64_t)shape->b_transposed,
                              (uint64_t)shape->bias,
                              (uint64_t)shape->accumulate,
                              (uint64_t)shape->type};
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        hash = (hash ^ words[i]) * odd;
        hash ^= hash >> 32;
    }
    return (size_t)((hash * odd >> 32) % ONEDNN_CACHE_SETS);
}

struct onednn_cache *
onednn_cache_new(const struct onednn_api *api)
{
    struct onednn_cache *cache = mem_small(sizeof *cache);
    *cache = (struct onednn_cache){.api = api};
    pthread_mutex_init(&cache->compiling, NULL);
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void
onednn_cache_free(struct onednn_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t set = 0; set < ONEDNN_CACHE_SETS; set++)
        for (size_t way = 0; way < ONEDNN_CACHE_WAYS; way++)
            onednn_product_free(cache->api, cache->sets[set][way]);
    pthread_mutex_destroy(&cache->lock);
    pthread_mutex_destroy(&cache->compiling);
    free(cache);
}

/* Not on several threads at a time: version 2.6 looks through products that it remembers while
 * another thread may still be writing them, as ThreadSanitizer shows. */
static struct onednn_product *
compile(struct onednn_cache *cache, const struct onednn_shape *shape)
{
    pthread_mutex_lock(&cache->compiling);
    struct onednn_product *product = onednn_product_new(cache->api, shape);
    pthread_mutex_unlock(&cache->compiling);
    return product;
}

struct onednn_product *
onednn_cache_take(struct onednn_cache *cache, const struct onednn_shape *shape)
{
    struct onednn_product **set = cache->sets[set_of(shape)];
    struct onednn_product *found = NULL;
    pthread_mutex_lock(&cache->lock);
    for (size_t way = 0; way < ONEDNN_CACHE_WAYS && found == NULL; way++) {
        if (set[way] != NULL && is_same(&set[way]->shape, shape)) {
            found = set[way];
            set[way] = NULL;
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return found != NULL ? found : compile(cache, shape);
}

/* A free place of a set, or that of the product which was used longest ago. */
static size_t
place_in(struct onednn_product *const *set)
{
    size_t oldest = 0;
    for (size_t way = 0; way < ONEDNN_CACHE_WAYS; way++) {
        if (set[way] == NULL)
            return way;
        if (set[way]->last_used < set[oldest]->last_used)
            oldest = way;
    }
    return oldest;
}

void
onednn_cache_give(struct onednn_cache *cache, struct onednn_product *product)
{
    struct onednn_product **set = cache->sets[set_of(&product->shape)];
    pthread_mutex_lock(&cache->lock);
    product->last_used = ++cache->clock;
    size_t way = place_in(set);
    struct onednn_product *displaced = set[way];
    set[way] = product;
    pthread_mutex_unlock(&cache->lock);
    onednn_product_free(cache->api, displaced);
}

size_t
onednn_cache_count(struct onednn_cache *cache)
{
    size_t count = 0;
    pthread_mutex_lock(&cache->lock);
    for (size_t set = 0; set < ONEDNN_CACHE_SETS; set++)
        for (size_t way = 0; way < ONEDNN_CACHE_WAYS; way++)
            count += cache->sets[set][way] != NULL;
    pthread_mutex_unlock(&cache->lock);
    return count;
}
