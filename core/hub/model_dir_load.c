/*
 * A folder's weights into the parameter array; see model_dir.h.
 *
 * First every tensor is found and checked; only when all is well are values converted.
 * model_dir_check stops before that, and model_dir_verify behind the sums.
 */
#include "core/hub/model_dir.h"

#include "core/hub/model_source.h"

int
model_dir_check(const char *folder, const struct tensor_layout *layout,
                struct model_load_report *report, struct err *err)
{
    struct model_source source;
    int rc = model_source_open(folder, layout, &source, report, err);
    model_source_close(&source);
    return rc;
}

int
model_dir_verify(const char *folder, const struct tensor_layout *layout,
                 struct model_load_report *report, struct err *err)
{
    struct model_source source;
    int rc = model_source_open(folder, layout, &source, report, err);
    if (rc == 0)
        rc = model_source_verify(&source, layout, err);
    model_source_close(&source);
    return rc;
}

int
model_dir_load(const char *folder, const struct tensor_layout *layout, uint64_t seed,
               float *parameters, struct model_load_report *report, struct err *err)
{
    struct model_source source;
    int rc = model_source_open(folder, layout, &source, report, err);
    if (rc == 0)
        rc = model_source_verify(&source, layout, err);
    for (size_t i = 0; i < layout->count && rc == 0; i++)
        model_source_read(&source, layout, i, seed, parameters);
    model_source_close(&source);
    return rc;
}
