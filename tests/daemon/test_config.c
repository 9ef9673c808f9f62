/* The configuration: flag beats environment beats file beats default, and mistakes name their
 * place. */
#include "daemon/config.h"

#include "tests/support/scratch.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { MAX_ARGUMENTS = 16 };

static int
set_up(void **state)
{
    static struct scratch scratch;
    struct arena *arena = arena_new();
    size_t count = 0;
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < count; i++)
        unsetenv(config_variable(&rows[i], arena));
    arena_free(arena);
    unsetenv("FINETUNED_CONFIG");
    unsetenv("STATE_DIRECTORY");
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", "/home/someone", 1);
    scratch_open(&scratch);
    *state = &scratch;
    return 0;
}

static int
tear_down(void **state)
{
    scratch_close(*state);
    return 0;
}

/* Load with these arguments (ending with NULL); returns what config_load does. */
static int
load(struct scratch *scratch, const char *const *arguments, struct config *config, struct err *err)
{
    char *copies[MAX_ARGUMENTS] = {NULL};
    int count = 0;
    for (; arguments[count] != NULL; count++)
        copies[count] = arena_copy_string(scratch->arena, arguments[count]);
    struct option_table table = config_option_table(scratch->arena);
    struct options options;
    if (options_parse(&table, count, copies, scratch->arena, &options, err) != 0)
        return err->code;
    return config_load(&options, scratch->arena, config, err);
}

static struct config
load_well(struct scratch *scratch, const char *const *arguments)
{
    struct config config;
    struct err err;
    if (load(scratch, arguments, &config, &err) != 0)
        fail_msg("%s", err.message);
    return config;
}

static void
assert_refused(struct scratch *scratch, const char *const *arguments, const char *words)
{
    struct config config;
    struct err err;
    assert_int_equal(load(scratch, arguments, &config, &err), ERR_INVALID);
    if (strstr(err.message, words) == NULL)
        fail_msg("'%s' lacks '%s'", err.message, words);
}

/* The arguments that name a file with this text. */
static const char *const *
file_arguments(struct scratch *scratch, const char *text)
{
    const char **arguments = arena_array(scratch->arena, 3, sizeof *arguments);
    arguments[0] = "--config";
    arguments[1] = scratch_write_text(scratch, "finetuned.conf", text);
    return arguments;
}

static const char *const no_arguments[] = {NULL};

static void
defaults_are_the_promised_ones(void **state)
{
    struct config config = load_well(*state, no_arguments);
    assert_int_equal(config.listen.count, 1);
    assert_string_equal(config.listen.items[0], "127.0.0.1:8765");
    assert_string_equal(config.data_dir, "/home/someone/.local/state/finetuned");
    assert_int_equal(config.models_dir.count, 0);
    assert_int_equal(config.model_alias.count, 0);
    assert_int_equal(config.threads, 0);
    assert_int_equal(config.max_file_bytes, 512 * 1024 * 1024);
    assert_int_equal(config.max_connections, 2048);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.log_format, LOG_TEXT);
    assert_string_equal(config.engine, "auto");
    assert_string_equal(config.port_file, "");
}

static void
data_goes_where_the_system_says(void **state)
{
    setenv("XDG_STATE_HOME", "/xdg", 1);
    assert_string_equal(load_well(*state, no_arguments).data_dir, "/xdg/finetuned");
    setenv("STATE_DIRECTORY", "/var/lib/finetuned:/var/lib/other", 1);
    assert_string_equal(load_well(*state, no_arguments).data_dir, "/var/lib/finetuned");
    static const char *const arguments[] = {"--data-dir", "here", NULL};
    assert_string_equal(load_well(*state, arguments).data_dir, "here");
}

static void
without_any_home_the_data_directory_must_be_said(void **state)
{
    unsetenv("HOME");
    setenv("XDG_STATE_HOME", "relative", 1);
    assert_refused(*state, no_arguments, "give --data-dir");
}

