/* files report: what a labelled file holds, and what is wrong with it. */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/lines.h"

#include <stdio.h>

enum { LABELS_SHOWN = 20, FAULTS_SHOWN = 10 };

static long long
number(const json_t *report, const char *path)
{
    return (long long)field_integer(report, path, 0);
}

static void
write_format(const json_t *report, struct buf *out)
{
    buf_append_string(out, field_text(report, "format", "?"));
    if (json_is_true(field(report, "compressed")))
        buf_append_string(out, ", gzip");
    lines_append_part(out, "", field_text(report, "form", NULL));
}

static void
write_columns(const json_t *report, struct buf *out)
{
    lines_append_part(out, "text ", field_text(report, "columns.text", NULL));
    lines_append_part(out, "pair ", field_text(report, "columns.text_pair", NULL));
    lines_append_part(out, "label ", field_text(report, "columns.label", NULL));
}

static void
write_task(const json_t *report, struct buf *out)
{
    buf_append_string(out, field_text(report, "task", ""));
}

static void
write_rows(const json_t *report, struct buf *out)
{
    buf_printf(out, "%lld", number(report, "rows"));
    if (number(report, "fault_count") > 0)
        buf_printf(out, ", %lld with faults", number(report, "fault_count"));
    if (number(report, "duplicates") > 0)
        buf_printf(out, ", %lld duplicates, %lld of them with another label",
                   number(report, "duplicates"), number(report, "conflicting_duplicates"));
    if (number(report, "empty") > 0)
        buf_printf(out, ", %lld empty", number(report, "empty"));
}

static void
write_labels(const json_t *report, struct buf *out)
{
    const json_t *labels = field(report, "labels");
    size_t count = json_array_size(labels);
    if (count == 0)
        return;
    buf_printf(out, "%lld:", number(report, "label_count"));
    for (size_t i = 0; i < count && i < LABELS_SHOWN; i++)
        buf_printf(out, " %s (%lld)%s", field_text(json_array_get(labels, i), "label", "?"),
                   number(json_array_get(labels, i), "rows"), i + 1 < count ? "," : "");
    if (count > LABELS_SHOWN)
        buf_append_string(out, " ...");
}

static void
write_numbers(const json_t *report, struct buf *out)
{
    const json_t *numbers = field(report, "numbers");
    for (size_t i = 0; i < json_array_size(numbers) && i < LABELS_SHOWN; i++) {
        const json_t *of = json_array_get(numbers, i);
        buf_printf(out, "%s%g to %g, mean %g, deviation %g", i > 0 ? "; " : "",
                   json_number_value(json_object_get(of, "min")),
                   json_number_value(json_object_get(of, "max")),
                   json_number_value(json_object_get(of, "mean")),
                   json_number_value(json_object_get(of, "deviation")));
    }
    if (json_array_size(numbers) > LABELS_SHOWN)
        buf_append_string(out, "; ...");
}

static void
write_entities(const json_t *report, struct buf *out)
{
    const json_t *entities = field(report, "tags.entities");
    size_t count = json_array_size(entities);
    if (entities == NULL)
        return;
    buf_printf(out, "%lld in %lld words (%s)%s", number(report, "tags.entity_count"),
               number(report, "tags.words"), field_text(report, "tags.scheme", "?"),
               count > 0 ? ":" : "");
    for (size_t i = 0; i < count && i < LABELS_SHOWN; i++)
        buf_printf(out, " %s (%lld)%s", field_text(json_array_get(entities, i), "type", "?"),
                   number(json_array_get(entities, i), "count"), i + 1 < count ? "," : "");
    if (count > LABELS_SHOWN)
        buf_append_string(out, " ...");
}

static void
write_lengths(const json_t *lengths, const char *unit, struct buf *out)
{
    if (lengths != NULL)
        buf_printf(out, "%lld to %lld %s, half of them up to %lld, 95 %% up to %lld",
                   number(lengths, "min"), number(lengths, "max"), unit, number(lengths, "median"),
                   number(lengths, "p95"));
}

static void
write_text(const json_t *report, struct buf *out)
{
    write_lengths(field(report, "text_length"), "characters", out);
}

static void
write_tokens(const json_t *report, struct buf *out)
{
    write_lengths(field(report, "tokens.lengths"), "tokens", out);
    if (number(report, "tokens.rows_over_length") > 0)
        buf_printf(out, "; %lld rows are longer than the %lld that are read",
                   number(report, "tokens.rows_over_length"),
                   number(report, "tokens.max_seq_length"));
    if (number(report, "tokens.unknown_tokens") > 0)
        buf_printf(out, "; %lld of %lld are not in the vocabulary",
                   number(report, "tokens.unknown_tokens"), number(report, "tokens.tokens"));
}

static const struct line lines[] = {
    {"format", write_format},     {"columns", write_columns}, {"task", write_task},
    {"rows", write_rows},         {"labels", write_labels},   {"numbers", write_numbers},
    {"entities", write_entities}, {"text", write_text},       {"tokens", write_tokens},
};

static void
print_faults(const json_t *report)
{
    const json_t *faults = field(report, "faults");
    size_t count = json_array_size(faults);
    for (size_t i = 0; i < count && i < FAULTS_SHOWN; i++) {
        const json_t *fault = json_array_get(faults, i);
        struct buf text = {0};
        if (number(fault, "line") > 0)
            buf_printf(&text, "line %lld: ", number(fault, "line"));
        buf_append_string(&text, field_text(fault, "message", "?"));
        lines_print_one("fault", buf_string(&text));
        buf_fini(&text);
    }
    if (count > FAULTS_SHOWN)
        lines_print_one("", "(there are more: --json has the first hundred)");
}

static void
print_report(const json_t *report)
{
    const json_t *warnings = field(report, "warnings");
    lines_print(lines, sizeof lines / sizeof lines[0], report);
    print_faults(report);
    for (size_t i = 0; i < json_array_size(warnings); i++)
        lines_print_one("warning", field_text(json_array_get(warnings, i), "message", "?"));
}

int
command_file_report(struct client *client, const struct call *call)
{
    json_t *report = NULL;
    const char *model = options_value(&call->given, "model");
    const char *path = http_path(client, "/v1/files/", call->given.operands[0], "/report");
    if (model != NULL)
        path = http_path(client, arena_printf(client->arena, "%s?model=", path), model, "");
    int result = http_get(client, path, &report);
    if (result != CLIENT_OK)
        return result;
    if (client->json)
        field_print(report, stdout);
    else
        print_report(report);
    json_decref(report);
    return CLIENT_OK;
}
