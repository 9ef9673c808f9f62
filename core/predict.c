/* Prediction; see predict.h. Texts are tokenized into a store and run like an evaluation. */
#include "core/predict.h"

#include "core/base/mem.h"
#include "core/data/labels.h"
#include "core/hub/model_map.h"
#include "core/train/evaluate.h"

#include <stdlib.h>
#include <string.h>

/* A workspace is reserved for texts of so many tokens, or as many as the model takes, at first. */
enum { USUAL_LENGTH = 512 };

struct predictor {
    struct arena *arena;
    struct model_config config;
    struct tensor_layout layout;
    struct tokenizer *tokenizer;
    struct model_map model;
    struct pages panels; /* network.panels, where the engine takes them */
    struct network network;
    struct evaluator evaluator; /* all zero before the first run */
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
    const struct model_map_source from = {.folder = folder};
    if (model_map_load(&from, &p->layout, &p->model, &report, err) != 0)
        return err->code;
    if (report.random_weights || report.missing_classifier || report.missing_pooler)
        return err_set(err, ERR_INVALID,
                       "%s: the weights hold no complete classifier, though config.json names one",
                       folder);
    return 0;
}

/* Is it a matrix of a dense layer, and do the engine's panels divide its outputs? */
static bool
takes_panels(const struct tensor *tensor, size_t width)
{
    bool embedding = tensor->kind == TENSOR_WORD_EMBEDDING ||
                     tensor->kind == TENSOR_POSITION_EMBEDDING ||
                     tensor->kind == TENSOR_TYPE_EMBEDDING;
    return !tensor->vector && !embedding && tensor->rows % width == 0;
}

/* Weights that never change are brought into the engine's order once, not for every product. */
static int
make_panels(struct predictor *p, const struct gemm_engine *engine, struct err *err)
{
    size_t width = gemm_panel_width(engine);
    if (width == 0 || p->config.hidden_size % width != 0)
        return 0;
    p->panels = pages_map(p->layout.total, sizeof(float));
    if (p->panels.memory == NULL)
        return err_set(err, ERR_MEMORY, "%zu parameters do not fit into memory", p->layout.total);
    for (size_t i = 0; i < p->layout.count; i++) {
        const struct tensor *tensor = &p->layout.tensors[i];
        if (takes_panels(tensor, width))
            gemm_panels(engine, tensor->rows, tensor->columns,
                        model_map_parameters(&p->model) + tensor->offset,
                        (float *)p->panels.memory + tensor->offset);
    }
    return 0;
}

int
predictor_open(const char *folder, const struct gemm_engine *engine, struct predictor **out,
               struct err *err)
{
    struct predictor *p = mem_small(sizeof *p);
    *p = (struct predictor){.arena = arena_new()};
    if (load(p, folder, err) != 0 || make_panels(p, engine, err) != 0) {
        predictor_free(p);
        return err->code;
    }
    p->network = (struct network){.config = &p->config,
                                  .layout = &p->layout,
                                  .engine = engine,
                                  .ops = ops_best(),
                                  .parameters = model_map_parameters(&p->model),
                                  .panels = p->panels.memory};
    *out = p;
    return 0;
}

void
predictor_free(struct predictor *predictor)
{
    if (predictor == NULL)
        return;
    evaluator_fini(&predictor->evaluator);
    tokenizer_free(predictor->tokenizer);
    pages_unmap(&predictor->panels);
    model_map_unload(&predictor->model);
    arena_free(predictor->arena);
    free(predictor);
}

const struct model_config *
predictor_config(const struct predictor *predictor)
{
    return &predictor->config;
}

int
predictor_check(const struct predictor *predictor, const struct text *texts, size_t count,
                struct err *err)
{
    if (predictor->config.type_vocab_size >= 2)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (texts[i].second != NULL)
            return err_set(err, ERR_INVALID, "input %zu: the model takes one text, not a pair", i);
    return 0;
}

/* The most tokens that the model sees of a text. */
static size_t
length_limit(const struct predictor *p)
{
    return p->config.max_seq_length > 0 ? p->config.max_seq_length : p->config.max_positions;
}

static int
tokenize(const struct predictor *p, const struct text *texts, size_t count,
         struct token_store *store, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (token_store_append(store, p->tokenizer, &texts[i], length_limit(p), LABEL_NONE, err) !=
            0)
            return err_prefix(err, "input %zu", i);
    return 0;
}

/* Where the probabilities of a run go. */
struct output {
    const struct network *network;
    float *probabilities;
};

static void
keep_batch(void *context, const struct batch *batch, const struct workspace *workspace)
{
    const struct output *output = context;
    size_t k = output->network->config->label_count;
    for (size_t row = 0; row < batch->rows; row++) {
        float *probabilities = output->probabilities + (size_t)batch->sources[row] * k;
        memcpy(probabilities, workspace->logits + row * k, k * sizeof *probabilities);
        output->network->ops->softmax(k, probabilities);
    }
}

/* The evaluator for such rows and threads; reserved anew only for more than ever before. */
static int
make_ready(struct predictor *p, size_t longest, size_t threads, struct err *err)
{
    struct workspace_shape shape = p->evaluator.workspace.shape;
    size_t usual = length_limit(p) < USUAL_LENGTH ? length_limit(p) : USUAL_LENGTH;
    if (shape.longest >= longest && shape.threads >= threads)
        return 0;
    longest = longest > usual ? longest : usual;
    longest = longest > shape.longest ? longest : shape.longest;
    threads = threads > shape.threads ? threads : shape.threads;
    evaluator_fini(&p->evaluator);
    return evaluator_reserve(&p->evaluator, &p->config, longest, threads, err);
}

static int
compute(struct predictor *p, struct pool *pool, const struct token_store *store,
        float *probabilities, struct err *err)
{
    struct output output = {&p->network, probabilities};
    struct evaluator_visitor visitor = {.visit = keep_batch, .context = &output};
    if (make_ready(p, store->longest, pool_threads(pool), err) != 0 ||
        evaluator_use(&p->evaluator, store, err) != 0)
        return err->code;
    evaluator_run(&p->evaluator, &p->network, pool, &visitor);
    return 0;
}

int
predictor_run(struct predictor *predictor, struct pool *pool, const struct text *texts,
              size_t count, float *probabilities, uint32_t *lengths, struct err *err)
{
    struct token_store store = {0};
    int rc = predictor_check(predictor, texts, count, err);
    if (rc == 0)
        rc = tokenize(predictor, texts, count, &store, err);
    if (rc == 0 && count > 0)
        rc = compute(predictor, pool, &store, probabilities, err);
    for (size_t i = 0; rc == 0 && lengths != NULL && i < count; i++)
        lengths[i] = (uint32_t)(store.offsets[i + 1] - store.offsets[i]);
    token_store_fini(&store);
    return rc;
}
