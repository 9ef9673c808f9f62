/*
 * `finetuned predict`: texts in, what the model says of each out, by its task.
 */
#include "core/base/cpu.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/predict.h"
#include "daemon/command.h"
#include "daemon/json_append.h"
#include "daemon/word_labels.h"
#include "daemon/options.h"
#include "daemon/text_lines.h"

#include <stdlib.h>
#include <unistd.h>

/* Enough lines to keep every thread busy, few enough that answers come soon. */
enum { USUAL_BATCH = 64 };

static const struct option_row rows[] = {
    {"model", 0, "DIR", "The folder of a fine-tuned model."},
    {"batch", 0, "N", "Lines computed at once, at most (1 to 1024). Default: 64."},
    {"threads", 0, "N", "Default: as many as the machine gives."},
    {"help", 'h', NULL, "This text."},
};

static const struct option_table table = {rows, sizeof rows / sizeof rows[0]};

/* What a batch of lines is answered with. */
struct answers {
    struct predictor *predictor;
    enum predict_output output;
    float *scores;                 /* (batch, K) */
    struct predicted_words *words; /* (batch) */
};

/* "scores":{"x":0.9,"y":0.1}} */
static void
append_scores(struct buf *out, const struct model_config *config, const float *scores)
{
    buf_append_string(out, "\"scores\":{");
    for (size_t k = 0; k < config->label_count; k++) {
        buf_append_string(out, k > 0 ? "," : "");
        json_append_string(out, config->labels[k]);
        buf_printf(out, ":%.9g", (double)scores[k]);
    }
    buf_append_string(out, "}}\n");
}

/* {"label":"x","probability":0.9,"scores":…} */
static void
append_label(struct buf *out, const struct model_config *config, const float *probabilities)
{
    size_t best = 0;
    for (size_t k = 1; k < config->label_count; k++) {
        if (probabilities[k] > probabilities[best])
            best = k;
    }
    buf_append_string(out, "{\"label\":");
    json_append_string(out, config->labels[best]);
    buf_printf(out, ",\"probability\":%.9g,", (double)probabilities[best]);
    append_scores(out, config, probabilities);
}

/* {"labels":["x"],"scores":…}: those that reach their thresholds */
static void
append_labels(struct buf *out, const struct model_config *config, const float *probabilities)
{
    const char *between = "";
    buf_append_string(out, "{\"labels\":[");
    for (size_t k = 0; k < config->label_count; k++) {
        if (probabilities[k] < model_config_threshold(config, k))
            continue;
        buf_append_string(out, between);
        json_append_string(out, config->labels[k]);
        between = ",";
    }
    buf_append_string(out, "],");
    append_scores(out, config, probabilities);
}

static void
append_spans(struct buf *out, const char *key, const struct labelled_spans *spans)
{
    buf_printf(out, "\"%s\":[", key);
    for (size_t i = 0; i < spans->count; i++) {
        const struct labelled_span *span = &spans->items[i];
        buf_append_string(out, i > 0 ? ",{\"text\":" : "{\"text\":");
        json_append_string(out, span->text);
        buf_printf(out, ",\"start\":%zu,\"end\":%zu,\"label\":", span->start, span->end);
        json_append_string(out, span->label);
        buf_printf(out, ",\"probability\":%.9g}", span->probability);
    }
    buf_append_string(out, "]");
}

/* {"tokens":[…],"entities":[…]} */
static void
append_words(struct buf *out, const struct model_config *config, const struct text *text,
             const struct predicted_words *words)
{
    struct arena *arena = arena_new();
    struct word_labels names =
        word_labels_of((const char *const *)config->labels, config->label_count, arena);
    struct labelled_text labelled = word_labels_apply(&names, text->first, words);
    buf_append_string(out, "{");
    append_spans(out, "tokens", &labelled.words);
    buf_append_string(out, ",");
    append_spans(out, "entities", &labelled.entities);
    buf_append_string(out, "}\n");
    arena_free(arena);
}

static void
append_result(struct buf *out, const struct answers *answers, const struct text *text, size_t row)
{
    const struct model_config *config = predictor_config(answers->predictor);
    const float *scores = answers->scores + row * config->label_count;
    switch (config->task) {
    case TASK_MULTI_LABEL:
        append_labels(out, config, scores);
        break;
    case TASK_REGRESSION:
        buf_append_string(out, "{");
        append_scores(out, config, scores);
        break;
    case TASK_TOKEN_CLASSIFICATION:
        append_words(out, config, text, &answers->words[row]);
        break;
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        append_label(out, config, scores);
        break;
    }
}

/* The lines before the first one that the model does not take, which err then names. */
static size_t
count_fitting(const struct answers *answers, const struct text_lines *lines, struct err *err)
{
    for (size_t i = 0; i < lines->count; i++) {
        const struct predictor_call call = {
            .output = answers->output, .texts = &lines->texts[i], .count = 1};
        if (predictor_check(answers->predictor, &call, err) == 0)
            continue;
        err_set(err, ERR_INVALID, "line %zu: the model takes one text, not a pair",
                lines->first_line + i);
        return i;
    }
    return lines->count;
}

static int
write_results(const struct answers *answers, const struct text_lines *lines, size_t count,
              struct err *err)
{
    struct buf out = {0};
    int status = 0;
    for (size_t i = 0; i < count; i++)
        append_result(&out, answers, &lines->texts[i], i);
    if (fwrite(buf_string(&out), 1, out.length, stdout) != out.length || fflush(stdout) != 0)
        status = err_set_errno(err, "standard output");
    buf_fini(&out);
    return status;
}

