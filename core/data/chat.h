/*
 * Chat messages as a classifier sees them: the last user message is the text, the last assistant
 * message after it the label.
 *
 * Training rows and predictions go through the same function, so a model is asked what it was
 * trained on. System and developer messages, tool messages and earlier turns are left out; a count
 * of them is kept so that a report can say so. A content is a string or a list of parts
 * {"type":"text","text":…}, which are joined by line ends.
 */
#ifndef CORE_DATA_CHAT_H
#define CORE_DATA_CHAT_H

#include "core/base/buf.h"
#include "core/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { CHAT_MAX_MESSAGES = 10000 };

struct chat {
    bool has_text;        /* there is a user message */
    struct buf text;      /* of the last one */
    bool has_answer;      /* an assistant message stands after it */
    struct buf answer;    /* of the last such */
    bool answer_left_out; /* it has "weight": 0: not to be trained on */
    size_t instructions;  /* system and developer messages */
    size_t tool_messages; /* tool and function messages */
    size_t earlier_turns; /* user and assistant messages before the last user message */
};

/*
 * Read a list of messages. ERR_INVALID with a sentence that names the message and the member, as in
 * "messages[2].content: …"; a conversation without a user message is none of these: see has_text.
 * The result is to be released with chat_fini in any case, and may be used again for the next list.
 */
int chat_read(const json_t *messages, struct chat *out, struct err *err);
void chat_fini(struct chat *chat);

/*
 * For predictions: append the last user message's text to out (lengths are carried: it may hold
 * U+0000). ERR_INVALID as chat_read, and when there is no user message.
 */
int chat_text(const json_t *messages, struct buf *out, struct err *err);

#endif
