/*
 * `finetuned run`: one job in the foreground, without HTTP and SQLite.
 *
 * The job file is the body of a POST /v1/fine_tuning/jobs whose model and files are paths. The same
 * parameters, plan, engine and trainer as in the daemon: the same job gives the same bytes. Here
 * are its options, and a run's opening and closing; run_stages.h has what comes between.
 */
#include "core/train/memory.h"
#include "core/train/resume_pace.h"
#include "daemon/command.h"
#include "daemon/options.h"
#include "daemon/run_stages.h"
#include "daemon/signals.h"

#include <stdlib.h>

enum { INTERVAL_MAX_SECONDS = 86400 };

static const struct option_row rows[] = {
    {"resume", 0, NULL, "Go on where an interrupted run of this job was saved."},
    {"resume-interval", 0, "SECONDS",
     "How often the state of the run is saved; 60 when not given. Saving takes at most a twentieth "
     "of the time: the interval stretches."},
    {"help", 'h', NULL, "This text."},
};

static const struct option_table table = {rows, sizeof rows / sizeof rows[0]};

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
    exit_code = run_prepare(&run);
    if (exit_code == EXIT_OK)
        exit_code = run_train(&run);
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
         "Prints JSON lines: events, metric points, and the job object last. Warnings are\n"
         "lines on standard error, too. Checkpoints are not kept.\n\n"
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
