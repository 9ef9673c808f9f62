/* What the subcommands share; see setup.h. */
#include "tests/bench/setup.h"

#include "core/base/cpu.h"
#include "core/base/fileio.h"
#include "core/train/params.h"
#include "daemon/command.h"
#include "tests/bench/made_up.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_ROWS = 1000000,
    MOST_BATCH = 4096,
    MOST_STEPS = 1000000,
    MOST_THREADS = 1024,
    SHORTEST_ROW = 3
};

/* ---- options --------------------------------------------------------------------------------- */

static int
read_precision(struct setup *setup, struct err *err)
{
    const char *text = options_value(setup->options, "precision");
    if (text == NULL)
        return 0;
    for (int p = PARAMS_AUTO; p <= GEMM_BF16; p++) {
        setup->precision = (enum gemm_precision)p;
        if (strcmp(text, precision_name(setup->precision)) == 0)
            return 0;
    }
    return err_set(err, ERR_INVALID, "--precision is \"%s\"; it must be fp32, bf16 or auto", text);
}

static int
read_batching(struct setup *setup, struct err *err)
{
    const char *text = options_value(setup->options, "batching");
    if (text == NULL)
        return 0;
    setup->grouped = strcmp(text, "grouped") == 0;
    if (setup->grouped || strcmp(text, "shuffle") == 0)
        return 0;
    return err_set(err, ERR_INVALID, "--batching is \"%s\"; it must be shuffle or grouped", text);
}

static int
read_options(struct setup *setup, struct err *err)
{
    const struct options *options = setup->options;
    setup->model = options_value(options, "model");
    if (options_has(options, "shape"))
        setup->shape = options_value(options, "shape");
    setup->vocab = options_value(options, "vocab");
    setup->data = options_value(options, "data");
    setup->engine_name = options_value(options, "engine");
    setup->checkpointing = options_has(options, "checkpointing");
    setup->figures.as_json = options_has(options, "json");
    const struct {
        const char *name;
        int64_t least, most;
        int64_t *value;
    } numbers[] = {
        {"rows", 2, MOST_ROWS, &setup->rows},
        {"length", SHORTEST_ROW, CONFIG_MAX_POSITIONS, &setup->length},
        {"threads", 1, MOST_THREADS, &setup->threads},
        {"batch", 1, MOST_BATCH, &setup->batch},
        {"steps", 1, MOST_STEPS, &setup->steps},
        {"warmup", 1, MOST_STEPS, &setup->warmup},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (options_number(options, numbers[i].name, numbers[i].least, numbers[i].most,
                           numbers[i].value, err) != 0)
            return err->code;
    if (setup->model != NULL && options_has(options, "shape"))
        return err_set(err, ERR_INVALID, "give --model or --shape, not both");
    if (setup->data != NULL && options_has(options, "rows"))
        return err_set(err, ERR_INVALID, "--rows makes rows up: leave it out beside --data");
    if (read_precision(setup, err) != 0)
        return err->code;
    return read_batching(setup, err);
}

/* ---- opening --------------------------------------------------------------------------------- */

const char *
setup_scratch(struct setup *setup, struct err *err)
{
    if (setup->scratch != NULL)
        return setup->scratch;
    const char *parent = getenv("TMPDIR");
    char *folder = arena_printf(setup->arena, "%s/finetuned-bench-XXXXXX",
                                parent != NULL && parent[0] != '\0' ? parent : "/tmp");
    if (mkdtemp(folder) == NULL) {
        err_set_errno(err, "a temporary folder %s cannot be made", folder);
        return NULL;
    }
    setup->scratch = folder;
    return folder;
}

/* Make up what was not given. */
static int
complete(struct setup *setup, struct err *err)
{
    if (setup->model == NULL) {
        const char *scratch = setup_scratch(setup, err);
        if (scratch == NULL)
            return err->code;
        setup->model = arena_printf(setup->arena, "%s/model", scratch);
        if (made_up_model(setup->model, setup->shape, setup->vocab, err) != 0)
            return err->code;
    }
    if (model_config_read(setup->model, setup->arena, &setup->config, err) != 0)
        return err->code;
    if (setup->data == NULL) {
        const char *scratch = setup_scratch(setup, err);
        if (scratch == NULL)
            return err->code;
        setup->data = arena_printf(setup->arena, "%s/rows.jsonl", scratch);
        return made_up_rows(setup->data, setup->model, (size_t)setup->rows, (size_t)setup->length,
                            err);
    }
    if (!options_has(setup->options, "length"))
        setup->length = 0; /* nothing is cut unasked */
    return 0;
}

int
setup_open(struct setup *setup, struct err *err)
{
    if (gemm_engine_open(setup->engine_name, &setup->engine, err) != 0) /* before any thread */
        return err->code;
    if (complete(setup, err) != 0)
        return err->code;
    struct cpu_features cpu = cpu_features();
    figures_text(&setup->figures, "cpu", cpu.name);
    figures_text(&setup->figures, "engine", gemm_engine_name(setup->engine));
    figures_number(&setup->figures, "threads", (double)setup->threads, "", NULL);
    return 0;
}

void
setup_close(struct setup *setup)
{
    struct err err;
    gemm_engine_close(setup->engine);
    setup->engine = NULL;
    if (setup->scratch != NULL && fileio_remove_tree(setup->scratch, &err) != 0)
        fprintf(stderr, "bench: %s\n", err.message);
    setup->scratch = NULL;
}

/* ---- a subcommand ---------------------------------------------------------------------------- */

static int
open_and_run(const struct setup_program *program, struct setup *setup)
{
    struct err err = {0};
    figures_init(&setup->figures, setup->figures.as_json);
    int status = program->opens_itself ? 0 : setup_open(setup, &err);
    if (status == 0)
        status = program->run(setup, &err);
    if (status == 0)
        figures_end(&setup->figures);
    else
        fprintf(stderr, "bench %s: %s\n", program->name, err.message);
    json_decref(setup->figures.object);
    setup_close(setup);
    return status == 0 ? EXIT_OK : EXIT_FAILED;
}

int
setup_main(const struct setup_program *program, int count, char *const *arguments)
{
    struct arena *arena = arena_new();
    struct setup setup = program->defaults;
    struct options options;
    struct err err = {0};
    int exit_code = EXIT_WRONG_USE;
    setup.arena = arena;
    setup.options = &options;
    setup.shape = "minilm";
    setup.threads = (int64_t)cpu_count();
    if (options_parse(&program->table, count, arguments, arena, &options, &err) != 0 ||
        read_options(&setup, &err) != 0) {
        fprintf(stderr, "bench %s: %s\n", program->name, err.message);
    } else if (options_has(&options, "help")) {
        printf("Usage: bench %s [OPTION]...\n\n%s\n\n", program->name, program->purpose);
        options_print_help(&program->table, stdout);
        exit_code = EXIT_OK;
    } else {
        exit_code = open_and_run(program, &setup);
    }
    arena_free(arena);
    return exit_code;
}
