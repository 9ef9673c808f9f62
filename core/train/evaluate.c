/* Evaluation; see evaluate.h. Batches are filled up to a number of tokens, so memory is bounded. */
#include "core/train/evaluate.h"

#include "core/base/mem.h"
#include "core/model/encoder.h"
#include "core/model/loss.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int
reserve(struct evaluator *evaluator, const struct model_config *config,
        const struct workspace_shape *shape, struct err *err)
{
    size_t width =
        config->label_count > config->hidden_size ? config->label_count : config->hidden_size;
    *evaluator =
        (struct evaluator){.starts = mem_array(shape->longest + 1, sizeof(size_t)), .width = width};
    if (evaluator->starts == NULL)
        return err_set(err, ERR_MEMORY, "rows of %zu tokens do not fit into memory",
                       shape->longest);
    if (batch_init(&evaluator->batch, shape->rows, shape->tokens, err) == 0 &&
        workspace_init(&evaluator->workspace, config, shape, err) == 0)
        return 0;
    evaluator_fini(evaluator);
    return err->code;
}

static size_t
token_limit(size_t longest)
{
    return longest > EVALUATE_TOKENS ? longest : EVALUATE_TOKENS;
}

int
evaluator_reserve(struct evaluator *evaluator, const struct model_config *config, size_t longest,
                  size_t threads, struct err *err)
{
    struct workspace_shape shape = {.rows = EVALUATE_ROWS,
                                    .tokens = token_limit(longest),
                                    .longest = longest,
                                    .threads = threads};
    return reserve(evaluator, config, &shape, err);
}

/* What the largest batch that a store is cut into needs. */
static struct workspace_shape
shape_of(const struct token_store *store, size_t threads)
{
    size_t rows = least(store->rows, EVALUATE_ROWS);
    return (struct workspace_shape){
        .rows = rows,
        .tokens = least(batch_most_tokens(store, rows), token_limit(store->longest)),
        .longest = store->longest,
        .threads = threads,
    };
}

size_t
evaluator_bytes(const struct token_store *store, const struct model_config *config, size_t threads)
{
    if (store->rows == 0)
        return 0;
    struct workspace_shape shape = shape_of(store, threads);
    return workspace_bytes(config, &shape);
}

static int
reserve_for(struct evaluator *evaluator, const struct token_store *store,
            const struct model_config *config, const struct workspace_shape *shape, struct err *err)
{
    if (reserve(evaluator, config, shape, err) != 0)
        return err->code;
    if (evaluator_use(evaluator, store, err) == 0)
        return 0;
    evaluator_fini(evaluator);
    return err->code;
}

int
evaluator_init(struct evaluator *evaluator, const struct token_store *store,
               const struct model_config *config, size_t threads, struct err *err)
{
    const struct evaluator_room room = {.threads = threads};
    return evaluator_init_host(evaluator, store, config, &room, err);
}

int
evaluator_init_host(struct evaluator *evaluator, const struct token_store *store,
                    const struct model_config *config, const struct evaluator_room *room,
                    struct err *err)
{
    struct workspace_shape shape = shape_of(store, room->threads);
    shape.reserve = room->bytes;
    return reserve_for(evaluator, store, config, &shape, err);
}

int
evaluator_init_in(struct evaluator *evaluator, const struct token_store *store,
                  const struct model_config *config, const struct workspace *host, struct err *err)
{
    struct workspace_shape shape = shape_of(store, host->shape.threads);
    shape.host = host->pages;
    return reserve_for(evaluator, store, config, &shape, err);
}

void
evaluator_fini(struct evaluator *evaluator)
{
    workspace_fini(&evaluator->workspace);
    batch_fini(&evaluator->batch);
    free(evaluator->order);
    free(evaluator->starts);
    text_means_fini(&evaluator->means);
    *evaluator = (struct evaluator){0};
}

/* ---- order ----------------------------------------------------------------------------------- */

static size_t
row_length(const struct token_store *store, size_t row)
{
    return store->offsets[row + 1] - store->offsets[row];
}

/* The rows of texts that have several; how many they are. */
static size_t
list_windows(struct evaluator *evaluator)
{
    const struct token_store *store = evaluator->store;
    size_t count = 0;
    for (size_t text = 0; store->texts != NULL && text < token_store_texts(store); text++)
        for (size_t row = store->texts[text];
             store->texts[text + 1] - store->texts[text] > 1 && row < store->texts[text + 1]; row++)
            evaluator->order[count++] = (uint32_t)row;
    return count;
}

static bool
is_text(const struct token_store *store, size_t row)
{
    if (store->texts == NULL)
        return true;
    size_t text = token_store_text_of(store, row);
    return store->texts[text + 1] - store->texts[text] == 1;
}

/* A counting sort: a store has far more rows than lengths. */
static void
sort_rows(struct evaluator *evaluator)
{
    const struct token_store *store = evaluator->store;
    size_t *starts = evaluator->starts;
    size_t start = list_windows(evaluator);
    memset(starts, 0, (store->longest + 1) * sizeof *starts);
    for (size_t row = 0; row < store->rows; row++)
        starts[row_length(store, row)] += is_text(store, row);
    for (size_t length = store->longest + 1; length-- > 0;) {
        size_t count = starts[length];
        starts[length] = start;
        start += count;
    }
    for (size_t row = 0; row < store->rows; row++)
        if (is_text(store, row))
            evaluator->order[starts[row_length(store, row)]++] = (uint32_t)row;
}

