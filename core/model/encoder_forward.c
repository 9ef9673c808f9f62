/* The forward pass; see encoder.h. Its backward is the neighbouring file. */
#include "core/model/embedding.h"
#include "core/model/head.h"
#include "core/model/layer.h"
#include "core/model/loss.h"

#include <assert.h>

static void
forward_chunk(void *context, size_t item, size_t thread)
{
    const struct pass *pass = context;
    struct chunk chunk = chunk_of(pass, item, thread);
    struct layer_activations first_layer = layer_view(&chunk, 0);
    embedding_forward(&chunk, first_layer.input);
    for (size_t layer = 0; layer < pass->network->config->layers; layer++) {
        if (pass_stopped(pass))
            return;
        layer_forward(&chunk, layer);
    }
    head_forward(&chunk);
    loss_judge(&chunk);
}

void
encoder_forward(const struct pass *pass)
{
    assert(pass->batch->tokens <= pass->workspace->group_tokens);
    pool_run(pass->pool, forward_chunk, (void *)(uintptr_t)pass, pass->batch->chunks);
}