static void
flag_beats_environment_beats_file(void **state)
{
    const char *const *file = file_arguments(*state, "threads = 2\nlisten = 127.0.0.1:1\n");
    assert_int_equal(load_well(*state, file).threads, 2);
    setenv("FINETUNED_THREADS", "3", 1);
    assert_int_equal(load_well(*state, file).threads, 3);
    const char *const all[] = {file[0], file[1], "--threads=4", NULL};
    struct config config = load_well(*state, all);
    assert_int_equal(config.threads, 4);
    assert_string_equal(config.listen.items[0], "127.0.0.1:1");
}

static void
a_stronger_source_replaces_a_whole_list(void **state)
{
    const char *const *file =
        file_arguments(*state, "models_dir = /a\nmodels_dir = /b\nmodels_dir = /c\n");
    assert_int_equal(load_well(*state, file).models_dir.count, 3);
    setenv("FINETUNED_MODELS_DIR", "/d,/e", 1);
    struct config config = load_well(*state, file);
    assert_int_equal(config.models_dir.count, 2);
    assert_string_equal(config.models_dir.items[1], "/e");
    const char *const all[] = {file[0], file[1], "--models-dir", "/f", NULL};
    config = load_well(*state, all);
    assert_int_equal(config.models_dir.count, 1);
    assert_string_equal(config.models_dir.items[0], "/f");
}

static void
the_file_may_be_named_by_the_environment(void **state)
{
    setenv("FINETUNED_CONFIG", file_arguments(*state, "threads = 7\n")[1], 1);
    assert_int_equal(load_well(*state, no_arguments).threads, 7);
    setenv("FINETUNED_CONFIG", "", 1);
    assert_int_equal(load_well(*state, no_arguments).threads, 0);
}

static void
a_file_has_comments_blanks_and_a_byte_order_mark(void **state)
{
    struct config config = load_well(
        *state, file_arguments(*state, "\xef\xbb\xbf# a comment\n\n; another\nthreads=5\r\n"
                                       "log_level =   warn  \ndata_dir = /with blank/x"));
    assert_int_equal(config.threads, 5);
    assert_int_equal(config.log_level, LOG_WARN);
    assert_string_equal(config.data_dir, "/with blank/x");
}

static void
aliases_come_from_a_section_or_a_key(void **state)
{
    struct config config = load_well(
        *state, file_arguments(*state, "model_alias = ft:a=b:c = tiny\n"
                                       "[model_alias]\ngpt-4o-mini-2024-07-18 = all-minilm\n"));
    assert_int_equal(config.model_alias.count, 2);
    assert_string_equal(config.model_alias.items[0].name, "ft:a=b:c");
    assert_string_equal(config.model_alias.items[0].model, "tiny");
    assert_string_equal(config.model_alias.items[1].name, "gpt-4o-mini-2024-07-18");
    assert_string_equal(config.model_alias.items[1].model, "all-minilm");
    static const char *const flags[] = {"--model-alias", "x=y", "--model-alias=z=w", NULL};
    assert_int_equal(load_well(*state, flags).model_alias.count, 2);
}

static void
sizes_take_units(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } sizes[] = {{"1", 1}, {"10K", 10240}, {"3M", 3145728}, {"2G", 2147483648}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *const arguments[] = {"--max-file-bytes", sizes[i].text, NULL};
        assert_int_equal(load_well(*state, arguments).max_file_bytes, sizes[i].bytes);
    }
}

static void
an_unknown_key_is_refused_with_line_and_spelling(void **state)
{
    assert_refused(*state, file_arguments(*state, "# one\n\nthread = 2\n"),
                   "finetuned.conf, line 3: unknown key 'thread'; did you mean 'threads'?");
    assert_refused(*state, file_arguments(*state, "xyzzy = 2\n"), "line 1: unknown key 'xyzzy'");
    assert_refused(*state, file_arguments(*state, "[server]\nlisten = x:1\n"),
                   "line 2: unknown section [server]");
}

