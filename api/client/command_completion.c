/* completion: the script that completes our command lines in a shell; see completion.h. */
#include "api/client/client.h"
#include "api/client/completion.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    void (*write)(struct buf *out, struct arena *arena);
} shells[] = {
    {"bash", completion_write_bash},
    {"zsh", completion_write_zsh},
    {"fish", completion_write_fish},
};

int
command_completion(struct client *client, const struct call *call)
{
    const char *wanted = call->given.operands[0];
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        struct buf script = {0};
        if (strcmp(shells[i].name, wanted) != 0)
            continue;
        shells[i].write(&script, client->arena);
        fputs(buf_string(&script), stdout);
        buf_fini(&script);
        return CLIENT_OK;
    }
    return client_usage(client, call->command, "there is no completion for the shell '%s'", wanted);
}
