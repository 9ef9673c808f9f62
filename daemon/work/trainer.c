/*
 * The way of a job: request, model, plan, training. Each step returns RUN_SUCCEEDED to go on, or
 * the outcome that ends the run.
 */
#include "daemon/work/trainer.h"

#include <string.h>

#include "core/base/cpu.h"
#include "core/hub/model_weights.h"
#include "core/train/numerics.h"
#include "core/train/trainer.h"
#include "daemon/fault.h"
#include "daemon/log.h"
#include "daemon/store/files.h"
#include "daemon/work/hash_memory.h"
#include "daemon/work/measures.h"
#include "daemon/work/trainer_run.h"

enum { CHOOSE_TRIES = 3, CHOOSE_RETRY_MS = 500 };

static enum run_outcome
read_request(struct run *run)
{
    const char *body;
    size_t length;
    struct err err;
    if (jobs_get_request(run->db, run->job->id, run->arena, &body, &length, &err) != 0)
        return run_fail_store(run, &err);
    struct fault_list *faults = arena_alloc(run->arena, sizeof *faults);
    faults->arena = run->arena;
    if (job_params_parse(body, length, JOB_PARAMS_API, run->arena, &run->request, faults) != 0) {
        err_set(&err, ERR_INTERNAL, "the stored request does not parse: %s",
                faults->items[0].message);
        return run_fail(run, NULL, NULL, &err);
    }
    /* The numbers that were in force when the job was accepted, not what today's rule would choose.
     */
    if (job_params_restore(run->job->parameters_json, &run->request.params, &err) != 0) {
        err_prefix(&err, "stored parameters");
        return run_fail(run, NULL, NULL, &err);
    }
    return RUN_SUCCEEDED;
}

static int
hash_from_memory(void *context, const char *path, char hex[65], struct err *err)
{
    return hash_memory_get(context, path, hex, err);
}

/* Hash the base model's weights, unless that was done before and they are the same files still. */
static int
hash_weights(struct run *run, struct err *err)
{
    char hex[65];
    struct model_weights weights;
    const char *folder = run->base.folder;
    if (model_weights_find(folder, run->arena, &weights, err) != 0 ||
        model_weights_hash(folder, &weights, hash_from_memory, run->trainer->hashes, hex, err) != 0)
        return err->code;
    run->base_sha256 = arena_copy_string(run->arena, hex);
    return 0;
}

/* The base model, and whether it is the one that an earlier attempt trained. */
static enum run_outcome
find_model(struct run *run)
{
    struct err err;
    struct model_summary summary;
    const struct trainer *trainer = run->trainer;
    int code =
        catalog_find(trainer->catalog, run->db, run->job->model, run->arena, &run->base, &err);
    if (code == ERR_NOT_FOUND)
        return run_fail(run, "invalid_model", "model", &err);
    if (code != 0)
        return run_fail_store(run, &err);
    if (model_dir_summarize(run->base.folder, false, run->arena, &summary, &err) != 0 ||
        (summary.has_weights && hash_weights(run, &err) != 0))
        return run_fail(run, "invalid_model", "model", &err);
    const char *before = run->job->base_sha256;
    if (before == NULL || (run->base_sha256 != NULL && strcmp(before, run->base_sha256) == 0))
        return RUN_SUCCEEDED;
    err_set(&err, ERR_INVALID,
            "The weights of base model '%s' are not the ones that this job started with: create a "
            "new job to train from the new ones.",
            run->job->model);
    return run_fail(run, "base_model_changed", "model", &err);
}

/* A stored file's place and the name that the user gave it; id NULL: no such file. */
static int
open_file(struct run *run, const char *id, struct train_file *out, struct err *err)
{
    struct file_row row;
    *out = (struct train_file){0};
    if (id == NULL)
        return 0;
    if (files_get(run->db, id, run->arena, &row, err) != 0)
        return err_prefix(err, "file %s", id);
    out->path = data_dir_file_path(run->trainer->store->dir, id, run->arena);
    out->name = row.filename;
    return 0;
}

/* What a refused part of the plan is called as a job's error. */
static const char *
failure_of_part(const struct train_fault *fault)
{
    static const char *const codes[] = {
        [PART_MODEL] = "invalid_model",
        [PART_TRAINING_FILE] = "invalid_training_file",
        [PART_VALIDATION_FILE] = "invalid_validation_file",
        [PART_TEST_FILE] = "invalid_test_file",
        [PART_PARAMETERS] = "invalid_parameter",
    };
    if (fault->is_generation)
        return fault_code_name(FAULT_NOT_A_CLASSIFICATION_SET);
    return fault->unsupported ? fault_code_name(FAULT_NOT_SUPPORTED_YET) : codes[fault->part];
}

