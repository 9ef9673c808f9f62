/*
 * Figures of data sets against numpy, scipy and seqeval, and near duplicates against a comparison
 * of all pairs (tests/fixtures/golden_data.py): random sets, ties and single rows included.
 */
#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/data/compare.h"
#include "core/data/dedupe.h"
#include "core/data/report.h"
#include "tests/support/data_file.h"
#include "tests/support/scratch.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static struct world {
    struct scratch scratch;
    json_t *all;
} world;

static int
load(void **state)
{
    enum { MOST = 4 * 1024 * 1024 };
    char *text = malloc(MOST);
    gzFile file = gzopen(FIXTURES "/data/data.json.gz", "rb");
    json_error_t error;
    assert_non_null(file);
    int length = gzread(file, text, MOST);
    gzclose(file);
    assert_in_range(length, 1, MOST - 1);
    world.all = json_loadb(text, (size_t)length, 0, &error);
    free(text);
    assert_non_null(world.all);
    scratch_open(&world.scratch);
    *state = &world;
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    json_decref(world.all);
    scratch_close(&world.scratch);
    return 0;
}

/* Sums run in another order than numpy's. */
static void
assert_close(double found, const json_t *wanted, const char *what, size_t number)
{
    double value = json_number_value(wanted);
    if (!(fabs(found - value) <= 1e-12 * (1 + fabs(value))))
        fail_msg("case %zu: %s is %.17g, not %.17g", number, what, found, value);
}

static struct data_report
report_of(const struct buf *text)
{
    struct data_report report;
    struct err err;
    const struct report_request request = {
        .path = scratch_write_text(&world.scratch, "data", buf_string(text)),
        .name = "a.jsonl",
    };
    if (data_report_make(&request, world.scratch.arena, &report, &err) != 0)
        fail_msg("%s", err.message);
    return report;
}

static void
numbers_are_summed_up_as_numpy_does(void **state)
{
    (void)state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(world.all, "numbers"), number, one) {
        struct buf text = {0};
        size_t at;
        json_t *row;
        json_array_foreach (json_object_get(one, "values"), at, row) {
            char *values = json_text(row);
            buf_printf(&text, "{\"text\":\"%zu\",\"labels\":%s}\n", at, values);
            free(values);
        }
        struct data_report report = report_of(&text);
        assert_int_equal(report.task, TASK_REGRESSION);
        assert_int_equal(report.number_count, json_array_size(json_object_get(one, "mean")));
        for (size_t i = 0; i < report.number_count; i++) {
            const struct report_numbers *found = &report.numbers[i];
            assert_close(found->min, json_array_get(json_object_get(one, "min"), i), "min", number);
            assert_close(found->max, json_array_get(json_object_get(one, "max"), i), "max", number);
            assert_close(found->mean, json_array_get(json_object_get(one, "mean"), i), "mean",
                         number);
            assert_close(found->deviation, json_array_get(json_object_get(one, "deviation"), i),
                         "deviation", number);
        }
        buf_fini(&text);
    }
}

static void
entities_are_counted_as_seqeval_does(void **state)
{
    (void)state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(world.all, "tags"), number, one) {
        struct buf text = {0};
        size_t at;
        json_t *row;
        size_t entities = 0;
        json_array_foreach (json_object_get(one, "rows"), at, row) {
            size_t i;
            json_t *tag;
            json_array_foreach (row, i, tag)
                buf_printf(&text, "w%zu\t%s\n", i, json_string_value(tag));
            buf_append_string(&text, "\n");
        }
        struct data_report report;
        struct err err;
        const struct report_request request = {
            .path = scratch_write_text(&world.scratch, "data", buf_string(&text)),
            .name = "a.conll",
        };
        assert_int_equal(data_report_make(&request, world.scratch.arena, &report, &err), 0);
        for (size_t i = 0; i < report.tags.types_listed; i++) {
            const struct report_label *type = &report.tags.types[i];
            const json_t *wanted = json_object_get(json_object_get(one, "entities"), type->name);
            assert_int_equal(type->count, json_integer_value(wanted));
            entities += type->count;
        }
        assert_int_equal(report.tags.entities, entities);
        const char *type;
        json_t *count;
        json_object_foreach (json_object_get(one, "entities"), type, count)
            entities -= (size_t)json_integer_value(count);
        assert_int_equal(entities, 0);
        buf_fini(&text);
    }
}

static double *
values_of(const json_t *list)
{
    double *values = arena_array(world.scratch.arena, json_array_size(list), sizeof *values);
    for (size_t i = 0; i < json_array_size(list); i++)
        values[i] = json_number_value(json_array_get(list, i));
    return values;
}

static struct dataset *
labels_of(const json_t *list, const char *name)
{
    struct buf text = {0};
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_printf(&text, "{\"text\":\"%s %zu\",\"label\":%lld}\n", name, i,
                   (long long)json_integer_value(json_array_get(list, i)));
    struct dataset *d = data_file_read_text(&world.scratch, "a.jsonl", buf_string(&text));
    buf_fini(&text);
    return d;
}

static void
distances_are_those_of_scipy(void **state)
{
    (void)state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(world.all, "distances"), number, one) {
        const json_t *a = json_object_get(one, "a");
        const json_t *b = json_object_get(one, "b");
        double found =
            compare_distance(values_of(a), json_array_size(a), values_of(b), json_array_size(b));
        assert_close(found, json_object_get(one, "kolmogorov_smirnov"), "K-S", number);
        struct dataset *first = labels_of(a, "a");
        struct dataset *second = labels_of(b, "b");
        const struct compare_side sides[] = {{.name = "a", .dataset = first},
                                             {.name = "b", .dataset = second}};
        struct data_comparison comparison;
        struct err err;
        assert_int_equal(data_compare(&sides[0], &sides[1], world.scratch.arena, &comparison, &err),
                         0);
        assert_close(comparison.label_distance, json_object_get(one, "total_variation"),
                     "total variation", number);
        dataset_free(first);
        dataset_free(second);
    }
}

static void
near_duplicates_are_those_of_all_pairs(void **state)
{
    (void)state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(world.all, "near"), number, one) {
        struct buf text = {0};
        size_t at;
        json_t *row;
        json_array_foreach (json_object_get(one, "rows"), at, row)
            buf_printf(&text, "{\"text\":\"%s\",\"label\":\"%s\"}\n",
                       json_string_value(json_array_get(row, 0)),
                       json_string_value(json_array_get(row, 1)));
        struct dataset *d = data_file_read_text(&world.scratch, "a.jsonl", buf_string(&text));
        bool *leaves = arena_array(world.scratch.arena, d->count, sizeof *leaves);
        struct dedupe_counts counts;
        struct err err;
        assert_int_equal(dedupe_rows(d, DEDUPE_NEAR, leaves, &counts, &err), 0);
        for (size_t i = 0; i < d->count; i++)
            if (leaves[i] != json_is_true(json_array_get(json_object_get(one, "leaves"), i)))
                fail_msg("case %zu, row %zu: \"%s\"", number, i, d->rows[i].text);
        assert_int_equal(counts.conflicts, json_integer_value(json_object_get(one, "conflicts")));
        assert_true(counts.exact > 0 && counts.near > 0);
        dataset_free(d);
        buf_fini(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_summed_up_as_numpy_does),
        cmocka_unit_test(entities_are_counted_as_seqeval_does),
        cmocka_unit_test(distances_are_those_of_scipy),
        cmocka_unit_test(near_duplicates_are_those_of_all_pairs),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
