/* /livez, /readyz, /healthz (an alias of readyz for older probes) and /version. */
#include "api/handlers/handlers.h"

#include "api/encode.h"
#include "api/input.h"

#include <string.h>

static bool
wants_text(const struct request *request)
{
    return query_flag(request, "verbose");
}

struct reply
handle_livez(struct request *request)
{
    struct buf body = {0};
    if (wants_text(request)) {
        buf_append_string(&body, "[+]process ok\nlivez check passed\n");
        return reply_text_take(200, &body);
    }
    struct json_out out = {.buf = &body};
    encode_alive(&out);
    return reply_json_take(200, &body);
}

/* Kubernetes' way: one line a check. */
static void
print_checks(struct buf *out, const struct health *health)
{
    for (size_t i = 0; i < health->count; i++) {
        bool ok = strcmp(health->checks[i].state, "ok") == 0;
        buf_printf(out, "[%c]%s %s\n", ok ? '+' : '-', health->checks[i].name,
                   health->checks[i].state);
    }
    buf_printf(out, "readyz check %s\n", health->ready ? "passed" : "failed");
}

struct reply
handle_readyz(struct request *request)
{
    struct health health;
    struct buf body = {0};
    service_health(request->api->service, request->arena, &health);
    unsigned status = health.ready ? 200 : 503;
    if (wants_text(request)) {
        print_checks(&body, &health);
        return reply_text_take(status, &body);
    }
    struct json_out out = {.buf = &body};
    encode_health(&out, &health);
    return reply_json_take(status, &body);
}

struct reply
handle_version(struct request *request)
{
    struct version_info version;
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    service_version(request->api->service, request->arena, &version);
    encode_version(&out, &version);
    return reply_json_take(200, &body);
}
