/* Two sets held against each other; see compare.h. Equal texts and labels are found by hashing. */
#include "core/data/compare.h"

#include "core/base/buf.h"
#include "core/base/utf8.h"
#include "core/data/distinct.h"
#include "core/data/row_label.h"
#include "core/data/row_text.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TRAINING, OTHER, SIDES, FIRST_NAMES = 64, SHOWN_LABELS = 3, SHOWN_BYTES = 40 };

static const double pi = 3.14159265358979323846;
static const double least_label_shift = 0.1;
static const double least_shift = 0.2;

struct name {
    const char *text;
    size_t counts[SIDES];
};

struct comparison {
    const struct compare_side *sides[SIDES];
    size_t rows[SIDES];
    struct data_comparison *out;
    struct distinct texts;  /* items are rows: those of the other side behind the training side's */
    struct distinct labels; /* items are places in names */
    struct name *names;
    size_t name_count, name_capacity;
    double label_bound; /* a label distance beyond this is told */
    double length_bound, number_bound;
};

static bool
is_in(const struct compare_side *side, size_t row)
{
    return side->chosen == NULL || side->chosen[row] == side->wanted;
}

static size_t
count_rows(const struct compare_side *side)
{
    size_t count = 0;
    for (size_t i = 0; i < side->dataset->count; i++)
        count += is_in(side, i);
    return count;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* Rows of both sides in one row of numbers. */
static const struct data_row *
row_at(const struct comparison *c, size_t item)
{
    size_t first = c->sides[TRAINING]->dataset->count;
    return item < first ? &c->sides[TRAINING]->dataset->rows[item]
                        : &c->sides[OTHER]->dataset->rows[item - first];
}

static bool
same_text(const void *context, size_t item, size_t other)
{
    return row_text_same(row_at(context, item), row_at(context, other));
}

static bool
have_same_form(const struct comparison *c)
{
    return c->sides[TRAINING]->dataset->label_form == c->sides[OTHER]->dataset->label_form;
}

static int
add_texts(struct comparison *c, int side, struct err *err)
{
    const struct dataset *dataset = c->sides[side]->dataset;
    size_t before = side == TRAINING ? 0 : c->sides[TRAINING]->dataset->count;
    bool same_form = have_same_form(c);
    for (size_t i = 0; i < dataset->count; i++) {
        const struct data_row *row = &dataset->rows[i];
        size_t first = 0;
        if (!is_in(c->sides[side], i))
            continue;
        if (distinct_add(&c->texts, before + i, row_text_hash(&c->texts, row), &first, err) != 0)
            return err->code;
        if (side == TRAINING || first >= before)
            continue;
        c->out->leaked++;
        c->out->leaked_conflicts +=
            same_form && !row_label_same(dataset->label_form, row_at(c, first), row);
    }
    return 0;
}

static int
compare_texts(struct comparison *c, struct err *err)
{
    distinct_init(&c->texts, same_text, c);
    int rc = add_texts(c, TRAINING, err);
    if (rc == 0)
        rc = add_texts(c, OTHER, err);
    distinct_fini(&c->texts);
    return rc;
}

/* ---- labels ---------------------------------------------------------------------------------- */

static bool
same_name(const void *context, size_t item, size_t other)
{
    const struct comparison *c = context;
    return strcmp(c->names[item].text, c->names[other].text) == 0;
}

static int
count_name(struct comparison *c, const char *text, int side, struct err *err)
{
    size_t place = 0;
    if (c->name_count == c->name_capacity) {
        size_t capacity = c->name_capacity == 0 ? FIRST_NAMES : c->name_capacity * 2;
        size_t bytes = 0;
        struct name *names = NULL;
        if (mem_multiply(capacity, sizeof *names, &bytes))
            names = realloc(c->names, bytes);
        if (names == NULL)
            return err_set(err, ERR_MEMORY, "%zu labels do not fit into memory", capacity);
        c->names = names;
        c->name_capacity = capacity;
    }
    c->names[c->name_count] = (struct name){.text = text};
    uint64_t hash = distinct_hash(&c->labels, text, strlen(text));
    if (distinct_add(&c->labels, c->name_count, hash, &place, err) != 0)
        return err->code;
    c->name_count += place == c->name_count;
    c->names[place].counts[side]++;
    return 0;
}

static int
count_labels(struct comparison *c, int side, struct err *err)
{
    const struct dataset *dataset = c->sides[side]->dataset;
    bool are_tags = dataset->label_form == LABELS_TOKENS;
    for (size_t i = 0; i < dataset->count; i++) {
        const struct data_row *row = &dataset->rows[i];
        if (!is_in(c->sides[side], i))
            continue;
        if (row->label != NULL && count_name(c, row->label, side, err) != 0)
            return err->code;
        for (size_t k = 0; k < row->label_count; k++)
            if (!(are_tags && strcmp(row->labels[k], "O") == 0) &&
                count_name(c, row->labels[k], side, err) != 0)
                return err->code;
    }
    return 0;
}

/* What stands in compare.h, of the names that were counted. */
static void
measure_labels(struct comparison *c)
{
    struct data_comparison *out = c->out;
    double n[SIDES] = {0, 0};
    for (size_t i = 0; i < c->name_count; i++) {
        const size_t *counts = c->names[i].counts;
        n[TRAINING] += (double)counts[TRAINING];
        n[OTHER] += (double)counts[OTHER];
        out->unseen += counts[TRAINING] == 0;
        out->untested += counts[OTHER] == 0;
    }
    if (n[TRAINING] == 0 || n[OTHER] == 0)
        return;
    double squares = 0;
    for (size_t i = 0; i < c->name_count; i++) {
        const size_t *counts = c->names[i].counts;
        double a = (double)counts[TRAINING];
        double b = (double)counts[OTHER];
        double both = (a + b) / (n[TRAINING] + n[OTHER]);
        double square = both * (1 - both) * (1 / n[TRAINING] + 1 / n[OTHER]);
        out->label_distance += fabs(a / n[TRAINING] - b / n[OTHER]) / 2;
        out->label_chance += sqrt(square * 2 / pi) / 2;
        squares += square;
    }
    double deviation = sqrt((1 - 2 / pi) * squares / 2);
    c->label_bound = out->label_chance + fmax(least_label_shift, 4 * deviation);
}

static int
compare_labels(struct comparison *c, struct err *err)
{
    distinct_init(&c->labels, same_name, c);
    int rc = count_labels(c, TRAINING, err);
    if (rc == 0)
        rc = count_labels(c, OTHER, err);
    if (rc == 0)
        measure_labels(c);
    distinct_fini(&c->labels);
    return rc;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return a < b ? -1 : a > b;
}

double
compare_distance(double *a, size_t a_count, double *b, size_t b_count)
{
    double distance = 0;
    size_t i = 0;
    size_t k = 0;
    if (a_count == 0 || b_count == 0)
        return 0;
    qsort(a, a_count, sizeof *a, by_value);
    qsort(b, b_count, sizeof *b, by_value);
    while (i < a_count && k < b_count) {
        double value = a[i] < b[k] ? a[i] : b[k];
        while (i < a_count && a[i] <= value)
            i++;
        while (k < b_count && b[k] <= value)
            k++;
        double off = fabs((double)i / (double)a_count - (double)k / (double)b_count);
        distance = off > distance ? off : distance;
    }
    return distance;
}

/* A number of a row: its length, or one of its targets. */
typedef double row_number(const struct data_row *row, size_t target);

static double
length_of(const struct data_row *row, size_t target)
{
    (void)target;
    return (double)row_text_characters(row);
}

static double
target_of(const struct data_row *row, size_t target)
{
    return strtod(row->label != NULL ? row->label : row->labels[target], NULL);
}

static double *
gather(const struct comparison *c, int side, row_number *number, size_t target)
{
    const struct dataset *dataset = c->sides[side]->dataset;
    double *values = mem_array(c->rows[side], sizeof *values);
    size_t count = 0;
    for (size_t i = 0; values != NULL && i < dataset->count; i++)
        if (is_in(c->sides[side], i))
            values[count++] = number(&dataset->rows[i], target);
    return values;
}

struct numbers_found {
    double distance;
    double medians[SIDES];
};

/* Compare one number of the rows. */
static int
compare_numbers(const struct comparison *c, row_number *number, size_t target,
                struct numbers_found *out, struct err *err)
{
    const size_t *rows = c->rows;
    double *a = gather(c, TRAINING, number, target);
    double *b = gather(c, OTHER, number, target);
    int rc = 0;
    if (a == NULL || b == NULL) {
        rc = err_set(err, ERR_MEMORY, "numbers of %zu rows do not fit into memory",
                     rows[TRAINING] + rows[OTHER]);
    } else {
        out->distance = compare_distance(a, rows[TRAINING], b, rows[OTHER]);
        out->medians[TRAINING] = a[(rows[TRAINING] - 1) / 2];
        out->medians[OTHER] = b[(rows[OTHER] - 1) / 2];
    }
    free(a);
    free(b);
    return rc;
}

static int
compare_lengths(struct comparison *c, struct err *err)
{
    struct numbers_found found = {0};
    if (compare_numbers(c, length_of, 0, &found, err) != 0)
        return err->code;
    c->out->length_distance = found.distance;
    c->out->lengths[TRAINING] = (size_t)found.medians[TRAINING];
    c->out->lengths[OTHER] = (size_t)found.medians[OTHER];
    return 0;
}

/* How many numbers the rows of a side have; 0 when their labels are none. */
static size_t
width_of(const struct compare_side *side)
{
    const struct dataset *dataset = side->dataset;
    switch (dataset->label_form) {
    case LABELS_INTEGER:
    case LABELS_FRACTION:
        return 1;
    case LABELS_NUMBER_LISTS:
        return dataset->rows[0].label_count;
    case LABELS_NONE:
    case LABELS_TEXT:
    case LABELS_LISTS:
    case LABELS_TOKENS:
        break;
    }
    return 0;
}

static int
compare_targets(struct comparison *c, struct err *err)
{
    size_t width = width_of(c->sides[TRAINING]);
    if (width_of(c->sides[OTHER]) != width)
        return 0;
    for (size_t t = 0; t < width; t++) {
        struct numbers_found found = {0};
        if (compare_numbers(c, target_of, t, &found, err) != 0)
            return err->code;
        c->out->number_distance = fmax(c->out->number_distance, found.distance);
    }
    return 0;
}

/* ---- sentences ------------------------------------------------------------------------------- */

static void
say(struct comparison *c, struct arena *arena, const char *code, const struct buf *message)
{
    c->out->warnings[c->out->warning_count++] = (struct report_warning){
        .code = code,
        .message = arena_copy_string(arena, buf_string(message)),
    };
}

static void
say_leaked(const struct comparison *c, struct buf *out)
{
    const struct data_comparison *found = c->out;
    if (found->leaked == 0)
        return;
    buf_printf(out, "%zu rows (%.1f %%) of %s have a text that %s has too", found->leaked,
               100.0 * (double)found->leaked / (double)found->rows, c->sides[OTHER]->name,
               c->sides[TRAINING]->name);
    if (found->leaked_conflicts > 0)
        buf_printf(out, ", %zu of them with another label", found->leaked_conflicts);
    buf_append_string(out, ": measures look better than they are. Remove those rows from one of "
                           "the two.");
}

/* The names that this side lacks, the first few in the order of the files. */
static void
list_missing(const struct comparison *c, int side, struct buf *out)
{
    size_t listed = 0;
    for (size_t i = 0; i < c->name_count; i++) {
        const char *text = c->names[i].text;
        if (c->names[i].counts[side] > 0)
            continue;
        if (listed == SHOWN_LABELS) {
            buf_append_string(out, ", …");
            return;
        }
        buf_printf(out, "%s\"%.*s\"", listed > 0 ? ", " : "",
                   (int)utf8_clip(text, strlen(text), SHOWN_BYTES), text);
        listed++;
    }
}

static void
say_unseen(const struct comparison *c, struct buf *out)
{
    if (c->out->unseen == 0)
        return;
    buf_printf(out, "%zu label%s of %s %s not in %s (", c->out->unseen,
               c->out->unseen == 1 ? "" : "s", c->sides[OTHER]->name,
               c->out->unseen == 1 ? "is" : "are", c->sides[TRAINING]->name);
    list_missing(c, TRAINING, out);
    buf_append_string(out, "), so no row with such a label can be right. Add training rows, or "
                           "correct the labels.");
}

static void
say_untested(const struct comparison *c, struct buf *out)
{
    if (c->out->untested == 0)
        return;
    buf_printf(out, "%zu label%s of %s %s not in %s (", c->out->untested,
               c->out->untested == 1 ? "" : "s", c->sides[TRAINING]->name,
               c->out->untested == 1 ? "is" : "are", c->sides[OTHER]->name);
    list_missing(c, OTHER, out);
    buf_printf(out, "), so measures say nothing of %s. Add such rows there.",
               c->out->untested == 1 ? "it" : "them");
}

static void
say_label_shift(const struct comparison *c, struct buf *out)
{
    const struct data_comparison *found = c->out;
    if (c->label_bound > 0 && found->label_distance > c->label_bound)
        buf_printf(out,
                   "The labels of %s are distributed otherwise than those of %s: their total "
                   "variation distance is %.2f, where chance would bring about %.2f. Draw both "
                   "from the same rows, or expect other measures in use.",
                   c->sides[OTHER]->name, c->sides[TRAINING]->name, found->label_distance,
                   found->label_chance);
}

static void
say_number_shift(const struct comparison *c, struct buf *out)
{
    if (c->out->number_distance > c->number_bound)
        buf_printf(out,
                   "The numbers of %s are distributed otherwise than those of %s: their "
                   "Kolmogorov-Smirnov distance is %.2f, more than %.2f. Draw both from the same "
                   "rows, or expect other measures in use.",
                   c->sides[OTHER]->name, c->sides[TRAINING]->name, c->out->number_distance,
                   c->number_bound);
}

static void
say_length_shift(const struct comparison *c, struct buf *out)
{
    if (c->out->length_distance > c->length_bound)
        buf_printf(out,
                   "The texts of %s are of other lengths than those of %s (medians %zu and %zu "
                   "characters, Kolmogorov-Smirnov distance %.2f, more than %.2f). Draw both from "
                   "the same rows, or expect other measures in use.",
                   c->sides[OTHER]->name, c->sides[TRAINING]->name, c->out->lengths[OTHER],
                   c->out->lengths[TRAINING], c->out->length_distance, c->length_bound);
}

static const struct {
    const char *code;
    void (*say)(const struct comparison *c, struct buf *out);
} table[] = {
    {"split_leakage", say_leaked},      {"unseen_labels", say_unseen},
    {"untested_labels", say_untested},  {"label_shift", say_label_shift},
    {"number_shift", say_number_shift}, {"length_shift", say_length_shift},
};

_Static_assert(sizeof table / sizeof table[0] <= COMPARE_MAX_WARNINGS, "there is room for all");

static void
say_all(struct comparison *c, struct arena *arena)
{
    struct buf message = {0};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        buf_clear(&message);
        table[i].say(c, &message);
        if (message.length > 0)
            say(c, arena, table[i].code, &message);
    }
    buf_fini(&message);
}

