/* Backups, written; see backup.h. */
#include "daemon/store/backup.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/mem.h"
#include "core/hub/tar.h"
#include "daemon/store/data_dir.h"
#include "daemon/store/db_copy.h"
#include "daemon/store/inventory.h"
#include "daemon/store/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COPY_BYTES = 256 * 1024,
    SUMS_MAX_BYTES = 1024,
    DESCRIPTORS_SPARED = 32, /* for everything but held files */
    DAMAGE_MAX_ATTEMPTS = 3  /* when bytes are not what rows say: a race is rarer than damage */
};

/* What goes into the archive. */
struct member {
    const char *path;   /* where it is read from */
    const char *inside; /* its place in the archive */
    const char *sha256; /* expected, or NULL */
    int fd;             /* held open, or -1: opened when it is its turn */
    int64_t bytes;      /* as it is; known when it is open */
};

struct backup {
    const struct backup_order *order;
    struct arena *arena; /* of this attempt */
    const char *scratch; /* a folder beside the file */
    struct data_dir *dir;
    struct member *members;
    size_t count;
    struct buf sums;
    int64_t done, total;
    size_t schema;
};

/* ---- what there is to back up ---------------------------------------------------------------- */

static const char *
database_copy(const struct backup *backup)
{
    return arena_printf(backup->arena, "%s/finetuned.db", backup->scratch);
}

static int
copy_live_database(struct backup *backup, struct err *err)
{
    struct db *db = NULL;
    const char *live = data_dir_database_path(backup->dir, backup->arena);
    if (!fileio_exists(live))
        return err_set(err, ERR_INVALID, "%s is missing: there is nothing to back up", live);
    if (migrate_inspect(live, migrate_embedded(), &backup->schema, err) != 0 ||
        db_open_read_only(live, &db, err) != 0)
        return err->code;
    int code = db_copy(db, database_copy(backup), err);
    db_close(db);
    return code;
}

static void
set_member(struct backup *backup, const char *path, const char *inside)
{
    backup->members[backup->count++] = (struct member){.path = path, .inside = inside, .fd = -1};
}

/* The database, FORMAT and all that the copy of the database names. */
static int
list_members(struct backup *backup, struct err *err)
{
    enum { OWN_MEMBERS = 3 };
    struct db *db = NULL;
    struct inventory inventory = {0};
    struct arena *arena = backup->arena;
    const char *root = data_dir_root(backup->dir);
    const char *format = arena_printf(arena, "%s/" BACKUP_FORMAT_FILE, backup->scratch);
    char text[16];
    int length = snprintf(text, sizeof text, "%d\n", BACKUP_FORMAT);
    int code = inventory_open(database_copy(backup),
                              arena_printf(arena, "%s/listing.db", backup->scratch), &db, err);
    if (code == 0)
        code = inventory_list(db, backup->dir, arena, &inventory, err);
    db_close(db);
    if (code != 0 || fileio_write(format, text, (size_t)length, err) != 0)
        return err->code;
    backup->members = arena_array(arena, inventory.count + OWN_MEMBERS, sizeof *backup->members);
    set_member(backup, format, BACKUP_FORMAT_FILE);
    set_member(backup, arena_printf(arena, "%s/FORMAT", root), "FORMAT");
    set_member(backup, database_copy(backup), "finetuned.db");
    for (size_t i = 0; i < inventory.count; i++) {
        set_member(backup, inventory.items[i].path, inventory.items[i].inside);
        backup->members[backup->count - 1].sha256 = inventory.items[i].sha256;
        backup->members[backup->count - 1].bytes = inventory.items[i].bytes;
    }
    return 0;
}

/* ---- holding files --------------------------------------------------------------------------- */

