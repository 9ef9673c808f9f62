/* Paging parameters: limit, after and order, with each list's own default and maximum. */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "api/target.h"
#include "daemon/service.h"

struct page_limits {
    size_t standard; /* when the client says nothing */
    size_t maximum;
};

/* -1 with INVALID_PARAMETER for a limit that is no number from 1 to maximum, or another order. */
int page_parse(const struct target *target, const struct page_limits *limits, struct page *out,
               struct fault_list *faults);

/* An integer parameter between low and high; *out is untouched when it is absent. */
int page_parse_integer(const struct target *target, const char *key, const int64_t range[2],
                       int64_t *out, struct fault_list *faults);

#endif
