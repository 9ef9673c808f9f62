/*
 * `bench logits`: what a model folder says of rows of token ids, for comparison with other
 * programs.
 *
 * A line of the input is a row: its ids, each with ":1" behind it where its type is 1. A line of
 * the output is what the head says of that row: K numbers or, of a head of tokens, K for each
 * token.
 */
#include "tests/bench/bench.h"

#include "core/base/mem.h"
#include "core/data/tokens.h"
#include "core/hub/model_dir.h"
#include "core/model/head.h"
#include "core/train/evaluate.h"
#include "daemon/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: bench logits DIR < ROWS\n"
    "\n"
    "Prints the logits of the model in DIR for rows of token ids, a line each way:\n"
    "\"101 2003:1 102:1\" is a row of three tokens, of which two have the type 1.\n";

struct logits {
    struct arena *arena;
    struct model_config config;
    struct tensor_layout layout;
    float *parameters;
    struct gemm_engine *engine;
    struct pool *pool;
    struct token_store store;
    struct evaluator evaluator;
    float *values; /* (outputs of the store, K) */
};

static int
load(struct logits *l, const char *folder, struct err *err)
{
    struct model_load_report report;
    if (model_config_read(folder, l->arena, &l->config, err) != 0)
        return err->code;
    if (l->config.label_count == 0)
        return err_set(err, ERR_UNSUPPORTED, "%s: a base model has no logits", folder);
    if (tensor_layout_build(&l->config, l->arena, &l->layout, err) != 0)
        return err->code;
    l->parameters = mem_array(l->layout.total, sizeof *l->parameters);
    if (l->parameters == NULL)
        return err_set(err, ERR_MEMORY, "the model does not fit into memory");
    if (model_dir_load(folder, &l->layout, 1, l->parameters, &report, err) != 0)
        return err->code;
    if (report.random_weights || report.missing_pooler || report.missing_classifier)
        return err_set(err, ERR_INVALID, "%s: the weights hold no whole head", folder);
    return 0;
}

/* One line's row into the store; *row counts from 1. */
static int
read_row(struct logits *l, char *line, size_t row, struct err *err)
{
    size_t most = l->config.max_positions;
    uint32_t *ids = arena_array(l->arena, most, sizeof *ids);
    uint8_t *types = arena_array(l->arena, most, sizeof *types);
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \n", &rest); word != NULL;
         word = strtok_r(NULL, " \n", &rest)) {
        char *end = NULL;
        unsigned long id = strtoul(word, &end, 10);
        bool second = strcmp(end, ":1") == 0;
        if (end == word || (*end != '\0' && !second) || id >= l->config.vocab_size ||
            count == most || (second && l->config.type_vocab_size < 2))
            return err_set(err, ERR_INVALID, "row %zu, token %zu: '%.20s' cannot be taken", row,
                           count + 1, word);
        ids[count] = (uint32_t)id;
        types[count++] = second;
    }
    if (count == 0)
        return err_set(err, ERR_INVALID, "row %zu is empty", row);
    return token_store_add(&l->store, ids, types, count, LABEL_NONE, err);
}

static int
read_rows(struct logits *l, struct err *err)
{
    char *line = NULL;
    size_t capacity = 0;
    int rc = 0;
    for (size_t row = 1; rc == 0 && getline(&line, &capacity, stdin) > 0; row++)
        rc = read_row(l, line, row, err);
    free(line);
    return rc != 0 || l->store.rows > 0 ? rc : err_set(err, ERR_INVALID, "there are no rows");
}

/* Rows of a batch stand elsewhere than in the store. */
static void
keep(void *context, const struct batch *batch, const struct workspace *workspace)
{
    const struct logits *l = context;
    size_t k = l->config.label_count;
    for (size_t row = 0; row < batch->rows; row++) {
        size_t from = batch->offsets[row];
        size_t source = batch->sources[row];
        size_t count = head_outputs(&l->config, 1, batch->offsets[row + 1] - from);
        memcpy(l->values + head_outputs(&l->config, source, l->store.offsets[source]) * k,
               workspace->logits + head_outputs(&l->config, row, from) * k,
               count * k * sizeof *l->values);
    }
}

static int
compute(struct logits *l, struct err *err)
{
    struct network network = {
        .config = &l->config, .layout = &l->layout, .ops = ops_best(), .parameters = l->parameters};
    size_t outputs = head_outputs(&l->config, l->store.rows, l->store.offsets[l->store.rows]);
    l->values = mem_array(outputs, l->config.label_count * sizeof *l->values);
    l->pool = pool_new(1, err);
    if (l->values == NULL)
        return err_set(err, ERR_MEMORY, "the logits do not fit into memory");
    if (l->pool == NULL || gemm_engine_open(NULL, &l->engine, err) != 0 ||
        evaluator_init(&l->evaluator, &l->store, &l->config, 1, err) != 0)
        return err->code;
    network.engine = l->engine;
    evaluator_run(&l->evaluator, &network, l->pool,
                  &(struct evaluator_visitor){.visit = keep, .context = l});
    return 0;
}

static void
print(const struct logits *l)
{
    size_t k = l->config.label_count;
    for (size_t row = 0; row < l->store.rows; row++) {
        size_t from = head_outputs(&l->config, row, l->store.offsets[row]) * k;
        size_t to = head_outputs(&l->config, row + 1, l->store.offsets[row + 1]) * k;
        for (size_t i = from; i < to; i++)
            printf("%s%.9g", i > from ? " " : "", (double)l->values[i]);
        printf("\n");
    }
}

static void
close_all(struct logits *l)
{
    evaluator_fini(&l->evaluator);
    token_store_fini(&l->store);
    gemm_engine_close(l->engine);
    pool_free(l->pool);
    free(l->values);
    free(l->parameters);
    arena_free(l->arena);
}

int
bench_logits(int count, char *const *arguments)
{
    struct logits l = {0};
    struct err err;
    bool help = count == 1 && strcmp(arguments[0], "--help") == 0;
    if (count != 1 || help) {
        fputs(usage, help ? stdout : stderr);
        return help ? EXIT_OK : EXIT_WRONG_USE;
    }
    l.arena = arena_new();
    int rc = load(&l, arguments[0], &err);
    if (rc == 0)
        rc = read_rows(&l, &err);
    if (rc == 0)
        rc = compute(&l, &err);
    if (rc == 0)
        print(&l);
    else
        fprintf(stderr, "bench logits: %s\n", err.message);
    close_all(&l);
    return rc == 0 ? EXIT_OK : EXIT_FAILURE;
}
