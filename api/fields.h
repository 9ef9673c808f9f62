/*
 * The JSON objects that the API sends, as tables: one row per member.
 *
 * A row says the member's name, what it is, where its value lies in the seam's struct, when it is
 * null, and one sentence about it. fields_encode walks a table and writes the object; the same rows
 * become the schemas of /openapi.json, so that document and answers cannot differ.
 *
 * To add an object, in an encode_<resource>.c:
 *
 *     static const struct field_row cup_rows[] = {
 *         {"object", FIELD_WORD("cup"), .doc = "Always \"cup\"."},
 *         {"id", FIELD_STRING(struct cup_info, id), .doc = "Names the cup."},
 *         {"made_at", FIELD_TIME(struct cup_info, made_at), .doc = "When it was made."},
 *         {"millilitres", FIELD_INTEGER(struct cup_info, volume), .unset = FIELD_NULL_BELOW_ZERO,
 *          .doc = "How much it holds; null while unknown."},
 *     };
 *     const struct field_object cup_fields = FIELD_OBJECT("Cup", struct cup_info, cup_rows,
 *                                                         "Something to drink from.");
 *
 *     fields_encode(out, key, &cup_fields, &cup);
 *
 * and in an encode*.h `extern const struct field_object cup_fields;`, which the route's operation
 * names as its reply. A list is an object too: FIELD_LIST_ROWS, FIELD_LIST_IDS, FIELD_LIST_MORE,
 * see encode.c. What no kind covers is written by a small function of the row (FIELD_WRITTEN).
 */
#ifndef API_FIELDS_H
#define API_FIELDS_H

#include "api/json_out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field_object;

enum field_kind {
    FIELD_KIND_STRING,   /* const char * */
    FIELD_KIND_INTEGER,  /* int64_t */
    FIELD_KIND_COUNT,    /* size_t */
    FIELD_KIND_TIME,     /* int64_t, unix seconds */
    FIELD_KIND_REAL,     /* double */
    FIELD_KIND_BOOLEAN,  /* bool */
    FIELD_KIND_CHOICE,   /* an enumeration: its value is the place in `choices` */
    FIELD_KIND_CONST,    /* always `text`, a JSON value */
    FIELD_KIND_STRINGS,  /* const char *const *, with a count: an array */
    FIELD_KIND_NUMBERS,  /* const struct named_value *, with a count: {"name": number} */
    FIELD_KIND_WITHIN,   /* a struct inside this one, of `object` */
    FIELD_KIND_SAME,     /* an object of `object`, from this very struct */
    FIELD_KIND_LIST,     /* structs of `object`, with a count: an array */
    FIELD_KIND_FIRST_ID, /* of such structs, which begin with their id; null when there are none */
    FIELD_KIND_LAST_ID,
    FIELD_KIND_RAW,    /* const char *, the text of a JSON object */
    FIELD_KIND_WRITTEN /* what `write` appends; `schema` says what that is */
};

/* When a member has no value. */
enum field_unset {
    FIELD_ALWAYS_SET,
    FIELD_NULL_POINTER, /* strings, lists and raw JSON: NULL */
    FIELD_NULL_BELOW_ZERO,
    FIELD_NULL_BELOW_ONE
};

struct field_row {
    const char *name;
    enum field_kind kind;
    size_t offset;
    size_t count_offset;
    const struct field_object *object;
    const char *const *choices; /* words, the last one NULL; of a string: all it can be */
    const char *text;
    void (*write)(struct json_out *out, const char *key, const void *item);
    const char *schema; /* a JSON schema as text, instead of the one that the kind gives */
    enum field_unset unset;
    bool omitted; /* without a value it is left out; it is null otherwise */
    const char *doc;
    const char *lead; /* ",\"name\":", where FIELD_NAMED gave the name; NULL otherwise */
    size_t lead_bytes;
};

/* In place of the name, for objects of which a page has a thousand: how the name stands in the
 * text is a constant then. */
#define FIELD_NAMED(its_name)                                                                      \
    .name = (its_name), .lead = ",\"" its_name "\":", .lead_bytes = sizeof ",\"\":" its_name - 1

struct field_object {
    const char *name; /* of the schema: "FineTuningJob" */
    const char *doc;
    const struct field_row *rows;
    size_t row_count;
    size_t bytes; /* of the struct, so that lists can be walked */
};

/* The offset of a member, which must have this type: anything else does not compile. */
#define FIELD_OFFSET(type, member, member_type)                                                    \
    (offsetof(type, member) + 0 * sizeof(_Generic(((type *)0)->member, member_type : 1)))

#define FIELD_STRING(type, member)                                                                 \
    .kind = FIELD_KIND_STRING, .offset = FIELD_OFFSET(type, member, const char *)
