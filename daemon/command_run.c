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
#include "core/probe/baseline.h"
#include "core/train/memory.h"
#include "core/train/plan.h"
#include "core/train/resume_pace.h"
#include "core/train/trainer.h"
#include "daemon/command.h"
#include "daemon/job_params.h"
#include "daemon/json_append.h"
#include "daemon/options.h"
#include "daemon/run_lines.h"
#include "daemon/run_states.h"
#include "daemon/signals.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { JOB_MAX_BYTES = 1024 * 1024, INTERVAL_MAX_SECONDS = 86400 };

static const struct option_row rows[] = {
    {"resume", 0, NULL, "Go on where an interrupted run of this job was saved."},
    {"resume-interval", 0, "SECONDS",
     "How often the state of the run is saved; 60 when not given. Saving takes at most a twentieth "
     "of the time: the interval stretches."},
    {"help", 'h', NULL, "This text."},
};

static const struct option_table table = {rows, sizeof rows / sizeof rows[0]};

/* Everything of one run; released at the end in reverse. */
struct run {
    struct arena *arena;
    const char *path; /* of the job file */
    bool resumes;
    int64_t resume_interval; /* seconds */
    struct run_states states;
    struct resume_file *saved; /* the state to go on from; NULL: the beginning */
    const char *damage;        /* what is to be said of states that are no good */
    bool halved;               /* it diverged once and runs with half the learning rate */
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
    case ERR_CONFLICT: /* the saved state is another job's */
        return "conflict";
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_UNSUPPORTED:
        return "invalid_model";
    case ERR_NONE:
    case ERR_IO:
    case ERR_STOPPED:
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

/* Only the final model is kept: a run has no list of checkpoints to show. The best one is kept
 * until then, where it may become the final one. */
static int
on_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    struct run *run = context;
    bool is_best = snapshot->best_step == snapshot->progress.step;
    if (!snapshot->final && is_best && run->plan.params.load_best_model == 1)
        return run_states_keep_best(&run->states, &snapshot->save, snapshot->best_step, err);
    if (!snapshot->final)
        return 0;
    memcpy(run->state.latest, snapshot->latest, sizeof run->state.latest);
    run->state.validation_json = json_append_copy(snapshot->validation, run->arena);
    run->state.test_json = json_append_copy(snapshot->test, run->arena);
    if (run->request.output_dir == NULL)
        return 0;
    return model_dir_save(&snapshot->save, run->request.output_dir, err);
}

static const char *
find_checkpoint(void *context, size_t step)
{
    const struct run *run = context;
    return run_states_best(&run->states, step);
}

