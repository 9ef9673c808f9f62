/*
 * oneDNN as an engine, loaded at run time.
 *
 * Its compiled products are near the processor's peak, in float and in bfloat16, but a new shape
 * costs up to half a millisecond and 100 KB. So they serve what is large and comes again: at least
 * COMPILED_WORK multiplications, and in float not the form TN, whose k (the tokens of a batch) is
 * another in each step; for bfloat16 operands are copied anyway, and k is rounded up with zeros.
 * All else goes through dnnl_sgemm, which takes any shape at once and is as fast on TN.
 *
 * One thread per call (OMP_NUM_THREADS=1 before loading), several calls at a time: each has a lane
 * of its own, that is a stream and scratch memory.
 */
#include "core/gemm/backend.h"

#include "core/base/cpu.h"
#include "core/base/mem.h"
#include "core/gemm/bf16.h"
#include "core/gemm/onednn_cache.h"
#include "core/gemm/onednn_lane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef FINETUNED_ONEDNN_SONAMES
#define FINETUNED_ONEDNN_SONAMES "libdnnl.so.3", "libdnnl.so.3.6", "libdnnl.so.2"
#endif

enum {
    COMPILED_WORK = 1 << 20, /* some 20 microseconds */
    K_STEP = 64              /* what k of TN in bfloat16 is rounded up to */
};

struct onednn {
    struct onednn_api api;
    struct onednn_cache *cache;
    struct onednn_lanes *lanes;
    bf16_function *round;
    bool has_bf16;
};

/* Bytes of one part of a lane's memory, so that the next part is aligned too. */
static size_t
aligned(size_t bytes)
{
    return (bytes + ONEDNN_ALIGNMENT - 1) / ONEDNN_ALIGNMENT * ONEDNN_ALIGNMENT;
}

/* ---- operands as they are stored ------------------------------------------------------------- */

struct stored {
    size_t rows, columns;
    const float *x;
    const uint16_t *half; /* instead of x where it is not NULL */
    size_t ld;
};

static struct stored
stored_a(const struct gemm_call *call)
{
    bool transposed = call->form == GEMM_TN;
    return (struct stored){.rows = transposed ? call->k : call->m,
                           .columns = transposed ? call->m : call->k,
                           .x = call->a,
                           .half = call->a_half,
                           .ld = call->lda};
}

static struct stored
stored_b(const struct gemm_call *call)
{
    bool transposed = call->form == GEMM_NT;
    return (struct stored){.rows = transposed ? call->n : call->k,
                           .columns = transposed ? call->k : call->n,
                           .x = call->b,
                           .half = call->b_half,
                           .ld = call->ldb};
}

/* ---- compiled products ----------------------------------------------------------------------- */

static bool
is_compiled(const struct onednn *onednn, const struct gemm_call *call)
{
    double work = (double)call->m * (double)call->n * (double)call->k;
    if (work < COMPILED_WORK)
        return false;
    return call->precision == GEMM_BF16 ? onednn->has_bf16 : call->form != GEMM_TN;
}

static struct onednn_shape
shape_of(const struct gemm_call *call)
{
    struct onednn_shape shape = {.m = (int64_t)call->m,
                                 .n = (int64_t)call->n,
                                 .k = (int64_t)call->k,
                                 .lda = (int64_t)call->lda,
                                 .ldb = (int64_t)call->ldb,
                                 .ldc = (int64_t)call->ldc,
                                 .a_transposed = call->form == GEMM_TN,
                                 .b_transposed = call->form == GEMM_NT,
                                 .bias = call->bias != NULL,
                                 .accumulate = call->accumulate,
                                 .type = ONEDNN_F32};
    if (call->precision == GEMM_FP32)
        return shape;
    if (call->form == GEMM_TN)
        shape.k = (shape.k + K_STEP - 1) / K_STEP * K_STEP;
    shape.type = ONEDNN_BF16; /* copied without gaps */
    shape.lda = (int64_t)stored_a(call).columns;
    shape.ldb = (int64_t)stored_b(call).columns;
    return shape;
}

/* Bytes of an operand in bfloat16 with so many rows. */
static size_t
rounded_bytes(const struct stored *stored, size_t rows)
{
    return aligned(rows * stored->columns * sizeof(uint16_t));
}

