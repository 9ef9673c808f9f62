/* THE command table; see commands.h. */
#include "api/client/commands.h"

#include "daemon/suggest.h"

#include <string.h>

enum { NAMES_MAX = 64, ANY_NUMBER = 1000000 };

static const struct option_row submit_options[] = {
    {"model", 0, "MODEL", "The model to start from."},
    {"train", 0, "FILE", "Rows to learn from: a file here, or the id of an uploaded one."},
    {"valid", 0, "FILE", "Rows measured after each epoch."},
    {"test", 0, "FILE", "Rows measured once, with the model that is saved."},
    {"param", 0, "NAME=VALUE", "Any parameter by its name, the value in JSON or as text."},
    {"dry-run", 0, NULL, "Judge and estimate the job, and start nothing."},
    {"watch", 0, NULL, "Follow the job to its end."},
};

static const struct option_row ls_options[] = {
    {"limit", 0, "N", "How many, the newest first; 20 when not given, at most 1000."},
    {"metadata", 0, "NAME=VALUE", "Only jobs with this pair. May be given several times."},
};

static const struct option_row update_options[] = {
    {"priority", 0, "N", "-100 to 100; greater ones run first."},
    {"metadata", 0, "NAME=VALUE",
     "A pair; those that are not given go. May be given several times."},
    {"no-metadata", 0, NULL, "Remove all pairs."},
};

static const struct option_row import_options[] = {
    {"id", 0, "ID", "What the model is called; the folder's name when not given."},
};

static const struct option_row logs_options[] = {
    {"follow", 'f', NULL, "Go on until the job has ended."},
};

static const struct option_row predict_options[] = {
    {"model", 0, "MODEL", "A fine-tuned model, a checkpoint or an alias."},
    {"top", 0, "N", "The N most probable labels instead of one."},
    {"file", 0, "FILE", "Classify the lines of this file. May be given several times."},
    {"pairs", 0, NULL, "Texts come in twos; in lines a tab stands between them."},
    {"jsonl", 0, NULL,
     "Lines are JSON: a text, an array of two, or an object with text and text_pair."},
};

static const struct option_row evaluate_options[] = {
    {"model", 0, "MODEL", "A fine-tuned model, a checkpoint or an alias."},
    {"compare-to", 0, "MODEL", "Measure this one, too, and say whether one is really better."},
    {"no-wait", 0, NULL, "Print the queued evaluation and end."},
};

static const struct option_row files_ls_options[] = {
    {"limit", 0, "N", "How many, the newest first; 20 when not given, at most 1000."},
    {"purpose", 0, "PURPOSE", "Only files with this purpose."},
};

static const struct option_row upload_options[] = {
    {"purpose", 0, "PURPOSE", "What the files are for; fine-tune when not given."},
};

static const struct option_row report_options[] = {
    {"model", 0, "MODEL", "Tell lengths in tokens of this model, too."},
};

#define OPTIONS(rows) .options = rows, .option_count = sizeof rows / sizeof rows[0]

