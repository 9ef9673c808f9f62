/*
 * Taking over options while the service runs, for daemon/main.c.
 */
#ifndef DAEMON_SERVICE_RELOAD_H
#define DAEMON_SERVICE_RELOAD_H

#include "daemon/service_run.h"

/*
 * Scan the models directories again and take over what may change while jobs run: models_dirs,
 * aliases, max_file_bytes, min_free_bytes, keep; the other options are not looked at. All or
 * nothing: ERR_INVALID for what service_open would refuse. A base model that is gone from the
 * directories, or is another one now, stays as it was while a job that has not ended needs it.
 * Call on the thread that opened the service, between service_start and service_stop.
 */
int service_reload(struct service *service, const struct service_options *options, struct err *err);

#endif
