/* A look at the queue; see jobs_claim.h. */
#include "daemon/store/jobs_claim.h"

#include "daemon/store/jobs_read.h"
#include "daemon/store/list.h"
#include "daemon/store/query.h"

#include <string.h>

/* A queued job as the look sees it. */
struct waiting {
    struct claim_candidate candidate;
    int64_t seq;
    const char *waits_for;
    struct claim_wait wait;
};

struct look {
    struct arena *arena;
    struct job_claim *claim;
    struct row_list queue; /* of struct waiting */
};

static int
read_queue(struct db *db, struct look *look, struct err *err)
{
    look->queue = (struct row_list){.size = sizeof(struct waiting)};
    struct query query = query_begin(db, STATEMENT_QUEUE_HEAD);
    query_bind_integer(&query, ":limit", JOBS_CLAIM_WINDOW);
    int found = 0;
    while ((found = query_step(&query, err)) > 0) {
        struct waiting *waiting = list_add(&look->queue, look->arena);
        waiting->seq = query_take_integer(&query);
        waiting->candidate.id = query_take_text(&query, look->arena);
        waiting->candidate.memory_bytes = query_take_integer(&query);
        waiting->candidate.disk_bytes = query_take_integer(&query);
        waiting->candidate.overtaken = query_take_integer(&query);
        waiting->waits_for = query_take_text(&query, look->arena);
    }
    query_end(&query);
    return found;
}

static int
read_load(struct db *db, struct claim_load *load, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_JOBS_LOAD);
    int found = query_step(&query, err);
    if (found > 0) {
        load->jobs = query_take_integer(&query);
        load->memory_bytes = query_take_integer(&query);
        load->disk_bytes = query_take_integer(&query);
    }
    query_end(&query);
    return found < 0 ? found : 0;
}

/* The first job that is taken, or the count of them all. Those before it have their reason. */
static size_t
judge_queue(struct look *look, const struct claim_load *load)
{
    const struct job_claim *claim = look->claim;
    struct waiting *queue = look->queue.items;
    for (size_t i = 0; i < look->queue.count; i++) {
        struct waiting *waiting = &queue[i];
        enum claim_verdict verdict = claim->judge == NULL
                                         ? CLAIM_TAKE
                                         : claim->judge(claim->context, load, &waiting->candidate,
                                                        look->arena, &waiting->wait);
        if (verdict == CLAIM_TAKE)
            return i;
        if (verdict == CLAIM_HOLD)
            break;
    }
    return look->queue.count;
}

/* Those that were passed over: a reason that is new is told, and who was overtaken is counted. */
static int
note_waiting(struct db *db, const struct waiting *waiting, bool overtaken, struct err *err)
{
    const char *reason = waiting->wait.reason;
    bool is_news = waiting->waits_for == NULL || strcmp(waiting->waits_for, reason) != 0;
    if (!is_news && !overtaken)
        return 0;
    struct query query = query_begin(db, STATEMENT_JOB_WAITS);
    query_bind_integer(&query, ":job", waiting->seq);
    query_bind_text(&query, ":reason", reason);
    query_bind_integer(&query, ":overtaken", overtaken ? 1 : 0);
    int result = query_run(&query, err);
    if (result != 0 || !is_news)
        return result;
    const struct event_new event = {
        .kind = EVENT_WAITS, .level = EVENT_WARN, .message = waiting->wait.message};
    return events_append(db, waiting->seq, &event, err);
}

static int
read_claimed(struct db *db, int64_t seq, struct look *look, struct err *err)
{
    struct job_raw raw = {0};
    struct query query = query_begin(db, STATEMENT_JOB_BY_SEQ);
    query_bind_integer(&query, ":job", seq);
    if (list_read_one(&query, &jobs_read_shape, "job", "claimed", look->arena, &raw, err) != 0)
        return err->code;
    return jobs_read_row(&raw, look->arena, &look->claim->job, err);
}

static int
take(struct db *db, struct look *look, int64_t seq, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_JOB_CLAIM);
    query_bind_integer(&query, ":job", seq);
    query_bind_integer(&query, ":now", query_now());
    if (query_run(&query, err) != 0 || read_claimed(db, seq, look, err) != 0)
        return err->code;
    int64_t attempt = look->claim->job.attempt;
    const struct event_new event = {
        .kind = EVENT_STARTED,
        .message = attempt == 1 ? "Job started"
                                : arena_printf(look->arena, "Job started again: attempt %lld",
                                               (long long)attempt)};
    look->claim->claimed = true;
    return events_append(db, seq, &event, err);
}

static int
claim_next(struct db *db, void *context, struct err *err)
{
    struct look *look = context;
    struct claim_load load = {0};
    int64_t paused = 0;
    struct query query = query_begin(db, STATEMENT_QUEUE_IS_PAUSED);
    if (query_run_integer(&query, &paused, err) < 0)
        return err->code;
    if (paused != 0)
        return 0;
    if (read_queue(db, look, err) != 0 || read_load(db, &load, err) != 0)
        return err->code;
    size_t taken = judge_queue(look, &load);
    const struct waiting *queue = look->queue.items;
    for (size_t i = 0; i < look->queue.count && i < taken; i++) {
        if (queue[i].wait.reason == NULL)
            continue;
        look->claim->waits = true;
        if (note_waiting(db, &queue[i], taken < look->queue.count, err) != 0)
            return err->code;
    }
    return taken < look->queue.count ? take(db, look, queue[taken].seq, err) : 0;
}

int
jobs_claim_next(struct db *db, struct arena *arena, struct job_claim *claim, struct err *err)
{
    struct look look = {.arena = arena, .claim = claim};
    claim->claimed = claim->waits = false;
    claim->job = (struct job_row){0};
    int result = db_write(db, claim_next, &look, err);
    claim->claimed = result == 0 && claim->claimed;
    return result == 0 ? 0 : err_prefix(err, "claim a job");
}

int
jobs_claim(struct db *db, struct arena *arena, struct job_row *out, bool *claimed, struct err *err)
{
    struct job_claim claim = {0};
    *claimed = false;
    if (jobs_claim_next(db, arena, &claim, err) != 0)
        return err->code;
    if (claim.claimed)
        *out = claim.job;
    *claimed = claim.claimed;
    return 0;
}

int
queue_get(struct db *db, struct queue_row *out, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_QUEUE_GET);
    *out = (struct queue_row){0};
    int found = query_step(&query, err);
    if (found > 0) {
        out->paused_at = query_take_integer(&query);
        out->queued = query_take_integer(&query);
        out->running = query_take_integer(&query);
        out->pausing = query_take_integer(&query);
        out->paused_jobs = query_take_integer(&query);
    }
    query_end(&query);
    return found < 0 ? found : 0;
}

static int
set_paused(struct db *db, void *context, struct err *err)
{
    const bool *paused = context;
    struct query query = query_begin(db, STATEMENT_QUEUE_SET_PAUSED);
    query_bind_integer(&query, ":paused", *paused ? 1 : 0);
    query_bind_integer(&query, ":now", query_now());
    return query_run(&query, err);
}

int
queue_set_paused(struct db *db, bool paused, struct err *err)
{
    return db_write(db, set_paused, &paused, err);
}
