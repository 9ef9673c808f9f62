/* The answer to a dry run; see estimate.h. */
#include "api/client/estimate.h"

#include "api/client/fields.h"
#include "api/client/lines.h"
#include "api/client/text.h"

#include <stdlib.h>

static void
write_rows(const json_t *estimate, struct buf *out)
{
    int64_t rows = field_integer(estimate, "rows", 0);
    int64_t in_epoch = field_integer(estimate, "epoch_rows", rows);
    buf_printf(out, "%lld to learn from", (long long)rows);
    if (in_epoch != rows)
        buf_printf(out, " (%lld in an epoch)", (long long)in_epoch);
    buf_printf(out, ", %lld for validation, %lld for the test",
               (long long)field_integer(estimate, "validation_rows", 0),
               (long long)field_integer(estimate, "test_rows", 0));
}

static void
write_steps(const json_t *estimate, struct buf *out)
{
    buf_printf(out, "%lld, about %.3g tokens", (long long)field_integer(estimate, "total_steps", 0),
               field_number(estimate, "tokens"));
}

static void
write_time(const json_t *estimate, struct buf *out)
{
    buf_append_string(out, "about ");
    text_append_duration(out, field_number(estimate, "seconds"));
}

static void
write_memory(const json_t *estimate, struct buf *out)
{
    text_append_bytes(out, field_number(estimate, "peak_memory_bytes"));
}

static void
write_disk(const json_t *estimate, struct buf *out)
{
    buf_append_string(out, "at most ");
    text_append_bytes(out, field_number(estimate, "disk_bytes"));
}

static void
write_parameters(const json_t *estimate, struct buf *out)
{
    field_append_pairs(field(estimate, "parameters"), out);
}

static const struct line lines[] = {
    {"rows", write_rows},     {"steps", write_steps}, {"time", write_time},
    {"memory", write_memory}, {"disk", write_disk},   {"parameters", write_parameters},
};

void
estimate_print(const json_t *estimate)
{
    const json_t *warnings = field(estimate, "warnings");
    lines_print(lines, sizeof lines / sizeof lines[0], estimate);
    for (size_t i = 0; i < json_array_size(warnings); i++)
        lines_print_one("warning", field_text(json_array_get(warnings, i), "message", "?"));
    lines_say("nothing was started");
}
