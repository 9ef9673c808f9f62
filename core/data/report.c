/*
 * The report of a file; see report.h.
 *
 * Equal texts and labels are found by hashing; percentiles by counting how often each length
 * occurs. Only the distinct labels are sorted.
 */
#include "core/data/report.h"

#include "core/data/distinct.h"
#include "core/data/report_warnings.h"
#include "core/data/spelling.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_BETWEEN_QUESTIONS = 256, FIRST_LABELS = 64 };

/* What is gathered on the walk over the rows. */
struct survey {
    const struct report_request *request;
    const struct dataset *dataset;
    struct data_report *report;
    uint32_t *characters, *tokens; /* (rows); tokens NULL without a tokenizer */
    struct distinct texts;         /* items are rows */
    struct distinct names;         /* items are rows: the first with each label */
    size_t *label_of;              /* (rows): at the first row of a label, its place in labels */
    struct report_label *labels;
    size_t label_count, label_capacity;
    size_t specials[2]; /* special tokens of a single text, of a pair */
    struct token_list list;
};

static bool
same_label(const void *context, size_t item, size_t other)
{
    const struct dataset *dataset = context;
    return strcmp(dataset->rows[item].label, dataset->rows[other].label) == 0;
}

static bool
same_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static bool
same_text(const void *context, size_t item, size_t other)
{
    const struct dataset *dataset = context;
    const struct data_row *a = &dataset->rows[item];
    const struct data_row *b = &dataset->rows[other];
    return same_bytes(a->text, a->text_length, b->text, b->text_length) &&
           same_bytes(a->pair, a->pair_length, b->pair, b->pair_length);
}

/* ---- one row --------------------------------------------------------------------------------- */

static size_t
count_characters(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static bool
is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != ' ' && (text[i] < '\t' || text[i] > '\r'))
            return false;
    return true;
}

static int
count_duplicate(struct survey *s, size_t row, struct err *err)
{
    const struct data_row *r = &s->dataset->rows[row];
    uint64_t hash = distinct_hash(&s->texts, r->text, r->text_length);
    size_t first = row;
    if (r->pair != NULL)
        hash = hash * 3 + distinct_hash(&s->texts, r->pair, r->pair_length);
    if (distinct_add(&s->texts, row, hash, &first, err) != 0)
        return err->code;
    if (first == row)
        return 0;
    s->report->duplicates++;
    const char *label = s->dataset->rows[first].label;
    if (label != NULL && r->label != NULL && strcmp(label, r->label) != 0)
        s->report->conflicting_duplicates++;
    return 0;
}

static int
add_label(struct survey *s, size_t row, struct err *err)
{
    if (s->label_count == s->label_capacity) {
        size_t capacity = s->label_capacity == 0 ? FIRST_LABELS : s->label_capacity * 2;
        struct report_label *labels = realloc(s->labels, capacity * sizeof *labels);
        if (labels == NULL)
            return err_set(err, ERR_MEMORY, "%zu labels do not fit into memory", capacity);
        s->labels = labels;
        s->label_capacity = capacity;
    }
    s->label_of[row] = s->label_count;
    s->labels[s->label_count++] = (struct report_label){.name = s->dataset->rows[row].label};
    return 0;
}

static int
count_label(struct survey *s, size_t row, struct err *err)
{
    const char *label = s->dataset->rows[row].label;
    size_t first = row;
    if (label == NULL || s->report->task != TASK_CLASSIFICATION)
        return 0;
    uint64_t hash = distinct_hash(&s->names, label, strlen(label));
    if (distinct_add(&s->names, row, hash, &first, err) != 0)
        return err->code;
    if (first == row && add_label(s, row, err) != 0)
        return err->code;
    s->labels[s->label_of[first]].count++;
    return 0;
}