/* Round an operand into memory for `rows` rows; those that it has not become zero. */
static void
round_operand(const struct onednn *onednn, const struct stored *stored, size_t rows, void *out)
{
    uint16_t *rounded = out;
    for (size_t row = 0; row < stored->rows && stored->half != NULL; row++)
        memcpy(rounded + row * stored->columns, stored->half + row * stored->ld,
               stored->columns * sizeof *rounded);
    if (stored->half == NULL)
        onednn->round(stored->rows, stored->columns, stored->x, stored->ld, rounded);
    memset(rounded + stored->rows * stored->columns, 0,
           (rows - stored->rows) * stored->columns * sizeof *rounded);
}

/* Both operands in bfloat16 at the start of the lane's memory, the scratchpad behind them. */
static void
round_operands(const struct onednn *onednn, const struct gemm_call *call,
               const struct onednn_product *product, struct onednn_lane *lane,
               struct onednn_data *data)
{
    struct stored a = stored_a(call);
    struct stored b = stored_b(call);
    size_t a_rows = call->form == GEMM_TN ? (size_t)product->shape.k : a.rows;
    size_t b_rows = call->form == GEMM_TN ? (size_t)product->shape.k : b.rows;
    size_t a_bytes = rounded_bytes(&a, a_rows);
    size_t b_bytes = rounded_bytes(&b, b_rows);
    char *memory = onednn_lane_memory(lane, a_bytes + b_bytes + product->scratchpad_bytes);
    round_operand(onednn, &a, a_rows, memory);
    round_operand(onednn, &b, b_rows, memory + a_bytes);
    data->a = memory;
    data->b = memory + a_bytes;
    data->scratchpad = memory + a_bytes + b_bytes;
}

/* The library has failed over a product: not-a-number says so, nobody takes it for a result. */
static void
spoil(const struct gemm_call *call)
{
    for (size_t row = 0; row < call->m; row++)
        for (size_t j = 0; j < call->n; j++)
            call->c[row * call->ldc + j] = NAN;
}

/* False, and nothing done, when the library does not compile it: it is out of memory. */
static bool
run_compiled(const struct onednn *onednn, const struct gemm_call *call, struct onednn_lane *lane)
{
    if (lane->stream == NULL)
        return false;
    struct onednn_shape shape = shape_of(call);
    struct onednn_product *product = onednn_cache_take(onednn->cache, &shape);
    if (product == NULL)
        return false;
    struct onednn_data data = {.a = call->a, .b = call->b, .bias = call->bias, .c = call->c};
    if (call->precision == GEMM_BF16)
        round_operands(onednn, call, product, lane, &data);
    else
        data.scratchpad = onednn_lane_memory(lane, product->scratchpad_bytes);
    if (!onednn_product_run(&onednn->api, product, lane->stream, &data))
        spoil(call);
    onednn_cache_give(onednn->cache, product);
    return true;
}

/* ---- any shape ------------------------------------------------------------------------------- */

/* An operand as the floats that its rounded numbers are. */
static void
round_as_float(const struct stored *stored, float *out)
{
    if (stored->half == NULL) {
        bf16_round_float(stored->rows, stored->columns, stored->x, stored->ld, out);
        return;
    }
    for (size_t row = 0; row < stored->rows; row++)
        for (size_t i = 0; i < stored->columns; i++)
            *out++ = bf16_float(stored->half[row * stored->ld + i]);
}

/* Operands rounded to bfloat16, as floats in the lane's memory: slower, the same meaning. */
static void
round_as_floats(struct gemm_call *call, struct onednn_lane *lane)
{
    struct stored a = stored_a(call);
    struct stored b = stored_b(call);
    size_t a_bytes = aligned(a.rows * a.columns * sizeof(float));
    char *memory = onednn_lane_memory(lane, a_bytes + b.rows * b.columns * sizeof(float));
    float *a_rounded = (void *)memory;
    float *b_rounded = (void *)(memory + a_bytes);
    round_as_float(&a, a_rounded);
    round_as_float(&b, b_rounded);
    call->a = a_rounded;
    call->lda = a.columns;
    call->b = b_rounded;
    call->ldb = b.columns;
}

static void
run_any(const struct onednn *onednn, struct gemm_call call, struct onednn_lane *lane)
{
    float beta = call.bias != NULL || call.accumulate ? 1.0f : 0.0f;
    if (call.bias != NULL)
        gemm_fill_bias(&call);
    if (call.precision == GEMM_BF16)
        round_as_floats(&call, lane);
    int status = onednn->api.sgemm(
        call.form == GEMM_TN ? 'T' : 'N', call.form == GEMM_NT ? 'T' : 'N', (int64_t)call.m,
        (int64_t)call.n, (int64_t)call.k, 1.0f, call.a, (int64_t)call.lda, call.b,
        (int64_t)call.ldb, beta, call.c, (int64_t)call.ldc);
    if (status != 0)
        spoil(&call);
}