static int
predict_batch(const struct answers *answers, struct pool *pool, const struct text_lines *lines,
              struct err *err)
{
    struct err line_err = {0};
    size_t count = count_fitting(answers, lines, &line_err);
    const struct predictor_call call = {.output = answers->output,
                                        .texts = lines->texts,
                                        .count = count,
                                        .values = answers->scores,
                                        .words = answers->words,
                                        .arena = arena_new()};
    int status = predictor_run(answers->predictor, pool, &call, err);
    if (status != 0)
        err_prefix(err, "lines %zu to %zu", lines->first_line, lines->first_line + count - 1);
    else
        status = write_results(answers, lines, count, err);
    arena_free(call.arena);
    if (status == 0 && count < lines->count) {
        *err = line_err;
        status = err->code;
    }
    return status;
}

static int
predict_lines(const struct answers *answers, struct pool *pool, size_t batch, struct err *err)
{
    struct text_lines *lines = mem_small(sizeof *lines);
    int status = 0;
    text_lines_init(lines, STDIN_FILENO);
    while (status == 0) {
        struct err line_err = {0};
        int line_status = text_lines_next(lines, batch, &line_err);
        status = predict_batch(answers, pool, lines, err);
        if (status == 0 && line_status != 0) {
            *err = line_err;
            status = line_status;
        }
        if (lines->count == 0)
            break;
    }
    text_lines_fini(lines);
    free(lines);
    return status;
}

static int
predict_all(struct predictor *predictor, struct pool *pool, size_t batch, struct err *err)
{
    const struct model_config *config = predictor_config(predictor);
    struct answers answers = {
        .predictor = predictor,
        .output = config->task == TASK_TOKEN_CLASSIFICATION ? PREDICT_WORDS : PREDICT_SCORES,
        .scores = mem_array(batch, config->label_count * sizeof *answers.scores),
        .words = mem_array(batch, sizeof *answers.words),
    };
    int status = 0;
    if (answers.scores == NULL || answers.words == NULL)
        status = err_set(err, ERR_MEMORY, "no memory for the answers to a batch");
    else
        status = predict_lines(&answers, pool, batch, err);
    free(answers.scores);
    free(answers.words);
    return status;
}

/* A model with a head, or an error that says what the folder is. */
static int
open_model(const char *model, const struct gemm_engine *engine, struct predictor **out,
           struct err *err)
{
    if (predictor_open(model, engine, out, err) != 0)
        return err->code;
    if (predictor_config(*out)->label_count > 0)
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "%s is a base model without a classifier; fine-tune it first", model);
}

static int
predict(const char *model, size_t threads, size_t batch, struct err *err)
{
    struct gemm_engine *engine = NULL;
    struct predictor *predictor = NULL;
    struct pool *pool = NULL;
    int status = gemm_engine_open(getenv("FINETUNED_ENGINE"), &engine, err);
    if (status == 0)
        status = open_model(model, engine, &predictor, err);
    if (status != 0)
        goto out;
    pool = pool_new(threads, err);
    status = pool == NULL ? err->code : predict_all(predictor, pool, batch, err);
out:
    pool_free(pool);
    predictor_free(predictor);
    gemm_engine_close(engine);
    return status;
}

static void
print_help(void)
{
    puts("Usage: finetuned predict --model DIR [--batch N] [--threads N]\n\n"
         "Reads texts as JSON lines from standard input: a string, a pair as an array of\n"
         "two strings, or an object with \"text\" and perhaps \"text_pair\", with \"prompt\",\n"
         "or with the \"messages\" of a chat, whose last user message is the text: a data\n"
         "file can be read as it is. Writes a line for each:\n"
         "{\"label\": ..., \"probability\": ..., \"scores\": {label: probability}}, or by the\n"
         "model's task \"labels\" and \"scores\", \"scores\" that are numbers, or \"tokens\" and\n"
         "\"entities\".\n"
         "A bad line ends it after the answers to those before it, with the line's number\n"
         "and exit code 1.\n");
    options_print_help(&table, stdout);
}

int
command_predict(int count, char *const *arguments)
{
    struct arena *arena = arena_new();
    struct options options;
    struct err err = {0};
    int64_t threads = (int64_t)cpu_count();
    int64_t batch = USUAL_BATCH;
    int exit_code = EXIT_WRONG_USE;
    if (options_parse(&table, count, arguments, arena, &options, &err) != 0 ||
        options_number(&options, "batch", 1, TEXT_LINES_MAX_BATCH, &batch, &err) != 0 ||
        options_number(&options, "threads", 1, 1024, &threads, &err) != 0) {
        fprintf(stderr, "finetuned predict: %s\n", err.message);
    } else if (options_has(&options, "help")) {
        print_help();
        exit_code = EXIT_OK;
    } else if (options_value(&options, "model") == NULL || options.operand_count > 0) {
        fputs("finetuned predict: give --model DIR and the texts on standard input\n", stderr);
    } else {
        exit_code = EXIT_OK;
        if (predict(options_value(&options, "model"), (size_t)threads, (size_t)batch, &err) != 0) {
            fprintf(stderr, "finetuned predict: %s\n", err.message);
            exit_code = EXIT_FAILED;
        }
    }
    arena_free(arena);
    return exit_code;
}