static void
a_line_that_is_nothing_is_refused_with_its_number(void **state)
{
    assert_refused(*state, file_arguments(*state, "threads = 2\nnonsense\n"), "line 2: neither");
    assert_refused(*state, file_arguments(*state, "threads = 2\n[broken\n"), "line 2: neither");
    assert_refused(*state, file_arguments(*state, "threads = 2\nthreads = 3\n"),
                   "line 2: threads is given twice");
}

static void
a_line_too_long_for_the_reader_is_refused_not_cut(void **state)
{
    char text[512] = "threads = 2\ndata_dir = /";
    memset(text + strlen(text), 'x', 300);
    assert_refused(*state, file_arguments(*state, text), "line 2: longer than 196 bytes");
    char fits[512] = "data_dir = /"; /* 12 bytes of 196 */
    memset(fits + 12, 'x', 184);
    struct config config = load_well(*state, file_arguments(*state, fits));
    assert_int_equal(strlen(config.data_dir), 185);
    setenv("FINETUNED_DATA_DIR", text + 23, 1);
    assert_int_equal(strlen(load_well(*state, no_arguments).data_dir), 301);
}

static void
a_file_that_cannot_be_read_is_named(void **state)
{
    static const char *const arguments[] = {"--config", "/nonexistent/finetuned.conf", NULL};
    struct config config;
    struct err err;
    assert_true(load(*state, arguments, &config, &err) < 0);
    assert_non_null(strstr(err.message, "/nonexistent/finetuned.conf"));
}

/* A good and a bad text for each key: every row must have them. */
static const struct {
    const char *name, *good, *bad, *words;
} examples[] = {
    {"listen", "127.0.0.1:0", "", "listen is empty"},
    {"data_dir", "/somewhere", "", "data_dir is \"\""},
    {"models_dir", "/models", "", "models_dir is empty"},
    {"import_dir", "/models", "", "import_dir is empty"},
    {"model_alias", "a=b", "a", "must be NAME=MODEL"},
    {"threads", "4", "four", "a whole number from 0 to 1024"},
    {"workers", "4", "0", "a whole number from 1 to 64"},
    {"min_free_bytes", "1G", "lots", "K, M, G are powers"},
    {"resume_interval", "5", "-1", "a whole number from 0 to 86400"},
    {"keep_jobs_days", "4", "-1", "a whole number from 0 to 36500"},
    {"keep_events_days", "4", "-1", "a whole number from 0 to 36500"},
    {"keep_metrics_days", "4", "-1", "a whole number from 0 to 36500"},
    {"keep_resume_days", "4", "-1", "a whole number from 0 to 36500"},
    {"keep_checkpoints", "4", "-1", "a whole number from 0 to 36500"},
    {"keep_files_days", "4", "-1", "a whole number from 0 to 36500"},
    {"keep_models_days", "4", "-1", "a whole number from 0 to 36500"},
    {"keep_evaluations_days", "4", "-1", "a whole number from 0 to 36500"},
    {"engine", "openblas", "", "engine is \"\""},
    {"max_file_bytes", "1G", "1T", "K, M, G are powers"},
    {"max_connections", "64", "7", "a whole number from 8 to 65536"},
    {"max_streams", "64", "0", "a whole number from 1 to 65536"},
    {"log_level", "debug", "loud", "debug, info, warn or error"},
    {"log_format", "json", "xml", "text or json"},
    {"port_file", "/run/port", NULL, NULL},
};

