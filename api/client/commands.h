/*
 * THE command table of finetunectl, and finding a row in it.
 *
 * A command is one row; help, usage lines, shell completion and the reading of its command line
 * follow from it. A name of two words is a command of a group ("files upload"); the group's name
 * alone means its first row.
 */
#ifndef API_CLIENT_COMMANDS_H
#define API_CLIENT_COMMANDS_H

#include "api/client/client.h"

/* Row i, or NULL behind the last. */
const struct command *commands_row(size_t i);

/* Length of the first word of a command's name, and the second word, or NULL. */
size_t commands_group_length(const struct command *command);
const char *commands_second_word(const struct command *command);

/*
 * The command that the words begin with; *used is how many of them name it. NULL with a problem
 * that says which command is nearest.
 */
const struct command *commands_find(struct client *client, const char *const *words, size_t count,
                                    size_t *used);

/* The options of a command: its own, and those of a job where it takes them. */
void commands_options(const struct command *command, struct arena *arena, struct job_flags *out);

#endif
