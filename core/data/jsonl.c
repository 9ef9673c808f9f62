/* JSON Lines and JSON arrays; see jsonl.h. Rows are json_row.h's. */
#include "core/data/jsonl.h"

#include "core/data/json_row.h"
#include "core/data/spans.h"

int
jsonl_read(struct reader *reader, const char *bytes, size_t length, struct err *err)
{
    struct span_walk walk = span_walk_lines(bytes, length);
    struct span span;
    reader->unit = "line";
    while (span_next_line(&walk, &span) == SPAN_ROW) {
        if (reader_is_full(reader, span.line))
            break;
        if (reader_is_stopped(reader, err) || json_row_read(reader, &span, err) != 0)
            return err->code;
    }
    return 0;
}

int
jsonl_read_array(struct reader *reader, const char *bytes, size_t length, struct err *err)
{
    struct span_walk walk = span_walk_array(bytes, length);
    struct span span;
    const char *complaint = NULL;
    enum span_step step;
    reader->unit = "element";
    while ((step = span_next_element(&walk, &span, &complaint)) == SPAN_ROW) {
        if (reader_is_full(reader, span.line))
            return 0;
        if (reader_is_stopped(reader, err) || json_row_read(reader, &span, err) != 0)
            return err->code;
    }
    if (step == SPAN_BROKEN)
        reader_fault(reader, walk.line, "invalid_json", "%s", complaint);
    return 0;
}
