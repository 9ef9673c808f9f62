/* Every statement can be prepared, and none reads a whole table that may grow large. */
#include "daemon/store/query.h"
#include "store_fixture.h"

static const char *
plan_of(struct fixture *f, enum statement statement)
{
    const char *sql = arena_printf(f->arena, "EXPLAIN QUERY PLAN %s", statement_text(statement));
    sqlite3_stmt *prepared = NULL;
    if (sqlite3_prepare_v2(f->db->connection, sql, -1, &prepared, NULL) != SQLITE_OK)
        fail_msg("%s: %s", statement_text(statement), sqlite3_errmsg(f->db->connection));
    const char *plan = "";
    while (sqlite3_step(prepared) == SQLITE_ROW)
        plan = arena_printf(f->arena, "%s%s\n", plan, sqlite3_column_text(prepared, 3));
    sqlite3_finalize(prepared);
    return plan;
}

struct exception {
    enum statement statement;
    const char *scan;   /* the one line that is allowed */
    const char *reason; /* why it may be read whole */
};

static const struct exception exceptions[] = {
    {STATEMENT_TABLES_COUNT, "SCAN sqlite_", "a dozen tables, at start only"},
    {STATEMENT_MIGRATIONS_ALL, "SCAN migrations", "a row for each migration, at start only"},
    {STATEMENT_MODELS_ALL, "SCAN models", "the answer is all of them"},
    {STATEMENT_STORED_FILES, "SCAN files", "a backup or a check has them all"},
    {STATEMENT_STORED_MODELS, "SCAN m", "the same"},
    {STATEMENT_STORED_CHECKPOINTS, "SCAN c", "the same"},
    {STATEMENT_STORED_RESUME_STATES, "SCAN r", "the same"},
    {STATEMENT_OLD_CHECKPOINTS, "SCAN c", "the jobs with many checkpoints, counted in the index"},
    {STATEMENT_FILES_COUNT, "SCAN files USING COVERING INDEX", "a list says how many there are"},
};

static bool
is_allowed(enum statement statement, const char *line)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
        if (exceptions[i].statement == statement &&
            strncmp(line, exceptions[i].scan, strlen(exceptions[i].scan)) == 0)
            return true;
    /* json_each takes a bound value or a column apart: no table. A constant row is none either. */
    return strstr(line, "VIRTUAL TABLE") != NULL || strcmp(line, "SCAN CONSTANT ROW") == 0;
}

static void
no_statement_reads_a_table_from_end_to_end(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        assert_non_null(statement_text((enum statement)i));
        char *plan = arena_copy_string(f->arena, plan_of(f, (enum statement)i));
        char *rest = NULL;
        for (char *line = strtok_r(plan, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            bool scans = strncmp(line, "SCAN", 4) == 0 || strstr(line, "TEMP B-TREE") != NULL ||
                         strstr(line, "AUTOMATIC") != NULL;
            if (scans && !is_allowed((enum statement)i, line))
                fail_msg("%s: %s", statement_text((enum statement)i), line);
        }
    }
}

static void
the_check_sees_a_scan(void **state)
{
    struct fixture *f = *state;
    assert_non_null(strstr(plan_of(f, STATEMENT_MODELS_ALL), "SCAN models"));
    assert_non_null(strstr(plan_of(f, STATEMENT_JOB_GET), "SEARCH j USING INDEX"));
    assert_false(is_allowed(STATEMENT_JOB_GET, "SCAN jobs"));
}

/* Statistics of a full database must not tempt the planner away from the indexes. */
static void
plans_hold_after_analyze(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 50; i++) {
        struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
        job.metadata_json = "{\"team\":\"a\"}";
        fixture_insert_job(f, &job);
    }
    static const char age[] = "UPDATE jobs SET status = 'succeeded' WHERE seq > 2; ANALYZE";
    assert_int_equal(sqlite3_exec(f->db->connection, age, NULL, NULL, NULL), SQLITE_OK);
    no_statement_reads_a_table_from_end_to_end(state);
}

/* A page of a thousand queued jobs asks for their places: no row of theirs may be read for it. */
static void
places_in_the_queue_come_from_the_index_alone(void **state)
{
    struct fixture *f = *state;
    static const enum statement statements[] = {STATEMENT_QUEUE_ORDER, STATEMENT_QUEUE_POSITION};
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        const char *plan = plan_of(f, statements[i]);
        assert_non_null(strstr(plan, "USING COVERING INDEX jobs_by_status"));
        assert_null(strstr(plan, "USING INDEX"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(no_statement_reads_a_table_from_end_to_end),
        STORE_TEST(the_check_sees_a_scan),
        STORE_TEST(plans_hold_after_analyze),
        STORE_TEST(places_in_the_queue_come_from_the_index_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
