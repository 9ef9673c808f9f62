/* The table of parts; see parts.h. Operators carry their instruction set as a suffix. */
#include "tests/bench/parts.h"

#include <stddef.h>
#include <string.h>

static const char *const names[PART_COUNT] = {
    [PART_DENSE] = "products of dense layers",
    [PART_ATTENTION_PRODUCT] = "products of attention",
    [PART_SOFTMAX] = "attention: softmax, dropout",
    [PART_NORM] = "LayerNorm, dropout, residual",
    [PART_ACTIVATION] = "activation",
    [PART_EMBEDDING] = "embedding",
    [PART_HEAD] = "pooler, classifier, loss",
    [PART_BIAS] = "sums of gradients",
    [PART_OPTIMIZER] = "optimizer, clipping",
    [PART_COPY] = "copying, clearing, rounding",
    [PART_WAIT] = "waiting (pool)",
    [PART_OTHER] = "other",
};

static const struct {
    const char *prefix;
    enum part part;
} functions[] = {
    {"__wrap_gemm", PART_DENSE},
    {"gemm_", PART_DENSE},
    {"softmax", PART_SOFTMAX},
    {"attention_", PART_SOFTMAX},
    {"attend", PART_SOFTMAX},
    {"probabilities", PART_SOFTMAX},
    {"put_columns", PART_SOFTMAX},
    {"score_", PART_SOFTMAX},
    {"multiply", PART_SOFTMAX},
    {"norm_", PART_NORM},
    {"residual_norm", PART_NORM},
    {"add_and_norm", PART_NORM},
    {"dropout", PART_NORM},
    {"drop_", PART_NORM},
    {"activation", PART_ACTIVATION},
    {"add_three", PART_EMBEDDING},
    {"add_up", PART_EMBEDDING},
    {"embed", PART_EMBEDDING},
    {"zero_columns", PART_EMBEDDING},
    {"tanh", PART_HEAD},
    {"cross_entropy", PART_HEAD},
    {"classify", PART_HEAD},
    {"judge", PART_HEAD},
    {"head_", PART_HEAD},
    {"add_rows", PART_BIAS},
    {"add_", PART_BIAS},
    {"collect", PART_BIAS},
    {"partials_", PART_BIAS},
    {"adam", PART_OPTIMIZER},
    {"sgd", PART_OPTIMIZER},
    {"sum_squares", PART_OPTIMIZER},
    {"optimizer_", PART_OPTIMIZER},
    {"update_", PART_OPTIMIZER},
    {"norm_item", PART_OPTIMIZER},
    {"zero_batch_rows", PART_OPTIMIZER},
    {"round_bf16", PART_COPY},
    {"widen_bf16", PART_COPY},
    {"pool_", PART_WAIT},
    {"await_", PART_WAIT},
    {"helper_main", PART_WAIT},
    {"claim_items", PART_WAIT},
    {"relax", PART_WAIT},
};

const char *
part_name(enum part part)
{
    return names[part];
}

enum part
part_of_function(const char *name, bool ours)
{
    enum part part = PART_OTHER;
    size_t longest = 0;
    if (!ours)
        return strncmp(name, "libc.", 5) == 0 ? PART_COPY : PART_OTHER;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        size_t length = strlen(functions[i].prefix);
        if (length <= longest || strncmp(name, functions[i].prefix, length) != 0)
            continue;
        longest = length;
        part = functions[i].part;
    }
    return part;
}
