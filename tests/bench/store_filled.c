/* Filling a data directory; see store_filled.h. */
#include "tests/bench/store_filled.h"

#include "daemon/store/files.h"
#include "daemon/store/jobs.h"
#include "daemon/store/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_AT_ONCE = 500, POINTS_AT_ONCE = 1000, LONG_EVENTS = 2000, LABELS = 20 };

static const char parameters[] =
    "{\"n_epochs\":3,\"batch_size\":32,\"learning_rate\":5e-05,\"learning_rate_multiplier\":1.0,"
    "\"optimizer\":\"adamw\",\"betas\":[0.9,0.999],\"epsilon\":1e-08,\"weight_decay\":0.0,"
    "\"max_grad_norm\":1.0,\"lr_scheduler\":\"linear\",\"warmup_ratio\":0.06,\"dropout\":0.1,"
    "\"precision\":\"fp32\",\"eval_steps\":null,\"save_steps\":null,\"max_seq_length\":512,"
    "\"validation_split\":0.1,\"preset\":null,\"threads\":null,\"gradient_checkpointing\":false}";

struct filler {
    struct db *db;
    struct arena *arena;
    const struct store_filling *filling;
    const char *file;
    int64_t first, last; /* of the jobs of one transaction */
    int64_t middle;      /* the job to remember */
    struct store_filled *out;
};

