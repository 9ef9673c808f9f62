/* Prediction; see predict.h. Texts are tokenized into a store and run like an evaluation. */
#include "core/predict.h"

#include "core/base/mem.h"
#include "core/base/pages.h"
#include "core/data/labels.h"
#include "core/hub/model_dir.h"
#include "core/train/evaluate.h"

#include <stdlib.h>
#include <string.h>

struct predictor {
    struct arena *arena;
    struct model_config config;
    struct tensor_layout layout;
    struct tokenizer *tokenizer;
    struct pages parameters;
    struct network network;
};

static int
load(struct predictor *p, const char *folder, struct err *err)
{
    struct model_load_report report = {0};
    if (model_config_read(folder, p->arena, &p->config, err) != 0)
        return err->code;
    if (p->config.label_count == 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s is a base model without a classifier; fine-tune it first", folder);
    if (tensor_layout_build(&p->config, p->arena, &p->layout, err) != 0 ||
        tokenizer_open(folder, p->config.vocab_size, &p->tokenizer, err) != 0)
        return err->code;
    p->parameters = pages_map(p->layout.total, sizeof(float));
    if (p->parameters.memory == NULL)
        return err_set(err, ERR_MEMORY, "%zu parameters do not fit into memory", p->layout.total);
    if (model_dir_load(folder, &p->layout, 0, p->parameters.memory, &report, err) != 0)
        return err->code;
    if (report.random_weights || report.missing_classifier || report.missing_pooler)
        return err_set(err, ERR_INVALID,
                       "%s: the weights hold no complete classifier, though config.json names one",
                       folder);
    return 0;
}

int
predictor_open(const char *folder, const struct gemm_engine *engine, struct predictor **out,
               struct err *err)
{
    struct predictor *p = mem_small(sizeof *p);
    *p = (struct predictor){.arena = arena_new()};
    if (load(p, folder, err) != 0) {
        predictor_free(p);
        return err->code;
    }
    p->network = (struct network){&p->config, &p->layout, engine, ops_best(), p->parameters.memory};
    *out = p;
    return 0;
}

void
predictor_free(struct predictor *predictor)
{
    if (predictor == NULL)
        return;
    tokenizer_free(predictor->tokenizer);
    pages_unmap(&predictor->parameters);
    arena_free(predictor->arena);
    free(predictor);
}

const struct model_config *
predictor_config(const struct predictor *predictor)
{
    return &predictor->config;
}

static int
tokenize(const struct predictor *p, const struct text *texts, size_t count,
         struct token_store *store, struct err *err)
{
    size_t length =
        p->config.max_seq_length > 0 ? p->config.max_seq_length : p->config.max_positions;
    for (size_t i = 0; i < count; i++) {
        if (texts[i].second != NULL && p->config.type_vocab_size < 2)
            return err_set(err, ERR_INVALID, "input %zu: the model takes one text, not a pair", i);
        if (token_store_append(store, p->tokenizer, &texts[i], length, LABEL_NONE, err) != 0)
            return err_prefix(err, "input %zu", i);
    }
    return 0;
}

/* Where the probabilities of a run go. */
struct output {
    const struct network *network;
    float *probabilities;
};

static bool
keep_batch(void *context, const struct batch *batch, const struct workspace *workspace)
{
    const struct output *output = context;
    size_t k = output->network->config->label_count;
    for (size_t row = 0; row < batch->rows; row++) {
        float *probabilities = output->probabilities + (size_t)batch->sources[row] * k;
        memcpy(probabilities, workspace->logits + row * k, k * sizeof *probabilities);
        output->network->ops->softmax(k, probabilities);
    }
    return true;
}

int
predictor_run(struct predictor *predictor, struct pool *pool, const struct text *texts,
              size_t count, float *probabilities, size_t *tokens, struct err *err)
{
    struct token_store store = {0};
    struct output output = {&predictor->network, probabilities};
    int rc = tokenize(predictor, texts, count, &store, err);
    if (rc == 0 && count > 0) {
        struct evaluator evaluator;
        rc = evaluator_init(&evaluator, &store, &predictor->config, pool_threads(pool), err);
        if (rc == 0) {
            evaluator_run(&evaluator, &predictor->network, pool, keep_batch, &output);
            evaluator_fini(&evaluator);
        }
    }
    if (tokens != NULL)
        *tokens = store.tokens.count;
    token_store_fini(&store);
    return rc;
}
