/* Cutting a batch into groups; see groups.h. */
#include "core/model/groups.h"

#include "core/ops/attention.h"

static size_t
chunk_tokens(const struct batch *batch, size_t first, size_t last)
{
    return batch->offsets[batch->chunk_rows[last]] - batch->offsets[batch->chunk_rows[first]];
}

size_t
groups_end(const struct batch *batch, size_t first, size_t most_tokens)
{
    size_t groups = (batch->tokens + most_tokens - 1) / most_tokens;
    size_t share = (batch->chunks + groups - 1) / groups;
    size_t most = groups_most_chunks(most_tokens);
    share = groups == 1 ? batch->chunks : (share + 3) / 4 * 4;
    share = share < most ? share : most;
    size_t end = first + 1;
    while (end < batch->chunks && end - first < share &&
           chunk_tokens(batch, first, end + 1) <= most_tokens)
        end++;
    return end;
}

void
groups_part(const struct pass *pass, size_t first, size_t last, struct batch *batch,
            struct pass *part)
{
    const struct batch *whole = pass->batch;
    const struct workspace *w = pass->workspace;
    size_t heads = pass->network->config->heads;
    size_t row = whole->chunk_rows[first];
    size_t token = whole->offsets[row];
    *batch = *whole;
    batch->rows = whole->chunk_rows[last] - row;
    batch->tokens = chunk_tokens(whole, first, last);
    batch->chunks = last - first;
    batch->ids += token;
    batch->types += token;
    batch->sources += row;
    batch->offsets = w->offsets;
    batch->chunk_rows = w->chunk_rows;
    for (size_t i = 0; i <= batch->rows; i++)
        w->offsets[i] = whole->offsets[row + i] - token;
    for (size_t i = 0; i <= batch->chunks; i++)
        w->chunk_rows[i] = whole->chunk_rows[first + i] - row;
    *part = *pass;
    part->batch = batch;
    part->before =
        (struct pass_before){.rows = row, .tokens = token, .loss_weight = pass->before.loss_weight};
    for (size_t i = 0; i < row; i++)
        part->before.attention_groups +=
            attention_groups(heads, whole->offsets[i + 1] - whole->offsets[i]);
}
