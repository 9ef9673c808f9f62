/*
 * Shell completion; see completion.h. Names, choices and documents in the table are ours, and hold
 * no quotes but those that are escaped here.
 */
#include "api/client/completion.h"

#include "api/client/commands.h"

#include <string.h>

static const struct option_row globals[] = {
    {"json", 0, NULL, "Answer in JSON, one value a line."},
    {"url", 0, "URL", "Where the daemon answers."},
    {"help", 0, NULL, "Options and an example."},
};

enum { GLOBAL_COUNT = sizeof globals / sizeof globals[0] };

const char *
completion_choices(const char *value, struct arena *arena)
{
    if (value == NULL || strchr(value, '|') == NULL || strpbrk(value, " =.") != NULL)
        return NULL;
    size_t length = strlen(value);
    bool bracketed = value[0] == '[';
    char *words = arena_copy_bytes(arena, value + bracketed, length - 2 * bracketed);
    for (char *c = words; *c != '\0'; c++)
        *c = *c == '|' ? ' ' : *c;
    return words;
}

static bool
is_optional(const struct option_row *option)
{
    return option->value != NULL && option->value[0] == '[';
}

static bool
is_file(const struct option_row *option)
{
    return strcmp(option->value, "FILE") == 0;
}

/* Does row i begin its group (or is it a command of one word)? */
static bool
begins_group(size_t i)
{
    const struct command *command = commands_row(i);
    if (i == 0)
        return true;
    size_t length = commands_group_length(command);
    const struct command *before = commands_row(i - 1);
    return commands_group_length(before) != length ||
           memcmp(before->name, command->name, length) != 0;
}

static const char *
first_word(const struct command *command, struct arena *arena)
{
    return arena_copy_bytes(arena, command->name, commands_group_length(command));
}

/* "submit ls show …": the first words; or "ls upload …", the second words of a group; or the groups
 * themselves. */
static void
append_first_words(struct buf *out, bool only_groups, struct arena *arena)
{
    const struct command *command = NULL;
    const char *joint = "";
    for (size_t i = 0; (command = commands_row(i)) != NULL; i++) {
        if (!begins_group(i) || (only_groups && commands_second_word(command) == NULL))
            continue;
        buf_printf(out, "%s%s", joint, first_word(command, arena));
        joint = " ";
    }
}

static void
append_second_words(struct buf *out, const char *group, struct arena *arena)
{
    const struct command *command = NULL;
    const char *joint = "";
    for (size_t i = 0; (command = commands_row(i)) != NULL; i++) {
        if (commands_second_word(command) == NULL || strcmp(first_word(command, arena), group) != 0)
            continue;
        buf_printf(out, "%s%s", joint, commands_second_word(command));
        joint = " ";
    }
}

/* ---- bash ----------------------------------------------------------------------------------- */

static void
append_bash_command(struct buf *out, const struct command *command, struct arena *arena)
{
    struct job_flags flags;
    const char *operands = completion_choices(command->arguments, arena);
    commands_options(command, arena, &flags);
    buf_printf(out, "    '%s' | '%s '*)\n        case $before in\n", command->name, command->name);
    for (size_t i = 0; i < flags.table.count; i++) {
        const struct option_row *option = &flags.table.rows[i];
        const char *choices = completion_choices(option->value, arena);
        if (option->value != NULL && !is_optional(option))
            buf_printf(out, "        --%s) words='%s' ;;\n", option->name,
                       choices != NULL ? choices : "");
    }
    buf_printf(out, "        *) [[ $word == -* ]] && words='--json --url --help");
    for (size_t i = 0; i < flags.table.count; i++)
        buf_printf(out, " --%s", flags.table.rows[i].name);
    buf_printf(out, "' || words='%s' ;;\n        esac ;;\n", operands != NULL ? operands : "");
}

