/*
 * A full disk while a job runs: it waits, says so once, can be cancelled and paused meanwhile, and
 * ends in the same bytes when there is room.
 *
 * The disk is full because this program's write, pwrite64 (which SQLite uses) and statvfs say so:
 * they take the place of the C library's.
 */
#include "tests/daemon/same_job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STEPS = 330, ROWS = 180 };

static const char waits[] = "The disk is full: the job waits and goes on by itself when there is";

enum disk {
    DISK_HAS_ROOM,
    DISK_REFUSES_RESULTS, /* single files of tmp/, which a running job's measures are */
    DISK_REFUSES_FILES,   /* all but the database */
    DISK_REFUSES_ALL
};

static atomic_int disk = DISK_HAS_ROOM;

static bool
is_file(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static bool
is_directly_in_tmp(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    const char *inside = strstr(path, "/data/tmp/");
    return inside != NULL && strchr(inside + strlen("/data/tmp/"), '/') == NULL;
}

static bool
refuses_file(int fd)
{
    int now = atomic_load(&disk);
    if (now == DISK_HAS_ROOM || !is_file(fd))
        return false;
    return now != DISK_REFUSES_RESULTS || is_directly_in_tmp(fd);
}

ssize_t
write(int fd, const void *bytes, size_t length)
{
    if (refuses_file(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, bytes, length);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    if (atomic_load(&disk) == DISK_REFUSES_ALL) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

int
statvfs(const char *path, struct statvfs *out)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fstatvfs(fd, out);
    close(fd);
    if (atomic_load(&disk) != DISK_HAS_ROOM)
        out->f_bavail = 0;
    return result;
}

static struct job_info
create(struct service_fixture *f)
{
    return fixture_create(
        f, ROWS,
        arena_printf(f->arena, ", \"max_steps\": %d, \"batch_size\": 4, \"seed\": 9", STEPS));
}

static const char *
undisturbed(struct service_fixture *f)
{
    struct job_info job = create(f);
    fixture_wait_success(f, job.id);
    return job.id;
}

/* Ask until the job has said that it waits. */
static void
wait_until_it_waits(struct service_fixture *f, const char *id)
{
    struct timespec pause = {.tv_nsec = SERVICE_ASK_MS * 1000000L};
    time_t deadline = time(NULL) + SERVICE_WAIT_SECONDS;
    while (fixture_count_events(f, id, waits) == 0) {
        assert_true(time(NULL) < deadline);
        nanosleep(&pause, NULL);
    }
    assert_int_equal(fixture_get(f, id).status, JOB_RUNNING);
}

static struct job_info
create_and_fill(struct service_fixture *f, enum disk how)
{
    struct job_info job = create(f);
    fixture_wait(f, job.id, job_has_trained);
    atomic_store(&disk, how);
    return job;
}

static size_t
entries_of_tmp(struct service_fixture *f)
{
    size_t count = 0;
    DIR *folder = opendir(arena_printf(f->arena, "%s/tmp", f->data_dir));
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static bool
job_is_paused(const struct job_info *job)
{
    return job->status == JOB_PAUSED || job->status == JOB_FAILED || job->status == JOB_SUCCEEDED;
}

static void
job_waits_for_room_and_ends_as_an_undisturbed_one(void **state)
{
    struct service_fixture *f = *state;
    const char *whole = undisturbed(f);
    struct job_info job = create_and_fill(f, DISK_REFUSES_FILES);
    wait_until_it_waits(f, job.id);
    assert_int_equal(entries_of_tmp(f), 0);
    atomic_store(&disk, DISK_HAS_ROOM);
    job = fixture_wait_success(f, job.id);
    assert_int_equal(job.attempt, 1);
    assert_int_equal(fixture_count_events(f, job.id, waits), 1);
    assert_int_equal(fixture_count_kind(f, job.id, "disk_full"), 1);
    check_same_job(f, whole, job.id, STEPS);
}

/* Neither the event nor points can be written, and reads go on. */
static void
job_waits_for_a_database_that_cannot_grow(void **state)
{
    struct service_fixture *f = *state;
    const char *whole = undisturbed(f);
    struct job_info job = create_and_fill(f, DISK_REFUSES_ALL);
    struct job_info other = {0};
    assert_int_equal(fixture_get(f, job.id).status, JOB_RUNNING);
    assert_true(points_of(f, whole).count == STEPS);
    const char *body = arena_printf(f->arena, "{\"model\": \"tiny\", \"training_file\": \"%s\"}",
                                    job.training_file);
    fixture_refused(f, fixture_try_create(f, body, &other), FAULT_DISK_FULL, NULL);
    fixture_close(f); /* a stop is not held up, and needs no room */
    atomic_store(&disk, DISK_HAS_ROOM);
    fixture_open(f);
    fixture_start(f);
    job = fixture_wait_success(f, job.id);
    check_same_job(f, whole, job.id, STEPS);
}

static void
finished_model_waits_for_room_for_its_measures(void **state)
{
    struct service_fixture *f = *state;
    const char *whole = undisturbed(f);
    struct job_info job = create_and_fill(f, DISK_REFUSES_RESULTS);
    wait_until_it_waits(f, job.id);
    assert_int_equal(fixture_get(f, job.id).progress.step, STEPS);
    atomic_store(&disk, DISK_HAS_ROOM);
    job = fixture_wait_success(f, job.id);
    assert_int_equal(job.attempt, 1);
    check_same_job(f, whole, job.id, STEPS);
}

static void
finished_model_that_waits_can_be_paused(void **state)
{
    struct service_fixture *f = *state;
    const char *whole = undisturbed(f);
    struct job_info job = create_and_fill(f, DISK_REFUSES_RESULTS);
    wait_until_it_waits(f, job.id);
    fixture_ok(f, service_job_pause(f->service, job.id, f->arena, &job, &f->faults));
    job = fixture_wait(f, job.id, job_is_paused);
    assert_int_equal(job.status, JOB_PAUSED);
    atomic_store(&disk, DISK_HAS_ROOM);
    fixture_ok(f, service_job_resume(f->service, job.id, f->arena, &job, &f->faults));
    job = fixture_wait_success(f, job.id);
    check_same_job(f, whole, job.id, STEPS);
}

static void
waiting_job_can_be_paused(void **state)
{
    struct service_fixture *f = *state;
    const char *whole = undisturbed(f);
    struct job_info job = create_and_fill(f, DISK_REFUSES_FILES);
    wait_until_it_waits(f, job.id);
    fixture_ok(f, service_job_pause(f->service, job.id, f->arena, &job, &f->faults));
    job = fixture_wait(f, job.id, job_is_paused);
    assert_int_equal(job.status, JOB_PAUSED);
    atomic_store(&disk, DISK_HAS_ROOM);
    fixture_ok(f, service_job_resume(f->service, job.id, f->arena, &job, &f->faults));
    job = fixture_wait_success(f, job.id);
    check_same_job(f, whole, job.id, STEPS);
}

static void
waiting_job_can_be_cancelled(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = create_and_fill(f, DISK_REFUSES_FILES);
    wait_until_it_waits(f, job.id);
    fixture_ok(f, service_job_cancel(f->service, job.id, f->arena, &job, &f->faults));
    assert_int_equal(job.status, JOB_CANCELLED);
    atomic_store(&disk, DISK_HAS_ROOM);
    job = create(f); /* the worker is free again */
    fixture_wait_success(f, job.id);
}

/* A test that failed may have left it full. */
static int
make_room(void **state)
{
    atomic_store(&disk, DISK_HAS_ROOM);
    return fixture_teardown(state);
}

#define DISK_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup_running, make_room)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DISK_TEST(job_waits_for_room_and_ends_as_an_undisturbed_one),
        DISK_TEST(job_waits_for_a_database_that_cannot_grow),
        DISK_TEST(finished_model_waits_for_room_for_its_measures),
        DISK_TEST(finished_model_that_waits_can_be_paused),
        DISK_TEST(waiting_job_can_be_paused),
        DISK_TEST(waiting_job_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
