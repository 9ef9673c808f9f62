/*
 * One use of a prepared statement: begin, bind by name, step, take columns in order, end.
 *
 *     struct query query = query_begin(db, STATEMENT_FILE_GET);
 *     query_bind_text(&query, ":id", id);
 *     int found = query_step(&query, err);   1 a row, 0 no more, negative an error
 *     … query_take_integer(&query) …
 *     query_end(&query);                     always, also after an error
 *
 * A fault of preparing or binding is kept and shows at query_step. A parameter that is not bound is
 * NULL. Private to this folder.
 */
#ifndef DAEMON_STORE_QUERY_H
#define DAEMON_STORE_QUERY_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/changes.h"
#include "daemon/store/columns.h"
#include "daemon/store/db.h"
#include "daemon/store/statements.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More jobs than this in one transaction are told as "any". */
enum { DB_NOTED_MAX = 16 };

/* What db.h keeps to itself. */
struct db {
    sqlite3 *connection;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared at first use */
    bool writing;                              /* inside db_write */
    bool doomed;                               /* a part of the write transaction failed */
    enum statement stepping;                   /* the latest that was stepped */
    struct changes *changes;                   /* told after a commit; NULL: nobody */
    struct change noted[DB_NOTED_MAX];         /* by this transaction */
    size_t noted_count;
};

/* An empty file of mode 0600 at path, unless one is there: the library would make it readable by
 * all. */
int db_create_private(const char *path, struct err *err);

struct query {
    struct db *db;
    enum statement which;
    sqlite3_stmt *statement; /* NULL: it could not be prepared */
    int status;              /* the first result that was not SQLITE_OK */
    int column;              /* the next to take */
};

struct query query_begin(struct db *db, enum statement statement);

/* The bound text must live until query_end. text NULL binds NULL. */
void query_bind_text(struct query *query, const char *name, const char *text);
void query_bind_bytes(struct query *query, const char *name, const char *text, size_t length);
void query_bind_integer(struct query *query, const char *name, int64_t value);
/* A value that is not finite is stored as 0: neither the columns nor JSON have others. */
void query_bind_real(struct query *query, const char *name, double value);

int query_step(struct query *query, struct err *err);

/* The next column of the row. */
int64_t query_take_integer(struct query *query);
double query_take_real(struct query *query);
const char *query_take_text(struct query *query, struct arena *arena);
/* As query_take_text, for text that may hold NULs. */
const char *query_take_bytes(struct query *query, struct arena *arena, size_t *length);

/* Fill the fields of a struct from the columns in order. */
void query_take_row(struct query *query, const struct column *columns, size_t count,
                    struct arena *arena, void *row);

void query_end(struct query *query);

/* For statements without rows: step once, end. 0 or negative. */
int query_run(struct query *query, struct err *err);

/* For statements of one integer: 1 and *value, 0 when there is no row, or negative; ends the query.
 */
int query_run_integer(struct query *query, int64_t *value, struct err *err);

/* How many rows the latest INSERT, UPDATE or DELETE of the connection changed. */
int64_t query_changes(struct db *db);

/* Turn the connection's latest failure into words. Returns the code. */
int query_fail(sqlite3 *connection, int status, struct err *err);

/* Seconds since 1970. */
int64_t query_now(void);

#endif
