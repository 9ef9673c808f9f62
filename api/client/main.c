/*
 * finetunectl: the command-line client of finetuned.
 *
 * Takes the global options out of the command line, finds the command in the table (commands.h),
 * and prints the one sentence that a failed command left. It speaks HTTP only and never opens a
 * data directory.
 */
#include "api/client/client.h"
#include "api/client/commands.h"
#include "api/client/help.h"
#include "api/client/http.h"
#include "api/client/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct globals {
    const char *url;
    bool json, help;
};

/*
 * Take the global options out of argv, wherever they stand before a "--"; false when --url has no
 * value. The values of other options are not looked at: none of them begins with "--".
 */
static bool
take_globals(int *argc, char **argv, struct globals *out)
{
    int kept = 1;
    bool good = true;
    int i = 1;
    for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            out->json = true;
        else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            out->help = true;
        else if (strncmp(argv[i], "--url=", 6) == 0)
            out->url = argv[i] + 6;
        else if (strcmp(argv[i], "--url") == 0 && i + 1 < *argc)
            out->url = argv[++i];
        else if (strcmp(argv[i], "--url") == 0)
            good = false;
        else
            argv[kept++] = argv[i];
    }
    while (i < *argc)
        argv[kept++] = argv[i++];
    argv[kept] = NULL;
    *argc = kept;
    return good;
}

/* Read the command line behind the command's name. */
static int
parse(struct client *client, int argc, char **argv, struct call *call)
{
    struct err err;
    const struct command *command = call->command;
    commands_options(command, client->arena, &call->flags);
    if (options_parse(&call->flags.table, argc, argv, client->arena, &call->given, &err) != 0)
        return client_usage(client, command, "%s", err.message);
    if (call->given.operand_count < command->fewest)
        return client_usage(client, command, "something is missing");
    if (call->given.operand_count > command->most)
        return client_usage(client, command, "'%s' is too much",
                            call->given.operands[command->most]);
    return CLIENT_OK;
}

static int
run(struct client *client, const struct globals *globals, int argc, char **argv)
{
    size_t used = 0;
    struct call call = {0};
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("finetunectl %s\n", FINETUNED_VERSION);
        return CLIENT_OK;
    }
    call.command = commands_find(client, (const char *const *)argv + 1, (size_t)argc - 1, &used);
    if (call.command == NULL)
        return CLIENT_USAGE;
    if (globals->help) {
        help_print_command(call.command, client->arena);
        return CLIENT_OK;
    }
    int skipped = 1 + (int)used;
    int result = parse(client, argc - skipped, argv + skipped, &call);
    const char *url = globals->url != NULL ? globals->url : getenv("FINETUNED_URL");
    if (result == CLIENT_OK && !call.command->is_local)
        result = http_open(client, url != NULL && url[0] != '\0' ? url : HELP_DEFAULT_URL,
                           getenv("FINETUNED_API_KEY"));
    return result == CLIENT_OK ? call.command->run(client, &call) : result;
}

static void
print_problem(const struct client *client)
{
    struct buf text = {0};
    text_append_safe_lines(&text, buf_string(&client->problem), 2);
    fprintf(stderr, "finetunectl: %s\n", buf_string(&text));
    buf_fini(&text);
}

int
main(int argc, char **argv)
{
    struct client client = {.arena = arena_new()};
    struct globals globals = {0};
    int result = CLIENT_OK;
    if (!take_globals(&argc, argv, &globals)) {
        result = client_problem(&client, CLIENT_USAGE, "--url needs an address");
    } else if (globals.help && argc < 2) {
        help_print();
    } else {
        client.json = globals.json;
        result = run(&client, &globals, argc, argv);
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && result == CLIENT_OK)
        result = client_problem(&client, CLIENT_USAGE, "the output could not be written");
    if (result != CLIENT_OK && client.problem.length > 0)
        print_problem(&client);
    http_close(client.http);
    buf_fini(&client.problem);
    arena_free(client.arena);
    return result;
}