int
evaluator_use(struct evaluator *evaluator, const struct token_store *store, struct err *err)
{
    assert(store->rows > 0 && store->longest <= evaluator->workspace.shape.longest);
    if (store->rows > evaluator->order_capacity) {
        free(evaluator->order);
        evaluator->order_capacity = 0;
        evaluator->order = mem_array(store->rows, sizeof *evaluator->order);
        if (evaluator->order == NULL)
            return err_set(err, ERR_MEMORY, "the order of %zu rows does not fit into memory",
                           store->rows);
        evaluator->order_capacity = store->rows;
    }
    if (store->texts != NULL && evaluator->means.open == NULL &&
        text_means_init(&evaluator->means, evaluator->width, evaluator->batch.row_capacity + 1,
                        err) != 0) {
        text_means_fini(&evaluator->means);
        return err->code;
    }
    evaluator->store = store;
    sort_rows(evaluator);
    return 0;
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* How many of the rows from place `from` of the order on fit one batch. */
static size_t
count_rows(const struct evaluator *evaluator, size_t from)
{
    const struct token_store *store = evaluator->store;
    size_t most = least(store->rows - from, evaluator->batch.row_capacity);
    size_t tokens = 0;
    for (size_t count = 0; count < most; count++) {
        tokens += row_length(store, evaluator->order[from + count]);
        if (tokens > evaluator->batch.token_capacity)
            return count;
    }
    return most;
}

bool
evaluator_run(struct evaluator *evaluator, const struct network *network, struct pool *pool,
              const struct evaluator_visitor *visitor)
{
    struct pass pass = {.network = network,
                        .batch = &evaluator->batch,
                        .workspace = &evaluator->workspace,
                        .pool = pool,
                        .should_stop = visitor->should_stop,
                        .context = visitor->context};
    assert(pool_threads(pool) <= evaluator->workspace.shape.threads);
    text_means_restart(&evaluator->means);
    for (size_t from = 0, count; from < evaluator->store->rows; from += count) {
        count = count_rows(evaluator, from);
        batch_fill(&evaluator->batch, evaluator->store, evaluator->order + from, count);
        encoder_forward(&pass);
        if (visitor->should_stop != NULL && visitor->should_stop(visitor->context))
            return false;
        visitor->visit(visitor->context, &evaluator->batch, &evaluator->workspace);
    }
    return true;
}

const float *
evaluator_text(struct evaluator *evaluator, const struct batch *batch, size_t row, const float *x,
               size_t count)
{
    return text_means_add(&evaluator->means, evaluator->store, batch->sources[row], x, count);
}

/* Running sums of an evaluation. */
struct tally {
    const struct evaluate_call *call;
    struct loss_sums sums;
};

/* The outputs of a row: its one, or those of its tokens. */
static void
take_row(struct evaluation_outputs *outputs, const struct batch *batch,
         const struct workspace *workspace, size_t row)
{
    size_t k = outputs->classes, source = batch->sources[row], first = batch->offsets[row];
    if (outputs->task != TASK_TOKEN_CLASSIFICATION) {
        evaluation_outputs_take(outputs, source, workspace->logits + row * k);
        return;
    }
    for (size_t token = first; token < batch->offsets[row + 1]; token++)
        evaluation_outputs_take(outputs, batch->targets->starts[source] + (token - first),
                                workspace->logits + token * k);
}

/* Texts of several rows: the loss, too, is that of their mean. */
static void
count_texts(struct tally *tally, const struct batch *batch, const struct workspace *workspace)
{
    const struct evaluate_call *call = tally->call;
    size_t k = call->network->config->label_count;
    float logits[CONFIG_MAX_LABELS];
    for (size_t row = 0; row < batch->rows; row++) {
        const float *mean =
            evaluator_text(call->evaluator, batch, row, workspace->logits + row * k, k);
        if (mean == NULL)
            continue;
        if (call->outputs != NULL)
            evaluation_outputs_take(call->outputs, batch->sources[row], mean);
        memcpy(logits, mean, k * sizeof *logits);
        loss_add_logits(call->network->ops, batch->targets, batch->sources[row], k, logits,
                        &tally->sums);
    }
}

static void
count_batch(void *context, const struct batch *batch, const struct workspace *workspace)
{
    struct tally *tally = context;
    if (tally->call->evaluator->store->texts != NULL) {
        count_texts(tally, batch, workspace);
        return;
    }
    for (size_t row = 0; row < batch->rows; row++) {
        loss_add_row(batch, workspace, row, &tally->sums);
        if (tally->call->outputs != NULL)
            take_row(tally->call->outputs, batch, workspace, row);
    }
}

static bool
is_stopped(void *context)
{
    const struct tally *tally = context;
    return tally->call->should_stop != NULL && tally->call->should_stop(tally->call->context);
}

bool
evaluate(const struct evaluate_call *call, struct evaluation *out)
{
    struct tally tally = {.call = call};
    struct evaluator_visitor visitor = {
        .visit = count_batch, .should_stop = is_stopped, .context = &tally};
    bool whole = evaluator_run(call->evaluator, call->network, call->pool, &visitor);
    size_t judged = tally.sums.judged > 0 ? tally.sums.judged : 1;
    *out = (struct evaluation){.loss = tally.sums.loss / (double)judged,
                               .accuracy = loss_accuracy(&tally.sums)};
    return whole;
}