static int
open_member(struct member *member, struct err *err)
{
    struct stat status;
    if (member->fd >= 0)
        return 0;
    member->fd = open(member->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (member->fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? err_set(err, ERR_NOT_FOUND, "%s is missing", member->inside)
                   : err_set_errno(err, "open %s", member->path);
    if (fstat(member->fd, &status) != 0)
        return err_set_errno(err, "open %s", member->path);
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_INVALID, "%s is no plain file", member->inside);
    member->bytes = status.st_size;
    return 0;
}

static void
close_member(struct member *member)
{
    if (member->fd >= 0)
        close(member->fd);
    member->fd = -1;
}

/* How many files may be open at once, of all that the system gives this process. */
static size_t
descriptors_to_use(void)
{
    size_t limit = fileio_raise_limit();
    return limit > DESCRIPTORS_SPARED ? limit - DESCRIPTORS_SPARED : 0;
}

static int
hold_members(struct backup *backup, struct err *err)
{
    size_t limit = descriptors_to_use();
    backup->total = TAR_END_BYTES;
    for (size_t i = 0; i < backup->count; i++) {
        struct member *member = &backup->members[i];
        if (i < limit && open_member(member, err) != 0)
            return err->code;
        backup->total += TAR_BLOCK_BYTES + tar_padded(member->bytes > 0 ? member->bytes : 0);
    }
    return 0;
}

/* "<sha256>  <name>" of the sums file's text, or NULL. */
static const char *
find_sum(const char *sums, const char *name, struct arena *arena)
{
    enum { HEX = 64 };
    const char *found = strstr(sums, arena_printf(arena, "  %s\n", name));
    return found != NULL && found - sums >= HEX ? arena_copy_bytes(arena, found - HEX, HEX) : NULL;
}

/* A state that is replaced while we look would be put together of two: its own sums tell. */
static int
expect_sums(struct backup *backup, size_t index, struct err *err)
{
    struct member *sums = &backup->members[index];
    char text[SUMS_MAX_BYTES + 1] = "";
    size_t folder = strlen(sums->inside) - strlen(INVENTORY_SUMS_FILE);
    if (open_member(sums, err) != 0)
        return err->code;
    size_t length = sums->bytes < SUMS_MAX_BYTES ? (size_t)sums->bytes : SUMS_MAX_BYTES;
    if (fileio_get(sums->fd, 0, text, length, err) != 0)
        return err_prefix(err, "%s", sums->inside);
    for (size_t i = index + 1; i < backup->count; i++) {
        struct member *member = &backup->members[i];
        if (strncmp(member->inside, sums->inside, folder) != 0)
            break;
        member->sha256 = find_sum(text, member->inside + folder, backup->arena);
        if (member->sha256 == NULL)
            return err_set(err, ERR_INVALID, "%s is damaged", sums->inside);
    }
    return 0;
}

static int
expect_all_sums(struct backup *backup, struct err *err)
{
    for (size_t i = 0; i < backup->count; i++) {
        const char *slash = strrchr(backup->members[i].inside, '/');
        if (slash != NULL && strcmp(slash + 1, INVENTORY_SUMS_FILE) == 0 &&
            strncmp(backup->members[i].inside, "jobs/", strlen("jobs/")) == 0 &&
            expect_sums(backup, i, err) != 0)
            return err->code;
    }
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int
put(struct backup *backup, int fd, const void *bytes, size_t length, struct err *err)
{
    if (fileio_put(fd, bytes, length, err) != 0)
        return err->code;
    backup->done += (int64_t)length;
    if (backup->order->listener != NULL &&
        !backup->order->listener(backup->order->context, backup->done, backup->total))
        return err_set(err, ERR_STOPPED, "stopped before it was finished");
    return 0;
}

static int
put_header(struct backup *backup, int fd, const char *inside, int64_t bytes, struct err *err)
{
    unsigned char block[TAR_BLOCK_BYTES];
    const char *path = arena_printf(backup->arena, BACKUP_FOLDER "/%s", inside);
    const char *slash = strrchr(path, '/');
    const char *folder = arena_copy_bytes(backup->arena, path, (size_t)(slash - path));
    if (strlen(folder) > TAR_FOLDER_MAX || strlen(slash + 1) > TAR_NAME_MAX)
        return err_set(err, ERR_UNSUPPORTED, "%s has too long a name for a backup", inside);
    tar_header(folder, slash + 1, bytes, block);
    return put(backup, fd, block, sizeof block, err);
}

static int
put_padding(struct backup *backup, int fd, int64_t bytes, struct err *err)
{
    static const unsigned char zeros[TAR_BLOCK_BYTES];
    return put(backup, fd, zeros, (size_t)(tar_padded(bytes) - bytes), err);
}

static void
finish_hex(struct sha256_ctx *sha, char hex[65])
{
    unsigned char digest[SHA256_DIGEST_SIZE];
    sha256_digest(sha, sizeof digest, digest);
    fileio_sha256_hex(digest, hex);
}

static int
put_bytes(struct backup *backup, int fd, const struct member *member, char hex[65], struct err *err)
{
    struct sha256_ctx sha;
    unsigned char *piece = mem_small(COPY_BYTES);
    int code = 0;
    sha256_init(&sha);
    for (int64_t at = 0; at < member->bytes && code == 0; at += COPY_BYTES) {
        int64_t left = member->bytes - at;
        size_t length = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        code = fileio_get(member->fd, (size_t)at, piece, length, err);
        if (code == 0)
            sha256_update(&sha, length, piece);
        if (code == 0)
            code = put(backup, fd, piece, length, err);
    }
    finish_hex(&sha, hex);
    free(piece);
    return code == 0 ? 0 : err_prefix(err, "%s", member->inside);
}

static int
put_member(struct backup *backup, int fd, struct member *member, struct err *err)
{
    char hex[65];
    if (open_member(member, err) != 0 ||
        put_header(backup, fd, member->inside, member->bytes, err) != 0 ||
        put_bytes(backup, fd, member, hex, err) != 0 ||
        put_padding(backup, fd, member->bytes, err) != 0)
        return err->code;
    close_member(member);
    if (member->sha256 != NULL && strcmp(hex, member->sha256) != 0)
        return err_set(err, ERR_INVALID, "%s is damaged: its bytes are not those that were stored",
                       member->inside);
    buf_printf(&backup->sums, "%s  %s\n", hex, member->inside);
    return 0;
}

/* A fileio_writer. */
static int
put_archive(void *context, int fd, struct err *err)
{
    static const unsigned char end[TAR_END_BYTES];
    struct backup *backup = context;
    for (size_t i = 0; i < backup->count; i++)
        if (put_member(backup, fd, &backup->members[i], err) != 0)
            return err->code;
    int64_t length = (int64_t)backup->sums.length;
    if (put_header(backup, fd, BACKUP_SUMS_FILE, length, err) != 0 ||
        put(backup, fd, backup->sums.data, backup->sums.length, err) != 0 ||
        put_padding(backup, fd, length, err) != 0)
        return err->code;
    return put(backup, fd, end, sizeof end, err);
}

/* ---- one attempt, and the next --------------------------------------------------------------- */

static int
attempt(struct backup *backup, struct err *err)
{
    if (copy_live_database(backup, err) != 0 || list_members(backup, err) != 0 ||
        hold_members(backup, err) != 0 || expect_all_sums(backup, err) != 0)
        return err->code;
    return fileio_write_by(backup->order->file, put_archive, backup, err);
}

static void
end_attempt(struct backup *backup)
{
    for (size_t i = 0; i < backup->count; i++)
        close_member(&backup->members[i]);
    buf_fini(&backup->sums);
    backup->sums = (struct buf){0};
    backup->members = NULL;
    backup->count = 0;
    backup->done = backup->total = 0;
}

/* May a fresh copy of the database help? */
static bool
is_worth_another(int code, size_t attempts)
{
    if (code == ERR_NOT_FOUND)
        return attempts < BACKUP_MAX_ATTEMPTS;
    return code == ERR_INVALID && attempts < DAMAGE_MAX_ATTEMPTS;
}

static int
attempt_all(struct backup *backup, struct backup_report *out, struct err *err)
{
    int code = 0;
    do {
        end_attempt(backup);
        out->attempts++;
        code = attempt(backup, err);
    } while (is_worth_another(code, out->attempts));
    if (code == 0) {
        out->files = backup->count - 3; /* BACKUP, FORMAT, finetuned.db */
        out->bytes = backup->done;
        out->schema = backup->schema;
    }
    end_attempt(backup);
    if (code == ERR_NOT_FOUND || code == ERR_INVALID)
        err_set(err, ERR_INVALID,
                "%.700s. Nothing is backed up that would not be whole: finetuned doctor lists "
                "all faults",
                arena_copy_string(backup->arena, err->message));
    return code == 0 ? 0 : err->code;
}

/* The folder of the file, without links in it. */
static int
check_target(const struct backup *backup, struct err *err)
{
    const char *file = backup->order->file;
    struct stat status;
    if (lstat(file, &status) == 0 && !S_ISREG(status.st_mode))
        return err_set(err, ERR_CONFLICT, "%s is no plain file", file);
    if (lstat(file, &status) == 0 && !backup->order->replace)
        return err_set(err, ERR_CONFLICT, "%s is there already: choose another name", file);
    char *folder = fileio_folder_of(file);
    char *absolute = realpath(folder, NULL);
    if (absolute == NULL)
        err_set_errno(err, "find the folder %s", folder);
    free(folder);
    if (absolute == NULL)
        return err->code;
    const char *root = data_dir_root(backup->dir);
    size_t length = strlen(root);
    bool within = strncmp(absolute, root, length) == 0 &&
                  (absolute[length] == '\0' || absolute[length] == '/');
    free(absolute);
    return within ? err_set(err, ERR_CONFLICT,
                            "%s lies in the data directory, which it is to outlive: choose a place "
                            "outside",
                            file)
                  : 0;
}

static int
make_scratch(struct backup *backup, struct err *err)
{
    char *path = arena_printf(backup->arena, "%s.unfinished-XXXXXX", backup->order->file);
    if (mkdtemp(path) == NULL)
        return err_set_errno(err, "create a folder beside %s", backup->order->file);
    backup->scratch = path;
    return 0;
}

int
backup_write(const struct backup_order *order, struct backup_report *out, struct err *err)
{
    struct backup backup = {.order = order, .arena = arena_new()};
    struct err ignored;
    *out = (struct backup_report){0};
    int code = data_dir_look(order->data_dir, &backup.dir, err);
    if (code == 0)
        code = check_target(&backup, err);
    if (code == 0)
        code = make_scratch(&backup, err);
    if (code == 0)
        code = attempt_all(&backup, out, err);
    if (backup.scratch != NULL)
        fileio_remove_tree(backup.scratch, &ignored);
    data_dir_close(backup.dir);
    arena_free(backup.arena);
    return code;
}
