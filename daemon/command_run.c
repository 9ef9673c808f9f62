/*
 * `finetuned run`: one job in the foreground, without HTTP and SQLite.
 *
 * The job file is the body of a POST /v1/fine_tuning/jobs whose model and files are paths. The same
 * parameters, plan, engine and trainer as in the daemon: the same job gives the same bytes.
 */
#include "core/base/cpu.h"
#include "core/base/fileio.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/hub/model_dir.h"
#include "core/train/memory.h"
#include "core/train/plan.h"
#include "core/train/trainer.h"
#include "daemon/command.h"
#include "daemon/job_params.h"
#include "daemon/options.h"
#include "daemon/run_lines.h"
#include "daemon/signals.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { JOB_MAX_BYTES = 1024 * 1024 };

static const struct option_row rows[] = {
    {"help", 'h', NULL, "This text."},
};

static const struct option_table table = {rows, sizeof rows / sizeof rows[0]};

/* Everything of one run; released at the end in reverse. */
struct run {
    struct arena *arena;
    struct job_request request;
    struct train_request train;
    struct train_plan plan;
    bool planned;
    size_t process_bytes; /* before anything of the job */
    struct gemm_engine *engine;
    struct pool *pool;
    const char *base_sha256; /* NULL for a model without weights */
    struct run_state state;
    struct err output_err; /* what went wrong in an observer that cannot say so */
};

/* How a failure is called in the job object: the names of the API. */
static const char *
failure_code(enum err_code code)
{
    switch (code) {
    case ERR_MEMORY:
        return "out_of_memory";
    case ERR_FULL:
        return "disk_full";
    case ERR_DIVERGED:
        return "diverged";
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_UNSUPPORTED:
        return "invalid_model";
    case ERR_NONE:
    case ERR_IO:
    case ERR_STOPPED:
    case ERR_CONFLICT:
    case ERR_INTERNAL:
        break;
    }
    return "internal";
}

/* ---- the observer ---------------------------------------------------------------------------- */

static void
on_event(void *context, enum train_level level, const char *message)
{
    struct run *run = context;
    if (run->output_err.code == ERR_NONE)
        run_lines_event(&run->state, level, message, &run->output_err);
}

static void
on_point(void *context, const struct train_point *point)
{
    struct run *run = context;
    if (run->output_err.code == ERR_NONE)
        run_lines_point(&run->state, point, &run->output_err);
}

/* Only the final model is kept: a run has no list of checkpoints to show. */
static int
on_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    const struct run *run = context;
    if (!snapshot->final || run->request.output_dir == NULL)
        return 0;
    return model_dir_save(&snapshot->save, run->request.output_dir, err);
}

static bool
should_stop(void *context)
{
    const struct run *run = context; /* output_err changes between steps only */
    return signals_caught() != 0 || run->output_err.code != ERR_NONE;
}

/* ---- before the first step ------------------------------------------------------------------- */

static int
refuse(const char *path, const struct fault_list *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        fprintf(stderr, "%s: %s\n", path, faults->items[i].message);
    return EXIT_WRONG_USE;
}

static int
read_job(struct run *run, const char *path)
{
    struct buf body = {0};
    struct err err;
    struct fault_list faults = {.arena = run->arena};
    int status = fileio_read(path, JOB_MAX_BYTES, &body, &err);
    if (status != 0)
        fprintf(stderr, "finetuned run: %s\n", err.message);
    else if (job_params_parse(buf_string(&body), body.length, JOB_PARAMS_RUN, run->arena,
                              &run->request, &faults) != 0)
        status = refuse(path, &faults);
    buf_fini(&body);
    return status == 0 ? EXIT_OK : EXIT_WRONG_USE;
}