static const struct command rows[] = {
    {.name = "submit",
     .arguments = "--model MODEL --train FILE [OPTION]...",
     .doc = "Upload files and start a job. Every parameter of a job is an option.",
     .example = "submit --model all-minilm-l6-v2 --train train.jsonl --watch",
     OPTIONS(submit_options),
     .takes_parameters = true,
     .run = command_submit},
    {.name = "ls",
     .arguments = "[--limit N] [--metadata NAME=VALUE]...",
     .doc = "List jobs, the newest first.",
     .example = "ls --limit 5 --metadata team=support",
     OPTIONS(ls_options),
     .run = command_ls},
    {.name = "show",
     .arguments = "JOB",
     .doc = "Everything about one job, and its last events.",
     .example = "show ftjob-abc123",
     .fewest = 1,
     .most = 1,
     .run = command_show},
    {.name = "watch",
     .arguments = "JOB",
     .doc = "Follow a job to its end, with a bar. The daemon may be restarted meanwhile.",
     .example = "watch ftjob-abc123",
     .fewest = 1,
     .most = 1,
     .run = command_watch},
    {.name = "logs",
     .arguments = "[-f] JOB",
     .doc = "The events of a job, the oldest first.",
     .example = "logs -f ftjob-abc123",
     OPTIONS(logs_options),
     .fewest = 1,
     .most = 1,
     .run = command_logs},
    {.name = "cancel",
     .arguments = "JOB...",
     .doc = "End jobs for good. What they saved stays for a while: see retry.",
     .example = "cancel ftjob-abc123",
     .fewest = 1,
     .most = ANY_NUMBER,
     .run = command_job_change},
    {.name = "pause",
     .arguments = "JOB...",
     .doc = "Stop jobs so that they can go on later; a running one saves its state first.",
     .example = "pause ftjob-abc123",
     .fewest = 1,
     .most = ANY_NUMBER,
     .run = command_job_change},
    {.name = "resume",
     .arguments = "JOB...",
     .doc = "Put paused jobs into the queue again.",
     .example = "resume ftjob-abc123",
     .fewest = 1,
     .most = ANY_NUMBER,
     .run = command_job_change},
    {.name = "retry",
     .arguments = "JOB...",
     .doc = "Put failed or cancelled jobs into the queue again, from their newest saved state.",
     .example = "retry ftjob-abc123",
     .fewest = 1,
     .most = ANY_NUMBER,
     .run = command_job_change},
    {.name = "update",
     .arguments = "[--priority N] [--metadata NAME=VALUE]... [--no-metadata] JOB...",
     .doc = "Change the priority or the metadata of jobs.",
     .example = "update --priority 5 --metadata team=support ftjob-abc123",
     OPTIONS(update_options),
     .fewest = 1,
     .most = ANY_NUMBER,
     .run = command_job_update},
    {.name = "delete",
     .arguments = "JOB...",
     .doc = "Remove jobs that have ended with all that hangs on them; their models stay.",
     .example = "delete ftjob-abc123",
     .fewest = 1,
     .most = ANY_NUMBER,
     .run = command_job_change},
    {.name = "predict",
     .arguments = "--model MODEL [--top N] [--pairs] [--jsonl] [--file FILE]... [TEXT]...",
     .doc = "Classify texts; without TEXT, lines of files or of standard input.",
     .example = "predict --model ft:all-minilm-l6-v2:local::x1 'When do you open?'",
     OPTIONS(predict_options),
     .most = ANY_NUMBER,
     .run = command_predict},
    {.name = "evaluate",
     .arguments = "--model MODEL [--compare-to MODEL] [--no-wait] FILE",
     .doc = "Measure a model on labelled rows: a file here, or the id of an uploaded one.",
     .example = "evaluate --model ft:all-minilm-l6-v2:local::x1 test.jsonl",
     OPTIONS(evaluate_options),
     .fewest = 1,
     .most = 1,
     .run = command_evaluate},
    {.name = "evaluation",
     .arguments = "JOB|EVALUATION",
     .doc = "What a job measured of its model, or an evaluation that was asked for.",
     .example = "evaluation ftjob-abc123",
     .fewest = 1,
     .most = 1,
     .run = command_evaluation},
    {.name = "models ls",
     .arguments = "",
     .doc = "List the base models and the fine-tuned ones.",
     .example = "models ls",
     .run = command_models_ls},
    {.name = "models show",
     .arguments = "MODEL",
     .doc = "Everything about one model, and its files.",
     .example = "models show all-minilm-l6-v2",
     .fewest = 1,
     .most = 1,
     .run = command_model_show},
    {.name = "models import",
     .arguments = "[--id ID] PATH",
     .doc = "Take in a base model: a tar archive here, or a folder where the daemon runs.",
     .example = "models import --id my-bert my-bert.tar",
     OPTIONS(import_options),
     .fewest = 1,
     .most = 1,
     .run = command_model_import},
    {.name = "models rm",
     .arguments = "MODEL...",
     .doc = "Remove fine-tuned or imported models, or checkpoints.",
     .example = "models rm ft:all-minilm-l6-v2:local::x1",
     .fewest = 1,
     .most = ANY_NUMBER,
     .run = command_models_rm},
    {.name = "download",
     .arguments = "MODEL DIR",
     .doc = "All files of a model, checked; goes on where an earlier download stopped.",
     .example = "download ft:all-minilm-l6-v2:local::x1 my-model",
     .fewest = 2,
     .most = 2,
     .run = command_download},
    {.name = "files ls",
     .arguments = "[--limit N] [--purpose PURPOSE]",
     .doc = "List uploaded files, the newest first.",
     .example = "files ls --purpose fine-tune",
     OPTIONS(files_ls_options),
     .run = command_files_ls},
    {.name = "files upload",
     .arguments = "[--purpose PURPOSE] FILE...",
     .doc = "Upload files and print their ids.",
     .example = "files upload train.jsonl test.jsonl",
     OPTIONS(upload_options),
     .fewest = 1,
     .most = ANY_NUMBER,
     .run = command_file_upload},
    {.name = "files show",
     .arguments = "FILE",
     .doc = "Everything about one uploaded file.",
     .example = "files show file-abc123",
     .fewest = 1,
     .most = 1,
     .run = command_file_show},
    {.name = "files report",
     .arguments = "[--model MODEL] FILE",
     .doc = "What an uploaded file holds: rows, labels, lengths, faults with their lines.",
     .example = "files report --model all-minilm-l6-v2 file-abc123",
     OPTIONS(report_options),
     .fewest = 1,
     .most = 1,
     .run = command_file_report},
    {.name = "files rm",
     .arguments = "FILE...",
     .doc = "Remove uploaded files that no unfinished job needs.",
     .example = "files rm file-abc123",
     .fewest = 1,
     .most = ANY_NUMBER,
     .run = command_files_rm},
    {.name = "queue show",
     .arguments = "",
     .doc = "Is the queue open, and how many jobs wait and run?",
     .example = "queue show",
     .run = command_queue},
    {.name = "queue pause",
     .arguments = "",
     .doc = "Take no more jobs from the queue; those that run go on.",
     .example = "queue pause",
     .run = command_queue},
    {.name = "queue resume",
     .arguments = "",
     .doc = "Take jobs from the queue again.",
     .example = "queue resume",
     .run = command_queue},
    {.name = "system",
     .arguments = "",
     .doc = "What the daemon runs on: processor, engine, memory, disk, queue.",
     .example = "system",
     .run = command_system},
    {.name = "version",
     .arguments = "",
     .doc = "The client's version, and the daemon's.",
     .example = "version",
     .run = command_version},
    {.name = "completion",
     .arguments = "bash|zsh|fish",
     .doc = "Print a script that completes commands and options in a shell.",
     .example = "completion bash >>~/.bash_completion",
     .fewest = 1,
     .most = 1,
     .is_local = true,
     .run = command_completion},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

_Static_assert((int)ROW_COUNT <= (int)NAMES_MAX, "all names are to be compared");

const struct command *
commands_row(size_t i)
{
    return i < ROW_COUNT ? &rows[i] : NULL;
}

size_t
commands_group_length(const struct command *command)
{
    return strcspn(command->name, " ");
}

const char *
commands_second_word(const struct command *command)
{
    const char *blank = strchr(command->name, ' ');
    return blank != NULL ? blank + 1 : NULL;
}

static bool
has_first_word(const struct command *command, const char *word)
{
    size_t length = commands_group_length(command);
    return strlen(word) == length && memcmp(command->name, word, length) == 0;
}

/* The first row with that first word. */
static const struct command *
find_first(const char *word)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (has_first_word(&rows[i], word))
            return &rows[i];
    }
    return NULL;
}

