/* A job's progress as one line; see bar.h. */
#include "api/client/bar.h"

#include "api/client/fields.h"
#include "api/client/text.h"

#include <math.h>
#include <string.h>

enum { BAR_WIDTH = 12 };

static void
append_number(struct buf *out, const json_t *job, const char *path, const char *format)
{
    double value = field_number(job, path);
    if (!isnan(value))
        buf_printf(out, format, value);
}

static void
append_numbers(struct buf *out, const json_t *job)
{
    double left = field_number(job, "progress.seconds_left");
    buf_printf(out, "step %lld/%lld", (long long)field_integer(job, "progress.step", 0),
               (long long)field_integer(job, "progress.total_steps", 0));
    append_number(out, job, "metrics.train_loss", "  loss %.3f");
    const char *accuracy = isnan(field_number(job, "metrics.valid_accuracy"))
                               ? "metrics.train_accuracy"
                               : "metrics.valid_accuracy";
    append_number(out, job, accuracy, "  acc %.3f");
    if (left > 0) {
        buf_append_string(out, "  ");
        text_append_duration(out, left);
        buf_append_string(out, " left");
    }
}

double
bar_fraction(const json_t *job)
{
    double percent = field_number(job, "progress.percent");
    return percent > 0 ? (percent < 100 ? percent / 100 : 1) : 0;
}

void
bar_append(struct buf *out, const json_t *job, size_t columns)
{
    struct buf line = {0};
    const char *status = field_text(job, "status", "?");
    if (strcmp(status, "queued") == 0) {
        buf_printf(&line, "queued, number %lld",
                   (long long)field_integer(job, "queue_position", 0));
    } else {
        double done = bar_fraction(job);
        int filled = (int)(done * BAR_WIDTH);
        if (strncmp(status, "paus", 4) == 0)
            buf_printf(&line, "%s  ", status);
        buf_printf(&line, "[%.*s%.*s] %3.0f%%  ", filled, "############", BAR_WIDTH - filled,
                   "............", done * 100);
        append_numbers(&line, job);
    }
    size_t width = text_width(buf_string(&line));
    text_append_cell(out, buf_string(&line), width < columns ? width : columns, false);
    buf_fini(&line);
}
