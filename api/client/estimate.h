/* What a job would come to (the answer to a dry run), for people. */
#ifndef API_CLIENT_ESTIMATE_H
#define API_CLIENT_ESTIMATE_H

#include <jansson.h>

void estimate_print(const json_t *estimate);

#endif
