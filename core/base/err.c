/* Errors as values; see err.h. A message too long for its buffer is cut, never overrun. */
#include "core/base/err.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return code;
}

int
err_set_errno(struct err *err, const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    size_t used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, ": %s", strerror(saved));
    bool full = saved == ENOSPC || saved == EDQUOT || saved == EROFS;
    err->code = full ? ERR_FULL : ERR_IO;
    return err->code;
}

int
err_prefix(struct err *err, const char *format, ...)
{
    char text[2 * sizeof err->message];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof err->message, format, args);
    va_end(args);
    size_t used = length < 0 ? 0 : (size_t)length;
    if (used >= sizeof err->message)
        used = sizeof err->message - 1;
    snprintf(text + used, sizeof text - used, ": %s", err->message);
    text[sizeof err->message - 1] = '\0';
    memcpy(err->message, text, sizeof err->message);
    return err->code;
}
