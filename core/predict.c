/*
 * Prediction; see predict.h. Texts are tokenized into a store and run like an evaluation.
 *
 * A workspace's last layer is narrow (workspace.h), but a mean needs every output. So the workspace
 * for means is made for one layer more than the network has: all of the network's layers are wide
 * in it, and the last one's outputs stand where the layer that is not there would find its input.
 */
#include "core/predict.h"

#include "core/base/fmath.h"
#include "core/data/labels.h"
#include "core/hub/model_dir.h"
#include "core/hub/model_map.h"
#include "core/model/head.h"
#include "core/model/panels.h"
#include "core/predict_words.h"
#include "core/train/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A workspace is reserved for texts of so many tokens, or as many as the model takes, at first. */
enum { USUAL_LENGTH = 512 };

struct predictor {
    struct arena *arena;
    struct model_config config;         /* as the folder has it */
    struct model_config network_config; /* a base model's has one label, which nobody asks for */
    struct model_config wide_config;    /* one layer more, for the workspace of means */
    const char *target;                 /* NULL: it has no name */
    struct tensor_layout layout;
    struct tokenizer *tokenizer;
    struct model_map model;
    struct pages panels; /* network.panels, where the engine takes them */
    struct network network;
    float *scratch;                /* (K) */
    struct pool *alone;            /* of one thread: chunks that share their products */
    struct evaluator narrow, wide; /* all zero before the first run that needs them */
};

static int
check_report(const struct predictor *p, const struct model_load_report *report, const char *folder,
             struct err *err)
{
    if (report->random_weights)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s has no weights: a model that has learned nothing says nothing of a "
                       "text; fine-tune it first",
                       folder);
    if (p->config.label_count > 0 && (report->missing_classifier || report->missing_pooler))
        return err_set(err, ERR_INVALID,
                       "%s: the weights hold no complete classifier, though config.json names one",
                       folder);
    return 0;
}

static int
load(struct predictor *p, const char *folder, struct err *err)
{
    struct model_load_report report = {0};
    if (model_config_read(folder, p->arena, &p->config, err) != 0)
        return err->code;
    p->network_config = p->config;
    if (p->config.label_count == 0)
        p->network_config.label_count = 1;
    p->target = model_dir_target(folder, p->arena);
    p->wide_config = p->network_config;
    p->wide_config.layers++;
    if (tensor_layout_build(&p->network_config, p->arena, &p->layout, err) != 0 ||
        tokenizer_open(folder, p->config.vocab_size, &p->tokenizer, err) != 0)
        return err->code;
    tokenizer_set_truncation(p->tokenizer, p->config.truncation);
    tokenizer_set_windows(p->tokenizer, p->config.windows);
    const struct model_map_source from = {.folder = folder};
    if (model_map_load(&from, &p->layout, &p->model, &report, err) != 0)
        return err->code;
    return check_report(p, &report, folder, err);
}

/* Weights that never change are brought into the engine's order once, not for every product. */
static int
make_network(struct predictor *p, struct err *err)
{
    p->network.parameters = model_map_parameters(&p->model);
    if (panels_make(&p->network, &p->panels, err) != 0)
        return err->code;
    p->network.panels = p->panels.memory;
    return 0;
}

int
predictor_open(const char *folder, const struct gemm_engine *engine, struct predictor **out,
               struct err *err)
{
    struct predictor *p = mem_small(sizeof *p);
    *p = (struct predictor){.arena = arena_new()};
    p->alone = pool_new(1, err);
    p->network = (struct network){
        .config = &p->network_config, .layout = &p->layout, .engine = engine, .ops = ops_best()};
    if (p->alone == NULL || load(p, folder, err) != 0 || make_network(p, err) != 0) {
        predictor_free(p);
        return err->code;
    }
    p->scratch = arena_array(p->arena, p->network_config.label_count, sizeof *p->scratch);
    *out = p;
    return 0;
}

