/*
 * A long series in few points; see metrics.h.
 *
 * The steps are divided into groups of equal width. Their extremes come from buckets that are no
 * wider than a group; where the range begins inside a bucket, from narrower ones, and before the
 * first of those from the points themselves. So a few thousand rows are read at most, however long
 * the series is. The points of the steps that were found are then read one by one, which shows all
 * their measures as they were written.
 */
#include "daemon/store/metrics.h"

#include "daemon/store/metric_buckets.h"
#include "daemon/store/query.h"

#include <stdlib.h>
#include <string.h>

/* Two for each measure of a group, and the ends of the series. */
enum { ENDS = 2 };

struct thinning {
    const struct point_query *query;
    struct arena *arena;
    struct step_range range;
    int64_t group_steps;
    int64_t group; /* the one that is being gathered */
    struct extremes gathered;
    int64_t *steps; /* found so far */
    size_t count, capacity;
};

static void
add_step(struct thinning *thinning, int64_t step)
{
    if (thinning->count == thinning->capacity) {
        thinning->capacity = thinning->capacity == 0 ? 256 : 2 * thinning->capacity;
        thinning->steps = mem_resize(thinning->steps, thinning->capacity, sizeof *thinning->steps);
    }
    thinning->steps[thinning->count++] = step;
}

static bool
is_wanted(const struct point_query *query, const char *name)
{
    if (query->names == NULL)
        return true;
    for (size_t i = 0; i < query->name_count; i++)
        if (strcmp(query->names[i], name) == 0)
            return true;
    return false;
}

/* The group is complete: its extremes are points to show. */
static void
finish_group(struct thinning *thinning)
{
    for (size_t i = 0; i < thinning->gathered.count; i++) {
        const struct extreme *item = &thinning->gathered.items[i];
        if (!is_wanted(thinning->query, item->name))
            continue;
        add_step(thinning, item->low_step);
        add_step(thinning, item->high_step);
    }
    thinning->gathered.count = 0;
}

/* A bucket, or a point; they come in order. */
static void
take(void *context, int64_t first_step, const struct extremes *set)
{
    struct thinning *thinning = context;
    int64_t group = (first_step - thinning->range.first) / thinning->group_steps;
    if (group != thinning->group)
        finish_group(thinning);
    thinning->group = group;
    extremes_merge(&thinning->gathered, thinning->arena, set);
}

static int
take_points(struct db *db, struct thinning *thinning, int64_t first, int64_t last, struct err *err)
{
    struct point_rows points;
    const struct step_range range = {thinning->range.job_seq, first, last};
    if (last < first)
        return 0;
    if (metrics_between(db, &range, thinning->arena, &points, err) != 0)
        return err->code;
    for (size_t i = 0; i < points.count; i++) {
        struct extremes set = {0};
        extremes_add_point(&set, thinning->arena, &points.items[i]);
        take(thinning, points.items[i].step, &set);
    }
    return 0;
}

static int64_t
round_up(int64_t step, int64_t width)
{
    return (step + width - 1) / width * width;
}

static int64_t
lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The widest level whose buckets fit into a group; -1 when not even the narrowest do. */
static int
widest_level(int64_t group_steps)
{
    int level = -1;
    while (level + 1 < BUCKET_LEVELS && metric_buckets_width(level + 1) <= group_steps)
        level++;
    return level;
}

/* From narrow buckets at the start to the widest ones. */
static int
take_range(struct db *db, struct thinning *thinning, struct err *err)
{
    int widest = widest_level(thinning->group_steps);
    int64_t end = thinning->range.last + 1;
    int64_t step = thinning->range.first;
    int64_t next = widest < 0 ? end : lesser(end, round_up(step, BUCKET_STEPS));
    if (take_points(db, thinning, step, next - 1, err) != 0)
        return err->code;
    for (int level = 0; level <= widest; level++) {
        int64_t width = metric_buckets_width(level);
        step = next;
        next = level == widest ? end : lesser(end, round_up(step, width * BUCKET_FACTOR));
        const struct bucket_range range = {thinning->range.job_seq, level, step / width,
                                           (next - 1) / width};
        if (next > step &&
            metric_buckets_visit(db, &range, thinning->arena, take, thinning, err) != 0)
            return err->code;
    }
    finish_group(thinning);
    return 0;
}

static void
count_names(void *context, int64_t first_step, const struct extremes *set)
{
    struct thinning *names = context;
    (void)first_step;
    extremes_merge(&names->gathered, names->arena, set);
}

