/* A data set into token stores; see tokenize.h. */
#include "core/data/tokenize.h"

#include "core/base/mem.h"
#include "core/text/token_list.h"

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
    struct text_words words = {data->text, data->words, data->word_count};
    int rc = data->words != NULL
                 ? tokenizer_encode_words(task->tokenizer, &words, task->max_length, list, err)
                 : tokenizer_encode(task->tokenizer, &text, task->max_length, list, err);
    if (rc == 0)
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

/* What joining blocks carries about. */
struct joiner {
    const struct tokenize_task *task;
    struct token_store *stores[2];
    uint32_t *classes; /* (capacity): of the tokens of one row */
    size_t capacity;
};

/* How many words of a row the limit has cut off. Words that have no tokens at all are not. */
static size_t
count_cut(const struct tokenize_task *task, const struct token_list *list, size_t start, size_t end,
          size_t words)
{
    size_t seen = 0;
    uint32_t last = TOKEN_NO_WORD;
    if (end - start < task->max_length)
        return 0;
    for (size_t t = start; t < end; t++) {
        seen += list->words[t] != TOKEN_NO_WORD && list->words[t] != last;
        last = list->words[t];
    }
    return words > seen ? words - seen : 0;
}

/* The target of a row of words: classes from words to their first tokens. */
static struct target
target_of_tokens(struct joiner *j, const struct token_list *list, size_t start, size_t end,
                 const struct target *words)
{
    uint32_t last = TOKEN_NO_WORD;
    if (end - start > j->capacity) {
        j->capacity = end - start;
        j->classes = mem_resize(j->classes, j->capacity, sizeof *j->classes);
    }
    for (size_t t = start; t < end; t++) {
        uint32_t word = list->words[t];
        bool first = word != TOKEN_NO_WORD && word != last;
        j->classes[t - start] = first ? words->ids[word] : LABEL_NONE;
        last = word;
    }
    return (struct target){.ids = j->classes, .count = end - start};
}

static void
count_words(const struct tokenize_task *task, const struct token_list *list, size_t start,
            size_t end, size_t words)
{
    size_t cut = count_cut(task, list, start, end, words);
    task->counts->words += words;
    task->counts->words_cut += cut;
    task->counts->rows_cut += cut > 0;
}

/* Append a block's rows, which begin at row `first` of the data set. */
static int
join(struct joiner *j, const struct block *block, size_t first, struct err *err)
{
    const struct tokenize_task *task = j->task;
    size_t left = task->dataset->count - first;
    size_t rows = left < BLOCK_ROWS ? left : BLOCK_ROWS;
    for (size_t i = 0, start = 0; i < rows; start = block->ends[i], i++) {
        size_t row = first + i;
        size_t end = block->ends[i];
        size_t words = task->dataset->rows[row].word_count;
        struct token_store *store = j->stores[task->second != NULL && task->second[row]];
        struct target target = {.label = LABEL_NONE};
        if (task->targets != NULL)
            target = targets_row(task->targets, row);
        if (task->targets != NULL && task->targets->task == TASK_TOKEN_CLASSIFICATION)
            target = target_of_tokens(j, &block->list, start, end, &target);
        if (task->counts != NULL && words > 0)
            count_words(task, &block->list, start, end, words);
        const struct text_tokens text = {block->list.ids + start, block->list.types + start,
                                         end - start,
                                         task->max_length > 0 ? task->max_length : end - start};
        if (token_store_add_text(store, &text, &target, err) != 0)
            return err_prefix(err, "%s line %zu", task->name, task->dataset->rows[row].line);
    }
    return 0;
}

/* Make the stores hold what the task's targets are. */
static void
begin_stores(const struct joiner *j)
{
    const struct targets *targets = j->task->targets;
    for (size_t i = 0; i < 2 && targets != NULL; i++) {
        if (j->stores[i] == NULL || j->stores[i]->rows > 0)
            continue;
        j->stores[i]->targets.task = targets->task;
        j->stores[i]->targets.width = targets->width;
    }
}

int
tokenize_dataset(const struct tokenize_task *task, struct pool *pool, struct token_store *first,
                 struct token_store *second, struct err *err)
{
    size_t rows = task->dataset->count;
    size_t most = pool_threads(pool) * BLOCKS_PER_THREAD;
    struct joiner joiner = {.task = task, .stores = {first, second}};
    struct wave wave = {.task = task, .blocks = mem_array(most, sizeof *wave.blocks)};
    int rc = 0;
    if (wave.blocks == NULL)
        return err_set(err, ERR_MEMORY, "the blocks of %zu threads do not fit into memory",
                       pool_threads(pool));
    begin_stores(&joiner);
    for (size_t i = 0; i < most; i++)
        wave.blocks[i].list.with_places = rows > 0 && task->dataset->rows[0].words != NULL;
    for (size_t count = 0; wave.from < rows && rc == 0; wave.from += count * BLOCK_ROWS) {
        count = (rows - wave.from + BLOCK_ROWS - 1) / BLOCK_ROWS;
        count = count < most ? count : most;
        pool_run(pool, tokenize_block, &wave, count);
        for (size_t i = 0; i < count && rc == 0; i++) {
            const struct block *block = &wave.blocks[i];
            if (block->status != 0)
                *err = block->err;
            rc = block->status != 0 ? block->status
                                    : join(&joiner, block, wave.from + i * BLOCK_ROWS, err);
        }
    }
    for (size_t i = 0; i < most; i++)
        token_list_fini(&wave.blocks[i].list);
    free(wave.blocks);
    free(joiner.classes);
    return rc;
}
