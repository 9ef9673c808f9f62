/*
 * Telling systemd how we are: one datagram to $NOTIFY_SOCKET, as sd_notify(3) describes it.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "core/base/err.h"

/* Send "READY=1", "STOPPING=1", …; 0 also when nobody asked to be told. */
int notify_send(const char *state, struct err *err);

/* Send that the configuration is being read again, with the time that Type=notify-reload asks for;
 * "READY=1" says that it is done. */
int notify_reloading(struct err *err);

#endif
