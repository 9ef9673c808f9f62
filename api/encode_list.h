/* What all lists have in common; for the encode_*.c files only. */
#ifndef API_ENCODE_LIST_H
#define API_ENCODE_LIST_H

#include "api/json_out.h"
#include "daemon/service.h"

/* {"object":"list","data":[ */
void encode_list_begin(struct json_out *out);

/* ],"first_id":…,"last_id":…,"has_more":… and the brace stays open; ids NULL for an empty page. */
void encode_list_end(struct json_out *out, const char *first_id, const char *last_id,
                     bool has_more);

/* {"name":number,…} */
void encode_named_values(struct json_out *out, const char *key, const struct named_value *values,
                         size_t count);

/* OpenAI's name of one of our metrics, as an extra member where readers of the hosted API look. */
struct metric_alias {
    const char *alias;
    const char *metric;
};

enum { METRIC_ALIAS_COUNT = 4 };
extern const struct metric_alias metric_aliases[METRIC_ALIAS_COUNT];

#endif
