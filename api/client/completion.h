/*
 * Shell completion scripts, written from the command table: commands, options, choices, files.
 */
#ifndef API_CLIENT_COMPLETION_H
#define API_CLIENT_COMPLETION_H

#include "api/client/client.h"

/*
 * What may stand behind an option (or as the only operand of a command): "a b c" from "a|b|c" or
 * "[a|b|c]", or NULL when it is no choice.
 */
const char *completion_choices(const char *value, struct arena *arena);

void completion_write_bash(struct buf *out, struct arena *arena);
void completion_write_zsh(struct buf *out, struct arena *arena);
void completion_write_fish(struct buf *out, struct arena *arena);

#endif
