/*
 * Labels counted; see report_labels.h. Equal names are found by hashing; means and deviations are
 * Welford's.
 */
#include "core/data/report_labels.h"

#include "core/data/labels.h"
#include "core/data/spelling.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_LABELS = 64, CLASS_RANGE = 100 };

static bool
same_name(const void *context, size_t item, size_t other)
{
    const struct label_survey *s = context;
    return strcmp(s->labels[item].name, s->labels[other].name) == 0;
}

int
label_survey_open(struct label_survey *s, const struct dataset *dataset, enum task task,
                  struct err *err)
{
    *s = (struct label_survey){.dataset = dataset, .task = task};
    distinct_init(&s->names, same_name, s);
    if (s->task != TASK_REGRESSION || dataset->count == 0)
        return 0;
    bool is_list = dataset->label_form == LABELS_NUMBER_LISTS;
    size_t width = is_list ? dataset->rows[0].label_count : 1;
    s->numbers = mem_array(width, sizeof *s->numbers);
    if (s->numbers == NULL)
        return err_set(err, ERR_MEMORY, "sums of %zu targets do not fit into memory", width);
    s->number_count = width;
    return 0;
}

void
label_survey_close(struct label_survey *s)
{
    distinct_fini(&s->names);
    free(s->labels);
    free(s->numbers);
    free(s->tags);
}

/* ---- counting -------------------------------------------------------------------------------- */

/* Room for a candidate behind the labels. */
static int
grow(struct label_survey *s, struct err *err)
{
    if (s->label_count < s->label_capacity)
        return 0;
    size_t capacity = s->label_capacity == 0 ? FIRST_LABELS : s->label_capacity * 2;
    size_t bytes = 0;
    struct report_label *labels = NULL;
    if (mem_multiply(capacity, sizeof *labels, &bytes))
        labels = realloc(s->labels, bytes);
    if (labels == NULL)
        return err_set(err, ERR_MEMORY, "%zu labels do not fit into memory", capacity);
    s->labels = labels;
    s->label_capacity = capacity;
    return 0;
}

/* *place = where the label stands in the list; a new one is appended. */
static int
find_label(struct label_survey *s, const char *name, size_t *place, struct err *err)
{
    if (grow(s, err) != 0)
        return err->code;
    uint64_t hash = distinct_hash(&s->names, name, strlen(name));
    s->labels[s->label_count] = (struct report_label){.name = name};
    if (distinct_add(&s->names, s->label_count, hash, place, err) != 0)
        return err->code;
    s->label_count += *place == s->label_count;
    return 0;
}

static int
count_name(struct label_survey *s, const char *name, struct err *err)
{
    size_t place = 0;
    if (find_label(s, name, &place, err) != 0)
        return err->code;
    s->labels[place].count++;
    return 0;
}

static void
count_number(struct number_sum *sum, const char *text)
{
    double value = strtod(text, NULL);
    if (sum->count == 0)
        *sum = (struct number_sum){.min = value, .max = value, .is_flag = true, .is_whole = true};
    sum->min = value < sum->min ? value : sum->min;
    sum->max = value > sum->max ? value : sum->max;
    double off = value - sum->mean;
    sum->mean += off / (double)++sum->count;
    sum->squares += off * (value - sum->mean);
    sum->is_flag = sum->is_flag && (value == 0 || value == 1);
    sum->is_whole = sum->is_whole && value == floor(value);
}

int
label_survey_add(struct label_survey *s, const struct data_row *row, struct err *err)
{
    size_t width = row->label_count < s->number_count ? row->label_count : s->number_count;
    s->unlabelled += row->labels != NULL && row->label_count == 0;
    if (s->task != TASK_REGRESSION) {
        if (row->label != NULL && count_name(s, row->label, err) != 0)
            return err->code;
        for (size_t i = 0; i < row->label_count; i++)
            if (count_name(s, row->labels[i], err) != 0)
                return err->code;
        return 0;
    }
    if (row->label != NULL && s->number_count > 0)
        count_number(&s->numbers[0], row->label);
    for (size_t i = 0; i < width; i++)
        count_number(&s->numbers[i], row->labels[i]);
    return 0;
}