static int
add_file(struct filler *filler, struct err *err)
{
    char *id = arena_alloc(filler->arena, IDS_SIZE);
    ids_new(ID_FILE, id);
    filler->file = id;
    struct file_row row = {.id = id,
                           .bytes = 12,
                           .filename = "train.jsonl",
                           .purpose = "fine-tune",
                           .sha256 =
                               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
    return files_insert(filler->db, &row, err);
}

static int
add_points(struct filler *filler, int64_t seq, int64_t count, struct err *err)
{
    struct arena *arena = arena_new();
    struct point_row *points = arena_array(arena, POINTS_AT_ONCE, sizeof *points);
    struct measure *measures = arena_array(arena, 6 * POINTS_AT_ONCE, sizeof *measures);
    int result = 0;
    for (int64_t step = 1; step <= count && result == 0;) {
        size_t filled = 0;
        for (; filled < POINTS_AT_ONCE && step <= count; step++) {
            struct measure *mine = &measures[6 * filled];
            double noise = (double)(step * 7919 % 1009) / 1009;
            mine[0] = (struct measure){"train_loss", 2 / sqrt((double)step) + 0.1 * noise};
            mine[1] = (struct measure){"train_accuracy", 1 - noise / 3};
            mine[2] = (struct measure){"learning_rate", 5e-5 * (1 - (double)step / (double)count)};
            mine[3] = (struct measure){"grad_norm", 1 + noise};
            mine[4] = (struct measure){"valid_loss", 0.5 + noise};
            mine[5] = (struct measure){"valid_accuracy", 0.9 - noise / 9};
            points[filled++] = (struct point_row){.step = step,
                                                  .epoch = (double)step / 1000,
                                                  .measures = mine,
                                                  .measure_count = step % 1000 == 0 ? 6 : 4};
        }
        result = metrics_insert(filler->db, seq, points, filled, err);
    }
    arena_free(arena);
    return result;
}

static int
insert_job(struct filler *filler, int64_t priority, char id[IDS_SIZE], struct err *err)
{
    static const char *const labels[LABELS] = {"alpha",   "bravo",  "charlie", "delta",    "echo",
                                               "foxtrot", "golf",   "hotel",   "india",    "juliet",
                                               "kilo",    "lima",   "mike",    "november", "oscar",
                                               "papa",    "quebec", "romeo",   "sierra",   "tango"};
    const struct job_new job = {
        .model = "base",
        .root_model = "base",
        .training_file = filler->file,
        .seed = 7,
        .metadata_json = "{\"team\":\"a\"}",
        .request = "{}",
        .request_length = 2,
        .parameters_json = parameters,
        .task = "classification",
        .labels = labels,
        .label_count = LABELS,
        .priority = priority,
        .total_steps = 1000,
        .estimated_memory_bytes = 1 << 28,
    };
    const struct event_new event = {.message = "Created"};
    return jobs_insert(filler->db, &job, &event, id, err);
}

/* The first of the queue: it has measures, is cancelled, and stays so. */
static int
run_a_little(struct filler *filler, int64_t step, struct err *err)
{
    static const struct measure measures[] = {
        {"train_loss", 0.31415926535}, {"train_accuracy", 0.875},    {"learning_rate", 4.2e-5},
        {"grad_norm", 1.0078125},      {"valid_loss", 0.4271828183}, {"valid_accuracy", 0.8625}};
    const struct job_progress_row progress = {.step = step,
                                              .total_steps = 1000,
                                              .epoch = (double)step / 333,
                                              .seconds_elapsed = 0.137 * (double)step,
                                              .rows_per_second = 233.57664233576642,
                                              .tokens_per_second = 8175.182481751825,
                                              .trained_tokens = 1120 * step,
                                              .peak_memory_bytes = 1 << 29};
    const struct point_row point = {.step = step, .measures = measures, .measure_count = 6};
    const struct job_change change = {.from = 1u << JOB_STATE_RUNNING,
                                      .to = JOB_STATE_CANCELLED,
                                      .event = {.message = "The job was cancelled."}};
    struct arena *arena = arena_new();
    struct job_row job;
    bool claimed = false;
    int result = jobs_claim(filler->db, arena, &job, &claimed, err);
    if (result == 0) {
        const struct job_lease lease = {job.seq, job.attempt};
        result = jobs_flush(filler->db, lease, &progress, &point, 1, err);
    }
    if (result == 0)
        result = jobs_change(filler->db, job.id, &change, err);
    arena_free(arena);
    return result;
}

static int
add_jobs(struct db *db, void *context, struct err *err)
{
    struct filler *filler = context;
    int64_t each = filler->filling->points / filler->filling->jobs;
    (void)db;
    for (int64_t i = filler->first; i < filler->last; i++) {
        char id[IDS_SIZE];
        struct job_row row;
        struct arena *arena = arena_new();
        bool runs = i % 2 == 0 && i != filler->middle;
        int result = insert_job(filler, runs ? 1 : 0, id, err);
        if (result == 0)
            result = jobs_get(filler->db, id, arena, &row, err);
        int64_t seq = result == 0 ? row.seq : 0;
        arena_free(arena);
        if (result != 0 || add_points(filler, seq, each, err) != 0)
            return err->code;
        if (i == filler->middle)
            filler->out->waiting_job = arena_copy_string(filler->arena, id);
        else if (runs && run_a_little(filler, each + 1, err) != 0)
            return err->code;
    }
    return 0;
}

static int
add_long_job(struct db *db, void *context, struct err *err)
{
    struct filler *filler = context;
    struct job_row row;
    char id[IDS_SIZE];
    if (insert_job(filler, 0, id, err) != 0 || jobs_get(db, id, filler->arena, &row, err) != 0)
        return err->code;
    filler->out->long_job = row.id;
    for (int i = 0; i < LONG_EVENTS; i++) {
        const struct event_new event = {.message = "Something happened to this job."};
        if (events_append(db, row.seq, &event, err) != 0)
            return err->code;
    }
    return add_points(filler, row.seq, filler->filling->steps, err);
}

static int
fill(struct filler *filler, struct err *err)
{
    if (add_file(filler, err) != 0)
        return err->code;
    filler->middle = filler->filling->jobs / 2 | 1;
    while (filler->last < filler->filling->jobs) {
        filler->first = filler->last;
        filler->last += JOBS_AT_ONCE;
        if (filler->last > filler->filling->jobs)
            filler->last = filler->filling->jobs;
        if (db_write(filler->db, add_jobs, filler, err) != 0)
            return err->code;
    }
    return db_write(filler->db, add_long_job, filler, err);
}

int
store_filled_make(const struct store_filling *filling, struct arena *arena,
                  struct store_filled *out, struct err *err)
{
    const char *root = getenv("TMPDIR");
    char *folder = arena_printf(arena, "%s/bench_store_XXXXXX", root == NULL ? "/tmp" : root);
    struct store store = {0};
    *out = (struct store_filled){0};
    if (mkdtemp(folder) == NULL)
        return err_set_errno(err, "make a folder below %s", root == NULL ? "/tmp" : root);
    out->folder = folder;
    if (store_open(arena_printf(arena, "%s/data", folder), &store, err) != 0)
        return err->code;
    struct filler filler = {
        .db = db_pool_acquire(store.pool, err), .arena = arena, .filling = filling, .out = out};
    int result = filler.db == NULL ? err->code : fill(&filler, err);
    db_pool_release(store.pool, filler.db);
    store_close(&store);
    return result;
}