/* The problem of a word that names nothing; group NULL: it should be a first word. */
static const struct command *
refuse(struct client *client, const char *word, const char *group)
{
    const char *names[NAMES_MAX] = {NULL};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        size_t length = commands_group_length(&rows[i]);
        if (group == NULL)
            names[i] = arena_copy_bytes(client->arena, rows[i].name, length);
        else if (has_first_word(&rows[i], group))
            names[i] = commands_second_word(&rows[i]);
    }
    const char *before = group != NULL ? arena_printf(client->arena, "%s ", group) : "";
    const char *nearest = suggest_nearest(word, names, ROW_COUNT);
    if (nearest != NULL)
        client_problem(client, CLIENT_USAGE, "there is no command '%s%s'; did you mean '%s%s'?",
                       before, word, before, nearest);
    else
        client_problem(client, CLIENT_USAGE,
                       "there is no command '%s%s'; `finetunectl --help` lists them", before, word);
    return NULL;
}

const struct command *
commands_find(struct client *client, const char *const *words, size_t count, size_t *used)
{
    if (count == 0) {
        client_problem(client, CLIENT_USAGE, "which command? `finetunectl --help` lists them");
        return NULL;
    }
    const struct command *first = find_first(words[0]);
    if (first == NULL)
        return refuse(client, words[0], NULL);
    *used = 1;
    if (commands_second_word(first) == NULL || count == 1 || words[1][0] == '-')
        return first;
    *used = 2;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *second = commands_second_word(&rows[i]);
        if (has_first_word(&rows[i], words[0]) && second != NULL && strcmp(second, words[1]) == 0)
            return &rows[i];
    }
    return refuse(client, words[1], words[0]);
}

void
commands_options(const struct command *command, struct arena *arena, struct job_flags *out)
{
    const struct option_table own = {.rows = command->options, .count = command->option_count};
    *out = (struct job_flags){.table = own};
    if (command->takes_parameters)
        job_flags_init(out, &own, arena);
}
