/*
 * A body that has arrived (struct upload of service.h), as the rest of the service looks at it.
 */
#ifndef DAEMON_SERVICE_UPLOAD_BODY_H
#define DAEMON_SERVICE_UPLOAD_BODY_H

#include <stdint.h>

struct upload;

/* In the data directory's tmp/; who moves it away leaves nothing for service_upload_abort. */
const char *service_upload_path(const struct upload *upload);

int64_t service_upload_bytes(const struct upload *upload);

#endif
