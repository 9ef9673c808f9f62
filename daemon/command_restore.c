/* `finetuned restore FILE --data-dir DIR`: a data directory of a backup; see store/restore.h. */
#include "daemon/store/restore.h"

#include "daemon/command.h"
#include "daemon/command_backup.h"
#include "daemon/signals.h"
#include "daemon/work/budget.h"

#include <stdio.h>
#include <sys/stat.h>

static const struct option_row rows[] = {
    {"data-dir", 0, "DIR", "Where to: a folder that is not there yet, or empty. Must be given."},
    {"help", 'h', NULL, "This text."},
};

static const struct option_table table = {rows, sizeof rows / sizeof rows[0]};

static void
print_help(void)
{
    puts("Usage: finetuned restore FILE --data-dir DIR\n\n"
         "Makes a data directory of a backup. Everything is unpacked beside DIR and\n"
         "verified first; DIR is whole or it is not there. Jobs that ran when the backup\n"
         "was made are queued again when the daemon starts.\n");
    options_print_help(&table, stdout);
    puts("\nExit codes: 0 restored; 1 it went wrong, nothing was left; 2 wrong options, or\n"
         "DIR holds something.");
}

static int
restore(const struct options *options, struct arena *arena)
{
    struct err err = {0};
    struct backup_report report;
    struct backup_show show = backup_show_new("restoring");
    const struct restore_order order = {
        .file = options->operands[0],
        .data_dir = options_value(options, "data-dir"),
        .listener = backup_show_progress,
        .context = &show,
    };
    umask(077);
    signals_catch();
    int code = restore_run(&order, &report, &err);
    backup_show_end(&show);
    if (code != 0) {
        fprintf(stderr, "finetuned restore: %s\n", err.message);
        return backup_exit_code(code);
    }
    printf("Restored %s: the database (schema %zu), stored files: %zu, in all %s, from %s.\n",
           order.data_dir, report.schema, report.files, budget_size(report.bytes, arena),
           order.file);
    return EXIT_OK;
}

int
command_restore(int count, char *const *arguments)
{
    struct arena *arena = arena_new();
    struct options options;
    struct err err = {0};
    int exit_code = EXIT_WRONG_USE;
    if (options_parse(&table, count, arguments, arena, &options, &err) != 0) {
        fprintf(stderr, "finetuned restore: %s\n", err.message);
    } else if (options_has(&options, "help")) {
        print_help();
        exit_code = EXIT_OK;
    } else if (options.operand_count != 1 || options_value(&options, "data-dir") == NULL ||
               options_value(&options, "data-dir")[0] == '\0') {
        fputs("finetuned restore: name one FILE to read, and --data-dir DIR to make of it\n",
              stderr);
    } else {
        exit_code = restore(&options, arena);
    }
    arena_free(arena);
    return exit_code;
}