/* What would go wrong after hours of training is asked before. */
static int
check_output(const struct job_request *request, struct arena *arena, const char *path)
{
    struct stat info;
    const char *output = request->output_dir;
    if (output == NULL)
        return EXIT_OK;
    const char *slash = strrchr(output, '/');
    const char *parent = slash == NULL ? "."
                         : slash == output
                             ? "/"
                             : arena_copy_bytes(arena, output, (size_t)(slash - output));
    if (lstat(output, &info) == 0)
        fprintf(stderr,
                "%s: output_dir \"%s\" exists already; remove it or give another name, so that no "
                "model is overwritten\n",
                path, output);
    else if (access(parent, W_OK | X_OK) != 0)
        fprintf(stderr, "%s: output_dir \"%s\": nothing can be written into \"%s\": %s\n", path,
                output, parent, strerror(errno));
    else
        return EXIT_OK;
    return EXIT_WRONG_USE;
}

static int64_t
random_seed(void)
{
    uint32_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        bits = (uint32_t)time(NULL) ^ (uint32_t)getpid();
    return (int64_t)(bits >> 1); /* 0 to 2147483647 */
}

static struct train_file
named_file(const char *path)
{
    return (struct train_file){.path = path, .name = path};
}

static int
make_plan(struct run *run, const char *path)
{
    const struct job_request *request = &run->request;
    struct train_fault fault = {0};
    struct err err;
    if (run->request.params.seed == PARAMS_AUTO)
        run->request.params.seed = random_seed();
    run->train = (struct train_request){
        .base_folder = request->model,
        .base_name = request->model,
        .training = named_file(request->training_file),
        .validation = named_file(request->validation_file),
        .test = named_file(request->test_file),
        .columns = request->columns,
        .task = request->task,
        .params = request->params,
        .has_bf16 = gemm_engine_has_bf16(run->engine),
    };
    if (train_plan_make(&run->train, run->arena, &run->plan, &fault, &err) != 0) {
        fprintf(stderr, "%s: %s: %s\n", path,
                fault.parameter != NULL ? fault.parameter : "parameters", err.message);
        return EXIT_WRONG_USE;
    }
    run->planned = true;
    return EXIT_OK;
}

static int
estimate_memory(struct run *run, struct err *err)
{
    struct train_memory memory;
    struct train_memory_facts facts = {
        .base_folder = run->request.model,
        .threads = run->state.threads,
        .process_bytes = run->process_bytes,
        .saves = run->request.output_dir != NULL,
    };
    if (train_memory_estimate(&run->plan, &facts, &memory, err) != 0)
        return err->code;
    run->state.estimated_memory_bytes = memory.peak;
    return 0;
}

