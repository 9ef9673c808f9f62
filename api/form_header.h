/*
 * The header block of one part of a form, and parameters of header values.
 *
 * Clients differ in how they write a quote inside a filename: backslash (curl) or %22 (browsers,
 * the official SDKs). Both are understood; any other backslash stands for itself.
 */
#ifndef API_FORM_HEADER_H
#define API_FORM_HEADER_H

#include "core/base/mem.h"
#include "daemon/fault.h"

#include <stddef.h>

/*
 * The value of a parameter in "token; a=b; c=\"d\"", unquoted; NULL when it is absent or the list
 * is malformed from there on.
 */
const char *form_parameter(const char *value, const char *name, struct arena *arena);

struct form_header {
    const char *name;
    const char *filename; /* NULL when there was none */
};

/* Read "Name: value" lines without the empty one at the end; -1 with BAD_REQUEST. */
int form_header_parse(const char *block, size_t length, struct arena *arena,
                      struct form_header *out, struct fault_list *faults);

#endif
