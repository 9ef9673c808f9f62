/* Names; see truncation.h. */
#include "core/text/truncation.h"

#include <stddef.h>
#include <string.h>

const char *
truncation_name(enum truncation truncation)
{
    switch (truncation) {
    case TRUNCATION_AUTO:
        return "auto";
    case TRUNCATION_HEAD:
        return "head";
    case TRUNCATION_TAIL:
        return "tail";
    case TRUNCATION_HEAD_TAIL:
        return "head_tail";
    }
    return "auto";
}

bool
truncation_find(const char *name, enum truncation *out)
{
    const enum truncation all[] = {TRUNCATION_HEAD, TRUNCATION_TAIL, TRUNCATION_HEAD_TAIL};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(name, truncation_name(all[i])) == 0) {
            *out = all[i];
            return true;
        }
    }
    return false;
}
