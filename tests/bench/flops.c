/* Useful work; see flops.h. */
#include "tests/bench/flops.h"

/* Matrix parameters that see every token, and those that see one token a row. */
static void
count_parameters(const struct model_config *config, double *by_token, double *by_row)
{
    double h = (double)config->hidden_size;
    double i = (double)config->intermediate_size;
    double wide = (double)config->layers - 1;
    *by_token = wide * (4 * h * h + 2 * h * i) + 2 * h * h;
    *by_row = 2 * h * h + 2 * h * i + h * h + h * (double)config->label_count;
}

double
flops_useful(const struct model_config *config, const struct flops_batch *batch, bool training)
{
    double by_token;
    double by_row;
    double h = (double)config->hidden_size;
    double wide = (double)config->layers - 1;
    double passes = training ? 3 : 1;
    count_parameters(config, &by_token, &by_row);
    return passes * (2 * by_token * batch->tokens + 2 * by_row * batch->rows +
                     4 * h * (wide * batch->squares + batch->tokens));
}

const char *
flops_formula(const struct model_config *config, struct arena *arena)
{
    double by_token;
    double by_row;
    count_parameters(config, &by_token, &by_row);
    return arena_printf(arena,
                        "6 x (%.2f M parameters x tokens + %.2f M x rows) + 12 x %zu x (%zu x "
                        "sum(S^2) + tokens)",
                        by_token / 1e6, by_row / 1e6, config->hidden_size, config->layers - 1);
}
