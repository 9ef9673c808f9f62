/* Opening and closing a training run; see session.h. */
#include "core/train/session.h"

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/data/tokenize.h"
#include "core/model/start.h"
#include "core/train/label_prior.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 200 };

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Of a file's name, for "%.*s". */
static int
shown(const char *name)
{
    return (int)utf8_clip(name, strlen(name), SHOWN_BYTES);
}

/* What is beyond max_seq_length has no output, so it is neither learned nor measured. */
static void
warn_of_cut_words(const struct session *s, const char *name, const struct tokenize_counts *counts)
{
    char message[512];
    snprintf(message, sizeof message,
             "%.*s: %zu of %zu words, in %zu rows, lie beyond max_seq_length (%lld tokens): they "
             "are neither learned from nor measured. Give a greater max_seq_length, or shorter "
             "rows.",
             shown(name), name, counts->words_cut, counts->words, counts->rows_cut,
             (long long)s->plan->params.max_seq_length);
    train_say(s->observer, TRAIN_WARN, message);
}

/* Rows of an epoch are more than the file's then. */
static void
tell_windows(const struct session *s, const char *name)
{
    char message[512];
    size_t texts = token_store_texts(&s->training);
    if (!s->plan->config.windows.wanted)
        return;
    snprintf(message, sizeof message,
             "%.*s: its %zu training texts are %zu windows of at most %lld tokens, of which "
             "neighbours share %zu; an epoch passes each window once.",
             shown(name), name, texts, s->training.rows, (long long)s->plan->params.max_seq_length,
             s->plan->config.windows.stride);
    train_say(s->observer, TRAIN_INFO, message);
}

static void
warn_of_tokens_left_out(const struct session *s)
{
    char message[256];
    size_t count = tokenizer_left_out(s->plan->tokenizer);
    if (count == 0)
        return;
    snprintf(message, sizeof message,
             "The base model's vocab.txt has %zu more tokens than the model has embeddings for: "
             "the last %zu count as unknown.",
             count, count);
    train_say(s->observer, TRAIN_WARN, message);
}

/* Tokenize a file into one store, or into two where rows of it are held out. */
static int
tokenize_file(struct session *s, struct pool *pool, const struct tokenize_task *file,
              struct token_store *first, struct token_store *second, struct err *err)
{
    struct tokenize_task task = *file;
    task.tokenizer = s->plan->tokenizer;
    task.max_length = (size_t)s->plan->params.max_seq_length;
    task.should_stop = s->observer->should_stop;
    task.context = s->observer->context;
    struct tokenize_counts counts = {0};
    task.counts = &counts;
    if (tokenize_dataset(&task, pool, first, second, err) != 0)
        return err->code;
    if (counts.words_cut > 0)
        warn_of_cut_words(s, task.name, &counts);
    return 0;
}

/* A validation or test file, which may be absent. */
static int
tokenize_other(struct session *s, struct pool *pool, const struct dataset *data, const char *name,
               struct token_store *store, struct err *err)
{
    if (data == NULL)
        return 0;
    const struct labelling labelling = train_plan_labelling(s->plan);
    const struct labelled_file file = {data, name};
    struct targets targets;
    size_t line = 0;
    int rc = labelling_apply(&labelling, &file, &targets, &line, err);
    struct tokenize_task task = {.dataset = data, .name = name, .targets = &targets};
    if (rc == 0)
        rc = tokenize_file(s, pool, &task, store, NULL, err);
    targets_fini(&targets);
    return rc;
}

static int
tokenize(struct session *s, const struct train_request *request, struct pool *pool, struct err *err)
{
    const struct train_plan *plan = s->plan;
    struct tokenize_task training = {
        .dataset = plan->training,
        .name = request->training.name,
        .targets = &plan->training_targets,
        .second = plan->held_out,
    };
    if (tokenize_file(s, pool, &training, &s->training, &s->validation, err) != 0 ||
        tokenize_other(s, pool, plan->validation, request->validation.name, &s->validation, err) !=
            0)
        return err->code;
    tell_windows(s, training.name);
    return tokenize_other(s, pool, plan->test, request->test.name, &s->test, err);
}

/* ---- model ----------------------------------------------------------------------------------- */

/* A classifier that belongs to other labels starts afresh. */
static void
start_classifier(struct session *s)
{
    size_t biases = tensor_offset(&s->layout, TENSOR_CLASSIFIER_BIAS, 0);
    for (size_t i = 0; i < s->layout.count; i++) {
        enum tensor_kind kind = s->layout.tensors[i].kind;
        if (kind == TENSOR_CLASSIFIER_WEIGHT || kind == TENSOR_CLASSIFIER_BIAS)
            tensor_start(&s->layout, i, &s->plan->config, (uint64_t)s->plan->params.seed,
                         session_parameters(s));
    }
    if (s->plan->params.init_head == INIT_HEAD_PRIOR)
        label_prior(&s->training.targets, s->plan->labels.count, session_parameters(s) + biases);
}