/* A state that cannot be saved does not end the run. */
static int
on_resume_state(void *context, const struct resume_state *state, struct err *err)
{
    struct run *run = context;
    if (run->states.folder == NULL || run->output_err.code != ERR_NONE)
        return 1;
    if (run_states_save(&run->states, state, err) == 0)
        return 0;
    on_event(run, TRAIN_WARN,
             arena_printf(run->arena, "The state of step %zu could not be saved: %s.",
                          state->facts.step, err->message));
    return 1;
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
check_output(const struct job_request *request, const char *path)
{
    struct stat info;
    const char *output = request->output_dir;
    if (output == NULL)
        return EXIT_OK;
    char *parent = fileio_folder_of(output);
    int result = EXIT_WRONG_USE;
    if (lstat(output, &info) == 0)
        fprintf(stderr,
                "%s: output_dir \"%s\" exists already; remove it or give another name, so that no "
                "model is overwritten\n",
                path, output);
    else if (access(parent, W_OK | X_OK) != 0)
        fprintf(stderr, "%s: output_dir \"%s\": nothing can be written into \"%s\": %s\n", path,
                output, parent, strerror(errno));
    else
        result = EXIT_OK;
    free(parent);
    return result;
}

/* States of an earlier run are there, or not, as --resume says. */
static int
open_states(struct run *run)
{
    struct err err;
    run->states = run_states_of(run->request.output_dir, run->arena);
    if (run->resumes && run->states.folder == NULL) {
        fprintf(stderr,
                "%s: --resume needs output_dir, beside which the states of a run are kept\n",
                run->path);
        return EXIT_WRONG_USE;
    }
    if (!run->resumes && run_states_exist(&run->states)) {
        fprintf(stderr,
                "%s: \"%s\" holds the state of an interrupted run: go on with --resume, or remove "
                "it to start anew\n",
                run->path, run->states.folder);
        return EXIT_WRONG_USE;
    }
    if (run->resumes && run_states_lock(&run->states, &err) != 0) {
        fprintf(stderr, "finetuned run: %s\n", err.message);
        return EXIT_FAILED;
    }
    if (!run->resumes || run_states_choose(&run->states, &run->saved, &run->damage, &err) == 0)
        return EXIT_OK;
    fprintf(stderr, "finetuned run: %s\n", err.message);
    return err.code == ERR_UNSUPPORTED ? EXIT_WRONG_USE : EXIT_FAILED;
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

/* A seed is drawn once: a run that goes on has that of its state. */
static int
make_plan(struct run *run, const char *path)
{
    const struct job_request *request = &run->request;
    struct train_fault fault = {0};
    struct err err;
    if (run->request.params.seed == PARAMS_AUTO)
        run->request.params.seed =
            run->saved != NULL ? resume_state_facts(run->saved)->seed : random_seed();
    run->train = (struct train_request){
        .base_folder = request->model,
        .base_name = request->model,
        .training = named_file(request->training_file),
        .validation = named_file(request->validation_file),
        .test = named_file(request->test_file),
        .columns = request->columns,
        .task = request->task,
        .class_weights = request->class_weights,
        .params = request->params,
        .has_bf16 = gemm_engine_has_bf16(run->engine),
    };
    if (train_plan_make(&run->train, run->arena, &run->plan, &fault, &err) != 0) {
        fprintf(stderr, "%s: %s: %s\n", path,
                fault.parameter != NULL ? fault.parameter : "parameters", err.message);
        return EXIT_WRONG_USE;
    }
    run->planned = true;
    if (run->plan.params.load_best_model != 1 || request->output_dir != NULL)
        return EXIT_OK;
    fprintf(stderr,
            "%s: load_best_model: the best model is kept beside output_dir while the run lasts; "
            "give output_dir, or say \"load_best_model\": false\n",
            path);
    return EXIT_WRONG_USE;
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

/* A signal came: what is saved can go on. */
static int
conclude_stopped(struct run *run)
{
    bool is_saved = run->states.newest_step > 0;
    run->state.status = is_saved ? "paused" : "cancelled";
    if (is_saved)
        fprintf(
            stderr,
            "finetuned run: stopped, and saved after step %zu of %zu; go on with: finetuned run "
            "--resume %s\n",
            run->states.newest_step, run->plan.total_steps, run->path);
    return EXIT_SIGNAL_BASE + signals_caught();
}

/* Say how it ended, in the job object and by the exit code. */
static int
conclude(struct run *run, int status, const struct err *err)
{
    struct run_state *state = &run->state;
    struct err noted;
    int exit_code = EXIT_OK;
    state->finished_at = (int64_t)time(NULL);
    state->status = "succeeded";
    if (status == 0 && run_states_remove(&run->states, &noted) != 0)
        fprintf(stderr, "finetuned run: %s\n", noted.message);
    if (status == ERR_STOPPED && signals_caught() != 0) {
        exit_code = conclude_stopped(run);
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

/* Progress and measures begin where the state ends. */
static void
go_back(struct run *run)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        run->state.latest[i] = NAN;
    run->state.progress = (struct train_progress){.total_steps = run->plan.total_steps};
    if (run->damage != NULL)
        on_event(run, TRAIN_WARN, run->damage);
    run->damage = NULL;
    if (run->saved == NULL)
        return;
    const struct resume_facts *facts = resume_state_facts(run->saved);
    memcpy(run->state.latest, facts->latest, sizeof run->state.latest);
    run->state.progress = train_progress_at(&run->plan, facts);
}

static void
say_where_it_starts(struct run *run)
{
    if (run->saved != NULL)
        on_event(run, TRAIN_INFO,
                 arena_printf(run->arena, "The run goes on from step %zu of %zu.",
                              resume_state_facts(run->saved)->step, run->plan.total_steps));
    else if (run->resumes)
        on_event(run, TRAIN_INFO, "No state was saved: the run starts from its beginning.");
}

static int
train_once(struct run *run, struct err *err)
{
    const struct train_observer observer = {
        .context = run,
        .on_event = on_event,
        .on_point = on_point,
        .on_model = on_model,
        .should_stop = should_stop,
        .on_resume_state = on_resume_state,
        .find_checkpoint = find_checkpoint,
    };
    const struct train_resume resume = {
        .state = run->saved, .halved = run->halved, .interval = (double)run->resume_interval};
    run->train.resume = &resume;
    int status = train_run(&run->plan, &run->train, run->engine, run->pool, &observer,
                           run->base_sha256, err);
    run->train.resume = NULL;
    return status;
}

/* The model stands in output_dir by now: whoever stops the run here has it without a baseline. */
static void
measure_baseline(struct run *run)
{
    struct err err;
    json_t *document;
    const struct baseline_call call = {
        .plan = &run->plan,
        .request = &run->train,
        .engine = run->engine,
        .pool = run->pool,
        .latest = run->state.latest,
        .should_stop = should_stop,
        .on_event = on_event,
        .context = run,
    };
    if (run->plan.params.baseline != 1)
        return;
    if (baseline_report(&call, &document, &err) != 0)
        on_event(run, TRAIN_WARN, "Stopped before the baseline was measured; the model is whole.");
    run->state.baseline_json = json_append_copy(document, run->arena);
    json_decref(document);
}

/* Train; a run that diverges goes back to its newest state once, with half the learning rate. */
static int
train(struct run *run, struct err *err)
{
    bool was_halved = run->saved != NULL && resume_state_facts(run->saved)->halved;
    int status = train_once(run, err);
    if (status != ERR_DIVERGED || was_halved)
        return status;
    on_event(run, TRAIN_WARN,
             arena_printf(run->arena,
                          "Not a finite number: %s. The run goes back to its newest state, or to "
                          "its beginning, and goes on with half the learning rate.",
                          err->message));
    run->halved = true;
    resume_state_close(run->saved);
    run->saved = NULL;
    if (run_states_choose(&run->states, &run->saved, &run->damage, err) != 0)
        return err->code;
    go_back(run);
    return train_once(run, err);
}

static int
execute(struct run *run)
{
    struct err err = {0};
    run->state = (struct run_state){
        .request = &run->request,
        .plan = &run->plan,
        .parameters_json = job_params_print(&run->plan.params, run->arena),
        .engine = gemm_engine_name(run->engine),
        .created_at = (int64_t)time(NULL),
    };
    go_back(run);
    int status = prepare(run, &err);
    if (status == 0) {
        announce(run);
        say_where_it_starts(run);
        status = train(run, &err);
    }
    if (status == 0)
        measure_baseline(run);
    return conclude(run, status, &err);
}

static int
run_job(const char *path, bool resumes, int64_t resume_interval)
{
    struct run run = {
        .arena = arena_new(), .path = path, .resumes = resumes, .resume_interval = resume_interval};
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
        exit_code = check_output(&run.request, path);
    if (exit_code == EXIT_OK)
        exit_code = open_states(&run);
    if (exit_code == EXIT_OK)
        exit_code = make_plan(&run, path);
    if (exit_code == EXIT_OK)
        exit_code = execute(&run);
out:
    resume_state_close(run.saved);
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
         "With output_dir D, the state of the run is saved in D.resume from time to time,\n"
         "and when Ctrl-C or SIGTERM stops it; --resume goes on from there, to the same\n"
         "model as an undisturbed run. D.resume goes when the run has succeeded.\n\n"
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
    int64_t interval = RESUME_PACE_SECONDS;
    if (options_parse(&table, count, arguments, arena, &options, &err) != 0 ||
        options_number(&options, "resume-interval", 0, INTERVAL_MAX_SECONDS, &interval, &err) !=
            0) {
        fprintf(stderr, "finetuned run: %s\n", err.message);
    } else if (options_has(&options, "help")) {
        print_help();
        exit_code = EXIT_OK;
    } else if (options.operand_count != 1) {
        fputs("finetuned run: give one job file: finetuned run JOB.json\n", stderr);
    } else {
        exit_code = run_job(options.operands[0], options_has(&options, "resume"), interval);
    }
    arena_free(arena);
    return exit_code;
}
