/*
 * Sending a reply: through the library, or past it.
 *
 * The library cannot answer a client that is still sending its body, and closing on such a client
 * loses the answer (it sees a broken pipe instead). So an early answer is written to the socket
 * directly, while the library goes on reading and we drop what it reads.
 */
#ifndef API_SEND_H
#define API_SEND_H

#include "api/reply.h"

#include <microhttpd.h>

/* Hand the reply over to the library; its bytes or descriptor are gone afterwards. */
enum MHD_Result send_reply_take(struct MHD_Connection *connection, struct reply *reply);

/* The same for a reply whose body the reader gives, as the library asks for it. The reply keeps
 * its stream. */
enum MHD_Result send_stream(struct MHD_Connection *connection, const struct reply *reply,
                            MHD_ContentReaderCallback reader, void *context);

/* Write a small reply with "Connection: close" to the socket; whoever cannot take it misses it. */
void send_early_take(int fd, struct reply *reply, bool without_body);

#endif
