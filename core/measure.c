/* Measuring saved models; see measure.h. */
#include "core/measure.h"

#include "core/base/mem.h"
#include "core/data/labelling.h"
#include "core/data/labels.h"
#include "core/data/tokenize.h"
#include "core/hub/model_map.h"
#include "core/train/evaluate.h"

#include <string.h>

/* A model while it is measured. */
struct measured_model {
    struct arena *arena;
    struct model_config config;
    struct tensor_layout layout;
    struct tokenizer *tokenizer;
    struct model_map map;
    struct network network;
};

/* ---- rows ------------------------------------------------------------------------------------ */

static int
check_rows(const struct dataset *data, const char *name, struct err *err)
{
    if (data->fault_count > 0) {
        const struct data_fault *fault = &data->faults[0];
        if (fault->line == 0)
            return err_set(err, ERR_INVALID, "%s: %s", name, fault->message);
        return err_set(err, ERR_INVALID, "%s line %zu: %s", name, fault->line, fault->message);
    }
    if (data->label_form == LABELS_NONE)
        return err_set(err, ERR_INVALID, "%s has no labels; an evaluation needs a column \"label\"",
                       name);
    return 0;
}

int
measure_read(const struct data_source *source, struct dataset **out, struct err *err)
{
    if (dataset_read_source(source, out, err) != 0)
        return err->code;
    if (check_rows(*out, source->name, err) == 0)
        return 0;
    dataset_free(*out);
    *out = NULL;
    return err->code;
}

/* ---- the model ------------------------------------------------------------------------------- */

static int
check_task(const struct measured_model *m, const struct measure_call *call, struct err *err)
{
    const struct dataset *data = call->dataset;
    if (m->config.label_count == 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "it is a base model without a classifier; fine-tune it first");
    const struct labelled_file file = {data, call->name};
    const char *why = NULL;
    if (!labelling_fits(m->config.task, &file, m->arena, &why))
        return err_set(err, ERR_INVALID, "%s", why);
    if (data->has_pairs && !model_config_takes_pairs(&m->config))
        return err_set(err, ERR_INVALID, "%s has pairs of texts, and the model takes one text",
                       call->name);
    if (data->has_pairs && m->config.windows.wanted)
        return err_set(err, ERR_INVALID,
                       "%s has pairs of texts, and the model, which reads long texts in windows, "
                       "takes one text",
                       call->name);
    return 0;
}

static int
load(struct measured_model *m, const struct measure_call *call, const char *folder, struct err *err)
{
    struct model_load_report report = {0};
    const struct model_map_source from = {.folder = folder, .pool = call->pool};
    if (model_config_read(folder, m->arena, &m->config, err) != 0 ||
        check_task(m, call, err) != 0 ||
        tensor_layout_build(&m->config, m->arena, &m->layout, err) != 0 ||
        tokenizer_open(folder, m->config.vocab_size, &m->tokenizer, err) != 0 ||
        model_map_load(&from, &m->layout, &m->map, &report, err) != 0)
        return err->code;
    tokenizer_set_truncation(m->tokenizer, m->config.truncation);
    tokenizer_set_windows(m->tokenizer, m->config.windows);
    if (report.random_weights || report.missing_classifier || report.missing_pooler)
        return err_set(err, ERR_UNSUPPORTED,
                       "its weights hold no complete classifier; fine-tune it first");
    m->network = (struct network){.config = &m->config,
                                  .layout = &m->layout,
                                  .engine = call->engine,
                                  .precision = GEMM_FP32,
                                  .ops = ops_best(),
                                  .parameters = model_map_parameters(&m->map)};
    return 0;
}

static void
unload(struct measured_model *m)
{
    model_map_unload(&m->map);
    tokenizer_free(m->tokenizer);
    arena_free(m->arena);
}

/* ---- the pass -------------------------------------------------------------------------------- */

static int
find_targets(const struct measured_model *m, const struct measure_call *call,
             struct targets *targets, struct err *err)
{
    struct label_set labels;
    size_t line = 0;
    label_set_from_names(m->config.labels, m->config.label_count, m->arena, &labels);
    const struct labelling labelling = {.task = m->config.task,
                                        .labels = &labels,
                                        .source = "the model",
                                        .remedy = "correct it, or leave the row out"};
    const struct labelled_file file = {call->dataset, call->name};
    return labelling_apply(&labelling, &file, targets, &line, err);
}

static int
tokenize(const struct measured_model *m, const struct measure_call *call, struct token_store *store,
         struct err *err)
{
    struct targets targets = {0};
    const struct tokenize_task task = {
        .tokenizer = m->tokenizer,
        .dataset = call->dataset,
        .name = call->name,
        .targets = &targets,
        .max_length =
            m->config.max_seq_length > 0 ? m->config.max_seq_length : m->config.max_positions,
        .should_stop = call->should_stop,
        .context = call->context,
    };
    int rc = find_targets(m, call, &targets, err);
    if (rc == 0)
        rc = tokenize_dataset(&task, call->pool, store, NULL, err);
    targets_fini(&targets);
    return rc;
}

static int
pass(const struct measured_model *m, const struct measure_call *call,
     const struct token_store *store, struct evaluation_outputs *outputs, struct err *err)
{
    struct evaluator evaluator;
    struct evaluation means;
    const struct evaluate_call evaluation = {.evaluator = &evaluator,
                                             .network = &m->network,
                                             .pool = call->pool,
                                             .outputs = outputs,
                                             .should_stop = call->should_stop,
                                             .context = call->context};
    if (evaluation_outputs_init(outputs, &store->targets, m->config.label_count, err) != 0 ||
        evaluator_init(&evaluator, store, &m->config, pool_threads(call->pool), err) != 0)
        return err->code;
    bool whole = evaluate(&evaluation, &means);
    evaluator_fini(&evaluator);
    return whole ? 0 : err_set(err, ERR_STOPPED, "the evaluation was stopped");
}

int
measure_model(const struct measure_call *call, const char *folder,
              struct evaluation_outputs *outputs, json_t **document, struct err *err)
{
    struct measured_model m = {.arena = arena_new()};
    struct token_store store = {0};
    *outputs = (struct evaluation_outputs){0};
    *document = NULL;
    int rc = load(&m, call, folder, err);
    if (rc == 0)
        rc = tokenize(&m, call, &store, err);
    if (rc == 0)
        rc = pass(&m, call, &store, outputs, err);
    if (rc == 0) {
        const struct evaluation_subject subject = {
            .outputs = outputs,
            .labels = (const char *const *)m.config.labels,
            .rows = {call->dataset, NULL},
            .temperature = m.config.temperature,
            .thresholds = m.config.thresholds,
        };
        *document = evaluation_document(&subject, err);
        rc = *document != NULL ? 0 : err->code;
    }
    token_store_fini(&store);
    unload(&m);
    return rc;
}
