/* Warnings of a run's data; see run_cautions.h. */
#include "daemon/run_cautions.h"

#include "core/train/cautions.h"

int
run_cautions_tell(struct run_state *state, const struct train_request *request, struct err *err)
{
    struct arena *arena = arena_new(); /* not the run's: the training could use the memory */
    struct train_cautions *cautions = arena_alloc(arena, sizeof *cautions);
    int rc = train_cautions_find(state->plan, request, arena, cautions, err);
    for (size_t i = 0; rc == 0 && i < cautions->count; i++) {
        const struct run_event event = {
            .level = TRAIN_WARN,
            .message = cautions->items[i].message,
            .code = cautions->items[i].code,
        };
        rc = run_lines_event(state, &event, err);
    }
    arena_free(arena);
    return rc;
}