static int
compare_all(struct comparison *c, struct err *err)
{
    const struct dataset *training = c->sides[TRAINING]->dataset;
    enum task task = c->sides[TRAINING]->task;
    if (compare_texts(c, err) != 0 || compare_lengths(c, err) != 0)
        return err->code;
    if (training->label_form == LABELS_NONE || c->sides[OTHER]->dataset->label_form == LABELS_NONE)
        return 0;
    if (task == TASK_AUTO)
        task = dataset_task(training);
    return task == TASK_REGRESSION ? compare_targets(c, err) : compare_labels(c, err);
}

int
data_compare(const struct compare_side *training, const struct compare_side *other,
             struct arena *arena, struct data_comparison *out, struct err *err)
{
    struct comparison c = {.sides = {training, other}, .out = out};
    c.rows[TRAINING] = count_rows(training);
    c.rows[OTHER] = count_rows(other);
    *out = (struct data_comparison){.rows = c.rows[OTHER]};
    if (c.rows[TRAINING] == 0 || c.rows[OTHER] == 0)
        return 0;
    double spread = 1 / (double)c.rows[TRAINING] + 1 / (double)c.rows[OTHER];
    c.length_bound = c.number_bound = fmax(least_shift, 1.95 * sqrt(spread));
    int rc = compare_all(&c, err);
    if (rc == 0)
        say_all(&c, arena);
    free(c.names);
    return rc;
}
