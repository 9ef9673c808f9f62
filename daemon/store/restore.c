/* Backups, read; see restore.h. What an archive says is believed only after it was judged. */
#include "daemon/store/restore.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/machine.h"
#include "core/base/mem.h"
#include "core/hub/tar.h"
#include "daemon/store/data_dir.h"
#include "daemon/store/db_check.h"
#include "daemon/store/inventory.h"
#include "daemon/store/migrate.h"

#include <dirent.h>
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
    SUMS_MAX_BYTES = 256 * 1024 * 1024,
    FORMAT_MAX_BYTES = 16,
    COMPONENT_MAX_BYTES = 100,
    COMPONENTS_MAX = 5 /* jobs/<id>/resume/<state>/<file> */
};

struct restore {
    const struct restore_order *order;
    struct arena *arena;
    const char *target;  /* without slashes at its end */
    const char *scratch; /* becomes the target, or its contents do */
    bool is_inside;      /* scratch lies in the target, which was there */
    int fd;              /* of the archive */
    struct tar_reader reader;
    struct buf sums; /* of what was unpacked, as SHA256SUMS has them */
    struct buf said; /* the archive's SHA256SUMS */
    const char *last_folder;
    size_t files;
};

/* ---- entries --------------------------------------------------------------------------------- */

/* A place that a data directory has: a few plain components under a folder of ours. */
static bool
is_place(const char *inside)
{
    static const char *const tops[] = {"files/", "models/", "base_models/", "jobs/", "uploads/"};
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "._-";
    if (strcmp(inside, "FORMAT") == 0 || strcmp(inside, "finetuned.db") == 0)
        return true;
    bool known = false;
    for (size_t i = 0; i < sizeof tops / sizeof tops[0]; i++)
        known = known || strncmp(inside, tops[i], strlen(tops[i])) == 0;
    size_t components = 0;
    for (const char *at = inside; known; components++) {
        size_t length = strcspn(at, "/");
        if (length == 0 || length > COMPONENT_MAX_BYTES || at[0] == '.' ||
            strspn(at, allowed) < length)
            return false;
        if (at[length] == '\0')
            return components + 1 <= COMPONENTS_MAX;
        at += length + 1;
    }
    return false;
}

static int
refuse(const struct restore *restore, const char *what, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s %s", restore->order->file, what);
}

static int
report(struct restore *restore, int64_t done, struct err *err)
{
    if (restore->order->listener != NULL &&
        !restore->order->listener(restore->order->context, done, restore->reader.length))
        return err_set(err, ERR_STOPPED, "stopped before it was finished");
    return 0;
}

/* Bytes of an entry, piece by piece: to fd, to text, or to neither; their hash to hex. */
static int
read_entry(struct restore *restore, const struct tar_entry *entry, int fd, struct buf *text,
           char hex[65], struct err *err)
{
    struct sha256_ctx sha;
    unsigned char digest[SHA256_DIGEST_SIZE];
    unsigned char *piece = mem_small(COPY_BYTES);
    int code = 0;
    sha256_init(&sha);
    for (int64_t at = 0; at < entry->bytes && code == 0; at += COPY_BYTES) {
        int64_t left = entry->bytes - at;
        size_t length = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        code = fileio_get(restore->fd, (size_t)(entry->offset + at), piece, length, err);
        if (code == 0 && fd >= 0)
            code = fileio_put(fd, piece, length, err);
        if (code == 0 && text != NULL)
            buf_append(text, piece, length);
        if (code == 0)
            code = report(restore, entry->offset + at, err);
        sha256_update(&sha, code == 0 ? length : 0, piece);
    }
    sha256_digest(&sha, sizeof digest, digest);
    fileio_sha256_hex(digest, hex);
    free(piece);
    return code;
}

/* The folder that the entry goes into; what was written into the one before is synced. */
static int
enter_folder(struct restore *restore, const char *path, struct err *err)
{
    const char *folder =
        arena_copy_bytes(restore->arena, path, (size_t)(strrchr(path, '/') - path));
    if (restore->last_folder != NULL && strcmp(restore->last_folder, folder) == 0)
        return 0;
    if (restore->last_folder != NULL && fileio_sync(restore->last_folder, err) != 0)
        return err->code;
    restore->last_folder = folder;
    return fileio_make_folder(folder, err);
}

