/*
 * Paths of OpenAI's API that clients may call and that have no meaning here: the answer is 404 as
 * for any other path that is not served (never 501, which the SDKs repeat), but says why.
 */
#ifndef API_NOT_OFFERED_H
#define API_NOT_OFFERED_H

#include "api/target.h"

/* Why nothing is served there, a sentence or two; NULL for any other path. */
const char *not_offered_reason(const struct target *target);

#endif
