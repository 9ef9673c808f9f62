/* Opening and closing a training run; see session.h. */
#include "core/train/session.h"

#include "core/base/mem.h"
#include "core/model/start.h"

#include <stdlib.h>
#include <string.h>

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Tokenize row i of a file as a row of the store. */
static int
append_row(struct session *s, struct token_store *store, const struct dataset *data, size_t i,
           uint32_t label, const char *name, struct err *err)
{
    const struct data_row *row = &data->rows[i];
    const struct train_observer *observer = s->observer;
    if (observer->should_stop != NULL && observer->should_stop(observer->context))
        return err_set(err, ERR_STOPPED, "the run was stopped");
    struct text text = {row->text, row->text_length, row->pair, row->pair_length};
    if (token_store_append(store, s->tokenizer, &text, (size_t)s->plan->params.max_seq_length,
                           label, err) == 0)
        return 0;
    return err_prefix(err, "%s line %zu", name, row->line);
}

static int
tokenize_training(struct session *s, const char *name, struct err *err)
{
    const struct train_plan *plan = s->plan;
    for (size_t i = 0; i < plan->training->count; i++) {
        struct token_store *store = plan->held_out[i] ? &s->validation : &s->training;
        if (append_row(s, store, plan->training, i, plan->training_labels[i], name, err) != 0)
            return err->code;
    }
    return 0;
}

static int
tokenize_other(struct session *s, struct token_store *store, const struct dataset *data,
               const char *name, struct err *err)
{
    for (size_t i = 0; data != NULL && i < data->count; i++)
        if (append_row(s, store, data, i, label_set_find(&s->plan->labels, data->rows[i].label),
                       name, err) != 0)
            return err->code;
    return 0;
}

static int
tokenize(struct session *s, const struct train_request *request, struct err *err)
{
    if (tokenizer_open(request->base_folder, s->plan->config.vocab_size, &s->tokenizer, err) != 0)
        return err_prefix(err, "model %s", request->base_name);
    if (tokenize_training(s, request->training.name, err) != 0 ||
        tokenize_other(s, &s->validation, s->plan->validation, request->validation.name, err) != 0)
        return err->code;
    return tokenize_other(s, &s->test, s->plan->test, request->test.name, err);
}

/* ---- model ----------------------------------------------------------------------------------- */

static void
say(const struct train_observer *observer, enum train_level level, const char *message)
{
    if (observer->on_event != NULL)
        observer->on_event(observer->context, level, message);
}

/* A classifier that belongs to other labels starts afresh. */
static void
start_classifier(struct session *s)
{
    for (size_t i = 0; i < s->layout.count; i++) {
        enum tensor_kind kind = s->layout.tensors[i].kind;
        if (kind == TENSOR_CLASSIFIER_WEIGHT || kind == TENSOR_CLASSIFIER_BIAS)
            tensor_start(&s->layout, i, &s->plan->config, (uint64_t)s->plan->params.seed,
                         session_parameters(s));
    }
}

static int
load_model(struct session *s, const struct train_request *request,
           const struct train_observer *observer, struct err *err)
{
    struct model_load_report report = {0};
    if (tensor_layout_build(&s->plan->config, s->arena, &s->layout, err) != 0)
        return err->code;
    s->parameters = pages_map(s->layout.total, sizeof(float));
    s->gradients = pages_map(s->layout.total, sizeof(float));
    if (s->parameters.memory == NULL || s->gradients.memory == NULL)
        return err_set(err, ERR_MEMORY, "%zu parameters do not fit into memory", s->layout.total);
    if (model_dir_load(request->base_folder, &s->layout, (uint64_t)s->plan->params.seed,
                       session_parameters(s), &report, err) != 0)
        return err_prefix(err, "model %s", request->base_name);
    if (!s->plan->keeps_head)
        start_classifier(s);
    if (report.random_weights)
        say(observer, TRAIN_WARN,
            "The base model has no weights file: the network starts from random numbers, so expect "
            "it to learn far less than a pretrained one.");
    else if (report.missing_pooler)
        say(observer, TRAIN_WARN,
            "The base model has no pooler: that layer starts from random numbers.");
    return 0;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int
reserve(struct session *s, const struct gemm_engine *engine, struct pool *pool, struct err *err)
{
    const struct model_config *config = &s->plan->config;
    const struct train_params *params = &s->plan->params;
    size_t rows = (size_t)params->batch_size < s->training.rows ? (size_t)params->batch_size
                                                                : s->training.rows;
    size_t tokens = batch_most_tokens(&s->training, rows);
    size_t threads = pool_threads(pool);
    s->network = (struct network){config, &s->layout, engine, ops_best(), session_parameters(s)};
    s->order = mem_array(s->training.rows, sizeof *s->order);
    if (s->order == NULL)
        return err_set(err, ERR_MEMORY, "%zu rows do not fit into memory", s->training.rows);
    if (batch_init(&s->batch, rows, tokens, err) != 0 ||
        workspace_init(&s->workspace, config, true, rows, tokens, s->training.longest, threads,
                       err) != 0 ||
        optimizer_init(&s->optimizer, params, config, &s->layout, s->network.ops, tokens, err) != 0)
        return err->code;
    if (s->validation.rows > 0 &&
        evaluator_init(&s->validator, &s->validation, config, threads, err) != 0)
        return err->code;
    if (s->test.rows > 0 && evaluator_init(&s->tester, &s->test, config, threads, err) != 0)
        return err->code;
    return 0;
}

int
session_open(struct session *session, const struct train_plan *plan,
             const struct train_request *request, const struct gemm_engine *engine,
             struct pool *pool, const struct train_observer *observer, struct err *err)
{
    *session = (struct session){.plan = plan, .observer = observer, .arena = arena_new()};
    if (tokenize(session, request, err) == 0 && load_model(session, request, observer, err) == 0 &&
        reserve(session, engine, pool, err) == 0)
        return 0;
    session_close(session);
    return err->code;
}

void
session_close(struct session *s)
{
    tokenizer_free(s->tokenizer);
    token_store_fini(&s->training);
    token_store_fini(&s->validation);
    token_store_fini(&s->test);
    pages_unmap(&s->parameters);
    pages_unmap(&s->gradients);
    optimizer_fini(&s->optimizer);
    workspace_fini(&s->workspace);
    batch_fini(&s->batch);
    evaluator_fini(&s->validator);
    evaluator_fini(&s->tester);
    free(s->order);
    arena_free(s->arena);
    *s = (struct session){0};
}

float *
session_parameters(const struct session *session)
{
    return session->parameters.memory;
}
