/*
 * A chat's text, by the one rule that training data follows too. Uses nothing of the service.
 */
#include "daemon/service_use.h"

#include "core/data/chat.h"

#include <stdbool.h>

int
service_chat_text(const json_t *messages, const char *param, struct arena *arena,
                  struct classify_input *out, struct fault_list *faults)
{
    struct err err;
    struct buf text = {0};
    *out = (struct classify_input){0};
    if (chat_text(messages, &text, &err) != 0) {
        buf_fini(&text);
        return fault_add(faults, FAULT_INVALID_PARAMETER, param, "'%s': %s.", param, err.message);
    }
    out->first = arena_copy_bytes(arena, buf_string(&text), text.length);
    out->first_length = text.length;
    buf_fini(&text);
    return 0;
}
