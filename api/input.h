/*
 * What a request may say, as tables: one row per parameter of a query or member of a body.
 *
 * A row says name, kind, range and what an absent value means. The same rows check a request before
 * its handler runs (every fault of a query in one answer), give the handler its values, and become
 * the parameters and schemas of /openapi.json: document and checks cannot differ. A table ends with
 * a row without a name. Query parameters that no row names are ignored, members of a body that no
 * row names are refused.
 *
 *     static const struct input_row cup_query[] = {
 *         INPUT_PAGE(20, 100),
 *         {"size", INPUT_CHOICE, .choices = sizes, .doc = "Only cups of this size."},
 *         {0},
 *     };
 *
 * and in the handler, where the checks have passed already: query_page(request),
 * query_choice(request, "size").
 */
#ifndef API_INPUT_H
#define API_INPUT_H

#include "api/target.h"
#include "daemon/service.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;

enum input_kind {
    INPUT_TEXT,    /* min to max characters; max 0: any */
    INPUT_INTEGER, /* min to max */
    INPUT_NUMBER,  /* of a body; min to max */
    INPUT_BOOLEAN, /* true or false; in a query also 1 and 0 */
    INPUT_CHOICE,  /* one of the choices */
    INPUT_FLAG,    /* of a query: there or not */
    INPUT_TEXTS,   /* at most max texts; in a query a,b or name=a&name=b or name[]=a */
    INPUT_PAIRS,   /* at most max pairs of texts; in a query name[key]=value */
    INPUT_FILE,    /* of a form */
    INPUT_VALUE    /* of a body: what `schema` says; the handler looks at it */
};

struct input_row {
    const char *name;
    enum input_kind kind;
    bool required;
    bool not_built; /* known, and refused unless it asks for nothing: null, false, 0, "", [], {} */
    bool unused;    /* of a body: taken from callers of other services, without effect */
    int64_t min, max;
    int64_t standard;           /* of an absent integer; of a choice its place */
    const char *const *choices; /* ends with NULL */
    const char *schema;         /* INPUT_VALUE: a JSON schema as text */
    const char *doc;
};

/* limit, after and order of a list. */
#define INPUT_PAGE(usual, most)                                                                    \
    {"limit",       INPUT_INTEGER,       .min = 1,                                                 \
     .max = (most), .standard = (usual), .doc = "Items on a page."},                               \
        {"after", INPUT_TEXT, .doc = "Continue behind the item with this id."},                    \
    {                                                                                              \
        "order", INPUT_CHOICE, .choices = input_orders,                                            \
                               .doc = "By time: newest first (desc) or oldest first (asc)."        \
    }
extern const char *const input_orders[];

/* ---- queries: the rows of the request's route ------------------------------------------------ */

/* Check all of a query; -1 with INVALID_PARAMETER, MISSING_PARAMETER or NOT_SUPPORTED_YET. */
int input_check_query(const struct input_row *rows, const struct target *target,
                      struct fault_list *faults);

/* Values of a query that was checked; the name must be a row's. */
int64_t query_integer(const struct request *request, const char *name);
bool query_boolean(const struct request *request, const char *name);
bool query_flag(const struct request *request, const char *name);
/* The place in the row's choices. */
size_t query_choice(const struct request *request, const char *name);
/* NULL when it is absent or empty. */
const char *query_text(const struct request *request, const char *name);
/* out has room for the row's max; the texts live in the request's arena. */
size_t query_texts(struct request *request, const char *name, const char **out);
size_t query_pairs(struct request *request, const char *name, struct metadata_filter *out);
struct page query_page(const struct request *request);

/* ---- bodies: the rows of the request's route ------------------------------------------------- */

/*
 * Parse the body, an object, and check its members by the rows; null means absent. NULL with all
 * its faults (INVALID_JSON, UNKNOWN_PARAMETER, MISSING_PARAMETER, INVALID_PARAMETER,
 * NOT_SUPPORTED_YET); otherwise a reference of the caller's.
 */
json_t *input_read_body(struct request *request);

/* A member that is there and not null, else NULL. */
const json_t *body_member(const json_t *body, const char *name);

#endif
