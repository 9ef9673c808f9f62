/* Errors as values; see err.h. A message too long for its buffer is cut, never overrun. */
#include "core/base/err.h"

#include "core/base/utf8.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_CHARACTER = 4 };

/* A message that was cut ends with a whole character: it may go into JSON. */
static void
end_whole(struct err *err)
{
    size_t used = strlen(err->message);
    if (used + 1 < sizeof err->message)
        return;
    size_t whole = utf8_valid_length(err->message, used);
    if (used - whole < LONGEST_CHARACTER)
        err->message[whole] = '\0';
}

int
err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    end_whole(err);
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
    end_whole(err);
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
    end_whole(err);
    return err->code;
}