/* ---- tags ------------------------------------------------------------------------------------ */

/* Where the tags of the rows' words stand, once all rows are counted. */
struct tag_walk {
    struct label_survey *survey;
    struct report_tags *out;
    size_t *type_of; /* (label_count): of a tag, its place in types */
    struct report_label *types;
};

static int
take_tags(struct label_survey *s, struct report_tags *out, struct err *err)
{
    const char **names = mem_array(s->label_count, sizeof *names);
    s->tags = mem_array(s->label_count, sizeof *s->tags);
    if (names == NULL || s->tags == NULL) {
        free(names);
        return err_set(err, ERR_MEMORY, "%zu tags do not fit into memory", s->label_count);
    }
    for (size_t i = 0; i < s->label_count; i++) {
        names[i] = s->labels[i].name;
        s->tags[i] = tag_parse(names[i]);
        out->words += s->labels[i].count;
    }
    out->scheme = tag_scheme_of(names, s->label_count);
    for (size_t i = 0; i < s->label_count && out->scheme != TAGS_PLAIN; i++)
        out->odd_names += s->tags[i].prefix == '\0';
    free(names);
    return 0;
}

static int
by_type(const void *left, const void *right)
{
    const struct report_label *a = left;
    const struct report_label *b = right;
    return strcmp(a->name, b->name);
}

/* The types of entities in byte order, and which tag is of which. */
static void
take_types(struct tag_walk *walk)
{
    const struct label_survey *s = walk->survey;
    size_t count = 0;
    for (size_t i = 0; i < s->label_count; i++)
        if (s->tags[i].type[0] != '\0')
            walk->types[count++].name = s->tags[i].type;
    if (count > 0)
        qsort(walk->types, count, sizeof *walk->types, by_type);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(walk->types[kept - 1].name, walk->types[i].name) != 0)
            walk->types[kept++] = walk->types[i];
    walk->out->type_count = kept;
    for (size_t i = 0; i < s->label_count; i++) {
        const struct report_label wanted = {.name = s->tags[i].type};
        const struct report_label *found =
            kept == 0 ? NULL : bsearch(&wanted, walk->types, kept, sizeof wanted, by_type);
        walk->type_of[i] = found == NULL ? 0 : (size_t)(found - walk->types);
    }
}

static int
walk_row(struct tag_walk *walk, const struct data_row *row, struct err *err)
{
    struct label_survey *s = walk->survey;
    struct report_tags *out = walk->out;
    const struct tag *before = NULL;
    size_t misplaced = 0;
    for (size_t i = 0; i < row->label_count; i++) {
        size_t place = 0;
        if (find_label(s, row->labels[i], &place, err) != 0)
            return err->code;
        const struct tag *tag = &s->tags[place];
        bool is_last = i + 1 == row->label_count;
        bool is_entity = tag_begins(before, tag);
        walk->types[walk->type_of[place]].count += is_entity;
        out->entities += is_entity;
        misplaced += !tag_may_follow(out->scheme, before, tag) ||
                     (is_last && !tag_may_follow(out->scheme, tag, NULL));
        before = tag;
    }
    if (misplaced > 0 && out->broken_rows++ == 0)
        out->first_broken_line = row->line;
    out->misplaced += misplaced;
    return 0;
}