/* The estimate, the pool, and the base model's hash as the saved model will name it. */
static int
prepare(struct run *run, struct err *err)
{
    int64_t threads = run->plan.params.threads;
    struct model_summary *summary = arena_alloc(run->arena, sizeof *summary);
    run->state.threads = threads > 0 ? (size_t)threads : cpu_count();
    if (estimate_memory(run, err) != 0)
        return err->code;
    run->pool = pool_new(run->state.threads, err);
    if (run->pool == NULL)
        return err->code;
    if (model_dir_summarize(run->request.model, true, run->arena, summary, err) != 0)
        return err->code;
    run->base_sha256 = summary->sha256[0] != '\0' ? summary->sha256 : NULL;
    return 0;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void
announce(struct run *run)
{
    const struct train_plan *plan = &run->plan;
    on_event(run, TRAIN_INFO,
             arena_printf(run->arena,
                          "Training %s on %zu rows with %zu labels: %zu steps. Validation: %zu "
                          "rows. Test: %zu rows.",
                          run->request.model, plan->training_rows, plan->labels.count,
                          plan->total_steps, plan->validation_rows, plan->test_rows));
    on_event(run, TRAIN_INFO, job_params_explain(&plan->choices, run->arena));
}

/* Say how it ended, in the job object and by the exit code. */
static int
conclude(struct run *run, int status, const struct err *err)
{
    struct run_state *state = &run->state;
    int exit_code = EXIT_OK;
    state->finished_at = (int64_t)time(NULL);
    state->status = "succeeded";
    if (status == ERR_STOPPED && signals_caught() != 0) {
        state->status = "cancelled";
        exit_code = EXIT_SIGNAL_BASE + signals_caught();
    } else if (status != 0) {
        state->status = "failed";
        state->error_code = failure_code(err->code);
        state->error_message = err->message;
        fprintf(stderr, "finetuned run: %s\n", err->message);
        exit_code = EXIT_FAILED;
    }
    if (run->output_err.code == ERR_NONE)
        run_lines_job(state, &run->output_err);
    if (run->output_err.code == ERR_NONE)
        return exit_code;
    fprintf(stderr, "finetuned run: %s\n", run->output_err.message);
    return exit_code != EXIT_OK ? exit_code : EXIT_FAILED;
}

static int
execute(struct run *run)
{
    struct err err = {0};
    const struct train_observer observer = {
        .context = run,
        .on_event = on_event,
        .on_point = on_point,
        .on_model = on_model,
        .should_stop = should_stop,
    };
    run->state = (struct run_state){
        .request = &run->request,
        .plan = &run->plan,
        .parameters_json = job_params_print(&run->plan.params, run->arena),
        .engine = gemm_engine_name(run->engine),
        .created_at = (int64_t)time(NULL),
    };
    for (size_t i = 0; i < METRIC_COUNT; i++)
        run->state.latest[i] = NAN;
    int status = prepare(run, &err);
    if (status == 0) {
        announce(run);
        status = train_run(&run->plan, &run->train, run->engine, run->pool, &observer,
                           run->base_sha256, &err);
    }
    return conclude(run, status, &err);
}

static int
run_job(const char *path)
{
    struct run run = {.arena = arena_new()};
    struct err err;
    int exit_code = EXIT_FAILED;
    signals_catch();
    if (gemm_engine_open(getenv("FINETUNED_ENGINE"), &run.engine, &err) !=
        0) { /* before any thread */
        fprintf(stderr, "finetuned run: %s\n", err.message);
        goto out;
    }
    run.process_bytes = train_memory_of_process();
    exit_code = read_job(&run, path);
    if (exit_code == EXIT_OK)
        exit_code = check_output(&run.request, run.arena, path);
    if (exit_code == EXIT_OK)
        exit_code = make_plan(&run, path);
    if (exit_code == EXIT_OK)
        exit_code = execute(&run);
out:
    pool_free(run.pool);
    if (run.planned)
        train_plan_fini(&run.plan);
    gemm_engine_close(run.engine);
    arena_free(run.arena);
    return exit_code;
}

static void
print_help(void)
{
    puts("Usage: finetuned run JOB.json\n\n"
         "Trains one job in the foreground. JOB.json is the body of a request to\n"
         "POST /v1/fine_tuning/jobs in which model is a folder and training_file,\n"
         "validation_file and test_file are paths (from the current folder); output_dir,\n"
         "which must not exist, receives the fine-tuned model. finetuned\n"
         "--help-parameters lists what a job can say.\n\n"
         "Prints JSON lines: events, metric points, and the job object last. Checkpoints\n"
         "are not kept.\n\n"
         "Exit codes: 0 succeeded; 1 failed; 2 the job is wrong, nothing was trained; 130\n"
         "or 143 stopped by Ctrl-C or SIGTERM (nothing is written to output_dir).\n");
    options_print_help(&table, stdout);
}

int
command_run(int count, char *const *arguments)
{
    struct arena *arena = arena_new();
    struct options options;
    struct err err;
    int exit_code = EXIT_WRONG_USE;
    if (options_parse(&table, count, arguments, arena, &options, &err) != 0) {
        fprintf(stderr, "finetuned run: %s\n", err.message);
    } else if (options_has(&options, "help")) {
        print_help();
        exit_code = EXIT_OK;
    } else if (options.operand_count != 1) {
        fputs("finetuned run: give one job file: finetuned run JOB.json\n", stderr);
    } else {
        exit_code = run_job(options.operands[0]);
    }
    arena_free(arena);
    return exit_code;
}