void
predictor_free(struct predictor *predictor)
{
    if (predictor == NULL)
        return;
    evaluator_fini(&predictor->narrow);
    evaluator_fini(&predictor->wide);
    pool_free(predictor->alone);
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

const char *
predictor_target(const struct predictor *predictor)
{
    return predictor->target == NULL ? "label" : predictor->target;
}

size_t
predictor_width(const struct predictor *predictor, enum predict_output output)
{
    if (output == PREDICT_WORDS)
        return 0;
    return output == PREDICT_SCORES ? predictor->config.label_count : predictor->config.hidden_size;
}

/* Has the model the head that the call is about? */
static int
check_head(const struct predictor *p, enum predict_output output, struct err *err)
{
    bool says_words = p->config.task == TASK_TOKEN_CLASSIFICATION;
    if (output != PREDICT_SCORES && output != PREDICT_WORDS)
        return 0;
    if (p->config.label_count == 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "a base model without a classifier; fine-tune it first");
    if (says_words == (output == PREDICT_WORDS))
        return 0;
    return err_set(err, ERR_INVALID, "a model of %s, which labels %s", task_name(p->config.task),
                   says_words ? "words, not texts" : "texts, not words");
}

int
predictor_check(const struct predictor *predictor, const struct predictor_call *call,
                struct err *err)
{
    if (check_head(predictor, call->output, err) != 0)
        return err->code;
    bool windows = predictor->config.windows.wanted;
    if (call->output != PREDICT_WORDS && model_config_takes_pairs(&predictor->config) && !windows)
        return 0;
    for (size_t i = 0; i < call->count; i++)
        if (call->texts[i].second != NULL)
            return err_set(err, ERR_INVALID, "input %zu: the model takes one text, not a pair%s", i,
                           windows ? ": it reads long texts in windows" : "");
    return 0;
}

/* The most tokens that the model sees of a text. */
static size_t
length_limit(const struct predictor *p)
{
    return p->config.max_seq_length > 0 ? p->config.max_seq_length : p->config.max_positions;
}

static int
tokenize_one(const struct predictor *p, const struct predictor_call *call, size_t i,
             struct token_store *store, struct err *err)
{
    const struct predict_words_call words = {p->tokenizer, length_limit(p), call->arena};
    const struct text_words *given =
        call->given != NULL && call->given[i].bytes != NULL ? &call->given[i] : NULL;
    if (call->output == PREDICT_WORDS)
        return predict_words_append(&words, &call->texts[i], given, store, &call->words[i], err);
    return token_store_append(store, p->tokenizer, &call->texts[i], words.max_length, LABEL_NONE,
                              err);
}

static int
tokenize(const struct predictor *p, const struct predictor_call *call, struct token_store *store,
         struct err *err)
{
    for (size_t i = 0; i < call->count; i++)
        if (tokenize_one(p, call, i, store, err) != 0)
            return err_prefix(err, "input %zu", i);
    return 0;
}

/* ---- results --------------------------------------------------------------------------------- */

/* Where the results of a run go. */
struct output {
    const struct network *network;
    struct evaluator *evaluator;
    float *values;
    struct predicted_words *words;
    float *scratch; /* (K) */
};

static float *
values_of(const struct output *output, const struct batch *batch, size_t row, size_t width)
{
    return output->values + (size_t)batch->sources[row] * width;
}

/* What numbers of a row come to for its text, where the text's go: false while windows of it are to
 * come. x may be that place itself. */
static bool
keep(const struct output *output, const struct batch *batch, size_t row, const float *x,
     size_t width)
{
    float *values = values_of(output, batch, row, width);
    const float *kept = evaluator_text(output->evaluator, batch, row, x, width);
    if (kept != NULL && kept != values)
        memcpy(values, kept, width * sizeof *values);
    return kept != NULL;
}

/* x (K) from logits to what they mean. */
static void
make_scores(const struct network *network, float *x)
{
    size_t k = network->config->label_count;
    if (network->config->task == TASK_MULTI_LABEL)
        for (size_t i = 0; i < k; i++)
            x[i] = fmath_sigmoid(x[i]);
    else if (network->config->task != TASK_REGRESSION)
        network->ops->softmax(k, x);
}

static void
keep_scores(void *context, const struct batch *batch, const struct workspace *workspace)
{
    const struct output *output = context;
    size_t k = output->network->config->label_count;
    for (size_t row = 0; row < batch->rows; row++)
        if (keep(output, batch, row, workspace->logits + row * k, k))
            make_scores(output->network, values_of(output, batch, row, k));
}

static void
keep_words(void *context, const struct batch *batch, const struct workspace *workspace)
{
    const struct output *output = context;
    const struct network *network = output->network;
    size_t k = network->config->label_count;
    for (size_t row = 0; row < batch->rows; row++)
        predict_words_judge(network->ops, workspace->logits + batch->offsets[row] * k, k,
                            output->scratch, &output->words[batch->sources[row]]);
}

/* x (H) = the same direction with length 1; zero stays zero. */
static void
make_unit(const struct network *network, float *x)
{
    size_t h = network->config->hidden_size;
    double length = sqrt(network->ops->sum_squares(h, x));
    for (size_t i = 0; length > 0 && i < h; i++)
        x[i] = (float)((double)x[i] / length);
}

/* A narrow last layer's outputs stand in `first`, a wide one's where a next layer would read. */
static void
keep_first(void *context, const struct batch *batch, const struct workspace *workspace)
{
    const struct output *output = context;
    const struct model_config *config = output->network->config;
    size_t h = config->hidden_size;
    for (size_t row = 0; row < batch->rows; row++) {
        const float *from = head_is_wide(config) ? workspace->layers[config->layers - 1].input +
                                                       batch->offsets[row] * h
                                                 : workspace->first + row * h;
        if (keep(output, batch, row, from, h))
            make_unit(output->network, values_of(output, batch, row, h));
    }
}

/* A sum in place of a mean: only the direction is kept. */
static void
keep_mean(void *context, const struct batch *batch, const struct workspace *workspace)
{
    const struct output *output = context;
    size_t h = output->network->config->hidden_size;
    const float *outputs = workspace->layers[output->network->config->layers].input;
    for (size_t row = 0; row < batch->rows; row++) {
        float *vector = values_of(output, batch, row, h);
        memset(vector, 0, h * sizeof *vector);
        for (size_t t = batch->offsets[row]; t < batch->offsets[row + 1]; t++)
            output->network->ops->add(h, outputs + t * h, vector);
        if (keep(output, batch, row, vector, h))
            make_unit(output->network, vector);
    }
}

static struct evaluator_visitor
visitor_of(enum predict_output wanted)
{
    switch (wanted) {
    case PREDICT_SCORES:
        return (struct evaluator_visitor){.visit = keep_scores};
    case PREDICT_MEAN:
        return (struct evaluator_visitor){.visit = keep_mean};
    case PREDICT_FIRST:
        return (struct evaluator_visitor){.visit = keep_first};
    case PREDICT_WORDS:
        return (struct evaluator_visitor){.visit = keep_words};
    }
    return (struct evaluator_visitor){0};
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* Make the evaluator fit such rows and threads; reserved anew only for more than ever before. */
static int
make_ready(const struct predictor *p, struct evaluator *evaluator, size_t longest, size_t threads,
           struct err *err)
{
    const struct model_config *config =
        evaluator == &p->wide ? &p->wide_config : &p->network_config;
    struct workspace_shape shape = evaluator->workspace.shape;
    size_t usual = length_limit(p) < USUAL_LENGTH ? length_limit(p) : USUAL_LENGTH;
    if (shape.longest >= longest && shape.threads >= threads)
        return 0;
    longest = longest > usual ? longest : usual;
    longest = longest > shape.longest ? longest : shape.longest;
    threads = threads > shape.threads ? threads : shape.threads;
    evaluator_fini(evaluator);
    return evaluator_reserve(evaluator, config, longest, threads, err);
}

/*
 * Chunks are the pool's items, so a text or a few would keep one thread busy. Where there is one
 * chunk all threads share its products instead.
 */
static void
run_one_chunk(struct predictor *p, struct pool *pool, struct evaluator *evaluator,
              const struct evaluator_visitor *visitor)
{
    struct network network = p->network;
    struct gemm_engine *shared = gemm_engine_share(p->network.engine, pool);
    network.engine = shared;
    evaluator_run(evaluator, &network, p->alone, visitor);
    gemm_engine_unshare(shared);
}

static int
compute(struct predictor *p, struct pool *pool, const struct predictor_call *call,
        const struct token_store *store, struct err *err)
{
    struct evaluator *evaluator = call->output == PREDICT_MEAN ? &p->wide : &p->narrow;
    struct output output = {&p->network, evaluator, call->values, call->words, p->scratch};
    struct evaluator_visitor visitor = visitor_of(call->output);
    visitor.context = &output;
    if (make_ready(p, evaluator, store->longest, pool_threads(pool), err) != 0 ||
        evaluator_use(evaluator, store, err) != 0)
        return err->code;
    if (batch_chunk_count(store->rows, store->offsets[store->rows]) == 1)
        run_one_chunk(p, pool, evaluator, &visitor);
    else
        evaluator_run(evaluator, &p->network, pool, &visitor);
    return 0;
}

int
predictor_run(struct predictor *predictor, struct pool *pool, const struct predictor_call *call,
              struct err *err)
{
    struct token_store store = {0};
    int rc = predictor_check(predictor, call, err);
    if (rc == 0)
        rc = tokenize(predictor, call, &store, err);
    if (rc == 0 && call->count > 0)
        rc = compute(predictor, pool, call, &store, err);
    for (size_t i = 0; rc == 0 && call->lengths != NULL && i < call->count; i++)
        call->lengths[i] = (uint32_t)(store.offsets[token_store_first_row(&store, i + 1)] -
                                      store.offsets[token_store_first_row(&store, i)]);
    token_store_fini(&store);
    return rc;
}
