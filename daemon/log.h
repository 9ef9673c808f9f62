/*
 * The log: six verbs, one line each, to standard error.
 *
 * A line is "LEVEL verb key=value …" or the same as a JSON object (log_line.h), UTF-8, so made that
 * text of a user can never forge a pair or a line. warn: someone should look; error: we failed a
 * promise. Thread-safe. Level and format are the program's only mutable globals beside the signal
 * flag.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include "core/base/err.h"

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level);

/* JSON lines carry the time; text lines leave it to whoever keeps them (journald, a terminal). */
enum log_format { LOG_TEXT, LOG_JSON };

void log_set_format(enum log_format format);

/* false and format untouched when the name is neither text nor json. */
bool log_format_from_name(const char *name, enum log_format *format);

/* false and level untouched when the name is none of debug, info, warn, error. */
bool log_level_from_name(const char *name, enum log_level *level);

void log_debug(const char *format, ...) ERR_PRINTF(1, 2);
void log_info(const char *format, ...) ERR_PRINTF(1, 2);
void log_warn(const char *format, ...) ERR_PRINTF(1, 2);
void log_error(const char *format, ...) ERR_PRINTF(1, 2);
void log_access(const char *format, ...) ERR_PRINTF(1, 2); /* one per HTTP request, level info */
_Noreturn void log_fatal(const char *format, ...) ERR_PRINTF(1, 2); /* for main only: exits 1 */

#endif