#define FIELD_INTEGER(type, member)                                                                \
    .kind = FIELD_KIND_INTEGER, .offset = FIELD_OFFSET(type, member, int64_t)
#define FIELD_COUNT(type, member)                                                                  \
    .kind = FIELD_KIND_COUNT, .offset = FIELD_OFFSET(type, member, size_t)
#define FIELD_TIME(type, member)                                                                   \
    .kind = FIELD_KIND_TIME, .offset = FIELD_OFFSET(type, member, int64_t)
#define FIELD_REAL(type, member)                                                                   \
    .kind = FIELD_KIND_REAL, .offset = FIELD_OFFSET(type, member, double)
#define FIELD_BOOLEAN(type, member)                                                                \
    .kind = FIELD_KIND_BOOLEAN, .offset = FIELD_OFFSET(type, member, bool)
#define FIELD_CHOICE(type, member, words)                                                          \
    .kind = FIELD_KIND_CHOICE, .choices = (words), .offset = offsetof(type, member)
#define FIELD_RAW(type, member)                                                                    \
    .kind = FIELD_KIND_RAW, .offset = FIELD_OFFSET(type, member, const char *)
#define FIELD_STRINGS(type, member, count)                                                         \
    .kind = FIELD_KIND_STRINGS, .offset = FIELD_OFFSET(type, member, const char *const *),         \
    .count_offset = FIELD_OFFSET(type, count, size_t)
#define FIELD_NUMBERS(type, member, count)                                                         \
    .kind = FIELD_KIND_NUMBERS, .offset = FIELD_OFFSET(type, member, const struct named_value *),  \
    .count_offset = FIELD_OFFSET(type, count, size_t)
#define FIELD_WITHIN(type, member, of)                                                             \
    .kind = FIELD_KIND_WITHIN, .object = (of), .offset = offsetof(type, member)
#define FIELD_LIST(type, member, count, of)                                                        \
    .kind = FIELD_KIND_LIST, .object = (of), .offset = offsetof(type, member),                     \
    .count_offset = FIELD_OFFSET(type, count, size_t)
#define FIELD_SAME(of)           .kind = FIELD_KIND_SAME, .object = (of)
#define FIELD_JSON(json)         .kind = FIELD_KIND_CONST, .text = (json)
#define FIELD_WORD(word)         FIELD_JSON("\"" word "\"")
#define FIELD_WRITTEN(with, its) .kind = FIELD_KIND_WRITTEN, .write = (with), .schema = (its)

#define FIELD_OBJECT(its_name, type, its_rows, its_doc)                                            \
    {                                                                                              \
        .name = (its_name), .doc = (its_doc), .rows = (its_rows),                                  \
        .row_count = sizeof(its_rows) / sizeof((its_rows)[0]), .bytes = sizeof(type)               \
    }

/* Rows of a list: struct `type` has items and count, and has_more; with ids, the items begin with
 * their id. */
#define FIELD_LIST_ROWS(type, of)                                                                  \
    {"object", FIELD_WORD("list"), .doc = "Always \"list\"."},                                     \
    {                                                                                              \
        "data", FIELD_LIST(type, items, count, of), .doc = "The items of this page."               \
    }
#define FIELD_LIST_IDS(type, of)                                                                   \
    {"first_id", FIELD_ID(type, FIELD_KIND_FIRST_ID, of),                                          \
     .doc = "Of the first item; null on an empty page."},                                          \
    {                                                                                              \
        "last_id", FIELD_ID(type, FIELD_KIND_LAST_ID, of),                                         \
            .doc = "Of the last item; null on an empty page."                                      \
    }
#define FIELD_ID(type, which, of)                                                                  \
    .kind = (which), .object = (of),                                                               \
    .offset = offsetof(type, items) + 0 * FIELD_FIRST_IS_TEXT(((type *)0)->items->id),             \
    .count_offset = FIELD_OFFSET(type, count, size_t)
#define FIELD_FIRST_IS_TEXT(id) sizeof(_Generic((id), const char * : 1))
#define FIELD_LIST_MORE(type)                                                                      \
    {                                                                                              \
        "has_more", FIELD_BOOLEAN(type, has_more),                                                 \
            .doc = "Is there another page? Ask again with after set to the last id."               \
    }

/* Append one object, in the order of its rows. */
void fields_encode(struct json_out *out, const char *key, const struct field_object *object,
                   const void *item);

/* Has this member of the item a value? */
bool field_is_set(const struct field_row *row, const void *item);

/* The JSON schema of an object, all its members with their sentences; named objects are
 * references. */
void fields_object_schema(struct json_out *out, const char *key, const struct field_object *object);

#endif
