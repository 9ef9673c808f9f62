/* Products by themselves; see products.h. */
#include "tests/bench/products.h"

#include "core/base/mem.h"
#include "core/data/batch.h"
#include "tests/bench/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Output rows of a weight gradient that one item computes; tokens of a usual batch. */
enum { WEIGHT_ROWS = 192, USUAL_TOKENS = 512, MOST_ATTENTION = 5, DENSE_FORMS = 3 };

/* ---- which products -------------------------------------------------------------------------- */

struct list {
    struct product *items;
    size_t count;
};

static void
add_dense(struct list *list, const char *what, size_t in, size_t out, size_t tokens)
{
    size_t chunk = BATCH_CHUNK_TOKENS;
    size_t rows = out < WEIGHT_ROWS ? out : WEIGHT_ROWS;
    const struct {
        const char *pass;
        struct gemm_call call;
    } passes[DENSE_FORMS] = {
        {"forward",
         {.form = GEMM_NT, .m = chunk, .n = out, .k = in, .lda = in, .ldb = in, .ldc = out}},
        {"input gradient",
         {.form = GEMM_NN, .m = chunk, .n = in, .k = out, .lda = out, .ldb = in, .ldc = in}},
        {"weight gradient",
         {.form = GEMM_TN, .m = rows, .n = in, .k = tokens, .lda = out, .ldb = in, .ldc = in}},
    };
    for (size_t i = 0; i < DENSE_FORMS; i++) {
        struct product *product = &list->items[list->count++];
        *product = (struct product){.call = passes[i].call};
        snprintf(product->name, sizeof product->name, "%s, %s", what, passes[i].pass);
    }
}

static void
add_attention(struct list *list, size_t hidden, size_t heads, size_t s)
{
    size_t d = hidden / heads;
    size_t wide = 3 * hidden;
    const struct product products[MOST_ATTENTION] = {
        {"scores", true, {.form = GEMM_NT, .m = s, .n = s, .k = d, .lda = wide, .ldb = wide}},
        {"context", true, {.form = GEMM_NN, .m = s, .n = d, .k = s, .lda = s, .ldb = wide}},
        {"by value", true, {.form = GEMM_TN, .m = s, .n = d, .k = s, .lda = s, .ldb = hidden}},
        {"by query", true, {.form = GEMM_NN, .m = s, .n = d, .k = s, .lda = s, .ldb = wide}},
        {"by key", true, {.form = GEMM_TN, .m = s, .n = d, .k = s, .lda = s, .ldb = wide}},
    };
    for (size_t i = 0; i < MOST_ATTENTION; i++) {
        struct product *product = &list->items[list->count++];
        *product = products[i];
        product->call.ldc = i == 0 ? s : i == 1 ? hidden : wide;
    }
}

size_t
products_of_layer(const struct model_config *config, size_t tokens, size_t length,
                  struct product products[PRODUCTS_MAX])
{
    struct list list = {products, 0};
    size_t h = config->hidden_size;
    size_t i = config->intermediate_size;
    add_dense(&list, "query, key, value", h, 3 * h, tokens);
    add_dense(&list, "attention output", h, h, tokens);
    add_dense(&list, "intermediate", h, i, tokens);
    add_dense(&list, "output", i, h, tokens);
    add_attention(&list, h, config->heads, length);
    return list.count;
}

/* ---- one of them ----------------------------------------------------------------------------- */

/* B is one for all threads, as weights and a batch's activations are; A and C are each thread's. */
struct operands {
    const struct gemm_engine *engine;
    const struct product *product;
    float *a, *b, *c;
    size_t a_size, c_size; /* of one thread's */
};

static void
run_product(void *context, size_t thread)
{
    const struct operands *o = context;
    struct gemm_call call = o->product->call;
    call.a = o->a + thread * o->a_size;
    call.b = o->b;
    call.c = o->c + thread * o->c_size;
    gemm_run(o->engine, &call);
}

static size_t
rounded(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

double
products_rate(const struct gemm_engine *engine, struct pool *pool, const struct product *product,
              double seconds)
{
    const struct gemm_call *call = &product->call;
    size_t threads = pool_threads(pool);
    struct operands o = {.engine = engine, .product = product};
    o.a_size = rounded((call->form == GEMM_TN ? call->k : call->m) * call->lda);
    o.c_size = rounded(call->m * call->ldc);
    size_t b_size = (call->form == GEMM_NT ? call->n : call->k) * call->ldb;
    o.a = mem_array(threads * o.a_size, sizeof *o.a);
    o.b = mem_array(b_size, sizeof *o.b);
    o.c = mem_array(threads * o.c_size, sizeof *o.c);
    double rate = NAN;
    if (o.a != NULL && o.b != NULL && o.c != NULL) {
        for (size_t i = 0; i < threads * o.a_size; i++)
            o.a[i] = (float)(i % 15) / 16.0f - 0.4f;
        for (size_t i = 0; i < b_size; i++)
            o.b[i] = (float)(i % 13) / 16.0f - 0.3f;
        struct measure_case measured = {.call = run_product, .context = &o};
        double flops = 2.0 * (double)call->m * (double)call->n * (double)call->k;
        rate = 1e-9 * flops * (double)threads / measure_call(pool, &measured, seconds);
    }
    free(o.a);
    free(o.b);
    free(o.c);
    return rate;
}

double
products_hot_rate(const struct gemm_engine *engine, struct pool *pool,
                  const struct model_config *config, enum gemm_precision precision, double seconds)
{
    struct product products[PRODUCTS_MAX];
    double best = 0;
    size_t count = products_of_layer(config, USUAL_TOKENS, 1, products);
    for (size_t i = 0; i < count; i++) {
        products[i].call.precision = precision;
        if (products[i].attention)
            continue;
        double rate = products_rate(engine, pool, &products[i], seconds);
        best = rate > best ? rate : best;
    }
    return best;
}