/* How many measures each group has extremes of. */
static int
find_name_count(struct db *db, const struct thinning *thinning, size_t *count, struct err *err)
{
    const struct bucket_range all = {
        .job_seq = thinning->range.job_seq, .level = BUCKET_LEVELS - 1, .last = INT64_MAX};
    struct thinning names = {.arena = thinning->arena};
    *count = thinning->query->name_count;
    if (thinning->query->names != NULL)
        return 0;
    int result = metric_buckets_visit(db, &all, thinning->arena, count_names, &names, err);
    *count = names.gathered.count;
    return result;
}

static int
compare_steps(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* Ascending, each once, at most `limit`: those left out are spread evenly. */
static void
tidy_steps(struct thinning *thinning, size_t limit)
{
    int64_t *steps = thinning->steps;
    size_t count = 0;
    qsort(steps, thinning->count, sizeof *steps, compare_steps);
    for (size_t i = 0; i < thinning->count; i++)
        if (count == 0 || steps[count - 1] != steps[i])
            steps[count++] = steps[i];
    if (count > limit) {
        for (size_t i = 1; i < limit; i++)
            steps[i] = steps[i * (count - 1) / (limit - 1)];
        count = limit;
    }
    thinning->count = count;
}

/* The points of the steps, with the measures that are asked for; points without any are left out.
 */
static int
read_points(struct db *db, const struct thinning *thinning, struct point_rows *out, struct err *err)
{
    struct arena *arena = thinning->arena;
    out->items = arena_array(arena, thinning->count, sizeof *out->items);
    for (size_t i = 0; i < thinning->count; i++) {
        struct point_rows found;
        const struct step_range one = {thinning->range.job_seq, thinning->steps[i],
                                       thinning->steps[i]};
        if (metrics_between(db, &one, arena, &found, err) != 0)
            return err->code;
        if (found.count == 0)
            continue;
        struct point_row *point = &found.items[0];
        struct measure *measures = arena_array(arena, point->measure_count, sizeof *measures);
        size_t count = 0;
        for (size_t j = 0; j < point->measure_count; j++)
            if (is_wanted(thinning->query, point->measures[j].name))
                measures[count++] = point->measures[j];
        point->measures = measures;
        point->measure_count = count;
        if (count > 0)
            out->items[out->count++] = *point;
    }
    return 0;
}

static int
find_step(struct db *db, enum statement statement, const struct thinning *thinning, int64_t *step,
          struct err *err)
{
    struct query query = query_begin(db, statement);
    query_bind_integer(&query, ":job", thinning->range.job_seq);
    if (statement == STATEMENT_POINT_FIRST_STEP)
        query_bind_integer(&query, ":after", thinning->query->after_step);
    int found = query_run_integer(&query, step, err);
    return found < 0 ? found : 0;
}

static int
thin(struct db *db, struct thinning *thinning, struct point_rows *out, struct err *err)
{
    size_t limit = thinning->query->limit;
    size_t names = 0;
    int64_t steps = thinning->range.last - thinning->range.first + 1;
    if (find_name_count(db, thinning, &names, err) != 0)
        return err->code;
    size_t room = limit > ENDS ? limit - ENDS : 1;
    size_t groups = names > 0 ? room / (2 * names) : 1;
    int64_t group_count = groups > 0 ? (int64_t)groups : 1;
    thinning->group_steps = (steps + group_count - 1) / group_count;
    add_step(thinning, thinning->range.first);
    add_step(thinning, thinning->range.last);
    if (take_range(db, thinning, err) != 0)
        return err->code;
    tidy_steps(thinning, limit);
    return read_points(db, thinning, out, err);
}

int
metrics_thin(struct db *db, int64_t job_seq, const struct point_query *query, struct arena *arena,
             struct point_rows *out, struct err *err)
{
    struct thinning thinning = {.query = query, .arena = arena, .range = {job_seq, -1, -1}};
    *out = (struct point_rows){.last_step = -1};
    if (query->limit < ENDS)
        return err_set(err, ERR_INVALID, "a thinned series has %d points at least", ENDS);
    if (find_step(db, STATEMENT_POINT_LAST_STEP, &thinning, &thinning.range.last, err) != 0 ||
        find_step(db, STATEMENT_POINT_FIRST_STEP, &thinning, &thinning.range.first, err) != 0)
        return err->code;
    out->last_step = thinning.range.last;
    if (thinning.range.first < 0)
        return 0;
    if (thinning.range.last - thinning.range.first < (int64_t)query->limit)
        return metrics_query(db, job_seq, query, arena, out, err);
    int result = thin(db, &thinning, out, err);
    free(thinning.steps);
    return result;
}
