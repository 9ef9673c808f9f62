/*
 * A service that imports models, and what tests of it need: imports, refusals, fixtures' weights.
 */
#ifndef TESTS_DAEMON_TRANSFER_FIXTURE_H
#define TESTS_DAEMON_TRANSFER_FIXTURE_H

#include "tests/daemon/service_fixture.h"

#include "core/base/fileio.h"
#include "core/hub/tar.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files of the fixtures: one small classifier in every form. */
#define WEIGHTS FIXTURES "/weights/model/"

/* A service that may import from scratch/outside. */
static inline int
setup_importing(void **state)
{
    fixture_prepare(state);
    struct service_fixture *f = *state;
    const char *outside = scratch_folder(&f->scratch, "outside");
    struct service_options options = fixture_options(f);
    options.import_dirs = &outside;
    options.import_dir_count = 1;
    if (service_open(&options, &f->service, &f->err) != 0)
        fail_msg("%s", f->err.message);
    return 0;
}

static inline size_t
count_entries(struct service_fixture *f, const char *folder)
{
    size_t count = 0;
    DIR *listing = opendir(arena_printf(f->arena, "%s/%s", f->data_dir, folder));
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

static inline int
import_folder(struct service_fixture *f, const char *path, const char *id, struct model_info *out)
{
    return service_model_import_folder(f->service, path, id, f->arena, out, &f->faults);
}

static inline int
import_bytes(struct service_fixture *f, const struct buf *bytes, const char *id,
             struct model_info *out)
{
    struct upload *upload = NULL;
    fixture_ok(f, service_upload_begin(f->service, &upload, &f->faults));
    fixture_ok(f, service_upload_write(upload, bytes->data, bytes->length, &f->faults));
    return service_model_import_archive_take(f->service, upload, id, f->arena, out, &f->faults);
}

/* Refused, and nothing stays behind. */
static inline struct fault
expect_refused(struct service_fixture *f, int code, enum fault_code fault, const char *param)
{
    struct fault refused = fixture_refused(f, code, fault, param);
    assert_int_equal(count_entries(f, "tmp"), 0);
    assert_int_equal(count_entries(f, "base_models"), 0);
    assert_null(strstr(refused.message, f->scratch.folder));
    return refused;
}

#define IMPORT_TEST(test) cmocka_unit_test_setup_teardown(test, setup_importing, fixture_teardown)

#endif