static enum run_outcome
make_plan(struct run *run)
{
    struct err err;
    struct train_fault fault = {0};
    const struct job_row *job = run->job;
    run->train = (struct train_request){
        .base_folder = run->base.folder,
        .base_name = job->model,
        .columns = run->request.columns,
        .task = run->request.task,
        .class_weights = run->request.class_weights,
        .params = run->request.params,
        .has_bf16 = gemm_engine_has_bf16(run->trainer->engine),
    };
    if (open_file(run, job->training_file, &run->train.training, &err) != 0 ||
        open_file(run, job->validation_file, &run->train.validation, &err) != 0 ||
        open_file(run, job->test_file, &run->train.test, &err) != 0)
        return run_fail_store(run, &err);
    int code = train_plan_make(&run->train, run->arena, &run->plan, &fault, &err);
    run->has_plan = code == 0;
    if (code == 0)
        return RUN_SUCCEEDED;
    bool about_request = code == ERR_INVALID || code == ERR_UNSUPPORTED;
    return run_fail(run, about_request ? failure_of_part(&fault) : NULL,
                    about_request ? fault.parameter : NULL, &err);
}

static const struct resume_facts *
facts_of(const struct run *run)
{
    return run->state != NULL ? resume_state_facts(run->state) : NULL;
}

/* Patiently: a disk that cannot be read now may be readable in a moment. */
static int
choose_state(struct run *run, struct resume_state_row *row, struct err *err)
{
    int code = ERR_IO;
    for (int tries = 0; code == ERR_IO && tries < CHOOSE_TRIES; tries++) {
        if (tries > 0 && !scheduler_pause(run->trainer->scheduler, CHOOSE_RETRY_MS))
            return err_set(err, ERR_STOPPED, "the daemon stops");
        code = state_keeper_choose(&run->states, run->arena, &run->state, row, err);
    }
    return code;
}

/* Find the state that the run starts from, and take the job's row there. What is beyond goes, but
 * for checkpoints that another job or an evaluation needs: their rows stay, and so do their
 * folders. */
static enum run_outcome
position(struct run *run)
{
    struct err err;
    struct resume_state_row row;
    struct resume_start start = {0};
    resume_state_close(run->state);
    run->state = NULL;
    int code = choose_state(run, &row, &err);
    if (code == ERR_STOPPED)
        return run_stop_outcome(run);
    if (code == ERR_UNSUPPORTED)
        return run_fail(run, "resume_state_unsupported", NULL, &err);
    if (code == ERR_IO)
        return run_fail(run, "resume_state_unreadable", NULL, &err);
    if (code != 0)
        return run_fail_store(run, &err);
    const struct resume_facts *facts = facts_of(run);
    if (facts != NULL) {
        start.from = &row;
        start.latest = measures_from_values(facts->latest, run->arena, &start.latest_count);
    }
    if (resume_states_start(run->db, run->recorder.lease, &start, &err) != 0 ||
        (facts == NULL && sweep_job(run->trainer->store->dir, run->db, run->job->id, &err) != 0))
        return run_fail_store(run, &err);
    run->snapshots.state_best_step = facts != NULL ? facts->best.step : 0;
    run->recorder.progress = facts != NULL
                                 ? train_progress_at(&run->plan, facts)
                                 : (struct train_progress){.total_steps = run->plan.total_steps};
    return RUN_SUCCEEDED;
}

static void
say_where_it_starts(struct run *run)
{
    struct event_new event = {0};
    const struct resume_facts *facts = facts_of(run);
    event.kind = facts != NULL ? EVENT_CONTINUES : EVENT_RESTARTS;
    if (facts != NULL)
        event.message = arena_printf(run->arena, "Attempt %lld goes on from step %zu of %zu.",
                                     (long long)run->job->attempt, facts->step, facts->total_steps);
    else
        event.message = arena_printf(run->arena,
                                     "Attempt %lld starts the job from its beginning: metric "
                                     "points and checkpoints of the attempt before were removed.",
                                     (long long)run->job->attempt);
    if (run->job->attempt > 1)
        recorder_add_event(&run->recorder, &event);
}

