/*
 * `bench tokenize`: texts a second, on one thread and on all.
 */
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/setup.h"

#include "core/base/pool.h"
#include "core/data/dataset.h"
#include "core/text/tokenizer.h"

#include <stdlib.h>

static const struct option_row rows[] = {
    {"rounds", 0, "N", "Times that all rows are tokenized. Default: 20."},
    SETUP_OPTIONS,
};

enum { MOST_ROUNDS = 1000000, BLOCK_ROWS = 256 };

struct round {
    const struct tokenizer *tokenizer;
    const struct dataset *data;
    size_t max_length;
    struct token_list *lists; /* (threads) */
    size_t *tokens;           /* (blocks) */
    int *status;              /* (blocks) */
};

/* One block of rows, into the thread's own list. */
static void
encode_block(void *context, size_t item, size_t thread)
{
    struct round *round = context;
    struct token_list *list = &round->lists[thread];
    struct err err;
    size_t from = item * BLOCK_ROWS;
    list->count = 0;
    round->status[item] = 0;
    for (size_t i = from; i < from + BLOCK_ROWS && i < round->data->count; i++) {
        const struct data_row *row = &round->data->rows[i];
        struct text text = {row->text, row->text_length, row->pair, row->pair_length};
        if (tokenizer_encode(round->tokenizer, &text, round->max_length, list, &err) != 0)
            round->status[item] = err.code;
    }
    round->tokens[item] = list->count;
}

/* Median seconds of all rows. */
static int
measure(struct round *round, size_t threads, size_t rounds, double *seconds, struct err *err)
{
    size_t blocks = (round->data->count + BLOCK_ROWS - 1) / BLOCK_ROWS;
    double *samples = mem_small(rounds * sizeof *samples);
    struct pool *pool = pool_new(threads, err);
    int rc = pool == NULL ? err->code : 0;
    round->lists = mem_array(threads, sizeof *round->lists);
    for (size_t i = 0; i < rounds && rc == 0; i++) {
        double start = measure_now();
        pool_run(pool, encode_block, round, blocks);
        samples[i] = measure_now() - start;
        for (size_t b = 0; b < blocks && rc == 0; b++)
            if (round->status[b] != 0)
                rc = err_set(err, ERR_INVALID, "a row cannot be tokenized");
    }
    *seconds = measure_quantile(samples, rc == 0 ? rounds : 0, 0.5);
    for (size_t t = 0; t < threads; t++)
        token_list_fini(&round->lists[t]);
    free(round->lists);
    free(samples);
    pool_free(pool);
    return rc;
}

static void
report(const struct setup *setup, const struct round *round, double one, double all)
{
    struct figures figures = setup->figures;
    double texts = (double)round->data->count;
    double tokens = 0;
    double bytes = 0;
    for (size_t i = 0; i < round->data->count; i++)
        bytes += (double)(round->data->rows[i].text_length + round->data->rows[i].pair_length);
    for (size_t b = 0; b * BLOCK_ROWS < round->data->count; b++)
        tokens += (double)round->tokens[b];
    figures_number(&figures, "texts", texts, "", NULL);
    figures_number(&figures, "tokens_per_text", tokens / texts, "", "specials included");
    figures_number(&figures, "texts_per_second_one", texts / one, "/s", "one thread");
    figures_number(&figures, "texts_per_second", texts / all, "/s", "all threads");
    figures_number(&figures, "tokens_per_second_one", tokens / one, "/s", "one thread");
    figures_number(&figures, "megabytes_per_second_one", 1e-6 * bytes / one, "MB/s", "one thread");
}

static int
run(struct setup *setup, struct err *err)
{
    const struct data_columns columns = {0};
    int64_t rounds = 20;
    struct tokenizer *tokenizer = NULL;
    struct dataset *data = NULL;
    struct round round = {.max_length = (size_t)setup->length};
    double one = 0;
    double all = 0;
    if (options_number(setup->options, "rounds", 1, MOST_ROUNDS, &rounds, err) != 0)
        return err->code;
    int rc = tokenizer_open(setup->model, setup->config.vocab_size, &tokenizer, err);
    if (rc == 0)
        rc = dataset_read(setup->data, setup->data, &columns, &data, err);
    if (rc == 0 && data->count == 0)
        rc = err_set(err, ERR_INVALID, "%s: no usable row: %s", setup->data,
                     data->faults[0].message);
    if (rc == 0) {
        size_t blocks = (data->count + BLOCK_ROWS - 1) / BLOCK_ROWS;
        round.tokenizer = tokenizer;
        round.data = data;
        round.tokens = arena_array(setup->arena, blocks, sizeof *round.tokens);
        round.status = arena_array(setup->arena, blocks, sizeof *round.status);
        rc = measure(&round, 1, (size_t)rounds, &one, err);
    }
    if (rc == 0)
        rc = measure(&round, (size_t)setup->threads, (size_t)rounds, &all, err);
    if (rc == 0)
        report(setup, &round, one, all);
    dataset_free(data);
    tokenizer_free(tokenizer);
    return rc;
}

int
bench_tokenize(int count, char *const *arguments)
{
    static const struct setup_program program = {
        .name = "tokenize",
        .purpose = "Tokenizes all rows, several times.",
        .table = {rows, sizeof rows / sizeof *rows},
        .defaults = {.rows = 10000, .length = 16},
        .run = run,
    };
    return setup_main(&program, count, arguments);
}
