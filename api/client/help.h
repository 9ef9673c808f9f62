/* The help texts, from the command table. */
#ifndef API_CLIENT_HELP_H
#define API_CLIENT_HELP_H

#include "api/client/client.h"

#define HELP_DEFAULT_URL "http://127.0.0.1:8765"

/* All commands. */
void help_print(void);

/* One command: what it does, its options, an example. */
void help_print_command(const struct command *command, struct arena *arena);

#endif
