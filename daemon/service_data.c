/*
 * Looking into stored data sets: core/data's report and preview in the words of the seam.
 */
#include <stdlib.h>

#include "core/base/json.h"
#include "core/data/preview.h"
#include "core/data/report.h"
#include "daemon/service_state.h"
#include "daemon/store/files.h"

_Static_assert((int)FILE_ROWS_MAX == (int)PREVIEW_MAX_ROWS, "the seam promises what core gives");

/* Reading stops when the daemon does. */
static bool
is_stopping(void *context)
{
    const struct service *service = context;
    return atomic_load(&service->stopping);
}

static int
fault_reading(struct fault_list *faults, const struct err *err)
{
    if (err->code == ERR_STOPPED)
        return fault_add(faults, FAULT_NOT_READY, NULL,
                         "The daemon is stopping: send the request again when it is back.");
    if (err->code == ERR_MEMORY)
        return fault_add(faults, FAULT_BODY_TOO_LARGE, "file",
                         "The file does not fit into the memory that is free: %s. Split it.",
                         err->message);
    return fault_add_err(faults, err);
}

static struct data_fault_info
fault_info(const struct data_fault *fault, struct arena *arena)
{
    return (struct data_fault_info){
        .code = fault->code,
        .line = (int64_t)fault->line,
        .message = arena_copy_string(arena, fault->message),
    };
}

static struct data_lengths_info
lengths_info(const struct report_lengths *lengths)
{
    return (struct data_lengths_info){(int64_t)lengths->min, (int64_t)lengths->median,
                                      (int64_t)lengths->p95, (int64_t)lengths->max};
}

/* ---- the report ----------------------------------------------------------------------------- */

/* The model whose tokens are counted. */
struct counting {
    struct catalog_model model;
    struct tokenizer *tokenizer; /* NULL: none */
    size_t max_length;
};

static int
open_tokenizer(struct service *service, const struct report_query *query, struct arena *arena,
               struct counting *out, struct fault_list *faults)
{
    struct err err;
    struct model_summary summary;
    struct db *db = service_acquire(service, faults);
    if (db == NULL)
        return -1;
    int code = catalog_find(&service->catalog, db, query->model, arena, &out->model, &err);
    service_release(service, db);
    if (code == ERR_NOT_FOUND)
        return fault_add(faults, FAULT_MODEL_NOT_FOUND, "model", "%s", err.message);
    if (code != 0)
        return fault_add_err(faults, &err);
    if (model_dir_summarize(out->model.folder, false, arena, &summary, &err) != 0 ||
        tokenizer_open(out->model.folder, summary.config.vocab_size, &out->tokenizer, &err) != 0)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "model",
                         "Model '%.100s' does not load: %s.", out->model.id, err.message);
    out->max_length = query->max_seq_length > 0 ? (size_t)query->max_seq_length
                                                : (size_t)out->model.shape.max_seq_length;
    return 0;
}

static void
lists_info(const struct data_report *report, struct arena *arena, struct file_report *out)
{
    size_t faults = report->fault_count < DATA_FAULTS_KEPT ? report->fault_count : DATA_FAULTS_KEPT;
    struct data_fault_info *fault = arena_array(arena, faults, sizeof *fault);
    struct data_label_info *label = arena_array(arena, report->labels_listed, sizeof *label);
    struct data_warning_info *warning = arena_array(arena, report->warning_count, sizeof *warning);
    for (size_t i = 0; i < faults; i++)
        fault[i] = fault_info(&report->faults[i], arena);
    for (size_t i = 0; i < report->labels_listed; i++)
        label[i] =
            (struct data_label_info){report->labels[i].name, (int64_t)report->labels[i].count};
    for (size_t i = 0; i < report->warning_count; i++)
        warning[i] =
            (struct data_warning_info){report->warnings[i].code, report->warnings[i].message};
    out->faults = fault;
    out->faults_listed = faults;
    out->labels = label;
    out->labels_listed = report->labels_listed;
    out->warnings = warning;
    out->warning_count = report->warning_count;
}

static void
numbers_info(const struct data_report *report, struct arena *arena, struct file_report *out)
{
    struct data_numbers_info *numbers = arena_array(arena, report->number_count, sizeof *numbers);
    for (size_t i = 0; i < report->number_count; i++) {
        const struct report_numbers *of = &report->numbers[i];
        numbers[i] = (struct data_numbers_info){of->min, of->max, of->mean, of->deviation};
    }
    out->numbers = numbers;
    out->number_count = report->number_count;
}

static struct data_tags_info
tags_info(const struct report_tags *tags, struct arena *arena)
{
    struct data_entities_info *types = arena_array(arena, tags->types_listed, sizeof *types);
    for (size_t i = 0; i < tags->types_listed; i++)
        types[i] = (struct data_entities_info){tags->types[i].name, (int64_t)tags->types[i].count};
    return (struct data_tags_info){
        .scheme = tag_scheme_name(tags->scheme),
        .words = (int64_t)tags->words,
        .entities = (int64_t)tags->entities,
        .types = types,
        .type_count = tags->types_listed,
        .misplaced = (int64_t)tags->misplaced,
        .broken_rows = (int64_t)tags->broken_rows,
    };
}

