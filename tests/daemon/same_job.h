/*
 * Are two finished jobs the same? The bytes of their models and every metric but times.
 */
#ifndef TESTS_DAEMON_SAME_JOB_H
#define TESTS_DAEMON_SAME_JOB_H

#include "tests/daemon/service_fixture.h"

static const char *const model_files[] = {"config.json", "model.safetensors", "tokenizer.json",
                                          "vocab.txt"};
enum { MODEL_FILES = sizeof model_files / sizeof model_files[0] };

static inline const char *
model_file(struct service_fixture *f, const char *job_id, const char *name)
{
    return arena_printf(f->arena, "%s/models/%s/%s", f->data_dir, job_id, name);
}

static inline struct metric_list
points_of(struct service_fixture *f, const char *id)
{
    struct metric_list points = {0};
    const struct metric_query query = {.after_step = -1, .limit = 10000};
    fixture_ok(f, service_job_metrics(f->service, id, &query, f->arena, &points, &f->faults));
    return points;
}

static inline bool
is_rate(const char *name)
{
    return strstr(name, "per_second") != NULL;
}

/* Two finished jobs: the same bytes, the same curves. */
static inline void
check_same_job(struct service_fixture *f, const char *one, const char *two, size_t steps)
{
    for (size_t i = 0; i < MODEL_FILES; i++) {
        char sums[2][65];
        assert_int_equal(fileio_sha256(model_file(f, one, model_files[i]), sums[0], &f->err), 0);
        assert_int_equal(fileio_sha256(model_file(f, two, model_files[i]), sums[1], &f->err), 0);
        if (strcmp(sums[0], sums[1]) != 0)
            fail_msg("%s differs", model_files[i]);
    }
    struct metric_list a = points_of(f, one);
    struct metric_list b = points_of(f, two);
    assert_int_equal(a.count, steps);
    assert_int_equal(b.count, steps);
    for (size_t i = 0; i < a.count; i++) {
        assert_int_equal(a.items[i].step, b.items[i].step);
        assert_int_equal(a.items[i].value_count, b.items[i].value_count);
        for (size_t v = 0; v < a.items[i].value_count; v++)
            assert_true(is_rate(a.items[i].values[v].name) ||
                        a.items[i].values[v].value == b.items[i].values[v].value);
    }
}

#endif
