/* POST /v1/embeddings: texts to vectors of unit length, of base models and fine-tuned ones. */
#include "api/handlers/handlers.h"

#include "api/encode_embeddings.h"
#include "api/handlers/use.h"

static size_t
read_dimensions(const struct use_call *call)
{
    return use_count(call, "dimensions", use_count(call, "output_dimension", 0));
}

static struct reply
embed(struct use_call *call)
{
    struct request *request = call->request;
    use_inputs(call);
    struct embed_result result;
    const struct embed_call wanted = {
        .model = call->model,
        .inputs = call->inputs,
        .count = call->count,
        .pooling = use_is(call, "pooling", "cls") ? EMBED_FIRST : EMBED_MEAN,
        .dimensions = read_dimensions(call),
    };
    if (request->faults.count > 0 || service_embed(request->api->service, &wanted, request->arena,
                                                   &result, &request->faults) != 0)
        return request_faulty(request);
    struct buf body = {0};
    struct json_out out = {.buf = &body};
    encode_embeddings(&out, use_id(call, "embd-"), &result,
                      use_is(call, "encoding_format", "base64"));
    return reply_json_take(200, &body);
}

struct reply
handle_embeddings(struct request *request)
{
    struct use_call call;
    struct reply reply = use_open(request, &call) == 0 ? embed(&call) : request_faulty(request);
    use_close(&call);
    return reply;
}
