/* Text for people's terminals; see text.h. */
#include "api/client/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <utf8proc.h>

enum { NARROWEST = 40 };

/* COLUMNS, when somebody has set it to a sensible number; 0 otherwise. */
static size_t
wanted_columns(void)
{
    const char *text = getenv("COLUMNS");
    if (text == NULL || text[0] == '\0' || strspn(text, "0123456789") != strlen(text) ||
        strlen(text) > 4)
        return 0;
    size_t columns = strtoul(text, NULL, 10);
    return columns > 0 && columns < NARROWEST ? NARROWEST : columns;
}

size_t
text_columns(FILE *file)
{
    size_t wanted = wanted_columns();
    if (wanted > 0)
        return wanted;
    struct winsize size = {0};
    int fd = fileno(file);
    if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return TEXT_COLUMNS;
    return size.ws_col < NARROWEST ? NARROWEST : size.ws_col;
}

/* Marks and isolates that reorder what stands after them. */
static bool
is_direction_mark(utf8proc_int32_t c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static bool
is_harmful(utf8proc_int32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
           is_direction_mark(c);
}

/*
 * The character at text: *bytes long, *columns wide. false when it must not reach a terminal; it is
 * then to be shown as one '?'.
 */
static bool
next_character(const char *text, size_t *bytes, size_t *columns)
{
    utf8proc_int32_t c = -1;
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &c);
    *bytes = used > 0 ? (size_t)used : 1;
    *columns = 1;
    if (used <= 0 || is_harmful(c))
        return false;
    int width = utf8proc_charwidth(c);
    *columns = width < 0 ? 0 : (size_t)width;
    return true;
}

/* Append characters while they fit; returns the columns used, *rest is what did not fit. */
static size_t
append_fitting(struct buf *out, const char *text, size_t limit, const char **rest)
{
    size_t used = 0;
    while (*text != '\0') {
        size_t bytes = 0, columns = 0;
        bool good = next_character(text, &bytes, &columns);
        if (used + columns > limit)
            break;
        buf_append(out, good ? text : "?", good ? bytes : 1);
        used += columns;
        text += bytes;
    }
    *rest = text;
    return used;
}

void
text_append_safe(struct buf *out, const char *text)
{
    const char *rest = NULL;
    append_fitting(out, text, SIZE_MAX / 2, &rest);
}

void
text_append_safe_lines(struct buf *out, const char *text, size_t indent)
{
    for (;;) {
        size_t length = strcspn(text, "\n");
        struct buf line = {0};
        buf_append(&line, text, length);
        text_append_safe(out, buf_string(&line));
        buf_fini(&line);
        if (text[length] == '\0')
            return;
        buf_printf(out, "\n%*s", (int)indent, "");
        text += length + 1;
    }
}

size_t
text_width(const char *text)
{
    struct buf scratch = {0};
    const char *rest = NULL;
    size_t width = append_fitting(&scratch, text, SIZE_MAX / 2, &rest);
    buf_fini(&scratch);
    return width;
}

void
text_append_cell(struct buf *out, const char *text, size_t width, bool right)
{
    static const char ellipsis[] = "...";
    size_t dots = sizeof ellipsis - 1;
    size_t full = text_width(text);
    const char *rest = NULL;
    if (full > width && width > dots) {
        size_t used = append_fitting(out, text, width - dots, &rest);
        buf_append_string(out, ellipsis);
        buf_printf(out, "%*s", (int)(width - dots - used), "");
        return;
    }
    size_t padding = full < width ? width - full : 0;
    if (right)
        buf_printf(out, "%*s", (int)padding, "");
    append_fitting(out, text, width, &rest);
    if (!right)
        buf_printf(out, "%*s", (int)padding, "");
}

void
text_append_wrapped(struct buf *out, const char *text, size_t indent, size_t columns)
{
    size_t at = indent;
    struct buf word = {0};
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        buf_clear(&word);
        buf_append(&word, text, length);
        size_t width = text_width(buf_string(&word));
        if (at > indent && at + 1 + width > columns) {
            buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            buf_append(out, " ", 1);
            at++;
        }
        text_append_safe(out, buf_string(&word));
        at += width;
        text += length;
        text += strspn(text, " ");
    }
    buf_fini(&word);
}

void
text_append_duration(struct buf *out, double seconds)
{
    if (!(seconds >= 0 && seconds < 1e15)) {
        buf_append_string(out, "?");
        return;
    }
    long long s = (long long)(seconds + 0.5);
    if (s < 60)
        buf_printf(out, "%lld s", s);
    else if (s < 3600)
        buf_printf(out, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        buf_printf(out, "%lld h %lld min", s / 3600, s / 60 % 60);
    else
        buf_printf(out, "%lld d %lld h", s / 86400, s / 3600 % 24);
}

void
text_append_bytes(struct buf *out, double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1000;
        unit++;
    }
    buf_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

void
text_append_time(struct buf *out, int64_t unix_seconds)
{
    time_t when = (time_t)unix_seconds;
    struct tm parts = {0};
    char text[32];
    if (localtime_r(&when, &parts) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        buf_append_string(out, "?");
    else
        buf_append_string(out, text);
}