/* Threads, the numerics key, and where it starts. */
static enum run_outcome
begin_attempt(struct run *run)
{
    struct err err;
    char key[NUMERICS_KEY_BYTES];
    const struct trainer *trainer = run->trainer;
    size_t threads = run->plan.params.threads > 0 ? (size_t)run->plan.params.threads
                     : trainer->threads > 0       ? trainer->threads
                                                  : cpu_count();
    numerics_key(trainer->engine, run->plan.params.precision, key);
    struct job_run facts = {
        .engine = gemm_engine_name(trainer->engine),
        .precision = precision_name(run->plan.params.precision),
        .numerics_key = key,
        .base_sha256 = run->base_sha256,
        .threads = (int64_t)threads,
    };
    if (jobs_set_run(run->db, run->recorder.lease, &facts, &err) != 0)
        return run_fail_store(run, &err);
    enum run_outcome outcome = position(run);
    if (outcome != RUN_SUCCEEDED)
        return outcome;
    say_where_it_starts(run);
    room_found(&run->room);
    run->pool = pool_new(threads, &err);
    return run->pool != NULL ? RUN_SUCCEEDED : run_fail(run, NULL, NULL, &err);
}

static void
on_event(void *context, enum train_level level, const char *message)
{
    struct run *run = context;
    struct event_new event = {
        .kind = level == TRAIN_WARN ? EVENT_WARNING : EVENT_NOTE,
        .level = level == TRAIN_WARN ? EVENT_WARN : EVENT_INFO,
        .message = message,
    };
    recorder_add_event(&run->recorder, &event);
}

static int
flush(void *context, struct err *err)
{
    return recorder_flush(context, err);
}

/* Between two steps, so the place to wait when the disk has no room for points. */
static void
on_point(void *context, const struct train_point *point)
{
    struct err noted; /* the recorder keeps what matters, and the run is asked before it goes on */
    struct run *run = context;
    recorder_add_point(&run->recorder, point);
    if (run->recorder.full)
        room_try(&run->room, flush, &run->recorder, &noted);
}

static int
on_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    struct run *run = context;
    run->recorder.progress = snapshot->progress;
    return snapshots_keep(&run->snapshots, snapshot, err);
}

static const char *
find_checkpoint(void *context, size_t step)
{
    const struct run *run = context;
    return snapshots_find(&run->snapshots, step);
}

/* A cancelled job needs none. */
static int
on_resume_state(void *context, const struct resume_state *state, struct err *err)
{
    struct run *run = context;
    if (run->recorder.lost || atomic_load(run->stop) == TRAINER_CANCELLED)
        return 1;
    int code = state_keeper_save(&run->states, state, err);
    if (code == 0)
        run->snapshots.state_best_step = state->facts.best.step;
    return code;
}

/* Asked by every thread of the pool; the job's own thread also writes what waits, once a second. */
bool
run_should_stop(void *context)
{
    struct run *run = context;
    if (atomic_load(run->stop) != TRAINER_GO_ON || recorder_is_broken(&run->recorder))
        return true;
    if (!pthread_equal(run->thread, pthread_self()))
        return false;
    recorder_tick(&run->recorder);
    return recorder_is_broken(&run->recorder);
}

enum run_outcome
run_stop_outcome(struct run *run)
{
    if (run->recorder.lost || atomic_load(run->stop) == TRAINER_CANCELLED)
        return RUN_LOST;
    if (recorder_is_broken(&run->recorder))
        return run_fail(run, NULL, NULL, &run->recorder.failure);
    return atomic_load(run->stop) == TRAINER_PAUSE ? RUN_PAUSED : RUN_STOPPED;
}

static int
train_once(struct run *run, struct err *err)
{
    const struct train_observer observer = {
        .context = run,
        .on_event = on_event,
        .on_point = on_point,
        .on_model = on_model,
        .should_stop = run_should_stop,
        .on_resume_state = on_resume_state,
        .find_checkpoint = find_checkpoint,
    };
    const struct train_resume resume = {
        .state = run->state, .halved = run->halved, .interval = run->trainer->resume_interval};
    run->train.resume = &resume;
    int code = train_run(&run->plan, &run->train, run->trainer->engine, run->pool, &observer,
                         run->base_sha256, err);
    run->train.resume = NULL;
    return code;
}

/* The run diverged for the first time: back to the newest good state, with half the rate. */
static enum run_outcome
halve(struct run *run, const struct err *why)
{
    struct err err;
    run->halved = true;
    int code = room_try(&run->room, flush, &run->recorder, &err);
    if (code != 0)
        return code == ERR_STOPPED ? run_stop_outcome(run) : run_fail_store(run, &err);
    enum run_outcome outcome = position(run);
    if (outcome != RUN_SUCCEEDED)
        return outcome;
    const struct resume_facts *facts = facts_of(run);
    const char *where =
        facts != NULL ? arena_printf(run->arena, "step %zu", facts->step) : "its beginning";
    struct event_new event = {
        .kind = EVENT_RATE_HALVED,
        .level = EVENT_WARN,
        .message = arena_printf(run->arena,
                                "Not a finite number: %s. The job goes back to %s and goes on with "
                                "half the learning rate.",
                                why->message, where),
    };
    recorder_add_event(&run->recorder, &event);
    return RUN_SUCCEEDED;
}

