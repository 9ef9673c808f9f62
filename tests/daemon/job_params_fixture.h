/* Parsing a create-job request in a test, and saying which faults it must have. */
#ifndef TESTS_DAEMON_JOB_PARAMS_FIXTURE_H
#define TESTS_DAEMON_JOB_PARAMS_FIXTURE_H

#include "daemon/job_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct parsed {
    struct arena *arena;
    struct job_request request;
    struct fault_list faults;
    int status;
};

static inline struct parsed
parse(const char *body, enum job_params_use use)
{
    struct parsed parsed = {.arena = arena_new()};
    parsed.faults.arena = parsed.arena;
    parsed.status =
        job_params_parse(body, strlen(body), use, parsed.arena, &parsed.request, &parsed.faults);
    assert_int_equal(parsed.status, parsed.faults.count > 0 ? -1 : 0);
    return parsed;
}

/* A request with the required fields and these members (", \"x\": 1"). */
static inline struct parsed
parse_with(const char *members)
{
    char body[8192];
    int length =
        snprintf(body, sizeof body, "{\"model\":\"m\",\"training_file\":\"file-a\"%s}", members);
    assert_in_range(length, 1, sizeof body - 1);
    return parse(body, JOB_PARAMS_API);
}

static inline void
release(struct parsed *parsed)
{
    arena_free(parsed->arena);
}

static inline void
assert_fault(const struct parsed *parsed, size_t index, enum fault_code code, const char *param,
             const char *words)
{
    if (index >= parsed->faults.count)
        fail_msg("there are only %zu faults, %s is missing", parsed->faults.count,
                 param != NULL ? param : "(none)");
    const struct fault *fault = &parsed->faults.items[index];
    if (fault->code != code || (param == NULL) != (fault->param == NULL) ||
        (param != NULL && strcmp(fault->param, param) != 0) ||
        strstr(fault->message, words) == NULL)
        fail_msg("fault %zu is %s, %s: %s", index, fault_code_name(fault->code),
                 fault->param != NULL ? fault->param : "(none)", fault->message);
}

/* The members parse without a fault. */
static inline void
assert_good(const char *members)
{
    struct parsed parsed = parse_with(members);
    if (parsed.faults.count > 0)
        fail_msg("%s: %s", members, parsed.faults.items[0].message);
    release(&parsed);
}

/* The members give exactly one fault. */
static inline void
assert_bad(const char *members, enum fault_code code, const char *param, const char *words)
{
    struct parsed parsed = parse_with(members);
    if (parsed.faults.count != 1)
        fail_msg("%s: %zu faults instead of one", members, parsed.faults.count);
    assert_fault(&parsed, 0, code, param, words);
    release(&parsed);
}

#endif
