/*
 * The report of a file; see report.h.
 *
 * Equal texts are found by hashing; percentiles by counting how often each length occurs. Labels
 * are report_labels.h's, tokens report_tokens.h's.
 */
#include "core/data/report.h"

#include "core/data/distinct.h"
#include "core/data/report_labels.h"
#include "core/data/report_tokens.h"
#include "core/data/report_warnings.h"
#include "core/data/row_label.h"
#include "core/data/row_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_BETWEEN_QUESTIONS = 256 };

/* What is gathered on the walk over the rows. */
struct survey {
    const struct report_request *request;
    const struct dataset *dataset;
    struct data_report *report;
    uint32_t *characters, *tokens; /* (rows); tokens NULL without a tokenizer */
    struct distinct texts;         /* items are rows */
    struct label_survey labels;
    struct token_survey tokens_of; /* open when tokens is not NULL */
};

static bool
same_text(const void *context, size_t item, size_t other)
{
    const struct dataset *dataset = context;
    return row_text_same(&dataset->rows[item], &dataset->rows[other]);
}

/* ---- one row --------------------------------------------------------------------------------- */

static int
count_duplicate(struct survey *s, size_t row, struct err *err)
{
    const struct data_row *r = &s->dataset->rows[row];
    size_t first = row;
    if (distinct_add(&s->texts, row, row_text_hash(&s->texts, r), &first, err) != 0)
        return err->code;
    if (first == row)
        return 0;
    s->report->duplicates++;
    s->report->conflicting_duplicates +=
        !row_label_same(s->dataset->label_form, &s->dataset->rows[first], r);
    return 0;
}

static int
survey_row(struct survey *s, size_t row, struct err *err)
{
    const struct data_row *r = &s->dataset->rows[row];
    s->characters[row] = (uint32_t)row_text_characters(r);
    s->report->empty += row_text_is_blank(r);
    if (count_duplicate(s, row, err) != 0 || label_survey_add(&s->labels, r, err) != 0)
        return err->code;
    if (s->tokens == NULL || !data_report_takes(row, s->dataset->count, s->request->token_rows))
        return 0;
    return token_survey_add(&s->tokens_of, r, &s->tokens[s->report->tokenized], err);
}

/* ---- all of them ----------------------------------------------------------------------------- */

bool
data_report_takes(size_t row, size_t count, size_t wanted)
{
    if (wanted == 0 || wanted >= count)
        return true;
    return (uint64_t)row * wanted / count != ((uint64_t)row + 1) * wanted / count;
}

static int
survey_open(struct survey *s, struct err *err)
{
    size_t rows = s->dataset->count;
    bool has_tokens = s->request->tokenizer != NULL;
    distinct_init(&s->texts, same_text, s->dataset);
    s->characters = mem_array(rows, sizeof *s->characters);
    if (has_tokens)
        s->tokens = mem_array(rows, sizeof *s->tokens);
    if (s->characters == NULL || (has_tokens && s->tokens == NULL))
        return err_set(err, ERR_MEMORY, "the lengths of %zu rows do not fit into memory", rows);
    if (label_survey_open(&s->labels, s->dataset, s->report->task, err) != 0)
        return err->code;
    return has_tokens ? token_survey_open(&s->tokens_of, s->request, s->dataset, s->report, err)
                      : 0;
}

static void
survey_close(struct survey *s)
{
    distinct_fini(&s->texts);
    free(s->characters);
    free(s->tokens);
    label_survey_close(&s->labels);
    token_survey_close(&s->tokens_of);
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

/* What the data set says of itself. */
static void
copy_dataset(const struct dataset *dataset, enum task task, struct arena *arena,
             struct data_report *out)
{
    bool is_given = task != TASK_AUTO && dataset->label_form != LABELS_NONE;

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
        .task = is_given ? task : dataset_task(dataset),
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
    if (report->has_tokens &&
        lengths_of(s->tokens, report->tokenized, &report->token_length, err) != 0)
        return err->code;
    if (label_survey_finish(&s->labels, arena, report, err) != 0)
        return err->code;
    const struct report_facts facts = {
        .report = report,
        .dataset = s->dataset,
        .labels = s->labels.labels,
        .max_length = s->request->max_length,
        .is_asked = s->request->task != TASK_AUTO,
    };
    report_warn(&facts, arena, report);
    return 0;
}

int
data_report_of(const struct dataset *dataset, const struct report_request *request,
               struct arena *arena, struct data_report *out, struct err *err)
{
    struct survey survey = {.request = request, .dataset = dataset, .report = out};
    copy_dataset(dataset, request->task, arena, out);
    int rc = survey_all(&survey, arena, err);
    survey_close(&survey);
    return rc;
}

int
data_report_make(const struct report_request *request, struct arena *arena, struct data_report *out,
                 struct err *err)
{
    const struct data_source source = {
        .path = request->path,
        .name = request->name,
        .columns = request->columns,
        .task = request->task,
        .should_stop = request->should_stop,
        .context = request->context,
    };
    struct dataset *dataset = NULL;
    if (dataset_read_source(&source, &dataset, err) != 0)
        return err->code;
    int rc = data_report_of(dataset, request, arena, out, err);
    dataset_free(dataset);
    return rc;
}
