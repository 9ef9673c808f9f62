/*
 * A client's texts to numbers; see service_predict.h.
 */
#include "daemon/service_predict.h"

#include "core/base/utf8.h"

#include <string.h>

int
service_fault_not_fine_tuned(struct fault_list *faults, const char *param, const char *model)
{
    return fault_add(faults, FAULT_MODEL_NOT_FINE_TUNED, param,
                     "'%.100s' is a base model and knows no labels: fine-tune it with "
                     "POST /v1/fine_tuning/jobs and use the job's fine_tuned_model.",
                     model);
}

static int
check_text(struct fault_list *faults, size_t index, const char *text, size_t length)
{
    size_t valid = text == NULL ? length : utf8_valid_length(text, length);
    if (valid == length)
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, "input",
                     "input %zu is not valid UTF-8 at byte %zu: send the text in UTF-8.", index,
                     valid);
}

/* What of the inputs is divided into words already; NULL where nothing is. */
static const struct text_words *
read_words(const struct classify_input *inputs, size_t count, struct arena *arena)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= inputs[i].words != NULL;
    if (!any)
        return NULL;
    struct text_words *given = arena_array(arena, count, sizeof *given);
    for (size_t i = 0; i < count; i++)
        if (inputs[i].words != NULL)
            given[i] = (struct text_words){inputs[i].first, inputs[i].words, inputs[i].word_count};
    return given;
}

/* The inputs as the core takes them, each checked. */
static const struct text *
read_inputs(const struct classify_input *inputs, size_t count, struct arena *arena,
            struct fault_list *faults)
{
    size_t before = faults->count;
    if (count == 0 || count > CLASSIFY_MAX_INPUTS)
        fault_add(faults, FAULT_INVALID_PARAMETER, "input",
                  "\"input\" has %zu texts: give from 1 to %d in one request.", count,
                  CLASSIFY_MAX_INPUTS);
    if (faults->count > before)
        return NULL;
    struct text *texts = arena_array(arena, count, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const struct classify_input *input = &inputs[i];
        check_text(faults, i, input->first, input->first_length);
        check_text(faults, i, input->second, input->second_length);
        texts[i] =
            (struct text){input->first, input->first_length, input->second, input->second_length};
    }
    return faults->count > before ? NULL : texts;
}

static int
find_model(struct service *service, const char *name, struct arena *arena,
           struct catalog_model *out, struct fault_list *faults)
{
    struct err err;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = catalog_find(&service->catalog, db, name, arena, out, &err);
    service_release(service, db);
    if (code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_MODEL_NOT_FOUND, "model", "%s", err.message);
    return code != 0 ? fault_add_err(faults, &err) : 0;
}

static int
fault_unsupported(struct fault_list *faults, const struct catalog_model *model,
                  enum predict_output output)
{
    if (output == PREDICT_SCORES || output == PREDICT_WORDS)
        return service_fault_not_fine_tuned(faults, "model", model->id);
    return fault_add(faults, FAULT_INVALID_PARAMETER, "model",
                     "'%.100s' has no weights, and a model that has learned nothing says nothing "
                     "of a text: fine-tune it with POST /v1/fine_tuning/jobs and use the job's "
                     "fine_tuned_model.",
                     model->id);
}

/* Why the predictor did not answer. A model deleted since it was looked up is one that is not
 * there. */
static int
fault_prediction(struct service *service, const struct predict_answer *answer,
                 const struct err *err, struct fault_list *faults)
{
    struct catalog_model again;
    const struct catalog_model *model = &answer->model;
    if (err->code == ERR_STOPPED)
        return fault_add(faults, FAULT_NOT_READY, NULL,
                         "The daemon is stopping: send the request again when it is back.");
    if (err->code == ERR_CONFLICT)
        return fault_add(faults, FAULT_QUEUE_FULL, NULL,
                         "Too many requests wait for a model: %s. Send fewer at once.",
                         err->message);
    if (err->code == ERR_UNSUPPORTED)
        return fault_unsupported(faults, model, answer->output);
    if (err->code == ERR_INVALID && strncmp(err->message, "input ", strlen("input ")) == 0)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "input", "%s.", err->message);
    if (err->code == ERR_INVALID && model->kind == CATALOG_BASE)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "model",
                         "Model '%.100s' does not load: %s.", model->id, err->message);
    if (find_model(service, model->id, faults->arena, &again, faults) != 0)
        return -1;
    return fault_add_err(faults, err);
}

/* A base model that has no labels needs no loading to be refused. */
static bool
has_no_labels(const struct catalog_model *model)
{
    return model->kind == CATALOG_BASE && model->base->summary.config.label_count == 0;
}

static bool
has_task(const struct catalog_model *model, enum task task)
{
    return model->task != NULL && strcmp(model->task, task_name(task)) == 0;
}

/* Has the model the head that is asked for? Its task is known without loading it. */
static int
check_head(const struct predict_order *order, const struct predict_answer *answer,
           struct fault_list *faults)
{
    const struct catalog_model *model = &answer->model;
    bool asks_words = answer->output == PREDICT_WORDS;
    bool says_words = has_task(model, TASK_TOKEN_CLASSIFICATION);
    if (answer->output != PREDICT_SCORES && !asks_words)
        return 0;
    if (has_no_labels(model))
        return service_fault_not_fine_tuned(faults, "model", model->id);
    if (order->moderates && !has_task(model, TASK_MULTI_LABEL))
        return fault_add(faults, FAULT_INVALID_PARAMETER, "model",
                         "'%.100s' is a model of %s: moderations are made by one of multi_label.",
                         model->id, model->task);
    if (says_words && !asks_words)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "model",
                         "'%.100s' labels the words of a text, not the text: ask POST "
                         "/v1/token_classifications.",
                         model->id);
    if (!says_words && asks_words)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "model",
                         "'%.100s' says something of a text as a whole, not of its words: ask POST "
                         "/v1/classifications.",
                         model->id);
    return 0;
}

int
service_predict(struct service *service, const struct predict_order *order, struct arena *arena,
                struct predict_answer *out, struct fault_list *faults)
{
    struct err err;
    const struct text *texts = read_inputs(order->inputs, order->count, arena, faults);
    if (texts == NULL || find_model(service, order->model, arena, &out->model, faults) != 0)
        return -1;
    out->output = order->output;
    if (order->by_task)
        out->output =
            has_task(&out->model, TASK_TOKEN_CLASSIFICATION) ? PREDICT_WORDS : PREDICT_SCORES;
    if (check_head(order, out, faults) != 0)
        return -1;
    if (service->predictor == NULL)
        return fault_add(faults, FAULT_NOT_READY, NULL, "The daemon has not started yet.");
    const struct predictor_job job = {.folder = out->model.folder,
                                      .output = out->output,
                                      .texts = texts,
                                      .count = order->count,
                                      .given = read_words(order->inputs, order->count, arena)};
    if (predictor_thread_run(service->predictor, &job, arena, &out->prediction, &err) != 0)
        return fault_prediction(service, out, &err, faults);
    return 0;
}