static int
unpack(struct restore *restore, const struct tar_entry *entry, const char *inside, struct err *err)
{
    char hex[65];
    const char *path = arena_printf(restore->arena, "%s/%s", restore->scratch, inside);
    if (enter_folder(restore, path, err) != 0)
        return err->code;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST
                   ? err_set(err, ERR_INVALID, "%s has %s twice", restore->order->file, inside)
                   : err_set_errno(err, "create %s", path);
    int code = read_entry(restore, entry, fd, NULL, hex, err);
    if (code == 0 && fsync(fd) != 0)
        code = err_set_errno(err, "fsync");
    close(fd);
    if (code != 0)
        return err_prefix(err, "unpack %s", inside);
    buf_printf(&restore->sums, "%s  %s\n", hex, inside);
    restore->files++;
    return 0;
}

/* The first entry says whether we know the rest. */
static int
check_format(struct restore *restore, const struct tar_entry *entry, struct err *err)
{
    char hex[65];
    char *end = NULL;
    struct buf text = {0};
    int code = 0;
    if (entry->kind != TAR_FILE || entry->bytes > FORMAT_MAX_BYTES ||
        strcmp(entry->path, BACKUP_FOLDER "/" BACKUP_FORMAT_FILE) != 0)
        return refuse(restore, "is no backup of finetuned", err);
    code = read_entry(restore, entry, -1, &text, hex, err);
    long format = code == 0 ? strtol(buf_string(&text), &end, 10) : 0;
    if (code == 0 && (format < 1 || strcmp(end, "\n") != 0))
        code = refuse(restore, "is damaged: its format is no number", err);
    else if (code == 0 && format > BACKUP_FORMAT)
        code = err_set(err, ERR_UNSUPPORTED,
                       "%s was written by a newer finetuned (format %ld, this program knows %d): "
                       "restore it with that version",
                       restore->order->file, format, BACKUP_FORMAT);
    buf_fini(&text);
    buf_printf(&restore->sums, "%s  " BACKUP_FORMAT_FILE "\n", hex);
    return code;
}

static int
take_entry(struct restore *restore, const struct tar_entry *entry, struct err *err)
{
    static const char folder[] = BACKUP_FOLDER "/";
    char hex[65];
    if (restore->said.length > 0)
        return refuse(restore, "goes on behind its sums: it is damaged", err);
    if (entry->kind != TAR_FILE || strncmp(entry->path, folder, strlen(folder)) != 0)
        return err_set(err, ERR_INVALID, "%s holds '%.100s', which no backup does",
                       restore->order->file, entry->path);
    const char *inside = entry->path + strlen(folder);
    if (strcmp(inside, BACKUP_SUMS_FILE) == 0) {
        if (entry->bytes > SUMS_MAX_BYTES)
            return refuse(restore, "is damaged: its sums are too long", err);
        return read_entry(restore, entry, -1, &restore->said, hex, err);
    }
    if (!is_place(inside))
        return err_set(err, ERR_INVALID, "%s holds '%.100s', which no backup does",
                       restore->order->file, inside);
    return unpack(restore, entry, inside, err);
}

/* The name in the first line that differs, for people. */
static int
refuse_sums(const struct restore *restore, struct err *err)
{
    const char *ours = buf_string(&restore->sums);
    const char *theirs = buf_string(&restore->said);
    while (*ours != '\0' && *theirs != '\0') {
        size_t length = strcspn(ours, "\n");
        if (length != strcspn(theirs, "\n") || memcmp(ours, theirs, length) != 0)
            break;
        ours += length + 1;
        theirs += length + 1;
    }
    const char *name = strstr(ours, "  ");
    return err_set(err, ERR_INVALID, "%s is damaged: the sum of %.*s is another",
                   restore->order->file, name != NULL ? (int)strcspn(name + 2, "\n") : 12,
                   name != NULL ? name + 2 : "its last file");
}

