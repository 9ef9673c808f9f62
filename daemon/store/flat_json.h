/*
 * Reading JSON that we wrote ourselves: one object of plain names and numbers, without a blank.
 *
 * Tables hold a million of these, and a general parser makes a tree of each. What does not look so
 * (an escape, another kind of value) is not read: the caller then has a general parser, or a
 * damaged database. Private to this folder.
 */
#ifndef DAEMON_STORE_FLAT_JSON_H
#define DAEMON_STORE_FLAT_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct flat_json {
    const char *at;
    bool broken; /* nothing more is read */
};

/* The text behind its opening brace. */
struct flat_json flat_json_open(const char *text);

/* The next member's name, which stays in the text; false at the end, or when it is broken. */
bool flat_json_name(struct flat_json *json, const char **name, size_t *length);

/* This byte, or it is broken. */
void flat_json_expect(struct flat_json *json, char byte);

/* A number, 0 when it is broken. */
double flat_json_number(struct flat_json *json);

/* Read to the very end, and nothing was broken? */
bool flat_json_is_done(const struct flat_json *json);

#endif
