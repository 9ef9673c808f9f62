/*
 * The log; see log.h. A line leaves in one write of at most PIPE_BUF bytes, which the kernel keeps
 * whole, so threads need no lock; what is longer is cut.
 */
#include "daemon/log.h"

#include "daemon/log_line.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 4096 };

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

static _Atomic int threshold = LOG_INFO;
static _Atomic int line_format = LOG_TEXT;

void
log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

void
log_set_format(enum log_format format)
{
    atomic_store(&line_format, (int)format);
}

bool
log_format_from_name(const char *name, enum log_format *format)
{
    static const char *const names[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            *format = (enum log_format)i;
            return true;
        }
    }
    return false;
}

bool
log_level_from_name(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(level_names[i], name) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* RFC 3339 with milliseconds, UTC. */
static void
print_time(char *out, size_t size)
{
    struct timespec now;
    struct tm utc;
    size_t used;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    used = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + used, size - used, ".%03ldZ", now.tv_nsec / 1000000);
}

static void
write_line(const char *level, const char *format, va_list arguments)
{
    struct log_line line;
    char out[LINE_BYTES];
    char time_text[40];
    size_t length;
    log_line_read(&line, format, arguments);
    if (atomic_load(&line_format) == (int)LOG_JSON) {
        print_time(time_text, sizeof time_text);
        length = log_line_json(&line, level, time_text, out, sizeof out);
    } else {
        length = log_line_text(&line, level, out, sizeof out);
    }
    ssize_t written = write(STDERR_FILENO, out, length);
    (void)written; /* a log that cannot be written has nowhere to say so */
}

static void
write_level(enum log_level level, const char *format, va_list arguments)
{
    if ((int)level >= atomic_load(&threshold))
        write_line(level_names[level], format, arguments);
}

void
log_debug(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_level(LOG_DEBUG, format, arguments);
    va_end(arguments);
}

void
log_info(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_level(LOG_INFO, format, arguments);
    va_end(arguments);
}

void
log_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_level(LOG_WARN, format, arguments);
    va_end(arguments);
}

void
log_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_level(LOG_ERROR, format, arguments);
    va_end(arguments);
}

void
log_access(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_level(LOG_INFO, format, arguments);
    va_end(arguments);
}

void
log_fatal(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line("fatal", format, arguments);
    va_end(arguments);
    exit(1);
}