void
session_standardise_head(struct session *s)
{
    const struct train_plan *plan = s->plan;
    size_t h = plan->config.hidden_size;
    if (plan->output_scale == NULL)
        return;
    float *weights = session_parameters(s) + tensor_offset(&s->layout, TENSOR_CLASSIFIER_WEIGHT, 0);
    float *biases = session_parameters(s) + tensor_offset(&s->layout, TENSOR_CLASSIFIER_BIAS, 0);
    for (size_t k = 0; k < plan->labels.count; k++) {
        double scale = (double)plan->output_scale[k];
        for (size_t i = 0; i < h; i++)
            weights[k * h + i] = (float)((double)weights[k * h + i] / scale);
        biases[k] = (float)(((double)biases[k] - (double)plan->output_shift[k]) / scale);
    }
}

static int
map_gradients(struct session *s, struct err *err)
{
    s->gradients = pages_map(s->layout.total, sizeof(float));
    if (s->gradients.memory == NULL)
        return err_set(err, ERR_MEMORY, "%zu gradients do not fit into memory",
                       s->layout.parameters);
    const struct tensor *words = &s->layout.tensors[0];
    size_t dense = words->rows * words->columns; /* all but the word rows is used in every step */
    pages_use_all(&s->gradients, dense * sizeof(float), (s->layout.total - dense) * sizeof(float));
    return 0;
}

static int
load_model(struct session *s, const struct train_request *request, struct pool *pool,
           const struct train_observer *observer, struct err *err)
{
    struct model_load_report report = {0};
    if (tensor_layout_build(&s->plan->config, s->arena, &s->layout, err) != 0)
        return err->code;
    const struct model_map_source from = {
        .folder = request->base_folder, .seed = (uint64_t)s->plan->params.seed, .pool = pool};
    if (model_map_load(&from, &s->layout, &s->model, &report, err) != 0)
        return err_prefix(err, "model %s", request->base_name);
    if (s->plan->params.method == METHOD_SUPERVISED && map_gradients(s, err) != 0)
        return err->code;
    if (!s->plan->keeps_head)
        start_classifier(s);
    else
        session_standardise_head(s);
    if (report.random_weights)
        train_say(
            observer, TRAIN_WARN,
            "The base model has no weights file: the network starts from random numbers, so expect "
            "it to learn far less than a pretrained one.");
    else if (report.missing_pooler)
        train_say(observer, TRAIN_WARN,
                  "The base model has no pooler: that layer starts from random numbers.");
    warn_of_tokens_left_out(s);
    return 0;
}

/*
 * The word rows of the files' tokens become the process's own. The others stay in the model's file
 * for good, unless weight decay changes every row.
 */
