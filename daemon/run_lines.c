/* What `finetuned run` prints; see run_lines.h. */
#include "daemon/run_lines.h"

#include "core/base/cpu.h"
#include "daemon/json_append.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

static int
print_line(struct buf *line, struct err *err)
{
    int status = 0;
    buf_append_string(line, "\n");
    if (fwrite(line->data, 1, line->length, stdout) != line->length || fflush(stdout) != 0)
        status = err_set_errno(err, "standard output");
    buf_fini(line);
    return status;
}

/* ,"key": */
static void
append_key(struct buf *line, const char *key)
{
    buf_printf(line, ",\"%s\":", key);
}

static void
append_text(struct buf *line, const char *key, const char *value)
{
    append_key(line, key);
    json_append_string(line, value);
}

static void
append_integer(struct buf *line, const char *key, int64_t value)
{
    append_key(line, key);
    buf_printf(line, "%" PRId64, value);
}

static void
append_real(struct buf *line, const char *key, double value)
{
    append_key(line, key);
    json_append_real(line, value);
}

/* The metrics that have a value. */
static void
append_metrics(struct buf *line, const char *key, const double values[METRIC_COUNT])
{
    bool first = true;
    append_key(line, key);
    buf_append_string(line, "{");
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (!isfinite(values[i]))
            continue;
        buf_printf(line, "%s\"%s\":", first ? "" : ",", metric_name((enum metric)i));
        json_append_real(line, values[i]);
        first = false;
    }
    buf_append_string(line, "}");
}

/* One line, whatever names of files and labels hold. */
static void
print_warning(const char *message)
{
    struct buf line = {0};
    buf_printf(&line, "finetuned run: warning: %s", message);
    for (size_t i = 0; i < line.length; i++)
        if ((unsigned char)line.data[i] < ' ' || line.data[i] == 0x7f)
            line.data[i] = ' ';
    fprintf(stderr, "%s\n", buf_string(&line));
    buf_fini(&line);
}

static void
append_event_data(struct buf *line, const struct run_event *event)
{
    append_key(line, "data");
    if (event->code == NULL) {
        buf_append_string(line, "null");
        return;
    }
    buf_append_string(line, "{\"code\":");
    json_append_string(line, event->code);
    buf_append_string(line, "}");
}

int
run_lines_event(struct run_state *state, const struct run_event *event, struct err *err)
{
    struct buf line = {0};
    bool warns = event->level == TRAIN_WARN;
    if (warns)
        print_warning(event->message);
    buf_printf(&line, "{\"object\":\"fine_tuning.job.event\",\"id\":\"ftevent-%" PRId64 "\"",
               ++state->events);
    append_integer(&line, "created_at", (int64_t)time(NULL));
    append_text(&line, "level", warns ? "warn" : "info");
    append_text(&line, "message", event->message);
    append_text(&line, "type", "message");
    append_event_data(&line, event);
    buf_append_string(&line, "}");
    return print_line(&line, err);
}

int
run_lines_point(struct run_state *state, const struct train_point *point, struct err *err)
{
    struct buf line = {0};
    state->progress = point->progress;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (!isnan(point->values[i]))
            state->latest[i] = point->values[i];
    }
    buf_append_string(&line, "{\"object\":\"fine_tuning.job.metric\"");
    append_integer(&line, "step", (int64_t)point->progress.step);
    append_real(&line, "epoch", point->progress.epoch);
    append_integer(&line, "created_at", (int64_t)time(NULL));
    append_metrics(&line, "values", point->values);
    buf_append_string(&line, "}");
    return print_line(&line, err);
}

static void
append_error(struct buf *line, const struct run_state *state)
{
    append_key(line, "error");
    if (state->error_code == NULL) {
        buf_append_string(line, "null");
        return;
    }
    buf_append_string(line, "{\"code\":");
    json_append_string(line, state->error_code);
    append_text(line, "message", state->error_message);
    append_text(line, "param", NULL);
    buf_append_string(line, "}");
}

static void
append_hyperparameters(struct buf *line, const struct train_params *params)
{
    append_key(line, "hyperparameters");
    buf_printf(line, "{\"batch_size\":%" PRId64, params->batch_size);
    append_real(line, "learning_rate_multiplier", params->learning_rate_multiplier);
    append_integer(line, "n_epochs", params->n_epochs);
    buf_append_string(line, "}");
}

