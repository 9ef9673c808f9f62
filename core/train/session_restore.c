/* A model that was saved of a run, back into its session; see session.h. */
#include "core/train/session.h"

#include "core/base/mem.h"

#include <string.h>

/* So many rows are copied before their pages are given back. */
enum { ROWS_AT_A_TIME = 64 };

/*
 * The saved file is mapped, so that word rows that no step has changed cost nothing; what has been
 * copied does not stay, for at a run's end memory is full enough.
 */
static void
copy_tensor(struct session *s, const struct tensor *to, const struct model_map *map,
            const struct tensor *from)
{
    float *parameters = session_parameters(s) + to->offset;
    const float *saved = model_map_parameters(map) + from->offset;
    size_t columns = to->columns, place = from->offset * sizeof *saved, copied = 0;
    bool every = to->kind != TENSOR_WORD_EMBEDDING || s->plan->params.weight_decay > 0;
    for (size_t row = 0; row < to->rows; row++) {
        if (!every && !s->optimizer.is_touched[row])
            continue;
        memcpy(parameters + row * columns, saved + row * columns, columns * sizeof *saved);
        if (++copied % ROWS_AT_A_TIME == 0)
            pages_forget(&map->pages, place, (row + 1) * columns * sizeof *saved);
    }
    pages_forget(&map->pages, place, to->rows * columns * sizeof *saved);
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
        copy_tensor(s, &s->layout.tensors[i], &map, &layout.tensors[i]);
    if (rc == 0)
        session_standardise_head(s);
    model_map_unload(&map);
    arena_free(arena);
    return rc;
}
