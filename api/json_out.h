/*
 * Writing JSON, straight into a buffer: compact, in the order of the calls.
 *
 * Every value function takes the key, NULL for an element of an array and for the outermost value.
 * The result is always valid JSON: what is not UTF-8 in a string becomes U+FFFD, numbers that JSON
 * cannot say become null. Reals are the shortest text that reads back to the same bits.
 */
#ifndef API_JSON_OUT_H
#define API_JSON_OUT_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_out {
    struct buf *buf;
    bool needs_comma;
    int64_t now; /* unix seconds, for members that are told relative to it */
    /* What an encoder has written for an item and will write for it again; belongs to encoders. */
    struct {
        const void *item;
        size_t at, length; /* of the value in the buffer */
    } again;
};

void json_out_object(struct json_out *out, const char *key);
void json_out_end_object(struct json_out *out);
void json_out_array(struct json_out *out, const char *key);
void json_out_end_array(struct json_out *out);

void json_out_null(struct json_out *out, const char *key);
void json_out_bool(struct json_out *out, const char *key, bool value);
void json_out_integer(struct json_out *out, const char *key, int64_t value);
void json_out_real(struct json_out *out, const char *key, double value);
void json_out_float(struct json_out *out, const char *key, float value);

/* NULL is null. */
void json_out_string(struct json_out *out, const char *key, const char *value);

/* Text that is one JSON value already; NULL is null. */
void json_out_raw(struct json_out *out, const char *key, const char *json);

/* The comma, the key and the colon of the next value, which then has no key: ",\"name\":". */
void json_out_lead(struct json_out *out, const char *lead, size_t length);

/* A value that stands in the buffer already, once more. */
void json_out_copy(struct json_out *out, const char *key, size_t at, size_t length);

/* The members of the text of a JSON object (no blanks around it), into the object that is open. */
void json_out_members(struct json_out *out, const char *json);

#endif
