/*
 * A model's parameters in memory: pages of its file where they can be, copied on write.
 *
 * The parameter array is one reservation. Where an F32 tensor's bytes stand in the file at the same
 * offset within a page as in the array, whole pages of the file are mapped privately over it; the
 * rest is copied or converted. The layout is moved a little so that this holds for the word
 * embedding, of which a job touches a fraction, and for all tensors of a file that
 * model_dir_save wrote. A page that nobody has written is the page cache's: several jobs and
 * predictors share it, and it costs no memory of this process's own. A file of PyTorch's serves as
 * well: its storages are F32 at multiples of 64.
 *
 * F16, BF16 and F64 weights, and those that stand transposed, are converted while they are loaded:
 * then all of the tensor is memory of the process's own, word rows that no text uses included, as
 * model_map_leaves_words tells beforehand. A model that model_dir_save writes is F32 and is mapped.
 *
 * The file must not change while it is mapped. Its size is checked when it is opened; a file that
 * is cut short afterwards raises SIGBUS where a lost page is read, and bytes changed in place show
 * through on pages that were not written yet. A file replaced by rename or removed does no harm.
 */
#ifndef CORE_HUB_MODEL_MAP_H
#define CORE_HUB_MODEL_MAP_H

#include "core/base/err.h"
#include "core/base/pages.h"
#include "core/base/pool.h"
#include "core/hub/model_dir.h"
#include "core/hub/safetensors.h"
#include "core/model/tensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_map {
    struct pages pages;  /* layout->total floats; NULL: not loaded */
    size_t mapped_bytes; /* how many of them are pages of the file */
    int fd;              /* of the weights file; meaningful when words_place is not 0 */
    size_t words_place;  /* where the word embedding stands in it as F32; 0: it does not */
};

struct model_map_source {
    const char *folder;
    uint64_t seed;     /* of tensors that the folder does not bring */
    struct pool *pool; /* what must be copied is copied on all its threads; NULL: on this one */
};

/*
 * As model_dir_load (its report, its errors), into memory of its own. layout is fresh from
 * tensor_layout_build; its offsets are moved. ERR_MEMORY. Nothing is held after a failure.
 */
int model_map_load(const struct model_map_source *from, struct tensor_layout *layout,
                   struct model_map *out, struct model_load_report *report, struct err *err);

/* Give everything back; an all-zero struct is fine. */
void model_map_unload(struct model_map *map);

/* layout->total floats. */
float *model_map_parameters(const struct model_map *map);

/*
 * Make the pages of these rows of the word embedding, used (V), the process's own now rather than
 * when they are first touched: reading a page of a file brings its neighbours along, writing does
 * not. Afterwards bytes of the file that change in place no longer show in these rows (a file cut
 * short takes even them away). Does nothing where the system cannot; ERR_IO when the file lost
 * bytes.
 */
int model_map_own_words(const struct model_map *map, const struct tensor_layout *layout,
                        const bool *used, struct err *err);

/* Would the word embedding of this folder be mapped, so that rows that no text uses cost nothing?
 * For estimates; false too when the folder cannot be loaded. */
bool model_map_leaves_words(const char *folder, const struct tensor_layout *layout);

/*
 * Where unchanged rows of the word embedding can be read without touching the map, for
 * model_dir_save. False when the file does not have them as F32. changed (V) is the caller's; the
 * rest lives as long as the map.
 */
bool model_map_rest(const struct model_map *map, const bool *changed, struct safetensors_rest *out);

#endif