static void
every_key_is_a_flag_a_variable_and_a_line_of_the_file(void **state)
{
    struct scratch *scratch = *state;
    size_t count = 0;
    const struct config_row *rows = config_rows(&count);
    assert_int_equal(count, sizeof examples / sizeof examples[0]);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(rows[i].name, examples[i].name);
        const char *variable = config_variable(&rows[i], scratch->arena);
        const char *flag =
            arena_printf(scratch->arena, "--%s", config_flag(&rows[i], scratch->arena));
        const char *const flags[] = {flag, examples[i].good, NULL};
        load_well(scratch, flags);
        const char *line =
            arena_printf(scratch->arena, "%s = %s\n", rows[i].name, examples[i].good);
        load_well(scratch, file_arguments(scratch, line));
        setenv(variable, examples[i].good, 1);
        load_well(scratch, no_arguments);
        unsetenv(variable);
    }
}

static void
every_key_refuses_a_bad_value_and_names_the_source(void **state)
{
    struct scratch *scratch = *state;
    size_t count = 0;
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (examples[i].bad == NULL)
            continue; /* any text is a path */
        const char *flag =
            arena_printf(scratch->arena, "--%s", config_flag(&rows[i], scratch->arena));
        const char *const flags[] = {flag, examples[i].bad, NULL};
        assert_refused(scratch, flags, examples[i].words);
        assert_refused(scratch, flags, arena_printf(scratch->arena, "%s: ", flag));
        const char *line = arena_printf(scratch->arena, "%s = %s\n", rows[i].name, examples[i].bad);
        assert_refused(scratch, file_arguments(scratch, line), "finetuned.conf, line 1: ");
    }
    setenv("FINETUNED_THREADS", "-1", 1);
    assert_refused(scratch, no_arguments, "FINETUNED_THREADS: threads is \"-1\"");
}

static void
numbers_that_overflow_are_refused(void **state)
{
    static const char *const sizes[] = {
        "9223372036854775807G", "99999999999999999999", "1025G", "-1", "0", "1.5G", "", " "};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *const arguments[] = {"--max-file-bytes", sizes[i], NULL};
        assert_refused(*state, arguments, "max_file_bytes is");
    }
}

static void
an_alias_given_twice_is_refused(void **state)
{
    static const char *const arguments[] = {"--model-alias", "a=b", "--model-alias", "a = c", NULL};
    assert_refused(*state, arguments, "the alias \"a\" is given twice");
}

static void
too_many_listeners_are_refused(void **state)
{
    setenv("FINETUNED_LISTEN", "a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9", 1);
    assert_refused(*state, no_arguments, "listen is given 9 times; 1 to 8 are possible");
}

static void
a_wrong_value_that_nobody_uses_is_no_hindrance(void **state)
{
    const char *const *file = file_arguments(*state, "threads = lots\n");
    const char *const all[] = {file[0], file[1], "--threads", "1", NULL};
    assert_int_equal(load_well(*state, all).threads, 1);
}

static void
check_wants_every_models_dir_to_be_a_folder(void **state)
{
    struct scratch *scratch = *state;
    struct err err;
    const char *const good[] = {"--models-dir", scratch->folder, NULL};
    struct config config = load_well(scratch, good);
    assert_int_equal(config_check(&config, &err), 0);
    const char *file = scratch_write_text(scratch, "plain", "");
    const char *const wrong[] = {"--models-dir", file, NULL};
    config = load_well(scratch, wrong);
    assert_int_equal(config_check(&config, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "not a folder"));
    const char *const absent[] = {"--models-dir", "/nonexistent/models", NULL};
    config = load_well(scratch, absent);
    assert_int_equal(config_check(&config, &err), ERR_IO);
    assert_non_null(strstr(err.message, "/nonexistent/models"));
}

/* ---- the command line ------------------------------------------------------------------------ */

static void
unknown_options_are_told_the_nearest(void **state)
{
    static const char *const close_by[] = {"--listn", "127.0.0.1:1", NULL};
    assert_refused(*state, close_by, "unknown option '--listn'; did you mean '--listen'?");
    static const char *const underscore[] = {"--data_dir=/x", NULL};
    assert_refused(*state, underscore, "did you mean '--data-dir'?");
    static const char *const far[] = {"--zzz", NULL};
    assert_refused(*state, far, "--help lists all");
    static const char *const letter[] = {"-z", NULL};
    assert_refused(*state, letter, "unknown option '-z'");
}

