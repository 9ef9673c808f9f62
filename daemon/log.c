/*
 * The log; see log.h. A line leaves in one write of at most PIPE_BUF bytes, which the kernel keeps
 * whole, so threads need no lock; what is longer is cut.
 */
#include "daemon/log.h"

#include "core/base/utf8.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 4096, ESCAPE_BYTES = 4, MESSAGE_BYTES = 3072 };

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

static _Atomic int threshold = LOG_INFO;

void
log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
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

/* Bytes of the printable character at the start, 0 for a control byte or broken UTF-8. */
static size_t
printable_length(const char *bytes, size_t left)
{
    unsigned char lead = (unsigned char)bytes[0];
    bool is_c1 = lead == 0xc2 && left > 1 && (unsigned char)bytes[1] < 0xa0;
    if (lead < 0x20 || lead == 0x7f || is_c1 || utf8_valid_length(bytes, left < 4 ? left : 4) == 0)
        return 0;
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Append the message with everything unprintable as \n or \xNN; returns the new length. */
static size_t
append_escaped(char *line, size_t used, const char *message)
{
    size_t left = strlen(message);
    while (left > 0 && used < LINE_BYTES - ESCAPE_BYTES - 2) {
        size_t length = printable_length(message, left);
        if (length > 0) {
            memcpy(line + used, message, length);
            used += length;
        } else {
            const char *format = *message == '\n' ? "\\n" : "\\x%02x";
            used +=
                (size_t)snprintf(line + used, LINE_BYTES - used, format, (unsigned char)*message);
            length = 1;
        }
        message += length;
        left -= length;
    }
    return used;
}

static void
write_line(const char *level, const char *format, va_list arguments)
{
    char message[MESSAGE_BYTES];
    char line[LINE_BYTES];
    vsnprintf(message, sizeof message, format, arguments);
    size_t used = (size_t)snprintf(line, sizeof line, "%s ", level);
    used = append_escaped(line, used, message);
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
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
