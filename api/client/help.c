/* The help texts; see help.h. */
#include "api/client/help.h"

#include "api/client/commands.h"
#include "api/client/text.h"

#include <stdio.h>

enum { NAME_WIDTH = 14, INDENT = NAME_WIDTH + 4 };

static void
print_wrapped(const char *text, size_t indent)
{
    struct buf out = {0};
    text_append_wrapped(&out, text, indent, TEXT_COLUMNS - 1);
    printf("%s\n", buf_string(&out));
    buf_fini(&out);
}

void
help_print(void)
{
    const struct command *command = NULL;
    printf("finetunectl %s: the client of finetuned\n\n"
           "usage: finetunectl [--json] [--url URL] COMMAND ...\n\n",
           FINETUNED_VERSION);
    for (size_t i = 0; (command = commands_row(i)) != NULL; i++) {
        printf("  %-*s  ", NAME_WIDTH, command->name);
        print_wrapped(command->doc, INDENT);
    }
    printf("\n  --json     answer in JSON, one value a line\n"
           "  --url URL  where the daemon answers: http://host:port or unix:/path\n"
           "             (default: FINETUNED_URL, else %s)\n"
           "  --help     this text; behind a command its options and an example\n\n"
           "FINETUNED_API_KEY is sent as a bearer token when it is set. COLUMNS says how\n"
           "wide tables may be.\n\n"
           "Exit status: 0 done; 1 the job failed or was cancelled; 2 the command line or a\n"
           "local file is not right; 3 the daemon refused; 4 no daemon answered.\n",
           HELP_DEFAULT_URL);
}

void
help_print_command(const struct command *command, struct arena *arena)
{
    struct job_flags flags;
    const char *usage =
        arena_printf(arena, "usage: finetunectl %s %s", command->name, command->arguments);
    commands_options(command, arena, &flags);
    print_wrapped(usage, 0);
    printf("\n");
    print_wrapped(command->doc, 0);
    if (flags.table.count > 0) {
        printf("\n");
        options_print_help(&flags.table, stdout);
    }
    printf("\nexample:\n  finetunectl %s\n", command->example);
}