static void
append_labels(struct buf *line, const struct label_set *labels)
{
    append_key(line, "labels");
    buf_append_string(line, "[");
    for (size_t i = 0; i < labels->count; i++) {
        buf_append_string(line, i > 0 ? "," : "");
        json_append_string(line, labels->names[i]);
    }
    buf_append_string(line, "]");
}

static void
append_progress(struct buf *line, const struct run_state *state)
{
    const struct train_progress *progress = &state->progress;
    size_t total = state->plan->total_steps;
    double done = (double)progress->step / (double)total;
    bool ended = progress->step == total || strcmp(state->status, "succeeded") == 0;
    double per_step = progress->step > 0 ? progress->seconds_elapsed / (double)progress->step : NAN;
    append_key(line, "progress");
    buf_printf(line, "{\"step\":%zu", progress->step);
    append_integer(line, "total_steps", (int64_t)total);
    append_real(line, "epoch", progress->epoch);
    append_real(line, "percent", 100.0 * done);
    append_real(line, "seconds_elapsed", progress->seconds_elapsed);
    append_real(line, "seconds_left", ended ? 0.0 : per_step * (double)(total - progress->step));
    append_real(line, "rows_per_second", progress->rows_per_second);
    append_real(line, "tokens_per_second", progress->tokens_per_second);
    buf_append_string(line, "}");
}

static void
append_resources(struct buf *line, const struct run_state *state)
{
    append_key(line, "resources");
    buf_printf(line, "{\"threads\":%zu", state->threads);
    append_text(line, "engine", state->engine);
    append_text(line, "precision", precision_name(state->plan->params.precision));
    append_integer(line, "peak_memory_bytes", cpu_peak_memory_bytes());
    buf_append_string(line, "}");
}

/* As GET /v1/fine_tuning/jobs/{id}/evaluation has them. */
static void
append_evaluation(struct buf *line, const struct run_state *state)
{
    append_key(line, "evaluation");
    buf_printf(line, "{\"validation\":");
    buf_append_string(line, state->validation_json != NULL ? state->validation_json : "null");
    append_key(line, "test");
    buf_append_string(line, state->test_json != NULL ? state->test_json : "null");
    buf_append_string(line, "}");
}

int
run_lines_job(const struct run_state *state, struct err *err)
{
    const struct job_request *request = state->request;
    bool succeeded = strcmp(state->status, "succeeded") == 0;
    struct buf line = {0};
    buf_append_string(&line, "{\"object\":\"fine_tuning.job\"");
    append_integer(&line, "created_at", state->created_at);
    append_integer(&line, "finished_at", state->finished_at);
    append_text(&line, "status", state->status);
    append_text(&line, "model", request->model);
    append_text(&line, "fine_tuned_model", succeeded ? request->output_dir : NULL);
    append_text(&line, "training_file", request->training_file);
    append_text(&line, "validation_file", request->validation_file);
    append_text(&line, "test_file", request->test_file);
    append_integer(&line, "seed", state->plan->params.seed);
    append_integer(&line, "trained_tokens", state->progress.trained_tokens);
    append_key(&line, "metadata");
    buf_append_string(&line, request->metadata_json != NULL ? request->metadata_json : "null");
    append_error(&line, state);
    append_hyperparameters(&line, &state->plan->params);
    append_text(&line, "suffix", request->suffix);
    append_text(&line, "task", task_name(state->plan->task));
    append_labels(&line, &state->plan->labels);
    append_progress(&line, state);
    append_metrics(&line, "metrics", state->latest);
    append_key(&line, "baseline");
    buf_append_string(&line, state->baseline_json != NULL ? state->baseline_json : "null");
    append_resources(&line, state);
    append_integer(&line, "estimated_memory_bytes", (int64_t)state->estimated_memory_bytes);
    append_integer(&line, "epoch_rows", (int64_t)train_plan_epoch_rows(state->plan));
    append_key(&line, "parameters");
    buf_append_string(&line, state->parameters_json);
    append_evaluation(&line, state);
    buf_append_string(&line, "}");
    return print_line(&line, err);
}
