/* Normal texts; see normal_text.h. */
#include "core/data/normal_text.h"

#include <stddef.h>

/* What is left of a row's text. */
struct cursor {
    const char *at, *end;
    const char *pair; /* is still to come; NULL: not */
    size_t pair_length;
};

enum { NOTHING = -1 };

static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->end && is_blank(*cursor->at))
        cursor->at++;
}

static struct cursor
start(const struct data_row *row)
{
    struct cursor cursor = {row->text, row->text + row->text_length, row->pair, row->pair_length};
    skip_blanks(&cursor);
    return cursor;
}

/* The next byte of the normal text, or NOTHING. */
static int
next(struct cursor *cursor)
{
    bool blank = cursor->at < cursor->end && is_blank(*cursor->at);
    skip_blanks(cursor);
    if (cursor->at == cursor->end) {
        if (cursor->pair == NULL)
            return NOTHING;
        cursor->at = cursor->pair;
        cursor->end = cursor->pair + cursor->pair_length;
        cursor->pair = NULL;
        skip_blanks(cursor);
        return '\n';
    }
    return blank ? ' ' : (unsigned char)*cursor->at++;
}

void
normal_text_write(const struct data_row *row, struct buf *out)
{
    struct cursor cursor = start(row);
    buf_clear(out);
    for (int byte = next(&cursor); byte != NOTHING; byte = next(&cursor)) {
        char c = (char)byte;
        buf_append(out, &c, 1);
    }
}

bool
normal_text_same(const struct data_row *a, const struct data_row *b)
{
    struct cursor left = start(a);
    struct cursor right = start(b);
    for (;;) {
        int byte = next(&left);
        if (byte != next(&right))
            return false;
        if (byte == NOTHING)
            return true;
    }
}