static void
onednn_run(const void *state, const struct gemm_call *call)
{
    const struct onednn *onednn = state;
    struct onednn_lane *lane = onednn_lanes_take(onednn->lanes);
    if (!is_compiled(onednn, call) || !run_compiled(onednn, call, lane))
        run_any(onednn, *call, lane);
    onednn_lanes_give(onednn->lanes, lane);
}

/* ---- loading --------------------------------------------------------------------------------- */

enum { PROOF_M = 24, PROOF_N = 176, PROOF_K = 256 }; /* as much work as is compiled */

_Static_assert(PROOF_M *PROOF_N *PROOF_K >= COMPILED_WORK, "the proof is of compiled products");

/* Small integers, exact in bfloat16, whose sums are exact in float in any order. */
static void
fill_integers(size_t count, size_t factor, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(i * factor % 9) - 4.0f;
}

static bool
is_exact(const struct gemm_call *call)
{
    for (size_t i = 0; i < call->m; i += PROOF_M / 2 - 1) {
        for (size_t j = 0; j < call->n; j++) {
            float sum = call->bias[j];
            for (size_t p = 0; p < call->k; p++)
                sum += call->a[call->form == GEMM_TN ? p * call->lda + i : i * call->lda + p] *
                       call->b[call->form == GEMM_NT ? j * call->ldb + p : p * call->ldb + j];
            if (call->c[i * call->ldc + j] != sum)
                return false;
        }
    }
    return true;
}

/* Are compiled products right in this precision, in every form? */
static bool
proves_right(const struct onednn *onednn, enum gemm_precision precision)
{
    float *numbers = mem_small(
        (PROOF_M * PROOF_K + PROOF_K * PROOF_N + PROOF_N + PROOF_M * PROOF_N) * sizeof *numbers);
    float *b = numbers + PROOF_M * PROOF_K;
    float *bias = b + PROOF_K * PROOF_N;
    fill_integers(PROOF_M * PROOF_K, 7919, numbers);
    fill_integers(PROOF_K * PROOF_N, 104729, b);
    fill_integers(PROOF_N, 5, bias);
    bool right = true;
    for (int form = GEMM_NN; form <= GEMM_TN && right; form++) {
        struct gemm_call call = {.form = (enum gemm_form)form,
                                 .precision = precision,
                                 .m = PROOF_M,
                                 .n = PROOF_N,
                                 .k = PROOF_K,
                                 .a = numbers,
                                 .lda = form == GEMM_TN ? PROOF_M : PROOF_K,
                                 .b = b,
                                 .ldb = form == GEMM_NT ? PROOF_K : PROOF_N,
                                 .bias = bias,
                                 .c = bias + PROOF_N,
                                 .ldc = PROOF_N};
        onednn_run(onednn, &call);
        right = is_exact(&call);
    }
    free(numbers);
    return right;
}

static void
onednn_unload(void *state)
{
    struct onednn *onednn = state;
    onednn_lanes_free(onednn->lanes);
    onednn_cache_free(onednn->cache);
    onednn_api_close(&onednn->api);
    free(onednn);
}

static int
onednn_load(struct gemm_loaded *loaded, struct err *err)
{
    static const char *const sonames[] = {FINETUNED_ONEDNN_SONAMES, NULL};
    setenv("OMP_NUM_THREADS", "1", 1);
    struct onednn *onednn = mem_small(sizeof *onednn);
    if (onednn_api_open(sonames, &onednn->api, err) != 0) {
        free(onednn);
        return err->code;
    }
    struct cpu_features cpu = cpu_features();
    onednn->cache = onednn_cache_new(&onednn->api);
    onednn->lanes = onednn_lanes_new(&onednn->api);
    onednn->round = cpu.avx512 ? bf16_round_avx512 : bf16_round;
    onednn->has_bf16 = (cpu.avx512_bf16 || cpu.amx_bf16) && onednn_api_has_bf16(&onednn->api);
    onednn_api_name(&onednn->api, sizeof loaded->name, loaded->name);
    if (!proves_right(onednn, GEMM_FP32)) {
        onednn_unload(onednn);
        return err_set(err, ERR_UNSUPPORTED,
                       "%s multiplies wrongly on this processor; install another version",
                       loaded->name);
    }
    onednn->has_bf16 = onednn->has_bf16 && proves_right(onednn, GEMM_BF16);
    loaded->has_bf16 = onednn->has_bf16;
    loaded->state = onednn;
    return 0;
}

const struct gemm_backend gemm_onednn = {"onednn", onednn_load, onednn_unload, onednn_run};