static int
unpack_all(struct restore *restore, struct err *err)
{
    struct tar_entry entry;
    int found = tar_next(&restore->reader, &entry, err);
    if (found == 0)
        return refuse(restore, "is empty", err);
    if (found < 0)
        return err_prefix(err, "%s", restore->order->file);
    if (check_format(restore, &entry, err) != 0)
        return err->code;
    while ((found = tar_next(&restore->reader, &entry, err)) > 0)
        if (take_entry(restore, &entry, err) != 0)
            return err->code;
    if (found < 0)
        return err_prefix(err, "%s", restore->order->file);
    if (restore->said.length == 0)
        return refuse(restore, "is cut off: its sums are missing", err);
    if (restore->said.length != restore->sums.length ||
        memcmp(restore->said.data, restore->sums.data, restore->sums.length) != 0)
        return refuse_sums(restore, err);
    return restore->last_folder != NULL ? fileio_sync(restore->last_folder, err) : 0;
}

/* ---- what was unpacked ----------------------------------------------------------------------- */

static int
check_stored(struct restore *restore, struct db *db, const struct data_dir *dir, struct err *err)
{
    struct inventory inventory;
    struct inventory_orphans orphans;
    if (inventory_list(db, dir, restore->arena, &inventory, err) != 0)
        return err->code;
    for (size_t i = 0; i < inventory.count; i++) {
        if (inventory_check(&inventory.items[i], err) != 0 ||
            report(restore, restore->reader.length, err) != 0)
            return err->code;
    }
    if (inventory_find_orphans(&inventory, dir, INT64_MAX, restore->arena, &orphans, err) != 0)
        return err->code;
    if (orphans.count > 0)
        return err_set(err, ERR_INVALID, "it holds %s, which its database does not name",
                       orphans.first);
    return 0;
}

/* Opened for writing, so that it leaves no log behind. */
static int
check_database(const char *path, struct err *err)
{
    struct db *db = NULL;
    if (db_open(path, &db, err) != 0)
        return err->code;
    int code = db_check(db, err);
    db_close(db);
    return code;
}

/* What opening databases to look at them has left. */
static int
remove_traces(const char *listing, const char *database, struct arena *arena, struct err *err)
{
    const char *const traces[] = {
        listing,
        arena_printf(arena, "%s-wal", listing),
        arena_printf(arena, "%s-shm", listing),
        arena_printf(arena, "%s-wal", database),
        arena_printf(arena, "%s-shm", database),
    };
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++)
        if (fileio_remove_tree(traces[i], err) != 0)
            return err->code;
    return 0;
}

static int
verify(struct restore *restore, struct backup_report *out, struct err *err)
{
    struct data_dir *dir = NULL;
    struct db *db = NULL;
    const char *listing = arena_printf(restore->arena, "%s/listing.db", restore->scratch);
    const char *database = arena_printf(restore->arena, "%s/finetuned.db", restore->scratch);
    int code = fileio_exists(database) ? data_dir_look(restore->scratch, &dir, err)
                                       : refuse(restore, "holds no database", err);
    if (code == 0 &&
        (migrate_inspect(database, migrate_embedded(), &out->schema, err) != 0 ||
         check_database(database, err) != 0 || inventory_open(database, listing, &db, err) != 0))
        code = err->code;
    if (code == 0)
        code = check_stored(restore, db, dir, err);
    db_close(db);
    data_dir_close(dir);
    if (code == 0)
        code = remove_traces(listing, database, restore->arena, err);
    return code;
}

/* ---- the directory --------------------------------------------------------------------------- */

/* Is there nothing in it but what a fresh file system brings along? */
static bool
is_empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    bool empty = folder != NULL;
    if (folder == NULL)
        return false;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                          strcmp(entry->d_name, "lost+found") == 0);
    closedir(folder);
    return empty;
}

