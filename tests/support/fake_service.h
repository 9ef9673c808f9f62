/*
 * A service without a daemon: the functions of daemon/service.h over a handful of things in memory.
 *
 * What it always holds: file-one (processed) and file-bad (status error, not valid UTF-8 in its
 * name), ftjob-queued, ftjob-running, ftjob-done and ftjob-failed, the base model "tiny" and the
 * fine-tuned "ft:tiny:local:mood:ftjob-do". Uploads are added to the files. Tests can make the next
 * call fail, hold slow calls at a gate, and ask what was called.
 */
#ifndef TESTS_SUPPORT_FAKE_SERVICE_H
#define TESTS_SUPPORT_FAKE_SERVICE_H

#include "daemon/service.h"

#include <stdbool.h>
#include <stddef.h>

#define FAKE_MODEL "ft:tiny:local:mood:ftjob-do"

enum { FAKE_METRIC_POINTS = 2500, FAKE_EVENTS = 25, FAKE_DIMENSIONS = 4 };

struct service *fake_service_new(void);
void fake_service_free(struct service *service);

/* The next call of any function that can fail adds this fault instead; param may be NULL. */
void fake_service_fail_next(struct service *service, enum fault_code code, const char *param,
                            size_t line);

void fake_service_set_ready(struct service *service, bool ready);

/* The fine-tuned model's, from now on. */
void fake_service_set_task(struct service *service, enum task task);

/* Calls of service_classify wait at the gate while it is closed. */
void fake_service_close_gate(struct service *service);
void fake_service_open_gate(struct service *service);

/* Return when `count` calls have come to the gate since the service was made. */
void fake_service_wait_at_gate(struct service *service, size_t count);

/*
 * Something happens to ftjob-running, and whoever waits is told: events and metric points come
 * (point `step` has train_loss = step / 2), a checkpoint of the last step, the job succeeds.
 */
void fake_service_add_progress(struct service *service, int64_t events, int64_t points);
void fake_service_add_checkpoint(struct service *service);
void fake_service_end_job(struct service *service);

/* All events of the jobs say something else, and whoever waits is told. */
void fake_service_rename_event(struct service *service, const char *message);

/* Tell of a change that is none. */
void fake_service_tell(struct service *service);

/* How many uploads were begun. */
size_t fake_service_uploads_begun(struct service *service);

/* Every archive of a model is the alphabet over and over, of this length. */
enum { FAKE_ARCHIVE_BYTES = 100000 };

/* Return when every archive that was opened is closed. */
void fake_service_wait_no_archives(struct service *service);

/* Return when every upload that was begun is finished or aborted. */
void fake_service_wait_no_uploads(struct service *service);

/* The bytes of the last upload that was finished; valid until the next one. */
const char *fake_service_last_upload(struct service *service, size_t *length);

#endif
