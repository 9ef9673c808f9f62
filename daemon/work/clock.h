/* Time for measuring how long something takes: never goes back, says nothing about the date. */
#ifndef DAEMON_WORK_CLOCK_H
#define DAEMON_WORK_CLOCK_H

#include <stdint.h>

/* Milliseconds of the monotonic clock. */
int64_t clock_now_ms(void);

#endif
