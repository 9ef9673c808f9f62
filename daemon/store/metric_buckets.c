/* Buckets of metric points; see metric_buckets.h. */
#include "daemon/store/metric_buckets.h"

#include "daemon/store/query.h"

_Static_assert(BUCKET_STEPS *BUCKET_FACTOR == 32,
               "the statement that finds points by name counts on level 1 having 32 steps");

int64_t
metric_buckets_width(int level)
{
    int64_t width = BUCKET_STEPS;
    for (int i = 0; i < level; i++)
        width *= BUCKET_FACTOR;
    return width;
}

static void
bind_place(struct query *query, int64_t job_seq, int level)
{
    query_bind_integer(query, ":job", job_seq);
    query_bind_integer(query, ":level", level);
}

/* Add what is stored of a bucket. */
static int
add_stored(struct db *db, const struct bucket_range *at, struct arena *arena, struct extremes *set,
           struct err *err)
{
    struct extremes stored = {0};
    struct query query = query_begin(db, STATEMENT_BUCKET_GET);
    bind_place(&query, at->job_seq, at->level);
    query_bind_integer(&query, ":bucket", at->first);
    int found = query_step(&query, err);
    const char *text = found > 0 ? query_take_text(&query, arena) : NULL;
    query_end(&query);
    if (found > 0)
        found = extremes_parse(text, arena, &stored, err);
    extremes_merge(set, arena, &stored);
    return found < 0 ? found : 0;
}

static int
put(struct db *db, const struct bucket_range *at, struct arena *arena, const struct extremes *set,
    struct err *err)
{
    if (set->count == 0)
        return 0;
    struct query query = query_begin(db, STATEMENT_BUCKET_PUT);
    bind_place(&query, at->job_seq, at->level);
    query_bind_integer(&query, ":bucket", at->first);
    query_bind_text(&query, ":extremes", extremes_text(set, arena));
    return query_run(&query, err);
}

/* A batch's own extremes in one bucket. */
struct part {
    int64_t bucket;
    struct extremes set;
};

/* The narrowest buckets of a batch; returns how many. */
static size_t
make_parts(const struct point_row *points, size_t count, struct arena *arena, struct part *parts)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t bucket = points[i].step / BUCKET_STEPS;
        if (made == 0 || parts[made - 1].bucket != bucket)
            parts[made++] = (struct part){.bucket = bucket};
        extremes_add_point(&parts[made - 1].set, arena, &points[i]);
    }
    return made;
}

/* Buckets of the next level, in place; returns how many. */
static size_t
widen_parts(struct part *parts, size_t count, struct arena *arena)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t bucket = parts[i].bucket / BUCKET_FACTOR;
        if (made == 0 || parts[made - 1].bucket != bucket)
            parts[made++] = (struct part){.bucket = bucket, .set = parts[i].set};
        else
            extremes_merge(&parts[made - 1].set, arena, &parts[i].set);
    }
    return made;
}

static int
store_parts(struct db *db, struct bucket_range *at, struct part *parts, size_t count,
            struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct extremes all = {0};
        at->first = parts[i].bucket;
        extremes_merge(&all, arena, &parts[i].set);
        if (add_stored(db, at, arena, &all, err) != 0 || put(db, at, arena, &all, err) != 0)
            return err->code;
    }
    return 0;
}

int
metric_buckets_add(struct db *db, int64_t job_seq, const struct point_row *points, size_t count,
                   struct err *err)
{
    struct arena *arena = arena_new();
    struct part *parts = arena_array(arena, count, sizeof *parts);
    size_t part_count = make_parts(points, count, arena, parts);
    struct bucket_range at = {.job_seq = job_seq};
    int result = 0;
    for (; at.level < BUCKET_LEVELS && result == 0; at.level++) {
        result = store_parts(db, &at, parts, part_count, arena, err);
        part_count = widen_parts(parts, part_count, arena);
    }
    arena_free(arena);
    return result;
}

int
metric_buckets_visit(struct db *db, const struct bucket_range *range, struct arena *arena,
                     bucket_visitor *visit, void *context, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_BUCKETS_BETWEEN);
    bind_place(&query, range->job_seq, range->level);
    query_bind_integer(&query, ":first", range->first);
    query_bind_integer(&query, ":last", range->last);
    int result = query_step(&query, err);
    while (result > 0) {
        struct extremes set;
        const char *text = query_take_text(&query, arena);
        int64_t bucket = query_take_integer(&query);
        result = extremes_parse(text, arena, &set, err);
        if (result == 0) {
            visit(context, bucket * metric_buckets_width(range->level), &set);
            result = query_step(&query, err);
        }
    }
    query_end(&query);
    return result;
}

struct gathering {
    struct arena *arena;
    struct extremes set;
};

static void
gather(void *context, int64_t first_step, const struct extremes *set)
{
    struct gathering *gathering = context;
    (void)first_step;
    extremes_merge(&gathering->set, gathering->arena, set);
}

static int
delete_from(struct db *db, const struct bucket_range *range, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_BUCKETS_DELETE_FROM);
    bind_place(&query, range->job_seq, range->level);
    query_bind_integer(&query, ":first", range->first);
    return query_run(&query, err);
}

/* The bucket that the cut goes through is made again: from what is left of the points, or of the
 * level below, which comes first. */
static int
cut_level(struct db *db, const struct bucket_range *range, int64_t step, struct arena *arena,
          struct err *err)
{
    struct gathering rest = {.arena = arena};
    struct bucket_range below = {.job_seq = range->job_seq, .level = range->level - 1};
    if (delete_from(db, range, err) != 0)
        return err->code;
    if (range->level == 0) {
        struct point_rows points;
        const struct step_range left = {range->job_seq, range->first * BUCKET_STEPS, step};
        if (metrics_between(db, &left, arena, &points, err) != 0)
            return err->code;
        for (size_t i = 0; i < points.count; i++)
            extremes_add_point(&rest.set, arena, &points.items[i]);
    } else {
        below.first = range->first * BUCKET_FACTOR;
        below.last = step / metric_buckets_width(below.level);
        if (metric_buckets_visit(db, &below, arena, gather, &rest, err) != 0)
            return err->code;
    }
    return put(db, range, arena, &rest.set, err);
}

int
metric_buckets_cut(struct db *db, int64_t job_seq, int64_t step, struct err *err)
{
    struct arena *arena = arena_new();
    int result = 0;
    for (int level = 0; level < BUCKET_LEVELS && result == 0; level++) {
        const struct bucket_range range = {
            .job_seq = job_seq, .level = level, .first = step / metric_buckets_width(level)};
        result = cut_level(db, &range, step, arena, err);
    }
    arena_free(arena);
    return result;
}
