/* Connections and their deadlines; see conns.h. */
#include "api/conns.h"

#include "core/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { WATCH_INTERVAL_MS = 250 };

struct conn {
    struct conn *previous, *next;
    int fd;
    bool came_late; /* while quiet was waited for */
    enum conn_phase phase;
    int64_t since_ms;
    int64_t deadline_ms; /* INT64_MAX: none; of CONN_BODY computed from what came */
    int64_t received;
};

struct conns {
    struct conns_limits limits;
    pthread_mutex_t mutex;
    pthread_cond_t watched; /* a connection came, or the watcher shall end */
    pthread_cond_t ended;   /* a request or a connection did */
    struct conn *first;
    bool waits_for_quiet;
    bool ending;
    pthread_t watcher;
};

int64_t
conns_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Called with the mutex held. */
static void
wait_until(struct conns *conns, pthread_cond_t *condition, int64_t time_ms)
{
    struct timespec until = {.tv_sec = (time_t)(time_ms / 1000),
                             .tv_nsec = (long)(time_ms % 1000) * 1000000};
    pthread_cond_timedwait(condition, &conns->mutex, &until);
}

static bool
is_late(const struct conns *conns, const struct conn *conn, int64_t now_ms)
{
    if (conn->phase != CONN_BODY)
        return now_ms > conn->deadline_ms;
    int64_t counted_ms = now_ms - conn->since_ms - conns->limits.body_grace_ms;
    return counted_ms > 0 && conn->received < counted_ms * CONNS_MIN_BYTES_PER_SECOND / 1000;
}

/* Called with the mutex held. */
static void
shut_late_ones(struct conns *conns, int64_t now_ms)
{
    for (struct conn *conn = conns->first; conn != NULL; conn = conn->next) {
        if (!is_late(conns, conn, now_ms))
            continue;
        shutdown(conn->fd, SHUT_RDWR);
        conn->phase = CONN_IDLE;
        conn->deadline_ms = INT64_MAX;
    }
}

/* Called with the mutex held, and without it the tick is given. */
static void
give_tick(struct conns *conns, int64_t now_ms)
{
    if (conns->limits.tick == NULL)
        return;
    pthread_mutex_unlock(&conns->mutex);
    conns->limits.tick(conns->limits.tick_context, now_ms);
    pthread_mutex_lock(&conns->mutex);
}

static void *
watch(void *context)
{
    struct conns *conns = context;
    pthread_mutex_lock(&conns->mutex);
    while (!conns->ending) {
        int64_t now_ms = conns_now_ms();
        shut_late_ones(conns, now_ms);
        give_tick(conns, now_ms);
        if (conns->ending)
            break;
        if (conns->first == NULL)
            pthread_cond_wait(&conns->watched, &conns->mutex);
        else
            wait_until(conns, &conns->watched, now_ms + WATCH_INTERVAL_MS);
    }
    pthread_mutex_unlock(&conns->mutex);
    return NULL;
}

