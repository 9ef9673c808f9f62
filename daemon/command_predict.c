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

/* Enough rows to keep every thread busy, few enough that answers come soon. */
enum { BATCH_ROWS = 64 };

static const struct option_row rows[] = {
    {"model", 0, "DIR", "The folder of a fine-tuned model."},
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

static int
predict_batch(struct predictor *predictor, struct pool *pool, const struct text_lines *lines,
              float *probabilities, struct err *err)
{
    const struct model_config *config = predictor_config(predictor);
    if (lines->count == 0)
        return 0;
    if (predictor_run(predictor, pool, lines->texts, lines->count, probabilities, NULL, err) != 0)
        return err_prefix(err, "lines %zu to %zu", lines->first_line,
                          lines->first_line + lines->count - 1);
    struct buf out = {0};
    for (size_t i = 0; i < lines->count; i++)
        append_result(&out, config, probabilities + i * config->label_count);
    int status = 0;
    if (fwrite(out.data, 1, out.length, stdout) != out.length || fflush(stdout) != 0)
        status = err_set_errno(err, "standard output");
    buf_fini(&out);
    return status;
}

static int
predict_all(struct predictor *predictor, struct pool *pool, struct err *err)
{
    struct text_lines *lines = mem_small(sizeof *lines);
    text_lines_init(lines, STDIN_FILENO);
    float *probabilities =
        mem_array(BATCH_ROWS, predictor_config(predictor)->label_count * sizeof *probabilities);
    int status = 0;
    if (probabilities == NULL)
        status = err_set(err, ERR_MEMORY, "no memory for the probabilities of a batch");
    while (status == 0) {
        struct err line_err = {0};
        int line_status = text_lines_next(lines, BATCH_ROWS, &line_err);
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

static int
predict(const char *model, size_t threads, struct err *err)
{
    struct gemm_engine *engine = NULL;
    struct predictor *predictor = NULL;
    struct pool *pool = NULL;
    int status = gemm_engine_open(getenv("FINETUNED_ENGINE"), &engine, err);
    if (status == 0)
        status = predictor_open(model, engine, &predictor, err);
    if (status != 0)
        goto out;
    pool = pool_new(threads, err);
    status = pool == NULL ? err->code : predict_all(predictor, pool, err);
out:
    pool_free(pool);
    predictor_free(predictor);
    gemm_engine_close(engine);
    return status;
}

static void
print_help(void)
{
    puts("Usage: finetuned predict --model DIR [--threads N]\n\n"
         "Reads texts as JSON lines from standard input: a string, a pair as an array of\n"
         "two strings, or an object with \"text\" and perhaps \"text_pair\". Writes a line for\n"
         "each: {\"label\": ..., \"probability\": ..., \"scores\": {label: probability}}. A bad\n"
         "line ends it, with the line's number and exit code 1.\n");
    options_print_help(&table, stdout);
}

int
command_predict(int count, char *const *arguments)
{
    struct arena *arena = arena_new();
    struct options options;
    struct err err = {0};
    int64_t threads = (int64_t)cpu_count();
    int exit_code = EXIT_WRONG_USE;
    if (options_parse(&table, count, arguments, arena, &options, &err) != 0 ||
        options_number(&options, "threads", 1, 1024, &threads, &err) != 0) {
        fprintf(stderr, "finetuned predict: %s\n", err.message);
    } else if (options_has(&options, "help")) {
        print_help();
        exit_code = EXIT_OK;
    } else if (options_value(&options, "model") == NULL || options.operand_count > 0) {
        fputs("finetuned predict: give --model DIR and the texts on standard input\n", stderr);
    } else {
        exit_code = EXIT_OK;
        if (predict(options_value(&options, "model"), (size_t)threads, &err) != 0) {
            fprintf(stderr, "finetuned predict: %s\n", err.message);
            exit_code = EXIT_FAILED;
        }
    }
    arena_free(arena);
    return exit_code;
}
