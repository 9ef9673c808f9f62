/*
 * Making a plan; see plan.h. Each refusal is one sentence that names the file, the line and what to
 * do, and is filed under the part of the request that it is about.
 */
#include "core/train/plan_parts.h"

#include "core/eval/entities.h"
#include "core/probe/probe.h"
#include "core/train/best.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for [CLS] text [SEP], and for a pair's second text and its [SEP]. */
enum { SHORTEST_TEXT = 3, SHORTEST_PAIR = 4 };

static const char *const part_parameters[] = {
    [PART_MODEL] = "model",
    [PART_TRAINING_FILE] = "training_file",
    [PART_VALIDATION_FILE] = "validation_file",
    [PART_TEST_FILE] = "test_file",
    [PART_PARAMETERS] = NULL,
};

int
plan_blame(struct planner *p, enum train_part part, const char *parameter, size_t line,
           bool unsupported)
{
    *p->fault = (struct train_fault){
        .part = part,
        .parameter = parameter != NULL ? parameter : part_parameters[part],
        .line = line,
        .unsupported = unsupported,
    };
    return p->err->code;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The first fault of a file as a refusal, with the number of the others. */
static int
blame_rows(struct planner *p, enum train_part part, const char *name, const struct dataset *data)
{
    const struct data_fault *first = &data->faults[0];
    bool unsupported = strcmp(first->code, "not_supported_yet") == 0;
    char where[64] = "";
    char more[64] = "";
    if (first->line > 0)
        snprintf(where, sizeof where, " line %zu:", first->line);
    if (data->fault_count > 1)
        snprintf(more, sizeof more, " (and %zu more)", data->fault_count - 1);
    err_set(p->err, unsupported ? ERR_UNSUPPORTED : ERR_INVALID, "%s:%s %s%s", name, where,
            first->message, more);
    return plan_blame(p, part, NULL, first->line, unsupported);
}

/*
 * Answers that hardly ever repeat are no labels. A short validation file may have as many labels as
 * rows, so it is only refused for answers that no label can be.
 */
static int
check_answers(struct planner *p, enum train_part part, const char *name, const struct dataset *data)
{
    bool numbers = p->request->task == TASK_REGRESSION || data->label_form == LABELS_FRACTION;
    if (!data->is_generation || (part != PART_TRAINING_FILE && data->long_answers == 0) ||
        (numbers && data->long_answers == 0))
        return 0;
    err_set(p->err, ERR_INVALID,
            "%s: %zu of its %zu answers are different from each other, so this looks like data for "
            "generating text, which a classifier cannot learn; give rows whose answers are a few "
            "labels, or name the column of the label with \"columns\": {\"label\": ...}",
            name, data->distinct_answers, data->answers);
    plan_blame(p, part, NULL, 0, false);
    p->fault->is_generation = true;
    return p->err->code;
}

static int
read_file(struct planner *p, enum train_part part, const struct train_file *file,
          struct dataset **out)
{
    struct dataset *data = NULL;
    const struct data_source source = {
        .path = file->path,
        .name = file->name,
        .columns = &p->request->columns,
        .task = part == PART_TRAINING_FILE ? p->request->task : p->plan->task,
    };
    if (dataset_read_source(&source, &data, p->err) != 0)
        return plan_blame(p, part, NULL, 0, false);
    *out = data; /* the plan owns it from here on, refused or not */
    if (check_answers(p, part, file->name, data) != 0)
        return p->err->code;
    if (data->fault_count > 0)
        return blame_rows(p, part, file->name, data);
    if (plan_check_task(p, part, &(struct labelled_file){data, file->name}) != 0)
        return p->err->code;
    if (data->has_pairs && !model_config_takes_pairs(&p->plan->config)) {
        err_set(p->err, ERR_INVALID,
                "%s has pairs of texts, but the model knows one text only (its type_vocab_size is "
                "%zu); leave the second text out or choose another model",
                file->name, p->plan->config.type_vocab_size);
        return plan_blame(p, part, NULL, 0, false);
    }
    return 0;
}

/* A validation or test file must look like the training file and bring no new labels. */
static int
check_against_training(struct planner *p, enum train_part part, const char *name,
                       const struct dataset *data)
{
    const struct train_plan *plan = p->plan;
    if (data->has_pairs != plan->training->has_pairs) {
        err_set(p->err, ERR_INVALID, "%s has %s, %s has %s; both need the same columns", name,
                data->has_pairs ? "pairs of texts" : "single texts", p->request->training.name,
                data->has_pairs ? "single texts" : "pairs of texts");
        return plan_blame(p, part, NULL, 0, false);
    }
    return plan_check_labels(p, part, &(struct labelled_file){data, name});
}

static int
read_other(struct planner *p, enum train_part part, const struct train_file *file,
           struct dataset **out, size_t *rows)
{
    if (file->path == NULL)
        return 0;
    if (read_file(p, part, file, out) != 0 ||
        check_against_training(p, part, file->name, *out) != 0)
        return p->err->code;
    *rows = (*out)->count;
    return 0;
}

/* What the training file says twice is gone before labels are counted and rows are held out. */
static int
leave_duplicates(struct planner *p)
{
    struct train_plan *plan = p->plan;
    if (dedupe_apply(plan->training, p->request->params.dedupe, &plan->duplicates, p->err) == 0)
        return 0;
    err_prefix(p->err, "%s", p->request->training.name);
    return plan_blame(p, PART_TRAINING_FILE, NULL, 0, false);
}

/* ---- model and numbers ----------------------------------------------------------------------- */

static int
check_length(struct planner *p)
{
    struct train_plan *plan = p->plan;
    size_t shortest = plan->training->has_pairs ? SHORTEST_PAIR : SHORTEST_TEXT;
    size_t length = (size_t)plan->params.max_seq_length;
    if (length >= shortest && length <= plan->config.max_positions)
        return 0;
    err_set(p->err, ERR_INVALID,
            "max_seq_length is %zu, but %s takes from %zu to %zu tokens%s; give a value in that "
            "range or leave it out",
            length, p->request->base_name, shortest, plan->config.max_positions,
            plan->training->has_pairs ? " for a pair of texts" : "");
    return plan_blame(p, PART_PARAMETERS, "max_seq_length", 0, false);
}

/* bf16 is computed by the processor or not at all. */
static int
check_precision(struct planner *p)
{
    if (p->plan->params.precision != GEMM_BF16 || p->request->has_bf16)
        return 0;
    err_set(p->err, ERR_INVALID,
            "precision \"bf16\" needs a processor that multiplies bfloat16 numbers (AVX512_BF16 or "
            "AMX) and an engine that makes use of it, and this machine has not both; say \"fp32\", "
            "or leave it out");
    return plan_blame(p, PART_PARAMETERS, "precision", 0, false);
}

/* Models can only be compared by what validation measures. */
static int
check_best(struct planner *p)
{
    const struct train_plan *plan = p->plan;
    const char *parameter = NULL;
    if (best_check(&plan->params, plan->task, plan->validation_rows > 0, &parameter, p->err) == 0)
        return 0;
    return plan_blame(p, PART_PARAMETERS, parameter, 0, false);
}

/* What no label marks is not measured either. */
static int
check_entities(struct planner *p)
{
    struct entity_scheme scheme;
    const struct train_params *params = &p->plan->params;
    const struct label_set *labels = &p->plan->labels;
    bool asked = params->metric_for_best_model == METRIC_VALID_ENTITY_F1;
    if ((!asked && params->early_stopping.metric != METRIC_VALID_ENTITY_F1) ||
        entity_scheme_find((const char *const *)labels->names, labels->count, p->arena, &scheme))
        return 0;
    err_set(p->err, ERR_INVALID,
            "%s is measured where labels mark entities (O, B-..., I-...), and those of %s do not; "
            "choose %s",
            metric_name(METRIC_VALID_ENTITY_F1), p->request->training.name,
            metric_name(METRIC_VALID_ACCURACY));
    return plan_blame(p, PART_PARAMETERS, asked ? "metric_for_best_model" : "early_stopping", 0,
                      false);
}

/* Does the base model say the same things? Numbers have no names of their own. */
static bool
same_head(const struct model_config *config, enum task task, const struct label_set *labels)
{
    if (config->task != task || config->label_count != labels->count)
        return false;
    for (size_t i = 0; i < labels->count && task != TASK_REGRESSION; i++)
        if (strcmp(config->labels[i], labels->names[i]) != 0)
            return false;
    return true;
}

/* Which part of long texts is kept, and that a token fits between the special ones. */
static int
use_tokenizer(struct planner *p)
{
    struct train_plan *plan = p->plan;
    enum truncation own = plan->config.truncation != TRUNCATION_AUTO
                              ? plan->config.truncation
                              : tokenizer_truncation(plan->tokenizer);
    size_t specials = tokenizer_special_count(plan->tokenizer, plan->training->has_pairs);
    if (plan->config.windows.wanted) {
        train_params_resolve_stride(&plan->params, plan->config.windows, &plan->choices);
        plan->config.truncation = own == TRUNCATION_TAIL ? own : TRUNCATION_HEAD;
    } else {
        train_params_resolve_truncation(&plan->params, own, &plan->choices);
        plan->config.truncation = plan->params.truncation;
    }
    tokenizer_set_truncation(plan->tokenizer, plan->config.truncation);
    if ((size_t)plan->params.max_seq_length > specials)
        return 0;
    err_set(p->err, ERR_INVALID,
            "max_seq_length is %zu, but %s puts %zu special tokens around %s; give at "
            "least %zu or leave it out",
            (size_t)plan->params.max_seq_length, p->request->base_name, specials,
            plan->training->has_pairs ? "a pair of texts" : "a text", specials + 1);
    return plan_blame(p, PART_PARAMETERS, "max_seq_length", 0, false);
}

/* Are the base model's tensors what its config.json promises, and does its tokenizer load? */
static int
check_folder(struct planner *p)
{
    const char *folder = p->request->base_folder;
    struct tensor_layout layout;
    if (tensor_layout_build(&p->plan->config, p->arena, &layout, p->err) == 0 &&
        model_dir_check(folder, &layout, &p->plan->load, p->err) == 0 &&
        (p->plan->tokenizer != NULL ||
         tokenizer_open(folder, p->plan->config.vocab_size, &p->plan->tokenizer, p->err) == 0))
        return use_tokenizer(p);
    err_prefix(p->err, "model %s", p->request->base_name);
    return plan_blame(p, PART_MODEL, NULL, 0, p->err->code == ERR_UNSUPPORTED);
}

/* The base's config becomes that of the model which the job makes. */
static void
describe_head(struct train_plan *plan)
{
    struct model_config *config = &plan->config;
    bool probes = plan->params.method == METHOD_LINEAR_PROBE ||
                  plan->params.init_head == INIT_HEAD_LINEAR_PROBE;
    plan->params.task = plan->task;
    plan->keeps_head = !probes && same_head(config, plan->task, &plan->labels);
    if (!plan->keeps_head) {
        bool means = probes && plan->task != TASK_TOKEN_CLASSIFICATION;
        config->pooling = means ? POOL_MEAN : POOL_FIRST;
        config->normalize = means;
    }
    config->task = plan->task;
    config->labels = plan->labels.names;
    config->label_count = plan->labels.count;
    config->thresholds = NULL;
    config->temperature = 0;
    config->max_seq_length = (size_t)plan->params.max_seq_length;
}

/* A linear model has limits of its own. */
static int
check_probe(struct planner *p)
{
    const struct train_plan *plan = p->plan;
    bool is_all = plan->params.method == METHOD_LINEAR_PROBE;
    if ((!is_all && plan->params.init_head != INIT_HEAD_LINEAR_PROBE) ||
        probe_bytes(plan->training_rows, &plan->config) != SIZE_MAX)
        return 0;
    err_set(p->err, ERR_INVALID,
            "a linear probe of %zu labels on %zu features has more than %d weights, the most that "
            "are fitted; train with the method \"supervised\", or with fewer labels",
            plan->labels.count, plan->config.hidden_size, LINEAR_MAX_WEIGHTS);
    return plan_blame(p, PART_PARAMETERS, is_all ? "method" : "init_head", 0, false);
}

/* Numbers have no frequencies. */
static int
check_prior(struct planner *p)
{
    if (p->plan->task != TASK_REGRESSION || p->request->params.init_head != INIT_HEAD_PRIOR)
        return 0;
    err_set(p->err, ERR_INVALID,
            "init_head \"prior\" starts from how frequent each label is, and this task's are "
            "numbers; leave it out");
    return plan_blame(p, PART_PARAMETERS, "init_head", 0, false);
}

static int
resolve(struct planner *p)
{
    struct train_plan *plan = p->plan;
    struct train_facts facts = {.training_rows = plan->training_rows,
                                .repeated_rows = plan->repeated_rows + plan->further_windows,
                                .config = &plan->config,
                                .task = plan->task,
                                .has_bf16 = p->request->has_bf16};
    plan->params = p->request->params;
    if (p->request->validation.path != NULL && plan->params.validation_split > 0) {
        err_set(p->err, ERR_INVALID,
                "validation_split takes rows of the training file, but there is a validation file; "
                "give one of the two");
        return plan_blame(p, PART_PARAMETERS, "validation_split", 0, false);
    }
    if (p->request->validation.path != NULL)
        plan->params.validation_split = 0;
    if (check_precision(p) != 0 || check_best(p) != 0 || check_entities(p) != 0 ||
        check_prior(p) != 0)
        return p->err->code;
    train_params_resolve(&plan->params, &facts, &plan->choices);
    if (check_length(p) != 0)
        return p->err->code;
    plan->total_steps = train_params_total_steps(&plan->params, train_plan_epoch_rows(plan));
    plan->target = arena_copy_string(p->arena, plan->training->target);
    describe_head(plan);
    if (check_probe(p) != 0)
        return p->err->code;
    return plan_settle_loss(p);
}

static int
read_model(struct planner *p)
{
    if (model_config_read(p->request->base_folder, p->arena, &p->plan->config, p->err) == 0)
        return 0;
    err_prefix(p->err, "model %s", p->request->base_name);
    return plan_blame(p, PART_MODEL, NULL, 0, p->err->code == ERR_UNSUPPORTED);
}

int
train_plan_make(const struct train_request *request, struct arena *arena, struct train_plan *out,
                struct train_fault *fault, struct err *err)
{
    *out = (struct train_plan){.task = TASK_CLASSIFICATION};
    struct planner p = {request, arena, out, fault, err};
    if (read_model(&p) != 0 ||
        read_file(&p, PART_TRAINING_FILE, &request->training, &out->training) != 0 ||
        leave_duplicates(&p) != 0 || plan_collect_labels(&p) != 0)
        goto out;
    if (read_other(&p, PART_VALIDATION_FILE, &request->validation, &out->validation,
                   &out->validation_rows) != 0 ||
        read_other(&p, PART_TEST_FILE, &request->test, &out->test, &out->test_rows) != 0)
        goto out;
    plan_split(&p);
    if (plan_count_repeats(&p) == 0 && plan_choose_windows(&p) == 0 && resolve(&p) == 0 &&
        check_folder(&p) == 0)
        return 0;
out:
    train_plan_fini(out);
    return err->code;
}

void
train_plan_fini(struct train_plan *plan)
{
    dataset_free(plan->training);
    dataset_free(plan->validation);
    dataset_free(plan->test);
    tokenizer_free(plan->tokenizer);
    targets_fini(&plan->training_targets);
    free(plan->held_out);
    plan->training = plan->validation = plan->test = NULL;
    plan->tokenizer = NULL;
    plan->held_out = NULL;
}
