/* Texts of a row; see row_text.h. */
#include "core/data/row_text.h"

#include <string.h>

static bool
same_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

bool
row_text_same(const struct data_row *a, const struct data_row *b)
{
    return (a->pair == NULL) == (b->pair == NULL) &&
           same_bytes(a->text, a->text_length, b->text, b->text_length) &&
           same_bytes(a->pair, a->pair_length, b->pair, b->pair_length);
}

uint64_t
row_text_hash(const struct distinct *table, const struct data_row *row)
{
    uint64_t hash = distinct_hash(table, row->text, row->text_length);
    return row->pair == NULL ? hash : hash * 3 + distinct_hash(table, row->pair, row->pair_length);
}

static size_t
count_characters(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

size_t
row_text_characters(const struct data_row *row)
{
    return count_characters(row->text, row->text_length) +
           count_characters(row->pair, row->pair_length);
}

static bool
is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != ' ' && (text[i] < '\t' || text[i] > '\r'))
            return false;
    return true;
}

bool
row_text_is_blank(const struct data_row *row)
{
    return is_blank(row->text, row->text_length) && is_blank(row->pair, row->pair_length);
}
