/*
 * The usual line of JSON Lines, read without a JSON parser. Private to core/data.
 *
 * Nearly every line of nearly every data set is one object whose values are all plain strings:
 * no escapes, no numbers, nothing nested. Such a line can be cut up where it lies, five times as
 * fast as a parser builds a tree. Every other line, whatever is wrong with it, is the parser's.
 */
#ifndef CORE_DATA_JSONL_FLAT_H
#define CORE_DATA_JSONL_FLAT_H

#include <stdbool.h>
#include <stddef.h>

enum { JSONL_FLAT_MEMBERS = 8 };

/* Strings between their quotes, where they lie in the line. */
struct flat_member {
    const char *key;
    size_t key_length;
    const char *value;
    size_t value_length;
};

struct flat_object {
    struct flat_member members[JSONL_FLAT_MEMBERS];
    size_t count;
};

/*
 * Cut up a line of valid UTF-8. False when it is not of the usual kind: more than
 * JSONL_FLAT_MEMBERS members, a key twice, a backslash or a control character in a string, a value
 * that is no string, or no JSON at all.
 */
bool jsonl_flat_read(const char *line, size_t length, struct flat_object *out);

/* The member of this name, or NULL. */
const struct flat_member *jsonl_flat_find(const struct flat_object *object, const char *name);

#endif