struct conns *
conns_new(const struct conns_limits *limits, struct err *err)
{
    pthread_condattr_t attributes;
    struct conns *conns = mem_small(sizeof *conns);
    *conns = (struct conns){.limits = *limits};
    pthread_mutex_init(&conns->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&conns->watched, &attributes);
    pthread_cond_init(&conns->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    errno = pthread_create(&conns->watcher, NULL, watch, conns);
    if (errno == 0)
        return conns;
    err_set_errno(err, "start the thread that watches connections");
    pthread_cond_destroy(&conns->ended);
    pthread_cond_destroy(&conns->watched);
    pthread_mutex_destroy(&conns->mutex);
    free(conns);
    return NULL;
}

void
conns_free(struct conns *conns)
{
    if (conns == NULL)
        return;
    pthread_mutex_lock(&conns->mutex);
    conns->ending = true;
    pthread_cond_signal(&conns->watched);
    pthread_mutex_unlock(&conns->mutex);
    pthread_join(conns->watcher, NULL);
    pthread_cond_destroy(&conns->ended);
    pthread_cond_destroy(&conns->watched);
    pthread_mutex_destroy(&conns->mutex);
    free(conns);
}

static int64_t
deadline(const struct conns *conns, enum conn_phase phase, int64_t now_ms, int64_t reply_bytes)
{
    const struct conns_limits *limits = &conns->limits;
    switch (phase) {
    case CONN_IDLE:
        return now_ms + limits->idle_timeout_ms + limits->header_timeout_ms;
    case CONN_HEADERS:
        return now_ms + limits->header_timeout_ms;
    case CONN_REPLYING:
        return now_ms + limits->idle_timeout_ms + reply_bytes / CONNS_MIN_BYTES_PER_SECOND * 1000;
    case CONN_DISCARDING:
        return now_ms + CONNS_DISCARD_MS;
    case CONN_BODY:
    case CONN_WORKING:
    case CONN_STREAMING:
        break;
    }
    return INT64_MAX;
}

struct conn *
conns_add(struct conns *conns, int fd)
{
    struct conn *conn = mem_small(sizeof *conn);
    *conn = (struct conn){.fd = fd, .phase = CONN_HEADERS, .since_ms = conns_now_ms()};
    conn->deadline_ms = deadline(conns, CONN_HEADERS, conn->since_ms, 0);
    pthread_mutex_lock(&conns->mutex);
    conn->came_late = conns->waits_for_quiet;
    conn->next = conns->first;
    if (conns->first != NULL)
        conns->first->previous = conn;
    else
        pthread_cond_signal(&conns->watched); /* the watcher sleeps while there is nobody */
    conns->first = conn;
    pthread_mutex_unlock(&conns->mutex);
    return conn;
}

void
conns_remove(struct conns *conns, struct conn *conn)
{
    pthread_mutex_lock(&conns->mutex);
    if (conn->previous != NULL)
        conn->previous->next = conn->next;
    else
        conns->first = conn->next;
    if (conn->next != NULL)
        conn->next->previous = conn->previous;
    pthread_cond_broadcast(&conns->ended);
    pthread_mutex_unlock(&conns->mutex);
    free(conn);
}

int
conns_socket(const struct conn *conn)
{
    return conn->fd;
}

void
conns_enter(struct conns *conns, struct conn *conn, enum conn_phase phase, int64_t reply_bytes)
{
    int64_t now_ms = conns_now_ms();
    pthread_mutex_lock(&conns->mutex);
    conn->phase = phase;
    conn->since_ms = now_ms;
    conn->received = 0;
    conn->deadline_ms = deadline(conns, phase, now_ms, reply_bytes);
    if (phase == CONN_IDLE)
        pthread_cond_broadcast(&conns->ended);
    pthread_mutex_unlock(&conns->mutex);
}

void
conns_received(struct conns *conns, struct conn *conn, int64_t bytes)
{
    pthread_mutex_lock(&conns->mutex);
    conn->received += bytes;
    pthread_mutex_unlock(&conns->mutex);
}

/* Called with the mutex held. A connection on which nothing was asked yet counts as quiet. */
static bool
is_quiet(const struct conns *conns)
{
    for (const struct conn *conn = conns->first; conn != NULL; conn = conn->next) {
        if (!conn->came_late && conn->phase != CONN_IDLE && conn->phase != CONN_HEADERS)
            return false;
    }
    return true;
}

bool
conns_wait_quiet(struct conns *conns, int64_t timeout_ms)
{
    int64_t until_ms = conns_now_ms() + timeout_ms;
    pthread_mutex_lock(&conns->mutex);
    conns->waits_for_quiet = true;
    bool quiet = is_quiet(conns);
    while (!quiet && conns_now_ms() < until_ms) {
        wait_until(conns, &conns->ended, until_ms);
        quiet = is_quiet(conns);
    }
    conns->waits_for_quiet = false;
    pthread_mutex_unlock(&conns->mutex);
    return quiet;
}