static int
count_tokens(struct survey *s, size_t row, struct err *err)
{
    const struct data_row *r = &s->dataset->rows[row];
    struct text text = {r->text, r->text_length, r->pair, r->pair_length};
    uint32_t unknown = tokenizer_unknown_id(s->request->tokenizer);
    s->list.count = 0;
    if (tokenizer_encode(s->request->tokenizer, &text, 0, &s->list, err) != 0)
        return err_prefix(err, "%s line %zu", s->request->name, r->line);
    s->tokens[row] = (uint32_t)s->list.count;
    s->report->tokens += s->list.count - s->specials[r->pair != NULL];
    s->report->over_length += s->request->max_length > 0 && s->list.count > s->request->max_length;
    for (size_t i = 0; i < s->list.count; i++)
        s->report->unknown_tokens += s->list.ids[i] == unknown;
    return 0;
}

static int
survey_row(struct survey *s, size_t row, struct err *err)
{
    const struct data_row *r = &s->dataset->rows[row];
    s->characters[row] = (uint32_t)(count_characters(r->text, r->text_length) +
                                    count_characters(r->pair, r->pair_length));
    s->report->empty += is_blank(r->text, r->text_length) && is_blank(r->pair, r->pair_length);
    if (count_duplicate(s, row, err) != 0 || count_label(s, row, err) != 0)
        return err->code;
    return s->tokens != NULL ? count_tokens(s, row, err) : 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* How many special tokens stand around nothing. */
static int
measure_specials(struct survey *s, struct err *err)
{
    const struct text texts[] = {{.first = ""}, {.first = "", .second = ""}};
    for (size_t i = 0; i < 2 && s->request->tokenizer != NULL; i++) {
        s->list.count = 0;
        if (tokenizer_encode(s->request->tokenizer, &texts[i], 0, &s->list, err) != 0)
            return err->code;
        s->specials[i] = s->list.count;
    }
    return 0;
}

static int
survey_open(struct survey *s, struct err *err)
{
    size_t rows = s->dataset->count;
    distinct_init(&s->texts, same_text, s->dataset);
    distinct_init(&s->names, same_label, s->dataset);
    s->characters = mem_array(rows, sizeof *s->characters);
    s->label_of = mem_array(rows, sizeof *s->label_of);
    if (s->request->tokenizer != NULL)
        s->tokens = mem_array(rows, sizeof *s->tokens);
    if (rows > 0 && (s->characters == NULL || s->label_of == NULL ||
                     (s->request->tokenizer != NULL && s->tokens == NULL)))
        return err_set(err, ERR_MEMORY, "the lengths of %zu rows do not fit into memory", rows);
    return measure_specials(s, err);
}

static void
survey_close(struct survey *s)
{
    distinct_fini(&s->texts);
    distinct_fini(&s->names);
    free(s->characters);
    free(s->tokens);
    free(s->label_of);
    free(s->labels);
    token_list_fini(&s->list);
}

static int
survey_rows(struct survey *s, struct err *err)
{
    const struct report_request *request = s->request;
    for (size_t i = 0; i < s->dataset->count; i++) {
        if (i % ROWS_BETWEEN_QUESTIONS == 0 && request->should_stop != NULL &&
            request->should_stop(request->context))
            return err_set(err, ERR_STOPPED, "stopped");
        if (survey_row(s, i, err) != 0)
            return err->code;
    }
    return 0;
}

/* The value that `rank` of the values are below or equal to. */
static size_t
value_at(const uint32_t *counts, size_t rank)
{
    size_t value = 0;
    for (size_t seen = counts[0]; seen < rank; seen += counts[value])
        value++;
    return value;
}

static int
lengths_of(const uint32_t *values, size_t count, struct report_lengths *out, struct err *err)
{
    uint32_t max = 0;
    *out = (struct report_lengths){0};
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        max = values[i] > max ? values[i] : max;
    uint32_t *counts = mem_array((size_t)max + 1, sizeof *counts);
    if (counts == NULL)
        return err_set(err, ERR_MEMORY, "lengths of up to %u do not fit into memory", max);
    for (size_t i = 0; i < count; i++)
        counts[values[i]]++;
    *out = (struct report_lengths){
        .min = value_at(counts, 1),
        .median = value_at(counts, count - count / 2),
        .p95 = value_at(counts, count - count / 20),
        .max = max,
    };
    free(counts);
    return 0;
}

static int
by_name(const void *left, const void *right)
{
    const struct report_label *a = left;
    const struct report_label *b = right;
    return strcmp(a->name, b->name);
}

static int
by_value(const void *left, const void *right)
{
    const struct report_label *a = left;
    const struct report_label *b = right;
    return spelling_compare_integers(a->name, b->name);
}

/* Put the labels into the order of their ids and list them. */
static void
list_labels(struct survey *s, struct arena *arena)
{
    struct data_report *report = s->report;
    bool by_number = s->dataset->label_form == LABELS_INTEGER;
    size_t listed = s->label_count < REPORT_MAX_LABELS ? s->label_count : REPORT_MAX_LABELS;
    if (s->label_count > 0)
        qsort(s->labels, s->label_count, sizeof *s->labels, by_number ? by_value : by_name);
    struct report_label *labels = arena_array(arena, listed, sizeof *labels);
    for (size_t i = 0; i < listed; i++)
        labels[i] = (struct report_label){
            .name = arena_copy_string(arena, s->labels[i].name),
            .count = s->labels[i].count,
        };
    report->labels = labels;
    report->labels_listed = listed;
    report->label_count = s->label_count;
}

static enum task
task_of(enum label_form form)
{
    switch (form) {
    case LABELS_NONE:
        return TASK_AUTO;
    case LABELS_TEXT:
    case LABELS_INTEGER:
        return TASK_CLASSIFICATION;
    case LABELS_FRACTION:
        return TASK_REGRESSION;
    case LABELS_LISTS:
        return TASK_MULTI_LABEL;
    case LABELS_TOKENS:
        return TASK_TOKEN_CLASSIFICATION;
    }
    return TASK_AUTO;
}

/* What the data set says of itself. */
static void
copy_dataset(const struct dataset *dataset, struct arena *arena, struct data_report *out)
{
    *out = (struct data_report){
        .rows = dataset->count,
        .fault_count = dataset->fault_count,
        .format = dataset->format,
        .compressed = dataset->compressed,
        .form = dataset->form,
        .columns = {.text = arena_copy_string(arena, dataset->found.text),
                    .text_pair = arena_copy_string(arena, dataset->found.text_pair),
                    .label = arena_copy_string(arena, dataset->found.label)},
        .target = arena_copy_string(arena, dataset->target),
        .task = task_of(dataset->label_form),
    };
    memcpy(out->faults, dataset->faults, sizeof out->faults);
}

static int
survey_all(struct survey *s, struct arena *arena, struct err *err)
{
    struct data_report *report = s->report;
    size_t rows = s->dataset->count;
    if (survey_open(s, err) != 0 || survey_rows(s, err) != 0 ||
        lengths_of(s->characters, rows, &report->text_length, err) != 0)
        return err->code;
    report->has_tokens = s->request->tokenizer != NULL;
    if (report->has_tokens && lengths_of(s->tokens, rows, &report->token_length, err) != 0)
        return err->code;
    list_labels(s, arena);
    const struct report_facts facts = {report, s->dataset, s->labels, s->request->max_length};
    report_warn(&facts, arena, report);
    return 0;
}

int
data_report_make(const struct report_request *request, struct arena *arena, struct data_report *out,
                 struct err *err)
{
    const struct data_source source = {request->path, request->name, request->columns,
                                       request->should_stop, request->context};
    struct dataset *dataset = NULL;
    if (dataset_read_source(&source, &dataset, err) != 0)
        return err->code;
    struct survey survey = {.request = request, .dataset = dataset, .report = out};
    copy_dataset(dataset, arena, out);
    int rc = survey_all(&survey, arena, err);
    survey_close(&survey);
    dataset_free(dataset);
    return rc;
}