/* What train_run's refusals are called. Of a state that is another job's, only the files can be
 * the reason: base model and parameters were looked at before. */
static enum run_outcome
fail_training(struct run *run, int code, const struct err *err)
{
    if (code == ERR_CONFLICT && run->state != NULL)
        return run_fail(run, "invalid_training_file", "training_file", err);
    return run_fail(run, code == ERR_INVALID ? "invalid_model" : NULL,
                    code == ERR_INVALID ? "model" : NULL, err);
}

static enum run_outcome
train(struct run *run)
{
    struct err err;
    bool was_halved = run->halved || (run->state != NULL && facts_of(run)->halved);
    int code = train_once(run, &err);
    if (code == ERR_DIVERGED && !was_halved && !run->recorder.lost) {
        enum run_outcome outcome = halve(run, &err);
        if (outcome != RUN_SUCCEEDED)
            return outcome;
        code = train_once(run, &err);
    }
    if (code == ERR_CONFLICT) {
        struct err
            noted; /* a refused checkpoint: only the lease tells whether the job is still ours */
        recorder_flush(&run->recorder, &noted);
    }
    if (run->recorder.lost)
        return RUN_LOST;
    if (code == ERR_STOPPED)
        return run_stop_outcome(run);
    if (code == 0 && !run->snapshots.has_final)
        code = err_set(&err, ERR_INTERNAL, "the run ended without a model");
    return code == 0 ? RUN_SUCCEEDED : fail_training(run, code, &err);
}

/* The steps in order; between them a stop is noticed too. */
static enum run_outcome
go_through(struct run *run)
{
    static enum run_outcome (*const steps[])(struct run *) = {
        read_request, find_model, make_plan, begin_attempt, train, run_measure_baseline,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (run_should_stop(run))
            return run_stop_outcome(run);
        enum run_outcome outcome = steps[i](run);
        if (outcome != RUN_SUCCEEDED)
            return outcome;
    }
    return RUN_SUCCEEDED;
}

/* What go_through opened goes, its strings too, for this may happen every few seconds; position()
 * takes the job's rows back by itself. */
static void
forget_attempt(struct run *run)
{
    snapshots_drop_final(&run->snapshots);
    pool_free(run->pool);
    run->pool = NULL;
    if (run->has_plan)
        train_plan_fini(&run->plan);
    run->has_plan = false;
    run->base_sha256 = NULL;
    run->baseline_json = NULL;
    run->failure = (struct job_error){0};
    arena_free(run->arena);
    run->arena = arena_new();
}

/* All the steps, from the first again whenever one found the disk full. */
static enum run_outcome
go_through_patiently(struct run *run)
{
    enum run_outcome outcome;
    struct err why;
    while ((outcome = go_through(run)) == RUN_FULL) {
        err_set(&why, ERR_FULL, "%s", run->failure.message);
        forget_attempt(run);
        if (!room_wait(&run->room, &why))
            return run_stop_outcome(run);
    }
    return outcome;
}

void
trainer_run_job(const struct trainer *trainer, struct db *db, const struct job_row *job,
                const atomic_int *stop)
{
    struct job_lease lease = {job->seq, job->attempt};
    struct arena *arena = arena_new(); /* of what outlives an attempt that found the disk full */
    struct run run = {
        .trainer = trainer,
        .db = db,
        .job = job,
        .stop = stop,
        .thread = pthread_self(),
        .arena = arena_new(),
    };
    recorder_init(&run.recorder, db, lease, job->id);
    run.room = (struct room){
        .folder = data_dir_root(trainer->store->dir),
        .recorder = &run.recorder,
        .scheduler = trainer->scheduler,
        .stop = stop,
    };
    run.snapshots = (struct snapshots){
        .dir = trainer->store->dir,
        .db = db,
        .job = job,
        .recorder = &run.recorder,
        .room = &run.room,
        .arena = arena,
        .model_id = ids_model(arena, job->root_model, job->suffix, job->id),
    };
    run.states = (struct state_keeper){
        .dir = trainer->store->dir,
        .db = db,
        .job = job,
        .recorder = &run.recorder,
        .room = &run.room,
    };
    log_info("start job=%s attempt=%lld model=%s", job->id, (long long)job->attempt, job->model);
    run_write_end(&run, go_through_patiently(&run));
    resume_state_close(run.state);
    pool_free(run.pool);
    if (run.has_plan)
        train_plan_fini(&run.plan);
    recorder_fini(&run.recorder);
    arena_free(run.arena);
    arena_free(arena);
}
