/*
 * Rows of a file as they stand in it; see preview.h.
 *
 * The readers' own scanners tell where rows lie and their own checks what is wrong with one, noted
 * in a data set that holds nothing else and is emptied after each row.
 */
#include "core/data/preview.h"

#include "core/data/conll.h"
#include "core/data/csv.h"
#include "core/data/json_row.h"
#include "core/data/source.h"
#include "core/data/spans.h"

#include <stdlib.h>
#include <string.h>

/* What one call carries about. */
struct page {
    const struct preview_request *request;
    struct arena *arena;
    struct preview *out;
    struct reader reader; /* only its faults are used */
    size_t bytes;         /* of the rows on the page */
    bool full;            /* PREVIEW_MAX_BYTES are reached */
};

/* The fault that was noted, copied, and the notes emptied; NULL without. */
static const struct data_fault *
take_fault(struct page *page)
{
    struct dataset *notes = page->reader.dataset;
    if (notes->fault_count == 0)
        return NULL;
    struct data_fault *fault = arena_alloc(page->arena, sizeof *fault);
    *fault = notes->faults[0];
    notes->fault_count = 0;
    return fault;
}

/* Count a row; does it belong on the page? */
static bool
is_wanted(struct page *page, size_t length)
{
    struct preview *out = page->out;
    size_t row = out->total++;
    if (row < page->request->offset)
        return false;
    if (page->full || row - page->request->offset >= page->request->limit ||
        (out->count > 0 && length > PREVIEW_MAX_BYTES - page->bytes)) {
        page->full = true;
        out->has_more = true;
        return false;
    }
    page->bytes +=
        length < PREVIEW_MAX_BYTES - page->bytes ? length : PREVIEW_MAX_BYTES - page->bytes;
    return true;
}