void
completion_write_bash(struct buf *out, struct arena *arena)
{
    const struct command *command = NULL;
    buf_append_string(out,
                      "# Completion of finetunectl for bash: where there is nothing to choose, "
                      "file names.\n_finetunectl() {\n"
                      "    local word=${COMP_WORDS[COMP_CWORD]} i command= words=\n"
                      "    local before=${COMP_WORDS[COMP_CWORD-1]}\n"
                      "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                      "        case ${COMP_WORDS[i]} in\n"
                      "        --url) i=$((i + 1)) ;;\n"
                      "        -*) ;;\n"
                      "        *) command=\"$command${command:+ }${COMP_WORDS[i]}\" ;;\n"
                      "        esac\n"
                      "    done\n"
                      "    case $command in\n"
                      "    '') words='");
    append_first_words(out, false, arena);
    buf_append_string(out, " --json --url --help --version' ;;\n");
    for (size_t i = 0; (command = commands_row(i)) != NULL; i++) {
        if (begins_group(i) && commands_second_word(command) != NULL) {
            buf_printf(out, "    '%s') words='", first_word(command, arena));
            append_second_words(out, first_word(command, arena), arena);
            buf_append_string(out, "' ;;\n");
        }
        append_bash_command(out, command, arena);
    }
    buf_append_string(out, "    esac\n"
                           "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                           "}\n"
                           "complete -o default -F _finetunectl finetunectl\n");
}

/* ---- zsh ------------------------------------------------------------------------------------ */

/* Inside single quotes, inside brackets, before a colon. */
static void
append_zsh_text(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buf_append_string(out, "'\\'");
        else if (strchr("[]:\\", *text) != NULL)
            buf_append_string(out, "\\");
        buf_append(out, text, 1);
    }
}

static void
append_zsh_option(struct buf *out, const struct option_row *option, struct arena *arena)
{
    const char *choices = completion_choices(option->value, arena);
    bool optional = is_optional(option);
    buf_printf(out, " \\\n            '*--%s%s[", option->name,
               option->value == NULL ? ""
               : optional            ? "=-"
                                     : "=");
    append_zsh_text(out, option->doc);
    buf_append_string(out, "]");
    if (option->value != NULL) {
        buf_append_string(out, optional ? "::" : ":");
        append_zsh_text(out, choices != NULL ? "choice" : option->value);
        if (choices != NULL)
            buf_printf(out, ":(%s)", choices);
        else
            buf_append_string(out, is_file(option) ? ":_files" : ": ");
    }
    buf_append_string(out, "'");
}

static void
append_zsh_command(struct buf *out, const char *word, const struct command *command,
                   struct arena *arena)
{
    struct job_flags flags;
    const char *operands = completion_choices(command->arguments, arena);
    commands_options(command, arena, &flags);
    buf_printf(out, "        %s)\n        _arguments", word);
    for (size_t i = 0; i < GLOBAL_COUNT; i++)
        append_zsh_option(out, &globals[i], arena);
    for (size_t i = 0; i < flags.table.count; i++)
        append_zsh_option(out, &flags.table.rows[i], arena);
    if (operands != NULL)
        buf_printf(out, " \\\n            '*:choice:(%s)' ;;\n", operands);
    else
        buf_append_string(out, " \\\n            '*:argument:_files' ;;\n");
}

/* The function of a group: its second words, and then their options. */
static void
append_zsh_group(struct buf *out, const char *group, struct arena *arena)
{
    const struct command *command = NULL;
    buf_printf(out,
               "_finetunectl_%s() {\n    local line state\n"
               "    _arguments -C '1:command:(",
               group);
    append_second_words(out, group, arena);
    buf_append_string(out, ")' '*::argument:->rest'\n    [[ $state == rest ]] || return 0\n"
                           "    case $line[1] in\n");
    for (size_t i = 0; (command = commands_row(i)) != NULL; i++) {
        if (commands_second_word(command) != NULL && strcmp(first_word(command, arena), group) == 0)
            append_zsh_command(out, commands_second_word(command), command, arena);
    }
    buf_append_string(out, "    esac\n}\n\n");
}