/* Beside a target that is to come; inside one that is there, which may be another file system. */
static int
make_scratch(struct restore *restore, struct err *err)
{
    struct stat status;
    const char *target = restore->target;
    restore->is_inside = lstat(target, &status) == 0;
    if (restore->is_inside && (!S_ISDIR(status.st_mode) || !is_empty_folder(target)))
        return err_set(err, ERR_CONFLICT,
                       "%s holds something: restore into a folder that is empty or not there",
                       target);
    char *parent = fileio_folder_of(target);
    int code = restore->is_inside ? 0 : fileio_make_folder(parent, err);
    free(parent);
    if (code != 0)
        return code;
    char *path = arena_printf(
        restore->arena, restore->is_inside ? "%s/restoring-XXXXXX" : "%s.restoring-XXXXXX", target);
    if (mkdtemp(path) == NULL)
        return err_set_errno(err, "create a folder for %s", target);
    restore->scratch = path;
    return 0;
}

static int
check_room(const struct restore *restore, struct err *err)
{
    struct machine_disk disk;
    if (machine_disk(restore->scratch, &disk, err) != 0)
        return err->code;
    if (disk.free_bytes < restore->reader.length)
        return err_set(err, ERR_FULL, "the backup needs %lld bytes and %lld are free at %s",
                       (long long)restore->reader.length, (long long)disk.free_bytes,
                       restore->target);
    return 0;
}

/* FORMAT last: until it stands there, nobody takes the folder for a data directory. */
static int
move_contents(struct restore *restore, struct err *err)
{
    static const char *const names[] = {"files",   "models",       "base_models", "jobs",
                                        "uploads", "finetuned.db", "FORMAT"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *from = arena_printf(restore->arena, "%s/%s", restore->scratch, names[i]);
        const char *to = arena_printf(restore->arena, "%s/%s", restore->target, names[i]);
        if (rename(from, to) != 0 && errno != ENOENT)
            return err_set_errno(err, "rename %s to %s", from, to);
    }
    if (chmod(restore->target, 0700) != 0)
        return err_set_errno(err, "make %s private (mode 0700)", restore->target);
    return fileio_sync(restore->target, err);
}

static int
publish(struct restore *restore, struct err *err)
{
    if (fileio_sync(restore->scratch, err) != 0)
        return err->code;
    return restore->is_inside ? move_contents(restore, err)
                              : fileio_rename(restore->scratch, restore->target, err);
}

static int
open_archive(struct restore *restore, struct err *err)
{
    struct stat status;
    const char *file = restore->order->file;
    restore->fd = open(file, O_RDONLY | O_CLOEXEC);
    if (restore->fd < 0 || fstat(restore->fd, &status) != 0)
        return err_set_errno(err, "open %s", file);
    if (!S_ISREG(status.st_mode))
        return refuse(restore, "is no plain file", err);
    restore->reader = (struct tar_reader){.fd = restore->fd, .length = status.st_size};
    return 0;
}

static const char *
without_slashes(const char *path, struct arena *arena)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return arena_copy_bytes(arena, path, length);
}

int
restore_run(const struct restore_order *order, struct backup_report *out, struct err *err)
{
    struct restore restore = {.order = order, .arena = arena_new(), .fd = -1};
    struct err ignored;
    *out = (struct backup_report){0};
    restore.target = without_slashes(order->data_dir, restore.arena);
    int code = open_archive(&restore, err);
    if (code == 0)
        code = make_scratch(&restore, err);
    if (code == 0)
        code = check_room(&restore, err);
    if (code == 0)
        code = unpack_all(&restore, err);
    if (code == 0)
        code = verify(&restore, out, err);
    if (code == 0)
        code = publish(&restore, err);
    if (code == 0) {
        out->files = restore.files - 2; /* FORMAT, finetuned.db */
        out->bytes = restore.reader.length;
    }
    if (restore.scratch != NULL)
        fileio_remove_tree(restore.scratch, &ignored);
    if (restore.fd >= 0)
        close(restore.fd);
    buf_fini(&restore.sums);
    buf_fini(&restore.said);
    arena_free(restore.arena);
    return code;
}