static struct data_tokens_info
tokens_info(const struct data_report *report, const struct counting *counting)
{
    return (struct data_tokens_info){
        .model = counting->model.id,
        .max_seq_length = (int64_t)counting->max_length,
        .lengths = lengths_info(&report->token_length),
        .rows_over_length = (int64_t)report->over_length,
        .tokens = (int64_t)report->tokens,
        .unknown_tokens = (int64_t)report->unknown_tokens,
        .words_cut = (int64_t)report->words_cut,
        .tags_cut = (int64_t)report->tags_cut,
        .words_without_tokens = (int64_t)report->words_without_tokens,
    };
}

static void
report_info(const struct data_report *report, const struct counting *counting, struct arena *arena,
            struct file_report *out)
{
    *out = (struct file_report){
        .file = out->file,
        .format = data_format_name(report->format),
        .compressed = report->compressed,
        .form = row_form_name(report->form),
        .text = report->columns.text,
        .text_pair = report->columns.text_pair,
        .label = report->columns.label,
        .target = report->target,
        .task = report->task == TASK_AUTO ? NULL : task_name(report->task),
        .rows = (int64_t)report->rows,
        .fault_count = (int64_t)report->fault_count,
        .label_count = (int64_t)report->label_count,
        .unlabelled = (int64_t)report->unlabelled,
        .has_tags = report->task == TASK_TOKEN_CLASSIFICATION,
        .text_length = lengths_info(&report->text_length),
        .duplicates = (int64_t)report->duplicates,
        .conflicting_duplicates = (int64_t)report->conflicting_duplicates,
        .empty = (int64_t)report->empty,
        .has_tokens = report->has_tokens,
    };
    lists_info(report, arena, out);
    numbers_info(report, arena, out);
    if (out->has_tags)
        out->tags = tags_info(&report->tags, arena);
    if (report->has_tokens)
        out->tokens = tokens_info(report, counting);
}

int
service_file_report(struct service *service, const char *id, const struct report_query *query,
                    struct arena *arena, struct file_report *out, struct fault_list *faults)
{
    struct err err;
    struct file_info file;
    struct counting counting = {.tokenizer = NULL};
    struct data_report *report = arena_alloc(arena, sizeof *report);
    if (service_file_get(service, id, arena, &file, faults) != 0)
        return -1;
    if (query->model != NULL && open_tokenizer(service, query, arena, &counting, faults) != 0)
        return -1;
    struct report_request request = {
        .path = data_dir_file_path(service->store.dir, file.id, arena),
        .name = file.filename,
        .tokenizer = counting.tokenizer,
        .max_length = counting.max_length,
        .should_stop = is_stopping,
        .context = service,
    };
    int code = data_report_make(&request, arena, report, &err);
    tokenizer_free(counting.tokenizer);
    if (code != 0)
        return fault_reading(faults, &err);
    out->file = file.id;
    report_info(report, &counting, arena, out);
    return 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void
rows_info(const struct preview *preview, struct arena *arena, struct file_rows_info *out)
{
    out->items = arena_array(arena, preview->count, sizeof *out->items);
    out->count = preview->count;
    out->total = (int64_t)preview->total;
    out->has_more = preview->has_more;
    out->has_fault = preview->fault != NULL;
    if (out->has_fault)
        out->fault = fault_info(preview->fault, arena);
    for (size_t i = 0; i < preview->count; i++) {
        const struct preview_row *row = &preview->rows[i];
        struct file_row_info *item = &out->items[i];
        item->line = (int64_t)row->line;
        if (row->row != NULL) {
            char *text = json_text(row->row);
            item->row_json = arena_copy_string(arena, text);
            free(text);
        } else if (row->fault != NULL) {
            item->fault = fault_info(row->fault, arena);
        }
    }
}

int
service_file_rows(struct service *service, const char *id, int64_t offset, int64_t limit,
                  struct arena *arena, struct file_rows_info *out, struct fault_list *faults)
{
    struct err err;
    struct file_info file;
    struct preview preview;
    if (service_file_get(service, id, arena, &file, faults) != 0)
        return -1;
    struct preview_request request = {
        .path = data_dir_file_path(service->store.dir, file.id, arena),
        .name = file.filename,
        .offset = (size_t)offset,
        .limit = (size_t)limit,
        .should_stop = is_stopping,
        .context = service,
    };
    *out = (struct file_rows_info){.file = file.id, .offset = offset};
    int code = preview_read(&request, arena, &preview, &err);
    if (code == 0)
        rows_info(&preview, arena, out);
    preview_fini(&preview);
    return code == 0 ? 0 : fault_reading(faults, &err);
}
