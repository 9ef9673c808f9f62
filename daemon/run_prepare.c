/*
 * What a `finetuned run` does before its first step: the job is read and judged, the saved state
 * found, the plan made. See run_stages.h.
 */
#include "daemon/run_stages.h"

#include "core/base/cpu.h"
#include "core/base/fileio.h"
#include "core/hub/model_dir.h"
#include "core/train/memory.h"
#include "daemon/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { JOB_MAX_BYTES = 1024 * 1024 };

static int
refuse(const char *path, const struct fault_list *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        fprintf(stderr, "%s: %s\n", path, faults->items[i].message);
    return EXIT_WRONG_USE;
}

static int
read_job(struct run *run)
{
    const char *path = run->path;
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
make_plan(struct run *run)
{
    const char *path = run->path;
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

int
run_prepare(struct run *run)
{
    int exit_code = read_job(run);
    if (exit_code == EXIT_OK)
        exit_code = check_output(&run->request, run->path);
    if (exit_code == EXIT_OK)
        exit_code = open_states(run);
    return exit_code == EXIT_OK ? make_plan(run) : exit_code;
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

int
run_prepare_computing(struct run *run, struct err *err)
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
