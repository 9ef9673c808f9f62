/* Why a command failed; see client.h. */
#include "api/client/client.h"

#include <stdarg.h>
#include <stdio.h>

int
client_problem(struct client *client, enum client_exit code, const char *format, ...)
{
    struct buf text = {0}; /* what is said may quote the problem before */
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    buf_fini(&client->problem);
    client->problem = text;
    return code;
}

int
client_usage(struct client *client, const struct command *command, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return client_problem(client, CLIENT_USAGE,
                          "%s\nusage: finetunectl %s %s\n(finetunectl %s --help says more)",
                          sentence, command->name, command->arguments, command->name);
}
