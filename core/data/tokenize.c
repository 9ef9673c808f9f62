/* A data set into token stores; see tokenize.h. */
#include "core/data/tokenize.h"

#include "core/base/mem.h"

#include <stdlib.h>

/* Results depend on none of these; a block is some 4,000 tokens of short texts. */
enum { BLOCK_ROWS = 256, BLOCKS_PER_THREAD = 4 };

/* The rows of a block after tokenization. */
struct block {
    struct token_list list;
    size_t ends[BLOCK_ROWS]; /* row i ends at list's token ends[i] */
    int status;              /* of the first row that failed */
    struct err err;
};

/* Blocks under way: they begin at row `from` of the data set. */
struct wave {
    const struct tokenize_task *task;
    struct block *blocks;
    size_t from;
};

static int
tokenize_row(const struct tokenize_task *task, size_t row, struct token_list *list, struct err *err)
{
    const struct data_row *data = &task->dataset->rows[row];
    if (task->should_stop != NULL && task->should_stop(task->context))
        return err_set(err, ERR_STOPPED, "the run was stopped");
    struct text text = {data->text, data->text_length, data->pair, data->pair_length};
    if (tokenizer_encode(task->tokenizer, &text, task->max_length, list, err) == 0)
        return 0;
    return err_prefix(err, "%s line %zu", task->name, data->line);
}

static void
tokenize_block(void *context, size_t item, size_t thread)
{
    struct wave *wave = context;
    struct block *block = &wave->blocks[item];
    size_t first = wave->from + item * BLOCK_ROWS;
    size_t left = wave->task->dataset->count - first;
    size_t rows = left < BLOCK_ROWS ? left : BLOCK_ROWS;
    (void)thread;
    block->list.count = 0;
    block->status = 0;
    for (size_t i = 0; i < rows && block->status == 0; i++) {
        block->status = tokenize_row(wave->task, first + i, &block->list, &block->err);
        block->ends[i] = block->list.count;
    }
}

/* Append a block's rows, which begin at row `first` of the data set. */
static int
join(const struct tokenize_task *task, const struct block *block, size_t first,
     struct token_store *stores[2], struct err *err)
{
    size_t left = task->dataset->count - first;
    size_t rows = left < BLOCK_ROWS ? left : BLOCK_ROWS;
    for (size_t i = 0, start = 0; i < rows; start = block->ends[i], i++) {
        size_t row = first + i;
        struct token_store *store = stores[task->second != NULL && task->second[row]];
        if (token_store_add(store, block->list.ids + start, block->list.types + start,
                            block->ends[i] - start, task->labels[row], err) != 0)
            return err->code;
    }
    return 0;
}

int
tokenize_dataset(const struct tokenize_task *task, struct pool *pool, struct token_store *first,
                 struct token_store *second, struct err *err)
{
    size_t rows = task->dataset->count;
    size_t most = pool_threads(pool) * BLOCKS_PER_THREAD;
    struct token_store *stores[2] = {first, second};
    struct wave wave = {.task = task, .blocks = mem_array(most, sizeof *wave.blocks)};
    int rc = 0;
    if (wave.blocks == NULL)
        return err_set(err, ERR_MEMORY, "the blocks of %zu threads do not fit into memory",
                       pool_threads(pool));
    for (size_t count = 0; wave.from < rows && rc == 0; wave.from += count * BLOCK_ROWS) {
        count = (rows - wave.from + BLOCK_ROWS - 1) / BLOCK_ROWS;
        count = count < most ? count : most;
        pool_run(pool, tokenize_block, &wave, count);
        for (size_t i = 0; i < count && rc == 0; i++) {
            const struct block *block = &wave.blocks[i];
            if (block->status != 0)
                *err = block->err;
            rc = block->status != 0 ? block->status
                                    : join(task, block, wave.from + i * BLOCK_ROWS, stores, err);
        }
    }
    for (size_t i = 0; i < most; i++)
        token_list_fini(&wave.blocks[i].list);
    free(wave.blocks);
    return rc;
}
