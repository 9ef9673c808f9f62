/*
 * download: all files of a model into a folder, each checked by its SHA-256.
 *
 * A file grows as NAME.part and gets its name when its hash is right, so that an interrupted
 * download goes on where it stopped and never leaves a file that is not what it is called. A file
 * that is there already and right is not fetched again; one that is there and is another is not
 * touched.
 */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/lines.h"
#include "api/client/text.h"
#include "core/base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct wanted_file {
    const char *model, *folder, *name, *sha256;
    int64_t bytes;
    const char *path, *part;
};

struct saving {
    struct client *client;
    int fd;
    int64_t at;    /* where the next bytes go */
    int64_t limit; /* a longer file is another */
    bool begun;
    bool whole; /* it was sent from the beginning */
    bool is_longer;
    struct err err; /* of the disk */
};

/* What the daemon offers at the top of a model's folder; anything else is somebody's trick. */
static bool
is_plain_name(const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return name[0] != '\0' && name[0] != '.' && strspn(name, letters) == strlen(name) &&
           strlen(name) < 200;
}

static int
read_row(struct client *client, const struct wanted_file *common, const json_t *row,
         struct wanted_file *out)
{
    *out = *common;
    out->name = field_text(row, "name", "");
    out->sha256 = field_text(row, "sha256", "");
    out->bytes = field_integer(row, "bytes", -1);
    if (!is_plain_name(out->name) || out->bytes < 0 || strlen(out->sha256) != 64)
        return client_problem(client, CLIENT_REFUSED,
                              "the daemon offers a file '%s' that is not taken", out->name);
    out->path = arena_printf(client->arena, "%s/%s", out->folder, out->name);
    out->part = arena_printf(client->arena, "%s.part", out->path);
    return CLIENT_OK;
}

/* 206 goes on where it was asked to; 200 begins again. */
static bool
save(void *context, const char *bytes, size_t length)
{
    struct saving *saving = context;
    if (!saving->begun && http_status(saving->client) != 206)
        saving->at = 0;
    saving->whole = saving->whole || (!saving->begun && saving->at == 0);
    saving->begun = true;
    saving->is_longer = (int64_t)length > saving->limit - saving->at;
    if (saving->is_longer)
        return false;
    if (lseek(saving->fd, (off_t)saving->at, SEEK_SET) < 0)
        err_set_errno(&saving->err, "seek");
    else
        fileio_put(saving->fd, bytes, length, &saving->err);
    if (saving->err.code != ERR_NONE)
        return false;
    saving->at += (int64_t)length;
    return true;
}

static int
local_problem(struct client *client, const char *path, int error)
{
    return client_problem(client, CLIENT_USAGE, "cannot write '%s': %s", path, strerror(error));
}

/* Fetch what is missing of the part. */
static int
fetch(struct client *client, const struct wanted_file *file, bool *whole)
{
    struct stat facts;
    struct saving saving = {.client = client, .limit = file->bytes};
    saving.fd = open(file->part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (saving.fd < 0 || fstat(saving.fd, &facts) != 0) {
        int error = errno;
        if (saving.fd >= 0)
            close(saving.fd);
        return local_problem(client, file->part, error);
    }
    saving.at = facts.st_size < file->bytes ? facts.st_size : 0;
    const char *before = http_path(client, "/v1/models/", file->model, "/files/");
    const struct http_read request = {
        .path = http_path(client, before, file->name, ""),
        .header = saving.at > 0
                      ? arena_printf(client->arena, "Range: bytes=%lld-", (long long)saving.at)
                      : NULL,
        .sink = save,
        .context = &saving,
    };
    int result = file->bytes == 0 ? CLIENT_OK : http_read(client, &request);
    if (saving.is_longer)
        result = client_problem(client, CLIENT_REFUSED, "%s came longer than the daemon has told",
                                file->name);
    else if (saving.err.code != ERR_NONE)
        result = client_problem(client, CLIENT_USAGE, "cannot write '%s': %s", file->part,
                                saving.err.message);
    else if (result == CLIENT_OK &&
             (ftruncate(saving.fd, (off_t)saving.at) != 0 || fsync(saving.fd) != 0))
        result = local_problem(client, file->part, errno);
    close(saving.fd);
    *whole = saving.whole || file->bytes == 0;
    return result;
}

static bool
has_hash(const char *path, const char *sha256)
{
    char hex[65];
    struct err ignored;
    return fileio_sha256(path, hex, &ignored) == 0 && strcmp(hex, sha256) == 0;
}

/* A part of another file is noticed by its hash; then once more from the beginning. */
static int
fetch_checked(struct client *client, const struct wanted_file *file)
{
    struct err err;
    bool whole = false;
    int result = has_hash(file->part, file->sha256) ? CLIENT_OK : fetch(client, file, &whole);
    if (result == CLIENT_OK && !has_hash(file->part, file->sha256) && !whole) {
        unlink(file->part);
        result = fetch(client, file, &whole);
    }
    if (result != CLIENT_OK)
        return result;
    if (!has_hash(file->part, file->sha256)) {
        unlink(file->part);
        return client_problem(client, CLIENT_REFUSED,
                              "%s came with another SHA-256 than the daemon has told: try again",
                              file->name);
    }
    if (fileio_rename(file->part, file->path, &err) != 0)
        return client_problem(client, CLIENT_USAGE, "%s", err.message);
    return CLIENT_OK;
}

static int
take_file(struct client *client, const struct wanted_file *file, const json_t *row)
{
    bool was_there = access(file->path, F_OK) == 0;
    int result = CLIENT_OK;
    if (was_there && !has_hash(file->path, file->sha256))
        return client_problem(client, CLIENT_USAGE,
                              "'%s' is there and is another file: remove it, or choose another "
                              "folder",
                              file->path);
    if (!was_there)
        result = fetch_checked(client, file);
    if (result != CLIENT_OK)
        return result;
    if (client->json) {
        field_print(row, stdout);
    } else {
        struct buf size = {0};
        text_append_bytes(&size, (double)file->bytes);
        lines_say("%s (%s)%s", file->name, buf_string(&size), was_there ? ", was there" : "");
        buf_fini(&size);
    }
    fflush(stdout);
    return CLIENT_OK;
}

int
command_download(struct client *client, const struct call *call)
{
    const struct wanted_file common = {.model = call->given.operands[0],
                                       .folder = call->given.operands[1]};
    json_t *list = NULL;
    struct err err;
    int result = http_get(client, http_path(client, "/v1/models/", common.model, "/files"), &list);
    if (result != CLIENT_OK)
        return result;
    if (mkdir(common.folder, 0777) != 0 && errno != EEXIST)
        result = client_problem(client, CLIENT_USAGE, "cannot make the folder '%s': %s",
                                common.folder, strerror(errno));
    const json_t *rows = field(list, "data");
    for (size_t i = 0; i < json_array_size(rows) && result == CLIENT_OK; i++) {
        struct wanted_file file;
        result = read_row(client, &common, json_array_get(rows, i), &file);
        if (result == CLIENT_OK)
            result = take_file(client, &file, json_array_get(rows, i));
    }
    if (result == CLIENT_OK && fileio_sync(common.folder, &err) != 0)
        result = client_problem(client, CLIENT_USAGE, "%s", err.message);
    json_decref(list);
    return result;
}
