/* Ranges and entity tags; see range.h. */
#include "api/range.h"

#include "api/etag.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Digits at *text, which moves behind them; false when there are none or too many. */
static bool
read_number(const char **text, int64_t *out)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 18)
        return false;
    *out = strtoll(*text, NULL, 10);
    *text += digits;
    return true;
}

enum outcome { RANGE_WHOLE, RANGE_PART, RANGE_UNSATISFIABLE };

static enum outcome
read_range(const char *text, int64_t size, int64_t *first, int64_t *last)
{
    static const char unit[] = "bytes=";
    int64_t suffix = 0;
    if (strncmp(text, unit, sizeof unit - 1) != 0)
        return RANGE_WHOLE;
    text += sizeof unit - 1;
    if (*text == '-') {
        text++;
        if (!read_number(&text, &suffix) || *text != '\0')
            return RANGE_WHOLE;
        *first = suffix < size ? size - suffix : 0;
        *last = size - 1;
        return suffix > 0 && size > 0 ? RANGE_PART : RANGE_UNSATISFIABLE;
    }
    if (!read_number(&text, first) || *text++ != '-')
        return RANGE_WHOLE;
    *last = size - 1;
    if (*text != '\0' && (!read_number(&text, last) || *text != '\0' || *last < *first))
        return RANGE_WHOLE;
    if (*last >= size)
        *last = size - 1;
    return *first < size ? RANGE_PART : RANGE_UNSATISFIABLE;
}

void
range_apply(struct reply *reply, const struct headers *headers, struct arena *arena)
{
    int64_t first = 0;
    int64_t last = 0;
    if (!reply_has_parts(reply) || reply->status != 200)
        return;
    if (reply->etag != NULL && headers->if_none_match != NULL &&
        etag_is_listed(headers->if_none_match, reply->etag)) {
        reply_drop_body(reply, 304);
        return;
    }
    bool changed = headers->if_range != NULL &&
                   (reply->etag == NULL || strcmp(headers->if_range, reply->etag) != 0);
    if (headers->range == NULL || changed)
        return;
    int64_t size = reply->length;
    enum outcome outcome = read_range(headers->range, size, &first, &last);
    if (outcome == RANGE_WHOLE)
        return;
    if (outcome == RANGE_UNSATISFIABLE) {
        reply_drop_body(reply, 416);
        reply_add_header(reply, "Content-Range", arena_printf(arena, "bytes */%" PRId64, size));
        return;
    }
    reply->status = 206;
    reply->offset = first;
    reply->length = last - first + 1;
    reply_add_header(
        reply, "Content-Range",
        arena_printf(arena, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, first, last, size));
}