static struct report_label *
copy_labels(const struct report_label *labels, size_t count, struct arena *arena)
{
    struct report_label *copy = arena_array(arena, count, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = (struct report_label){arena_copy_string(arena, labels[i].name), labels[i].count};
    return copy;
}

/* Entities by type, and tags that cannot stand where they do: a second walk, since the scheme
 * follows from all tags. */
static int
count_entities(struct label_survey *s, struct arena *arena, struct report_tags *out,
               struct err *err)
{
    struct tag_walk walk = {.survey = s, .out = out};
    int rc = take_tags(s, out, err);
    if (rc != 0 || out->scheme == TAGS_PLAIN)
        return rc;
    walk.type_of = mem_array(s->label_count, sizeof *walk.type_of);
    walk.types = mem_array(s->label_count, sizeof *walk.types);
    if (walk.type_of == NULL || walk.types == NULL)
        rc = err_set(err, ERR_MEMORY, "%zu tags do not fit into memory", s->label_count);
    else
        take_types(&walk);
    for (size_t i = 0; i < s->dataset->count && rc == 0; i++)
        rc = walk_row(&walk, &s->dataset->rows[i], err);
    if (rc == 0) {
        out->types_listed =
            out->type_count < REPORT_MAX_LABELS ? out->type_count : REPORT_MAX_LABELS;
        out->types = copy_labels(walk.types, out->types_listed, arena);
    }
    free(walk.type_of);
    free(walk.types);
    return rc;
}

/* ---- the report ------------------------------------------------------------------------------ */

static int
by_value(const void *left, const void *right)
{
    const struct report_label *a = left;
    const struct report_label *b = right;
    return spelling_compare_integers(a->name, b->name);
}

/* Numbers of rows that are few and whole, and so may be those of classes. */
static bool
may_be_classes(const struct label_survey *s)
{
    const struct number_sum *sum = s->numbers;
    return s->dataset->label_form == LABELS_FRACTION && s->dataset->count > 0 && sum->is_whole &&
           sum->max > sum->min && sum->max - sum->min < CLASS_RANGE;
}

static void
list_numbers(const struct label_survey *s, struct arena *arena, struct data_report *report)
{
    struct report_numbers *numbers = arena_array(arena, s->number_count, sizeof *numbers);
    bool is_hot = s->number_count > 1;
    for (size_t i = 0; i < s->number_count; i++) {
        const struct number_sum *sum = &s->numbers[i];
        double variance = sum->count == 0 ? 0 : sum->squares / (double)sum->count;
        numbers[i] = (struct report_numbers){sum->min, sum->max, sum->mean, sqrt(variance)};
        is_hot = is_hot && sum->is_flag;
    }
    report->numbers = numbers;
    report->number_count = s->number_count;
    report->looks_multi_hot = is_hot;
    report->may_be_classes = may_be_classes(s);
}

static bool
is_flag(const char *name)
{
    static const char *const flags[] = {"0", "1", "false", "true"};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(name, flags[i]) == 0)
            return true;
    return false;
}

/* Lists of nothing but 0 and 1, or of booleans. */
static bool
are_flags(const struct label_survey *s)
{
    for (size_t i = 0; i < s->label_count; i++)
        if (!is_flag(s->labels[i].name))
            return false;
    return s->label_count > 0 && s->dataset->label_form == LABELS_LISTS;
}

/* As label_set_build puts them. */
static void
sort_labels(struct label_survey *s)
{
    bool by_number = true;
    for (size_t i = 0; i < s->label_count && by_number; i++)
        by_number = label_is_numeric(s->dataset->label_form, s->labels[i].name);
    if (s->label_count > 0) /* the table of names is of no use from here on */
        qsort(s->labels, s->label_count, sizeof *s->labels, by_number ? by_value : by_type);
}

int
label_survey_finish(struct label_survey *s, struct arena *arena, struct data_report *report,
                    struct err *err)
{
    if (s->task == TASK_REGRESSION) {
        list_numbers(s, arena, report);
        return 0;
    }
    if (s->task == TASK_TOKEN_CLASSIFICATION && count_entities(s, arena, &report->tags, err) != 0)
        return err->code;
    sort_labels(s);
    report->looks_multi_hot = are_flags(s);
    report->labels_listed = s->label_count < REPORT_MAX_LABELS ? s->label_count : REPORT_MAX_LABELS;
    report->labels = copy_labels(s->labels, report->labels_listed, arena);
    report->label_count = s->label_count;
    report->unlabelled = s->unlabelled;
    return 0;
}
