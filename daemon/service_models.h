/*
 * What service_*.c files share about models, beside service.h.
 */
#ifndef DAEMON_SERVICE_MODELS_H
#define DAEMON_SERVICE_MODELS_H

#include "daemon/service.h"
#include "daemon/work/catalog.h"
#include "daemon/work/folder_files.h"

/* Find a model and list its files with their hashes. SLOW the first time. */
int service_model_hashed_files(struct service *service, const char *id, struct arena *arena,
                               struct catalog_model *model, struct folder_files *out,
                               struct fault_list *faults);

#endif
