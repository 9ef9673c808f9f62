/*
 * The whole interface as an OpenAPI 3.1 document, from the tables that the server itself works by:
 * routes, their operations, the fields of answers, the rows of requests, the error table, and the
 * parameters of jobs.
 */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "core/base/buf.h"

/* Append the document; version is the program's. */
void openapi_write(struct buf *out, const char *version);

#endif