static int
own_words(struct session *s, struct err *err)
{
    if (s->plan->params.weight_decay > 0 || s->plan->params.method == METHOD_LINEAR_PROBE)
        return 0;
    bool *used = mem_array(s->plan->config.vocab_size, sizeof *used);
    if (used == NULL)
        return err_set(err, ERR_MEMORY, "a vocabulary of %zu does not fit into memory",
                       s->plan->config.vocab_size);
    token_store_mark(&s->training, used);
    token_store_mark(&s->validation, used);
    token_store_mark(&s->test, used);
    int rc = model_map_own_words(&s->model, &s->layout, used, err);
    free(used);
    return rc;
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct order
session_order(const struct session *s)
{
    return (struct order){.seed = (uint64_t)s->plan->params.seed,
                          .batching = s->plan->params.batching,
                          .batch_size = (size_t)s->plan->params.batch_size,
                          .rows = train_plan_epoch_rows(s->plan),
                          .lengths = s->lengths,
                          .oversample = s->plan->repeated_rows > 0 ? &s->repeats : NULL};
}

/* Memory for the order of rows; *most_tokens = tokens of the largest batch that it will give. */
static int
reserve_order(struct session *s, size_t *most_tokens, struct err *err)
{
    size_t rows = train_plan_epoch_rows(s->plan);
    s->order = mem_array(rows, sizeof *s->order);
    s->lengths = mem_array(s->training.rows, sizeof *s->lengths);
    if (s->order == NULL || s->lengths == NULL)
        return err_set(err, ERR_MEMORY, "%zu rows do not fit into memory", rows);
    if (train_plan_repeats(s->plan, &s->repeats, err) != 0)
        return err->code;
    for (size_t row = 0; row < s->training.rows; row++)
        s->lengths[row] = (uint32_t)(s->training.offsets[row + 1] - s->training.offsets[row]);
    struct order order = session_order(s);
    *most_tokens = order_largest_batch(&order, s->plan->total_steps, s->order);
    return 0;
}

/* Evaluators in the training workspace, and room for what they find. */
static int
reserve_evaluation(struct session *s, const struct workspace *host, struct err *err)
{
    const struct model_config *config = &s->plan->config;
    size_t labels = config->label_count;
    if (s->validation.rows > 0 &&
        (evaluator_init_in(&s->validator, &s->validation, config, host, err) != 0 ||
         evaluation_outputs_init(&s->validation_outputs, &s->validation.targets, labels, err) != 0))
        return err->code;
    if (s->test.rows > 0 &&
        (evaluator_init_in(&s->tester, &s->test, config, host, err) != 0 ||
         evaluation_outputs_init(&s->test_outputs, &s->test.targets, labels, err) != 0))
        return err->code;
    s->validation_outputs.scale = s->test_outputs.scale = s->plan->output_scale;
    s->validation_outputs.shift = s->test_outputs.shift = s->plan->output_shift;
    return 0;
}

static int
reserve(struct session *s, const struct gemm_engine *engine, struct pool *pool, struct err *err)
{
    const struct model_config *config = &s->plan->config;
    const struct train_params *params = &s->plan->params;
    size_t in_epoch = train_plan_epoch_rows(s->plan);
    size_t rows = (size_t)params->batch_size < in_epoch ? (size_t)params->batch_size : in_epoch;
    size_t tokens = 0;
    size_t threads = pool_threads(pool);
    size_t validation = evaluator_bytes(&s->validation, config, threads);
    size_t test = evaluator_bytes(&s->test, config, threads);
    const struct evaluator_room room = {threads, validation > test ? validation : test};
    s->network = (struct network){.config = config,
                                  .layout = &s->layout,
                                  .engine = engine,
                                  .precision = params->precision,
                                  .ops = ops_best(),
                                  .parameters = session_parameters(s)};
    if (params->method == METHOD_LINEAR_PROBE)
        return session_reserve_probe(s, &room, err) == 0
                   ? reserve_evaluation(s, &s->prober.workspace, err)
                   : err->code;
    if (reserve_order(s, &tokens, err) != 0)
        return err->code;
    if (batch_init(&s->batch, rows, tokens, err) != 0 ||
        workspace_init(
            &s->workspace, config,
            &(struct workspace_shape){.training = true,
                                      .checkpointing = params->gradient_checkpointing == 1,
                                      .bf16 = params->precision == GEMM_BF16,
                                      .rows = rows,
                                      .tokens = tokens,
                                      .longest = s->training.longest,
                                      .threads = threads,
                                      .layout = &s->layout,
                                      .gradients = s->gradients.memory,
                                      .reserve = room.bytes},
            err) != 0 ||
        optimizer_init(&s->optimizer, params, config, &s->layout, s->network.ops, tokens, err) != 0)
        return err->code;
    s->has_rest =
        params->weight_decay <= 0 && model_map_rest(&s->model, s->optimizer.is_touched, &s->rest);
    return reserve_evaluation(s, &s->workspace, err);
}

int
session_open(struct session *session, const struct train_plan *plan,
             const struct train_request *request, const struct gemm_engine *engine,
             struct pool *pool, const struct train_observer *observer, struct err *err)
{
    *session = (struct session){.plan = plan, .observer = observer, .arena = arena_new()};
    if (tokenize(session, request, pool, err) == 0 &&
        load_model(session, request, pool, observer, err) == 0 && own_words(session, err) == 0 &&
        reserve(session, engine, pool, err) == 0)
        return 0;
    session_close(session);
    return err->code;
}

void
session_close(struct session *s)
{
    token_store_fini(&s->training);
    token_store_fini(&s->validation);
    token_store_fini(&s->test);
    model_map_unload(&s->model);
    pages_unmap(&s->gradients);
    pages_unmap(&s->panels);
    optimizer_fini(&s->optimizer);
    workspace_fini(&s->workspace);
    batch_fini(&s->batch);
    evaluator_fini(&s->validator);
    evaluator_fini(&s->tester);
    evaluator_fini(&s->prober);
    token_store_fini(&s->probed);
    free(s->untouched);
    evaluation_outputs_fini(&s->validation_outputs);
    evaluation_outputs_fini(&s->test_outputs);
    oversample_fini(&s->repeats);
    free(s->order);
    free(s->lengths);
    arena_free(s->arena);
    *s = (struct session){0};
}

float *
session_parameters(const struct session *session)
{
    return model_map_parameters(&session->model);
}

const struct safetensors_rest *
session_words_at_rest(const struct session *session)
{
    return session->has_rest ? &session->rest : NULL;
}
