/* A model that was saved of a run, back into its session; see session.h. */
#include "core/train/session.h"

#include "core/base/mem.h"

#include <string.h>

/* The saved file is mapped, so that word rows that no step has changed cost nothing. */
static void
copy_tensor(struct session *s, const struct tensor *to, const float *from)
{
    float *parameters = session_parameters(s) + to->offset;
    size_t columns = to->columns;
    if (to->kind != TENSOR_WORD_EMBEDDING || s->plan->params.weight_decay > 0) {
        memcpy(parameters, from, to->rows * columns * sizeof *from);
        return;
    }
    for (size_t i = 0; i < s->optimizer.touched_count; i++) {
        size_t row = s->optimizer.touched[i];
        memcpy(parameters + row * columns, from + row * columns, columns * sizeof *from);
    }
}

int
session_restore_model(struct session *s, const char *folder, struct err *err)
{
    struct arena *arena = arena_new();
    struct tensor_layout layout;
    struct model_map map = {0};
    struct model_load_report report;
    const struct model_map_source from = {.folder = folder};
    int rc = tensor_layout_build(&s->plan->config, arena, &layout, err);
    if (rc == 0)
        rc = model_map_load(&from, &layout, &map, &report, err);
    if (rc == 0 && (report.random_weights || report.missing_pooler || report.missing_classifier))
        rc = err_set(err, ERR_INVALID, "it lacks weights that it was saved with");
    for (size_t i = 0; rc == 0 && i < layout.count; i++)
        copy_tensor(s, &s->layout.tensors[i],
                    model_map_parameters(&map) + layout.tensors[i].offset);
    if (rc == 0)
        session_standardise_head(s);
    model_map_unload(&map);
    arena_free(arena);
    return rc;
}
