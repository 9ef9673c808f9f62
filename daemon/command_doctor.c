/*
 * `finetuned doctor`: is everything in order? One line a check, and what to do where it is not.
 *
 * Looks only: nothing is changed, the daemon may be running. The checks are a table (doctor.h);
 * this file reads the command line and shows the findings.
 */
#include "daemon/doctor.h"

#include "core/base/buf.h"
#include "daemon/command.h"
#include "daemon/config.h"
#include "daemon/json_append.h"
#include "daemon/log.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_WARNINGS = 1, EXIT_FAULTS = 2, NAME_COLUMNS = 14 };

static const char *const status_words[] = {
    [DOCTOR_OK] = "ok  ", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "FAIL"};
static const char *const status_names[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};

/* The daemon's own options, so that its configuration is what is judged. */
static struct option_table
make_table(struct arena *arena)
{
    static const struct option_row json = {"json", 0, NULL, "One JSON object instead of lines."};
    struct option_table daemon = config_option_table(arena);
    struct option_row *rows = arena_array(arena, daemon.count + 1, sizeof *rows);
    size_t count = 0;
    rows[count++] = json;
    for (size_t i = 0; i < daemon.count; i++) {
        const char *name = daemon.rows[i].name;
        if (strcmp(name, "check") != 0 && strcmp(name, "help-parameters") != 0 &&
            strcmp(name, "version") != 0)
            rows[count++] = daemon.rows[i];
    }
    return (struct option_table){rows, count};
}

static void
print_help(const struct option_table *table)
{
    puts("Usage: finetuned doctor [--data-dir DIR] [--json] [OPTION]...\n\n"
         "Checks database, stored files, permissions, disk, memory, limits, engine, base\n"
         "models and configuration. Changes nothing; the daemon may be running. Every\n"
         "stored byte is read. Takes the options of the daemon, whose configuration is\n"
         "checked with them.\n");
    options_print_help(table, stdout);
    puts("\nExit codes: 0 all is in order; 1 something should be looked at (warn);\n"
         "2 something is broken (FAIL), or the command line is wrong.");
}

static void
print_finding(const struct doctor_finding *finding)
{
    enum { INDENT = 5 + NAME_COLUMNS + 1 };
    printf("%s %-*s ", status_words[finding->status], NAME_COLUMNS, finding->name);
    options_print_wrapped(finding->detail, INDENT, INDENT, stdout);
    if (finding->remedy != NULL) {
        printf("%*s", INDENT, "");
        options_print_wrapped(arena_printf(finding->arena, "-> %s", finding->remedy), INDENT,
                              INDENT + 3, stdout);
    }
}

static void
append_finding(struct buf *out, const struct doctor_finding *finding)
{
    buf_append_string(out, "{\"name\":");
    json_append_string(out, finding->name);
    buf_append_string(out, ",\"status\":");
    json_append_string(out, status_names[finding->status]);
    buf_append_string(out, ",\"detail\":");
    json_append_string(out, finding->detail);
    buf_append_string(out, ",\"remedy\":");
    json_append_string(out, finding->remedy);
    buf_append_string(out, "}");
}

static void
print_json(const struct doctor_findings *findings)
{
    struct buf out = {0};
    buf_append_string(&out, "{\"status\":");
    json_append_string(&out, status_names[findings->worst]);
    buf_append_string(&out, ",\"checks\":[");
    for (size_t i = 0; i < findings->count; i++) {
        buf_append_string(&out, i > 0 ? "," : "");
        append_finding(&out, &findings->items[i]);
    }
    buf_append_string(&out, "]}");
    puts(buf_string(&out));
    buf_fini(&out);
}

static int
examine(const struct options *options, struct arena *arena)
{
    static const int exit_codes[] = {
        [DOCTOR_OK] = EXIT_OK, [DOCTOR_WARN] = EXIT_WARNINGS, [DOCTOR_FAIL] = EXIT_FAULTS};
    struct doctor_findings findings = {0};
    log_set_level(LOG_ERROR); /* findings say it */
    doctor_examine(options, arena, &findings);
    if (options_has(options, "json"))
        print_json(&findings);
    else
        for (size_t i = 0; i < findings.count; i++)
            print_finding(&findings.items[i]);
    return exit_codes[findings.worst];
}

int
command_doctor(int count, char *const *arguments)
{
    struct arena *arena = arena_new();
    struct option_table table = make_table(arena);
    struct options options;
    struct err err = {0};
    int exit_code = EXIT_WRONG_USE;
    if (options_parse(&table, count, arguments, arena, &options, &err) != 0) {
        fprintf(stderr, "finetuned doctor: %s\n", err.message);
    } else if (options_has(&options, "help")) {
        print_help(&table);
        exit_code = EXIT_OK;
    } else if (options.operand_count > 0) {
        fprintf(stderr, "finetuned doctor: there is nothing to do with '%s'; --help\n",
                options.operands[0]);
    } else {
        exit_code = examine(&options, arena);
    }
    arena_free(arena);
    return exit_code;
}
