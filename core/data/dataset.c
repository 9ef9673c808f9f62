/*
 * A labelled file into memory; see dataset.h.
 *
 * source.h brings the bytes and the format, the format's reader the rows. The file is mapped; what
 * is kept is copied into the data set's arena.
 */
#include "core/data/dataset.h"

#include "core/data/conll.h"
#include "core/data/csv.h"
#include "core/data/jsonl.h"
#include "core/data/reader.h"
#include "core/data/source.h"

#include <stdlib.h>

static const char *const form_names[] = {
    [ROWS_PLAIN] = "plain",
    [ROWS_PROMPT] = "prompt_completion",
    [ROWS_CHAT] = "chat",
};

const char *
row_form_name(enum row_form form)
{
    return form_names[form];
}

static int
read_rows(struct reader *reader, const struct source *source, struct err *err)
{
    if (source->fault.code != NULL) {
        reader_fault(reader, 0, source->fault.code, "%s", source->fault.message);
        return 0;
    }
    switch (source->format) {
    case DATA_JSONL:
        return jsonl_read(reader, source->bytes, source->length, err);
    case DATA_JSON:
        return jsonl_read_array(reader, source->bytes, source->length, err);
    case DATA_CSV:
        return csv_read(reader, source->bytes, source->length, ',', err);
    case DATA_TSV:
        return csv_read(reader, source->bytes, source->length, '\t', err);
    case DATA_CONLL:
        return conll_read(reader, source->bytes, source->length, err);
    }
    return 0;
}

int
dataset_read_source(const struct data_source *wanted, struct dataset **out, struct err *err)
{
    static const struct data_columns usual = {0};
    struct source source;
    struct dataset *dataset = mem_small(sizeof *dataset);
    *dataset = (struct dataset){.arena = arena_new()};
    *out = NULL;
    struct reader reader = {
        .dataset = dataset,
        .source = wanted,
        .columns = wanted->columns != NULL ? wanted->columns : &usual,
    };
    int rc = source_open(wanted, &source, err);
    dataset->format = source.format;
    dataset->compressed = source.compressed;
    if (rc == 0)
        rc = read_rows(&reader, &source, err);
    source_close(&source);
    if (rc == 0)
        reader_finish(&reader);
    reader_fini(&reader);
    if (rc != 0) {
        dataset_free(dataset);
        return err_prefix(err, "%s", wanted->name);
    }
    *out = dataset;
    return 0;
}

int
dataset_read(const char *path, const char *name, const struct data_columns *columns,
             struct dataset **out, struct err *err)
{
    const struct data_source source = {.path = path, .name = name, .columns = columns};
    return dataset_read_source(&source, out, err);
}

void
dataset_free(struct dataset *dataset)
{
    if (dataset == NULL)
        return;
    free(dataset->rows);
    arena_free(dataset->arena);
    free(dataset);
}

enum task
dataset_task(const struct dataset *dataset)
{
    switch (dataset->label_form) {
    case LABELS_NONE:
        return TASK_AUTO;
    case LABELS_TEXT:
    case LABELS_INTEGER:
        return TASK_CLASSIFICATION;
    case LABELS_FRACTION:
    case LABELS_NUMBER_LISTS:
        return TASK_REGRESSION;
    case LABELS_LISTS:
        return TASK_MULTI_LABEL;
    case LABELS_TOKENS:
        return TASK_TOKEN_CLASSIFICATION;
    }
    return TASK_AUTO;
}
