/* /openapi.json, and /docs: a page that draws it. */
#include "api/handlers/handlers.h"

#include "api/docs_assets.h"

#include <string.h>

/* Nothing but our own files, and nobody may frame the page. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
};

static const char *
type_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (ending != NULL && strcmp(ending, types[i].ending) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

struct reply
handle_openapi(struct request *request)
{
    struct buf body = {0};
    buf_append(&body, request->api->openapi.data, request->api->openapi.length);
    return reply_json_take(200, &body);
}

static struct reply
send_asset(struct request *request, const char *name)
{
    const struct docs_asset *asset = docs_assets;
    while (asset->name != NULL && strcmp(asset->name, name) != 0)
        asset++;
    if (asset->name == NULL) {
        fault_add(&request->faults, FAULT_NOT_FOUND, NULL,
                  "The page /docs has no file of this name.");
        return request_faulty(request);
    }
    struct reply reply = reply_empty(200);
    buf_append(&reply.body, asset->bytes, asset->length);
    reply_add_header(&reply, "Content-Type", type_of(name));
    reply_add_header(&reply, "Content-Security-Policy", policy);
    reply_add_header(&reply, "Referrer-Policy", "no-referrer");
    return reply;
}

struct reply
handle_docs(struct request *request)
{
    return send_asset(request, "page.html");
}

struct reply
handle_docs_file(struct request *request)
{
    return send_asset(request, request_capture(request, 0));
}
