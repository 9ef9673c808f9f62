/*
 * `finetuned predict`: texts in, the most probable label and every probability out.
 */
#include "core/base/cpu.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/predict.h"
#include "daemon/command.h"
#include "daemon/json_append.h"
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

/* {"label":"x","probability":0.9,"scores":{"x":0.9,"y":0.1}} */
static void
append_result(struct buf *out, const struct model_config *config, const float *probabilities)
{
    size_t best = 0;
    for (size_t k = 1; k < config->label_count; k++) {
        if (probabilities[k] > probabilities[best])
            best = k;
    }
    buf_append_string(out, "{\"label\":");
    json_append_string(out, config->labels[best]);
    buf_printf(out, ",\"probability\":%.9g,\"scores\":{", (double)probabilities[best]);
    for (size_t k = 0; k < config->label_count; k++) {
        buf_append_string(out, k > 0 ? "," : "");
        json_append_string(out, config->labels[k]);
        buf_printf(out, ":%.9g", (double)probabilities[k]);
    }
    buf_append_string(out, "}}\n");
}

/* The lines before the first one that the model does not take, which err then names. */
static size_t
count_fitting(const struct predictor *predictor, const struct text_lines *lines, struct err *err)
{
    for (size_t i = 0; i < lines->count; i++) {
        const struct predictor_call call = {.texts = &lines->texts[i], .count = 1};
        if (predictor_check(predictor, &call, err) == 0)
            continue;
        err_set(err, ERR_INVALID, "line %zu: the model takes one text, not a pair",
                lines->first_line + i);
        return i;
    }
    return lines->count;
}

static int
write_results(const struct predictor *predictor, size_t count, const float *probabilities,
              struct err *err)
{
    const struct model_config *config = predictor_config(predictor);
    struct buf out = {0};
    int status = 0;
    for (size_t i = 0; i < count; i++)
        append_result(&out, config, probabilities + i * config->label_count);
    if (fwrite(buf_string(&out), 1, out.length, stdout) != out.length || fflush(stdout) != 0)
        status = err_set_errno(err, "standard output");
    buf_fini(&out);
    return status;
}

static int
predict_batch(struct predictor *predictor, struct pool *pool, const struct text_lines *lines,
              float *probabilities, struct err *err)
{
    struct err line_err = {0};
    size_t count = count_fitting(predictor, lines, &line_err);
    const struct predictor_call call = {
        .texts = lines->texts, .count = count, .values = probabilities};
    if (predictor_run(predictor, pool, &call, err) != 0)
        return err_prefix(err, "lines %zu to %zu", lines->first_line,
                          lines->first_line + count - 1);
    if (write_results(predictor, count, probabilities, err) != 0)
        return err->code;
    if (count < lines->count)
        *err = line_err;
    return count < lines->count ? err->code : 0;
}

static int
predict_all(struct predictor *predictor, struct pool *pool, size_t batch, struct err *err)
{
    struct text_lines *lines = mem_small(sizeof *lines);
    text_lines_init(lines, STDIN_FILENO);
    float *probabilities =
        mem_array(batch, predictor_config(predictor)->label_count * sizeof *probabilities);
    int status = 0;
    if (probabilities == NULL)
        status = err_set(err, ERR_MEMORY, "no memory for the probabilities of a batch");
    while (status == 0) {
        struct err line_err = {0};
        int line_status = text_lines_next(lines, batch, &line_err);
        status = predict_batch(predictor, pool, lines, probabilities, err);
        if (status == 0 && line_status != 0) {
            *err = line_err;
            status = line_status;
        }
        if (lines->count == 0)
            break;
    }
    free(probabilities);
    text_lines_fini(lines);
    free(lines);
    return status;
}

/* A classifier, or an error that says what the folder is. */
static int
open_classifier(const char *model, const struct gemm_engine *engine, struct predictor **out,
                struct err *err)
{
    const struct predictor_call none = {.output = PREDICT_PROBABILITIES};
    if (predictor_open(model, engine, out, err) != 0)
        return err->code;
    if (predictor_check(*out, &none, err) == 0)
        return 0;
    return err_set(err, err->code, "%s is a base model without a classifier; fine-tune it first",
                   model);
}

static int
predict(const char *model, size_t threads, size_t batch, struct err *err)
{
    struct gemm_engine *engine = NULL;
    struct predictor *predictor = NULL;
    struct pool *pool = NULL;
    int status = gemm_engine_open(getenv("FINETUNED_ENGINE"), &engine, err);
    if (status == 0)
        status = open_classifier(model, engine, &predictor, err);
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
         "{\"label\": ..., \"probability\": ..., \"scores\": {label: probability}}.\n"
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
