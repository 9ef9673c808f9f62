/*
 * Errors as values: what went wrong, in words a person can act on.
 *
 * A function that can fail returns 0 or a negative enum err_code and fills the struct err that its
 * caller passed last. Callers add context on the way up with err_prefix, so that the finished
 * message reads from the outside in: "load model m: model.safetensors: tensor 'x': short read".
 * Messages never hold errno numbers, SQL or addresses.
 */
#ifndef CORE_BASE_ERR_H
#define CORE_BASE_ERR_H

#include <stdarg.h>

enum err_code {
    ERR_NONE = 0,
    ERR_INVALID = -1,     /* the input is wrong: file, field, option */
    ERR_IO = -2,          /* the operating system refused or failed */
    ERR_FULL = -3,        /* no room left on a disk, or it is read-only */
    ERR_MEMORY = -4,      /* a large allocation did not fit */
    ERR_STOPPED = -5,     /* the caller asked to stop */
    ERR_NOT_FOUND = -6,   /* the named thing does not exist */
    ERR_CONFLICT = -7,    /* the thing's state forbids it */
    ERR_UNSUPPORTED = -8, /* legal elsewhere, not built here */
    ERR_DIVERGED = -9,    /* loss or gradient is no longer finite */
    ERR_INTERNAL = -10    /* our own mistake */
};

struct err {
    enum err_code code;
    char message[1024];
};

#if defined(__GNUC__)
#define ERR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ERR_PRINTF(text, first)
#endif

/* Fill err and return code, so that a caller can write: return err_set(err, ERR_IO, "..."). */
int err_set(struct err *err, enum err_code code, const char *format, ...) ERR_PRINTF(3, 4);

/* As err_set, with the meaning of errno appended in words; ENOSPC, EDQUOT and EROFS: ERR_FULL. */
int err_set_errno(struct err *err, const char *format, ...) ERR_PRINTF(2, 3);

/* Put "context: " in front of the message and return the code that err already holds. */
int err_prefix(struct err *err, const char *format, ...) ERR_PRINTF(2, 3);

#endif
