/* Paging parameters; see page.h. */
#include "api/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int
page_parse_integer(const struct target *target, const char *key, const int64_t range[2],
                   int64_t *out, struct fault_list *faults)
{
    const char *text = target_query(target, key);
    char *end = NULL;
    if (text == NULL)
        return 0;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool starts_well = (*text >= '0' && *text <= '9') || *text == '-';
    if (!starts_well || *end != '\0' || errno != 0 || value < range[0] || value > range[1])
        return fault_add(faults, FAULT_INVALID_PARAMETER, key,
                         "'%s' must be a whole number from %" PRId64 " to %" PRId64 ".", key,
                         range[0], range[1]);
    *out = value;
    return 0;
}

static int
parse_order(const struct target *target, struct page *out, struct fault_list *faults)
{
    const char *order = target_query(target, "order");
    if (order == NULL || strcmp(order, "desc") == 0)
        return 0;
    out->ascending = true;
    if (strcmp(order, "asc") == 0)
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, "order",
                     "'order' must be 'asc' (oldest first) or 'desc' (newest first).");
}

int
page_parse(const struct target *target, const struct page_limits *limits, struct page *out,
           struct fault_list *faults)
{
    int64_t limit = (int64_t)limits->standard;
    const int64_t range[2] = {1, (int64_t)limits->maximum};
    const char *after = target_query(target, "after");
    *out = (struct page){.after = after != NULL && *after != '\0' ? after : NULL};
    int bad_limit = page_parse_integer(target, "limit", range, &limit, faults);
    int bad_order = parse_order(target, out, faults);
    out->limit = (size_t)limit;
    return bad_limit != 0 || bad_order != 0 ? -1 : 0;
}
