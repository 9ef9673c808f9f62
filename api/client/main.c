/*
 * finetunectl: the command-line client of finetuned.
 *
 * Finds the command in the table below, takes the global options out of the command line, and
 * prints the one sentence that a failed command left. It speaks HTTP only and never opens a data
 * directory.
 */
#include "api/client/client.h"
#include "api/client/http.h"
#include "api/client/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_url[] = "http://127.0.0.1:8765";

static const struct command commands[] = {
    {"submit",
     "--model MODEL --train FILE [--valid FILE] [--test FILE] [--suffix S] "
     "[--param NAME=VALUE]... [--watch]",
     "Upload files and start a job. FILE may also be the id of an uploaded file.", command_submit},
    {"ls", "[--limit N]", "List jobs, the newest first.", command_ls},
    {"show", "JOB", "Everything about one job, and its last events.", command_show},
    {"watch", "JOB", "Follow a job to its end.", command_watch},
    {"predict", "--model MODEL [--top N] [TEXT]...",
     "Classify texts; without TEXT, the lines of standard input.", command_predict},
    {"version", "", "The client's version, and the daemon's.", command_version},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

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
    return client_problem(client, CLIENT_USAGE, "%s\nusage: finetunectl %s %s", sentence,
                          command->name, command->arguments);
}

enum { HELP_INDENT = 11 };

/* "  name     text", the text broken at the screen's end and indented. */
static void
print_entry(const char *name, const char *text)
{
    struct buf out = {0};
    text_append_wrapped(&out, text, HELP_INDENT, TEXT_COLUMNS - 1);
    printf("  %-*s%s\n", HELP_INDENT - 2, name, buf_string(&out));
    buf_fini(&out);
}

static void
print_help(void)
{
    printf("finetunectl %s: the client of finetuned\n\nusage: finetunectl [--json] [--url URL] "
           "COMMAND ...\n\n",
           FINETUNED_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].arguments[0] != '\0')
            print_entry(commands[i].name, commands[i].arguments);
        print_entry(commands[i].arguments[0] != '\0' ? "" : commands[i].name, commands[i].doc);
    }
    printf("\n  --json     answer in JSON, one value a line\n"
           "  --url URL  where the daemon answers: http://host:port or unix:/path\n"
           "             (default: FINETUNED_URL, else %s)\n"
           "  --help     this text\n\n"
           "FINETUNED_API_KEY is sent as a bearer token when it is set.\n\n"
           "Exit status: 0 done; 1 the job failed or was cancelled; 2 the command line or a\n"
           "local file is not right; 3 the daemon refused; 4 no daemon answered.\n",
           default_url);
}

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

static const struct command *
find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int
run(struct client *client, const struct globals *globals, int argc, char **argv)
{
    if (argc < 2)
        return client_problem(client, CLIENT_USAGE,
                              "which command? `finetunectl --help` lists them");
    const struct command *command = find_command(argv[1]);
    if (command == NULL && strcmp(argv[1], "--version") == 0) {
        printf("finetunectl %s\n", FINETUNED_VERSION);
        return CLIENT_OK;
    }
    if (command == NULL)
        return client_problem(client, CLIENT_USAGE,
                              "there is no command '%s'; `finetunectl --help` lists them", argv[1]);
    const char *url = globals->url != NULL ? globals->url : getenv("FINETUNED_URL");
    int result = http_open(client, url != NULL && url[0] != '\0' ? url : default_url,
                           getenv("FINETUNED_API_KEY"));
    if (result != CLIENT_OK)
        return result;
    argv[1] = arena_printf(client->arena, "finetunectl %s", command->name); /* getopt's prefix */
    return command->run(client, command, argc - 1, argv + 1);
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
    } else if (globals.help) {
        print_help();
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