/* Put a row on the page, or the fault that was noted in its place. */
static void
put_row(struct page *page, size_t line, json_t *row)
{
    struct preview *out = page->out;
    out->rows[out->count++] =
        (struct preview_row){.line = line, .row = row, .fault = take_fault(page)};
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static int
read_spans(struct page *page, const struct source *source, struct err *err)
{
    bool is_array = source->format == DATA_JSON;
    struct span_walk walk = is_array ? span_walk_array(source->bytes, source->length)
                                     : span_walk_lines(source->bytes, source->length);
    struct span span;
    const char *complaint = NULL;
    page->reader.unit = is_array ? "element" : "line";
    for (;;) {
        enum span_step step =
            is_array ? span_next_element(&walk, &span, &complaint) : span_next_line(&walk, &span);
        if (step == SPAN_END)
            return 0;
        if (step == SPAN_BROKEN) {
            reader_fault(&page->reader, walk.line, "invalid_json", "%s", complaint);
            page->out->fault = take_fault(page);
            return 0;
        }
        if (reader_is_stopped(&page->reader, err))
            return err->code;
        if (!is_wanted(page, span.length))
            continue;
        bool legal = json_row_check(&page->reader, &span);
        put_row(page, span.line, legal ? json_row_parse(&page->reader, &span) : NULL);
    }
}

/* ---- tables ---------------------------------------------------------------------------------- */

struct table {
    struct csv_scan scan;
    struct csv_field names[CSV_MAX_COLUMNS];
    size_t columns;
    bool has_header;
};

static json_t *
table_row(struct page *page, const struct table *table, enum csv_row state)
{
    struct buf scratch = {0};
    if (!csv_check_row(&page->reader, &table->scan, state) ||
        !csv_check_count(&page->reader, &table->scan, table->columns))
        return NULL;
    json_t *row = json_object();
    for (size_t i = 0; i < table->columns; i++) {
        const struct csv_field *name = &table->names[i];
        const char *key = name->length > 0
                              ? arena_copy_bytes(page->arena, name->bytes, name->length)
                              : arena_printf(page->arena, "column %zu", i + 1);
        const char *text = NULL;
        size_t length = 0;
        csv_field_text(&table->scan.fields[i], &scratch, &text, &length);
        json_object_set_new(row, key, json_stringn(text, length));
    }
    buf_fini(&scratch);
    return row;
}

/* Take the first row as the header; false when it is none. */
static bool
take_header(struct page *page, struct table *table, enum csv_row state)
{
    table->has_header = csv_check_row(&page->reader, &table->scan, state) &&
                        csv_check_names(&page->reader, &table->scan);
    if (!table->has_header) {
        page->out->fault = take_fault(page);
        return false;
    }
    table->columns = table->scan.field_count;
    memcpy(table->names, table->scan.fields, table->columns * sizeof *table->names);
    return true;
}

static int
read_table_rows(struct page *page, struct table *table, struct err *err)
{
    for (;;) {
        enum csv_row state = csv_scan_next(&table->scan);
        if (state == CSV_END)
            return 0;
        if (state == CSV_BLANK)
            continue;
        if (reader_is_stopped(&page->reader, err))
            return err->code;
        if (!table->has_header) {
            if (!take_header(page, table, state))
                return 0;
        } else if (is_wanted(page, table->scan.length)) {
            put_row(page, table->scan.line, table_row(page, table, state));
        }
    }
}

static int
read_table(struct page *page, const struct source *source, char delimiter, struct err *err)
{
    struct table *table = mem_small(sizeof *table);
    *table = (struct table){
        .scan = {.at = source->bytes,
                 .end = source->bytes + source->length,
                 .delimiter = delimiter,
                 .next_line = 1},
    };
    int rc = read_table_rows(page, table, err);
    free(table);
    return rc;
}

/* ---- sentences ------------------------------------------------------------------------------- */

static json_t *
sentence_row(const struct row_lists *lists)
{
    json_t *row = json_object();
    json_t *tokens = json_array();
    json_t *labels = json_array();
    for (size_t i = 0; i < lists->word_count; i++) {
        const struct data_word *word = &lists->words[i];
        json_array_append_new(tokens, json_stringn(lists->text.data + word->start, word->length));
        json_array_append_new(labels, json_string(lists->labels[i]));
    }
    json_object_set_new(row, "tokens", tokens);
    json_object_set_new(row, "labels", labels);
    return row;
}

static int
read_sentences(struct page *page, const struct source *source, struct err *err)
{
    struct reader *reader = &page->reader;
    struct conll conll = {
        .reader = reader, .at = source->bytes, .end = source->bytes + source->length, .line = 1};
    struct span sentence;
    while (conll_next(&conll, &sentence)) {
        if (reader_is_stopped(reader, err))
            return err->code;
        if (!is_wanted(page, sentence.length))
            continue;
        bool legal = conll_gather(&conll, &sentence, err);
        if (!legal && err->code != ERR_NONE)
            return err->code;
        put_row(page, sentence.line, legal ? sentence_row(&reader->lists) : NULL);
    }
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int
read_rows(struct page *page, const struct source *source, struct err *err)
{
    page->out->format = source->format;
    page->out->compressed = source->compressed;
    if (source->fault.code != NULL) {
        reader_fault(&page->reader, 0, source->fault.code, "%s", source->fault.message);
        page->out->fault = take_fault(page);
        return 0;
    }
    switch (source->format) {
    case DATA_JSONL:
    case DATA_JSON:
        return read_spans(page, source, err);
    case DATA_CSV:
        return read_table(page, source, ',', err);
    case DATA_TSV:
        return read_table(page, source, '\t', err);
    case DATA_CONLL:
        return read_sentences(page, source, err);
    }
    return 0;
}

int
preview_read(const struct preview_request *request, struct arena *arena, struct preview *out,
             struct err *err)
{
    static const struct data_columns usual = {0};
    const struct data_source wanted = {
        .path = request->path,
        .name = request->name,
        .should_stop = request->should_stop,
        .context = request->context,
    };
    struct source source;
    *out = (struct preview){0};
    if (request->limit == 0 || request->limit > PREVIEW_MAX_ROWS)
        return err_set(err, ERR_INVALID, "a page has 1 to %d rows", PREVIEW_MAX_ROWS);
    struct dataset *notes = mem_small(sizeof *notes);
    *notes = (struct dataset){.arena = arena};
    struct page page = {
        .request = request,
        .arena = arena,
        .out = out,
        .reader = {.dataset = notes, .source = &wanted, .columns = &usual},
    };
    int rc = source_open(&wanted, &source, err);
    if (rc == 0) {
        out->rows = arena_array(arena, request->limit, sizeof *out->rows);
        rc = read_rows(&page, &source, err);
    }
    source_close(&source);
    reader_fini(&page.reader);
    free(notes);
    return rc == 0 ? 0 : err_prefix(err, "%s", request->name);
}

void
preview_fini(struct preview *preview)
{
    for (size_t i = 0; i < preview->count; i++)
        json_decref(preview->rows[i].row);
    preview->count = 0;
}
