/*
 * The linear probe of a session: its rows, and its classifier in the place of the session's. A
 * session of METHOD_LINEAR_PROBE holds an evaluator for them and nothing that training needs; one
 * that trains has its workspace for them, which is idle before the first step.
 */
#include "core/train/session.h"

#include "core/base/mem.h"
#include "core/model/panels.h"

/* The texts that the probe learns from; thinned into s->probed where there are more than wanted. */
static int
choose_rows(struct session *s, const struct token_store **rows, struct err *err)
{
    size_t most = s->plan->probe_rows;
    *rows = &s->training;
    if (most == 0 || token_store_texts(&s->training) <= most)
        return 0;
    *rows = &s->probed;
    return s->probed.rows > 0 ? 0 : probe_thin(&s->training, most, &s->probed, err);
}

int
session_reserve_probe(struct session *s, const struct evaluator_room *room, struct err *err)
{
    const struct token_store *rows;
    size_t words = s->plan->config.vocab_size;
    s->untouched = mem_array(words, sizeof *s->untouched);
    if (s->untouched == NULL)
        return err_set(err, ERR_MEMORY, "a vocabulary of %zu does not fit into memory", words);
    s->has_rest = model_map_rest(&s->model, s->untouched, &s->rest);
    if (choose_rows(s, &rows, err) != 0 || panels_make(&s->network, &s->panels, err) != 0)
        return err->code;
    s->network.panels = s->panels.memory;
    return evaluator_init_host(&s->prober, rows, &s->plan->config, room, err);
}

static int
borrow_workspace(struct session *s, struct err *err)
{
    const struct token_store *rows;
    if (choose_rows(s, &rows, err) != 0)
        return err->code;
    return evaluator_init_in(&s->prober, rows, &s->plan->config, &s->workspace, err);
}

int
session_probe_head(struct session *s, const struct session_probe *how, struct probe_facts *facts,
                   struct err *err)
{
    bool borrows = s->prober.store == NULL;
    const struct probe_call call = {.evaluator = &s->prober,
                                    .network = &s->network,
                                    .pool = how->pool,
                                    .should_stop = how->should_stop,
                                    .context = how->context};
    int rc = borrows ? borrow_workspace(s, err) : 0;
    if (rc == 0)
        rc = probe_fit(&call, session_parameters(s), facts, err);
    panels_renew(&s->network, TENSOR_CLASSIFIER_WEIGHT, &s->panels);
    if (borrows) {
        evaluator_fini(&s->prober);
        token_store_fini(&s->probed);
        s->probed = (struct token_store){0};
    }
    return rc;
}
