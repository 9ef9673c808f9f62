/* `finetuned backup FILE`: everything in the data directory as one file; see store/backup.h. */
#include "daemon/store/backup.h"

#include "daemon/command.h"
#include "daemon/command_backup.h"
#include "daemon/config.h"
#include "daemon/signals.h"
#include "daemon/work/budget.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct option_row rows[] = {
    {"data-dir", 0, "DIR", "What to back up. Default: as of the daemon."},
    {"config", 0, "FILE", "Read data_dir from this configuration; also FINETUNED_CONFIG."},
    {"force", 0, NULL, "Replace FILE when it is there already."},
    {"help", 'h', NULL, "This text."},
};

static const struct option_table table = {rows, sizeof rows / sizeof rows[0]};

struct backup_show
backup_show_new(const char *verb)
{
    return (struct backup_show){
        .verb = verb, .on_terminal = isatty(STDERR_FILENO) == 1, .percent = -1};
}

bool
backup_show_progress(void *context, int64_t done, int64_t total)
{
    struct backup_show *show = context;
    int percent = total > 0 ? (int)(100.0 * (double)done / (double)total) : 0;
    percent = percent > 100 ? 100 : percent;
    if (show->on_terminal && percent != show->percent)
        fprintf(stderr, "\r%s: %d %%", show->verb, percent);
    show->percent = percent;
    return signals_caught() == 0;
}

void
backup_show_end(const struct backup_show *show)
{
    if (show->on_terminal && show->percent >= 0)
        fputs("\r\033[K", stderr);
}

int
backup_exit_code(int code)
{
    if (code == ERR_STOPPED && signals_caught() != 0)
        return EXIT_SIGNAL_BASE + signals_caught();
    return code == ERR_CONFLICT || code == ERR_NOT_FOUND ? EXIT_WRONG_USE : EXIT_FAILED;
}

static void
print_help(void)
{
    puts("Usage: finetuned backup FILE [--data-dir DIR] [--force]\n\n"
         "Writes everything in the data directory to FILE, a tar archive: the database as\n"
         "it is at one moment and all files that it names, with their SHA-256. The daemon\n"
         "may be running, and jobs with it. FILE is whole or it is not there. Base models\n"
         "in folders of their own (models_dir) are not part of it. `finetuned restore`\n"
         "makes a data directory of it again.\n");
    options_print_help(&table, stdout);
    puts("\nExit codes: 0 backed up; 1 it went wrong, nothing was written; 2 wrong options,\n"
         "no data directory, or FILE is there already.");
}

static int
back_up(const struct options *options, struct arena *arena)
{
    struct err err = {0};
    struct config config;
    struct backup_report report;
    struct backup_show show = backup_show_new("backing up");
    if (config_load(options, arena, &config, &err) != 0) {
        fprintf(stderr, "finetuned backup: %s\n", err.message);
        return EXIT_WRONG_USE;
    }
    const struct backup_order order = {
        .data_dir = config.data_dir,
        .file = options->operands[0],
        .replace = options_has(options, "force"),
        .listener = backup_show_progress,
        .context = &show,
    };
    umask(077);
    signals_catch();
    int code = backup_write(&order, &report, &err);
    backup_show_end(&show);
    if (code != 0) {
        fprintf(stderr, "finetuned backup: %s\n", err.message);
        return backup_exit_code(code);
    }
    printf("Backed up %s: the database (schema %zu), stored files: %zu, in all %s, to %s.\n",
           config.data_dir, report.schema, report.files, budget_size(report.bytes, arena),
           order.file);
    return EXIT_OK;
}

int
command_backup(int count, char *const *arguments)
{
    struct arena *arena = arena_new();
    struct options options;
    struct err err = {0};
    int exit_code = EXIT_WRONG_USE;
    if (options_parse(&table, count, arguments, arena, &options, &err) != 0) {
        fprintf(stderr, "finetuned backup: %s\n", err.message);
    } else if (options_has(&options, "help")) {
        print_help();
        exit_code = EXIT_OK;
    } else if (options.operand_count != 1 || options.operands[0][0] == '\0') {
        fputs("finetuned backup: name one FILE to write\n", stderr);
    } else {
        exit_code = back_up(&options, arena);
    }
    arena_free(arena);
    return exit_code;
}
