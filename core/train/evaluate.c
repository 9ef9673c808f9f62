/* Evaluation; see evaluate.h. Batches are filled up to a number of tokens, so memory is bounded. */
#include "core/train/evaluate.h"

#include "core/base/mem.h"
#include "core/model/encoder.h"

#include <stdlib.h>

enum { EVALUATE_ROWS = 256, EVALUATE_TOKENS = 4096 };

int
evaluator_init(struct evaluator *evaluator, const struct token_store *store,
               const struct model_config *config, size_t threads, struct err *err)
{
    *evaluator = (struct evaluator){.store = store};
    size_t rows = store->rows < EVALUATE_ROWS ? store->rows : EVALUATE_ROWS;
    size_t tokens = batch_most_tokens(store, rows);
    size_t limit = store->longest > EVALUATE_TOKENS ? store->longest : EVALUATE_TOKENS;
    tokens = tokens < limit ? tokens : limit;
    evaluator->picked = mem_small(rows * sizeof *evaluator->picked);
    if (batch_init(&evaluator->batch, rows, tokens, err) == 0 &&
        workspace_init(&evaluator->workspace, config, false, rows, tokens, store->longest, threads,
                       err) == 0)
        return 0;
    evaluator_fini(evaluator);
    return err->code;
}

void
evaluator_fini(struct evaluator *evaluator)
{
    workspace_fini(&evaluator->workspace);
    batch_fini(&evaluator->batch);
    free(evaluator->picked);
    *evaluator = (struct evaluator){0};
}

/* Rows from `from` on that fit one batch. */
static size_t
take_rows(struct evaluator *evaluator, size_t from)
{
    const struct token_store *store = evaluator->store;
    size_t count = 0;
    size_t tokens = 0;
    while (from + count < store->rows && count < evaluator->batch.row_capacity) {
        size_t row = from + count;
        tokens += store->offsets[row + 1] - store->offsets[row];
        if (tokens > evaluator->batch.token_capacity)
            break;
        evaluator->picked[count++] = (uint32_t)row;
    }
    return count;
}

bool
evaluator_run(struct evaluator *evaluator, const struct network *network, struct pool *pool,
              evaluator_visit *visit, void *context)
{
    for (size_t from = 0; from < evaluator->store->rows;) {
        size_t count = take_rows(evaluator, from);
        struct pass pass = {.network = network,
                            .batch = &evaluator->batch,
                            .workspace = &evaluator->workspace,
                            .pool = pool};
        batch_fill(&evaluator->batch, evaluator->store, evaluator->picked, count);
        encoder_forward(&pass);
        if (!visit(context, &evaluator->batch, &evaluator->workspace))
            return false;
        from += count;
    }
    return true;
}

/* Running sums of an evaluation. */
struct tally {
    double loss;
    size_t correct;
    bool (*should_stop)(void *context);
    void *context;
};

static bool
count_batch(void *context, const struct batch *batch, const struct workspace *workspace)
{
    struct tally *tally = context;
    for (size_t row = 0; row < batch->rows; row++) {
        tally->loss += workspace->losses[row];
        tally->correct += workspace->best[row] == batch->labels[row];
    }
    return tally->should_stop == NULL || !tally->should_stop(tally->context);
}

bool
evaluate(struct evaluator *evaluator, const struct network *network, struct pool *pool,
         bool (*should_stop)(void *context), void *context, struct evaluation *out)
{
    struct tally tally = {.should_stop = should_stop, .context = context};
    bool whole = evaluator_run(evaluator, network, pool, count_batch, &tally);
    double rows = (double)evaluator->store->rows;
    *out = (struct evaluation){.loss = tally.loss / rows, .accuracy = (double)tally.correct / rows};
    return whole;
}