static void
options_with_and_without_values_are_told_apart(void **state)
{
    static const char *const missing[] = {"--threads", NULL};
    assert_refused(*state, missing, "'--threads' needs a value: --threads N");
    static const char *const unwanted[] = {"--check=1", NULL};
    assert_refused(*state, unwanted, "'--check' takes no value");
}

static void
operands_and_options_may_be_mixed(void **state)
{
    struct scratch *scratch = *state;
    char *arguments[] = {(char[]){"a"}, (char[]){"-n"}, (char[]){"-"}, (char[]){"--"},
                         (char[]){"--threads"}};
    struct option_table table = config_option_table(scratch->arena);
    struct options options;
    struct err err;
    assert_int_equal(options_parse(&table, 5, arguments, scratch->arena, &options, &err), 0);
    assert_true(options_has(&options, "check"));
    assert_false(options_has(&options, "threads"));
    assert_int_equal(options.operand_count, 3);
    assert_string_equal(options.operands[1], "-");
    assert_string_equal(options.operands[2], "--threads");
}

static void
the_help_names_every_key_within_eighty_columns(void **state)
{
    struct scratch *scratch = *state;
    struct option_table table = config_option_table(scratch->arena);
    char *text = NULL;
    size_t length = 0;
    size_t count = 0;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    options_print_help(&table, file);
    fclose(file);
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < count; i++)
        assert_non_null(strstr(text, config_flag(&rows[i], scratch->arena)));
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") < 80);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A value in brackets may be left out; it is never taken from the next argument. */
static void
an_optional_value_stands_behind_an_equals_sign_only(void **state)
{
    struct scratch *scratch = *state;
    static const struct option_row rows[] = {{"sure", 0, "[true|false]", "Maybe."}};
    const struct option_table table = {rows, 1};
    char *const arguments[] = {arena_copy_string(scratch->arena, "--sure"),
                               arena_copy_string(scratch->arena, "false"),
                               arena_copy_string(scratch->arena, "--sure=false")};
    struct options options;
    struct err err;
    assert_int_equal(options_parse(&table, 3, arguments, scratch->arena, &options, &err), 0);
    assert_int_equal(options.count, 2);
    assert_null(options.given[0].value);
    assert_string_equal(options.given[1].value, "false");
    assert_int_equal(options.operand_count, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_the_promised_ones),
        TEST(data_goes_where_the_system_says),
        TEST(without_any_home_the_data_directory_must_be_said),
        TEST(flag_beats_environment_beats_file),
        TEST(a_stronger_source_replaces_a_whole_list),
        TEST(the_file_may_be_named_by_the_environment),
        TEST(a_file_has_comments_blanks_and_a_byte_order_mark),
        TEST(aliases_come_from_a_section_or_a_key),
        TEST(sizes_take_units),
        TEST(an_unknown_key_is_refused_with_line_and_spelling),
        TEST(a_line_that_is_nothing_is_refused_with_its_number),
        TEST(a_line_too_long_for_the_reader_is_refused_not_cut),
        TEST(a_file_that_cannot_be_read_is_named),
        TEST(every_key_is_a_flag_a_variable_and_a_line_of_the_file),
        TEST(every_key_refuses_a_bad_value_and_names_the_source),
        TEST(numbers_that_overflow_are_refused),
        TEST(an_alias_given_twice_is_refused),
        TEST(too_many_listeners_are_refused),
        TEST(a_wrong_value_that_nobody_uses_is_no_hindrance),
        TEST(check_wants_every_models_dir_to_be_a_folder),
        TEST(unknown_options_are_told_the_nearest),
        TEST(options_with_and_without_values_are_told_apart),
        TEST(operands_and_options_may_be_mixed),
        TEST(the_help_names_every_key_within_eighty_columns),
        TEST(an_optional_value_stands_behind_an_equals_sign_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