void
completion_write_zsh(struct buf *out, struct arena *arena)
{
    const struct command *command = NULL;
    buf_append_string(out, "#compdef finetunectl\n# Completion of finetunectl for zsh.\n\n");
    for (size_t i = 0; (command = commands_row(i)) != NULL; i++) {
        if (begins_group(i) && commands_second_word(command) != NULL)
            append_zsh_group(out, first_word(command, arena), arena);
    }
    buf_append_string(out, "_finetunectl() {\n    local line state\n    _arguments -C");
    for (size_t i = 0; i < GLOBAL_COUNT; i++)
        append_zsh_option(out, &globals[i], arena);
    buf_append_string(out, " \\\n            '1:command:(");
    append_first_words(out, false, arena);
    buf_append_string(out, ")' '*::argument:->rest'\n    [[ $state == rest ]] || return 0\n"
                           "    case $line[1] in\n");
    for (size_t i = 0; (command = commands_row(i)) != NULL; i++) {
        const char *word = first_word(command, arena);
        if (commands_second_word(command) == NULL)
            append_zsh_command(out, word, command, arena);
        else if (begins_group(i))
            buf_printf(out, "        %s) _finetunectl_%s ;;\n", word, word);
    }
    buf_append_string(out, "    esac\n}\n\n"
                           "if [[ $funcstack[1] == _finetunectl ]]; then\n"
                           "    _finetunectl \"$@\"\n"
                           "else\n"
                           "    compdef _finetunectl finetunectl\n"
                           "fi\n");
}

/* ---- fish ----------------------------------------------------------------------------------- */

static void
append_fish_text(struct buf *out, const char *text)
{
    buf_append_string(out, "'");
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            buf_append_string(out, "\\");
        buf_append(out, text, 1);
    }
    buf_append_string(out, "'");
}

static void
append_fish_option(struct buf *out, const char *condition, const struct option_row *option,
                   struct arena *arena)
{
    const char *choices = completion_choices(option->value, arena);
    buf_append_string(out, "complete -c finetunectl");
    if (condition != NULL)
        buf_printf(out, " -n '%s'", condition);
    buf_printf(out, " -l %s", option->name);
    if (option->letter != 0)
        buf_printf(out, " -s %c", option->letter);
    if (choices != NULL)
        buf_printf(out, " %s '%s'", is_optional(option) ? "-fa" : "-xa", choices);
    else if (option->value != NULL)
        buf_append_string(out, is_file(option) ? " -rF" : " -x");
    buf_append_string(out, " -d ");
    append_fish_text(out, option->doc);
    buf_append_string(out, "\n");
}

static void
append_fish_word(struct buf *out, const char *condition, const char *word, const char *doc)
{
    buf_printf(out, "complete -c finetunectl -n '%s' -fa %s -d ", condition, word);
    append_fish_text(out, doc);
    buf_append_string(out, "\n");
}

/* A word of one command may be the second word of another, so groups are excluded. */
static void
append_fish_command(struct buf *out, const struct command *command, const char *groups,
                    struct arena *arena)
{
    struct job_flags flags;
    const char *word = first_word(command, arena), *second = commands_second_word(command);
    const char *seen = "__fish_seen_subcommand_from";
    const char *condition =
        second != NULL ? arena_printf(arena, "%s %s; and %s %s", seen, word, seen, second)
                       : arena_printf(arena, "%s %s; and not %s %s", seen, word, seen, groups);
    struct buf siblings = {0};
    if (second != NULL) {
        append_second_words(&siblings, word, arena);
        append_fish_word(
            out,
            arena_printf(arena, "%s %s; and not %s %s", seen, word, seen, buf_string(&siblings)),
            second, command->doc);
    }
    buf_fini(&siblings);
    commands_options(command, arena, &flags);
    for (size_t i = 0; i < flags.table.count; i++)
        append_fish_option(out, condition, &flags.table.rows[i], arena);
    const char *operands = completion_choices(command->arguments, arena);
    if (operands != NULL)
        buf_printf(out, "complete -c finetunectl -n '%s' -fa '%s'\n", condition, operands);
}

void
completion_write_fish(struct buf *out, struct arena *arena)
{
    const struct command *command = NULL;
    struct buf groups = {0};
    append_first_words(&groups, true, arena);
    buf_append_string(out, "# Completion of finetunectl for fish.\n");
    for (size_t i = 0; i < GLOBAL_COUNT; i++)
        append_fish_option(out, NULL, &globals[i], arena);
    for (size_t i = 0; (command = commands_row(i)) != NULL; i++) {
        if (begins_group(i))
            append_fish_word(out, "__fish_use_subcommand", first_word(command, arena),
                             command->doc);
        append_fish_command(out, command, buf_string(&groups), arena);
    }
    buf_fini(&groups);
}
