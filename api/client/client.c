/* Why a command failed; see client.h. */
#include "api/client/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int
client_problem(struct client *client, enum client_exit code, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort(); /* as mem.h does for a few bytes */
    buf_clear(&client->problem);
    buf_append(&client->problem, text, (size_t)length);
    free(text);
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
