/* Rows of events; see events.h. */
#include "daemon/store/events.h"

#include "daemon/store/columns.h"
#include "daemon/store/ids.h"
#include "daemon/store/list.h"
#include "daemon/store/query.h"

static const struct column columns[] = {
    EVENT_COLUMNS(COLUMN_ROW_OF){COLUMN_INTEGER, offsetof(struct event_row, seq)}};
static const struct row_shape shape = {columns, sizeof columns / sizeof columns[0],
                                       sizeof(struct event_row)};

static const char *const levels[] = {
    [EVENT_INFO] = "info",
    [EVENT_WARN] = "warn",
    [EVENT_ERROR] = "error",
};
static const char *const types[] = {
    [EVENT_MESSAGE] = "message",
    [EVENT_METRICS] = "metrics",
};

static const char *const kinds[] = {
    [EVENT_UNNAMED] = NULL,
    [EVENT_CREATED] = "created",
    [EVENT_CHOICES] = "choices",
    [EVENT_WAITS] = "waits",
    [EVENT_PRIORITY_CHANGED] = "priority_changed",
    [EVENT_STARTED] = "started",
    [EVENT_PAUSING] = "pausing",
    [EVENT_PAUSED] = "paused",
    [EVENT_RESUMED] = "resumed",
    [EVENT_RETRIED] = "retried",
    [EVENT_STOPPED] = "stopped",
    [EVENT_INTERRUPTED] = "interrupted",
    [EVENT_CRASHED] = "crashed",
    [EVENT_SUCCEEDED] = "succeeded",
    [EVENT_FAILED] = "failed",
    [EVENT_CANCELLED] = "cancelled",
    [EVENT_CONTINUES] = "continues",
    [EVENT_RESTARTS] = "restarts",
    [EVENT_CHECKPOINT] = "checkpoint",
    [EVENT_NOTE] = "note",
    [EVENT_WARNING] = "warning",
    [EVENT_RATE_HALVED] = "rate_halved",
    [EVENT_DISK_FULL] = "disk_full",
    [EVENT_STATE_NOT_SAVED] = "state_not_saved",
    [EVENT_STATE_DAMAGED] = "state_damaged",
};

_Static_assert(sizeof kinds / sizeof kinds[0] == EVENT_KIND_COUNT, "a name for each kind");
_Static_assert(sizeof levels / sizeof levels[0] == EVENT_LEVEL_COUNT, "a name for each level");
_Static_assert(sizeof types / sizeof types[0] == EVENT_TYPE_COUNT, "a name for each type");

struct insertion {
    int64_t job_seq;
    const struct event_new *event;
};

static int
insert(struct db *db, void *context, struct err *err)
{
    const struct insertion *insertion = context;
    const struct event_new *event = insertion->event;
    char id[IDS_SIZE];
    ids_new(ID_EVENT, id);
    struct query query = query_begin(db, STATEMENT_EVENT_INSERT);
    query_bind_integer(&query, ":job", insertion->job_seq);
    query_bind_text(&query, ":id", id);
    query_bind_integer(&query, ":created_at", query_now());
    query_bind_text(&query, ":code", kinds[event->kind]);
    query_bind_text(&query, ":level", levels[event->level]);
    query_bind_text(&query, ":type", types[event->type]);
    query_bind_text(&query, ":message", event->message);
    query_bind_text(&query, ":data", event->data_json);
    db_note_change(db, insertion->job_seq);
    return query_run(&query, err);
}

int
events_append(struct db *db, int64_t job_seq, const struct event_new *event, struct err *err)
{
    struct insertion insertion = {job_seq, event};
    if (db_write(db, insert, &insertion, err) != 0)
        return err_prefix(err, "record an event");
    return 0;
}

/* Read what select, bound but for the limit, finds. */
static int
read_events(struct query *select, size_t limit, struct arena *arena, struct event_rows *out,
            struct err *err)
{
    struct row_list rows;
    if (list_read(select, &shape, limit, arena, &rows, &out->has_more, err) != 0)
        return err->code;
    out->items = rows.items;
    out->count = rows.count;
    return 0;
}

int
events_page(struct db *db, int64_t job_seq, const struct list_query *query, struct arena *arena,
            struct event_rows *out, struct err *err)
{
    *out = (struct event_rows){0};
    int64_t cursor = 0;
    struct query lookup = query_begin(db, STATEMENT_EVENT_SEQ);
    query_bind_text(&lookup, ":id", query->after);
    query_bind_integer(&lookup, ":job", job_seq);
    if (list_find_cursor(query, &lookup, "event", &cursor, err) != 0)
        return err->code;
    struct query select =
        query_begin(db, query->ascending ? STATEMENT_EVENTS_NEWER : STATEMENT_EVENTS_OLDER);
    query_bind_integer(&select, ":job", job_seq);
    query_bind_integer(&select, ":cursor", cursor);
    return read_events(&select, query->limit, arena, out, err);
}

int
events_after(struct db *db, const struct rows_after *after, struct arena *arena,
             struct event_rows *out, struct err *err)
{
    *out = (struct event_rows){0};
    if (list_check_limit(after->limit, err) != 0)
        return err->code;
    struct query select = query_begin(db, STATEMENT_EVENTS_NEWER);
    query_bind_integer(&select, ":job", after->job_seq);
    query_bind_integer(&select, ":cursor", after->after);
    return read_events(&select, after->limit, arena, out, err);
}
