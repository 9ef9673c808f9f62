/*
 * Weights of dense layers once more, in the order in which an engine reads them: for a network that
 * does not learn, so that they need not be reordered for every product. The bits are the same.
 *
 *     panels_make(&network, &pages, &err)
 *     network.panels = pages.memory          NULL: the engine or the model takes none
 */
#ifndef CORE_MODEL_PANELS_H
#define CORE_MODEL_PANELS_H

#include "core/base/err.h"
#include "core/base/pages.h"
#include "core/model/network.h"

/*
 * The panels of all dense layers, each at its tensor's offset; what is no such weight takes no
 * memory. *panels, which is all zero without panels, is the caller's to unmap. ERR_MEMORY.
 */
int panels_make(const struct network *network, struct pages *panels, struct err *err);

/* Those of one kind of weights again, which have changed; nothing where there are no panels. */
void panels_renew(const struct network *network, enum tensor_kind kind, const struct pages *panels);

#endif
