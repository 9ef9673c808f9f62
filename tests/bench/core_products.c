/* `bench core`: matrix products, engine by engine; see core_parts.h. */
#include "tests/bench/core_parts.h"
#include "tests/bench/products.h"

#include "core/train/params.h"

#include <stdio.h>

static const char *const engines[] = {"native", "onednn", "openblas"};

enum { ENGINES = sizeof engines / sizeof *engines };

static const char *const forms[] = {[GEMM_NN] = "NN", [GEMM_NT] = "NT", [GEMM_TN] = "TN"};

static double
greatest_dense(const struct product *products, const double *rates, size_t count)
{
    double best = 0;
    for (size_t i = 0; i < count; i++)
        if (!products[i].attention && rates[i] > best)
            best = rates[i];
    return best;
}

static void
table_of(const struct core_bench *bench, const struct gemm_engine *engine,
         enum gemm_precision precision)
{
    struct product products[PRODUCTS_MAX];
    double one[PRODUCTS_MAX];
    double all[PRODUCTS_MAX];
    size_t count = products_of_layer(&bench->setup->config, bench->tokens, bench->length, products);
    for (size_t i = 0; i < count; i++) {
        products[i].call.precision = precision;
        one[i] = products_rate(engine, bench->one, &products[i], bench->seconds);
        all[i] = products_rate(engine, bench->all, &products[i], bench->seconds);
    }
    double peak_one = greatest_dense(products, one, count);
    double peak_all = greatest_dense(products, all, count);
    printf("\n%s, %s: hot rate %.1f GFLOP/s on one thread, %.1f on %lld\n",
           gemm_engine_name(engine), precision_name(precision), peak_one, peak_all,
           (long long)bench->setup->threads);
    printf("%-36s form %5s %5s %5s %10s %5s %10s %5s\n", "product", "m", "n", "k", "1 thread", "%",
           "all", "%");
    for (size_t i = 0; i < count; i++)
        printf("%-36s %4s %5zu %5zu %5zu %10.1f %5.0f %10.1f %5.0f\n", products[i].name,
               forms[products[i].call.form], products[i].call.m, products[i].call.n,
               products[i].call.k, one[i], 100 * one[i] / peak_one, all[i],
               100 * all[i] / peak_all);
}

int
core_products(const struct core_bench *bench, struct err *err)
{
    (void)err; /* an engine that is absent is a line of the report */
    printf("\nMatrix products, operands in the cache, GFLOP/s\n");
    for (size_t i = 0; i < ENGINES; i++) {
        struct gemm_engine *engine = NULL;
        struct err absent;
        if (gemm_engine_open(engines[i], &engine, &absent) != 0) {
            printf("\n%s: not measured: %s\n", engines[i], absent.message);
            continue;
        }
        table_of(bench, engine, GEMM_FP32);
        if (gemm_engine_has_bf16(engine))
            table_of(bench, engine, GEMM_BF16);
        gemm_engine_close(engine);
    }
    return 0;
}
