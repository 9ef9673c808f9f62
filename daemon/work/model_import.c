/* Copying and judging foreign model folders; see model_import.h. */
#include "daemon/work/model_import.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fileio.h"
#include "core/hub/model_dir.h"
#include "core/hub/model_weights.h"
#include "core/hub/tar.h"
#include "core/text/tokenizer.h"

enum { COPY_BYTES = 1 << 20, NO_FORM = INT_MAX };

/* What is read of a model folder beside its weights, and what transformers reads too. */
static const char *const known_files[] = {
    "config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
};

/* The weights that were seen among a model's files. The best form is taken and no other. */
struct weights_seen {
    int form;            /* model_weights_form's; NO_FORM: none that is whole */
    const char *foreign; /* NULL, or a file that is not read here */
    const char *orphan;  /* NULL, or a file of several, whose index may be missing */
};

static void
note_weights(struct weights_seen *seen, const char *name, struct arena *arena)
{
    bool decides = false;
    int form = model_weights_form(name, &decides);
    if (form >= 0 && decides && form < seen->form)
        seen->form = form;
    if (form >= 0 && !decides)
        seen->orphan = arena_copy_string(arena, name);
    if (model_weights_is_foreign(name))
        seen->foreign = arena_copy_string(arena, name);
}

static bool
is_taken(const struct weights_seen *seen, const char *name)
{
    bool decides = false;
    int form = model_weights_form(name, &decides);
    if (form >= 0)
        return form == seen->form;
    for (size_t i = 0; i < sizeof known_files / sizeof known_files[0]; i++)
        if (strcmp(known_files[i], name) == 0)
            return true;
    return false;
}

static void
leave_out(struct model_import *import, const char *name, struct arena *arena)
{
    if (import->left_out_count < IMPORT_LEFT_OUT_MAX)
        import->left_out[import->left_out_count] = arena_copy_string(arena, name);
    import->left_out_count++;
}

/* A model that has weights of another kind must not be taken for one without. */
static int
check_weights(const struct weights_seen *seen, struct err *err)
{
    if (seen->form != NO_FORM)
        return 0;
    if (seen->orphan != NULL)
        return err_set(err, ERR_INVALID,
                       "%s holds a part of the model's weights, and the index of the parts "
                       "(model.safetensors.index.json or pytorch_model.bin.index.json) is missing: "
                       "put it beside them",
                       seen->orphan);
    if (seen->foreign != NULL)
        return err_set(err, ERR_UNSUPPORTED,
                       "the model's weights are in %s, which is not read here: load it in "
                       "transformers and save it with save_pretrained(folder)",
                       seen->foreign);
    return 0;
}

/* ---- copying -------------------------------------------------------------------------------- */

struct piece {
    int fd;
    int64_t offset, bytes;
};

static int
write_piece(void *context, int fd, struct err *err)
{
    const struct piece *piece = context;
    unsigned char *buffer = mem_small(COPY_BYTES);
    int code = 0;
    for (int64_t done = 0; done < piece->bytes && code == 0;) {
        int64_t left = piece->bytes - done;
        size_t length = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        code = fileio_get(piece->fd, (size_t)(piece->offset + done), buffer, length, err);
        if (code == 0)
            code = fileio_put(fd, buffer, length, err);
        done += (int64_t)length;
    }
    free(buffer);
    return code;
}

static int
copy_piece(const struct piece *piece, const char *target, const char *name, struct arena *arena,
           struct err *err)
{
    const char *path = arena_printf(arena, "%s/%s", target, name);
    return fileio_write_by(path, write_piece, (void *)(uintptr_t)piece, err);
}

/* ---- out of a folder ------------------------------------------------------------------------ */

/* Is the resolved path the place itself or below it? */
static bool
lies_in(const char *path, const char *place)
{
    size_t length = strlen(place);
    if (strcmp(place, "/") == 0)
        return true;
    return strncmp(path, place, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool
is_allowed(const char *path, const struct import_places *places)
{
    bool allowed = false;
    for (size_t i = 0; i < places->count && !allowed; i++) {
        char *place = realpath(places->folders[i], NULL);
        allowed = place != NULL && lies_in(path, place);
        free(place);
    }
    return allowed;
}

/* A relative path is looked for below each place in turn. */
static const char *
resolve(const char *path, const struct import_places *places, struct arena *arena)
{
    for (size_t i = 0; i < places->count; i++) {
        bool absolute = path[0] == '/';
        char *real = realpath(
            absolute ? path : arena_printf(arena, "%s/%s", places->folders[i], path), NULL);
        const char *copy = arena_copy_string(arena, real);
        free(real);
        if (copy != NULL && is_allowed(copy, places))
            return copy;
    }
    return NULL;
}

/* Hub folders are made of links into their cache: followed as far as that is allowed too. */
static int
copy_file(const char *folder, const char *name, const struct import_places *places,
          const char *target, struct arena *arena, struct err *err)
{
    const char *path = resolve(arena_printf(arena, "%s/%s", folder, name), places, arena);
    if (path == NULL)
        return err_set(err, ERR_INVALID,
                       "%s is a link that leads out of the folders that may be imported from",
                       name);
    struct stat status;
    struct piece piece = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (piece.fd < 0 || fstat(piece.fd, &status) != 0) {
        int code = err_set_errno(err, "open %s", name);
        if (piece.fd >= 0)
            close(piece.fd);
        return code;
    }
    int code = 0;
    piece.bytes = status.st_size;
    if (!S_ISREG(status.st_mode))
        code = err_set(err, ERR_INVALID, "%s is no plain file", name);
    else
        code = copy_piece(&piece, target, name, arena, err);
    close(piece.fd);
    return code;
}

static int
check_listing(DIR *listing, struct arena *arena, struct weights_seen *out, struct err *err)
{
    *out = (struct weights_seen){.form = NO_FORM};
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
        note_weights(out, entry->d_name, arena);
    rewinddir(listing);
    return check_weights(out, err);
}

static int
copy_folder(DIR *listing, const char *folder, const struct import_places *places,
            const char *target, struct arena *arena, struct model_import *out, struct err *err)
{
    struct weights_seen seen;
    int code = check_listing(listing, arena, &seen, err);
    for (struct dirent *entry = readdir(listing); entry != NULL && code == 0;
         entry = readdir(listing)) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (is_taken(&seen, name))
            code = copy_file(folder, name, places, target, arena, err);
        else
            leave_out(out, name, arena);
    }
    return code;
}

int
model_import_folder(const char *path, const struct import_places *places, const char *target,
                    struct arena *arena, struct model_import *out, struct err *err)
{
    *out = (struct model_import){.folder_name = ""};
    const char *folder = resolve(path, places, arena);
    if (folder == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no '%.200s' in the folders that models may be imported from",
                       path);
    DIR *listing = opendir(folder);
    if (listing == NULL)
        return errno == ENOTDIR ? err_set(err, ERR_INVALID, "'%.200s' is no folder", path)
                                : err_set_errno(err, "open folder '%.200s'", path);
    int code = fileio_make_folder(target, err);
    if (code == 0)
        code = copy_folder(listing, folder, places, target, arena, out, err);
    closedir(listing);
    const char *slash = strrchr(folder, '/');
    out->folder_name = slash == NULL ? folder : slash + 1;
    return code;
}

/* ---- out of an archive ---------------------------------------------------------------------- */

struct unpacking {
    struct tar_reader reader;
    const char *target;
    struct arena *arena;
    struct model_import *import;
    const char *folder; /* that the files stand in, "" for none; NULL: not known yet */
    struct weights_seen seen;
};

static int
refuse_entry(const struct tar_entry *entry, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID, "the archive's entry '%.200s' %s", entry->path, why);
}

/* Split "./folder/name" into its parts; "." counts for nothing. *deep: more than one folder. */
static int
split_path(const struct tar_entry *entry, struct arena *arena, const char *parts[2], bool *deep,
           struct err *err)
{
    size_t count = 0;
    *deep = false;
    parts[0] = parts[1] = NULL;
    if (entry->path[0] == '/')
        return refuse_entry(entry, "has an absolute name: nothing was unpacked", err);
    for (const char *c = entry->path; *c != '\0';) {
        size_t length = strcspn(c, "/");
        if (length == 2 && memcmp(c, "..", 2) == 0)
            return refuse_entry(entry, "leads out of its folder: nothing was unpacked", err);
        if (length > 0 && !(length == 1 && *c == '.')) {
            if (count < 2)
                parts[count] = arena_copy_bytes(arena, c, length);
            count++;
        }
        c += length;
        c += strspn(c, "/");
    }
    *deep = count > 2;
    return 0;
}

static int
unpack_file(struct unpacking *unpacking, const struct tar_entry *entry, const char *name,
            struct err *err)
{
    const char *path = arena_printf(unpacking->arena, "%s/%s", unpacking->target, name);
    struct piece piece = {unpacking->reader.fd, entry->offset, entry->bytes};
    if (fileio_exists(path))
        return refuse_entry(entry, "is there twice", err);
    return copy_piece(&piece, unpacking->target, name, unpacking->arena, err);
}

/* All files that are taken must stand in one place. */
static int
check_place(struct unpacking *unpacking, const struct tar_entry *entry, const char *folder,
            struct err *err)
{
    if (unpacking->folder == NULL)
        unpacking->folder = folder;
    if (strcmp(unpacking->folder, folder) == 0)
        return 0;
    return refuse_entry(entry,
                        "stands in another folder than the files before: one archive holds "
                        "one model",
                        err);
}

/* The first time through the archive: which weights are there? */
static int
note_entry(struct unpacking *unpacking, const struct tar_entry *entry, struct err *err)
{
    const char *parts[2];
    bool deep = false;
    if (split_path(entry, unpacking->arena, parts, &deep, err) != 0)
        return err->code;
    if (!deep && entry->kind == TAR_FILE && parts[0] != NULL)
        note_weights(&unpacking->seen, parts[1] == NULL ? parts[0] : parts[1], unpacking->arena);
    return 0;
}

/* The second time: everything else. */
static int
take_entry(struct unpacking *unpacking, const struct tar_entry *entry, struct err *err)
{
    const char *parts[2];
    bool deep = false;
    if (split_path(entry, unpacking->arena, parts, &deep, err) != 0)
        return err->code;
    if (entry->kind == TAR_OTHER)
        return refuse_entry(entry,
                            "is a link or a device; only plain files are taken (tar "
                            "--dereference stores what links lead to)",
                            err);
    if (entry->kind == TAR_FOLDER || parts[0] == NULL)
        return 0;
    const char *folder = parts[1] == NULL ? "" : parts[0];
    const char *name = parts[1] == NULL ? parts[0] : parts[1];
    if (deep || !is_taken(&unpacking->seen, name)) {
        leave_out(unpacking->import, entry->path, unpacking->arena);
        return 0;
    }
    if (check_place(unpacking, entry, folder, err) != 0)
        return err->code;
    return unpack_file(unpacking, entry, name, err);
}

typedef int visit_entry(struct unpacking *unpacking, const struct tar_entry *entry,
                        struct err *err);

static int
walk(struct unpacking *unpacking, visit_entry *visit, struct err *err)
{
    struct tar_entry *entry = mem_small(sizeof *entry);
    size_t count = 0;
    int found = 0;
    int code = 0;
    while (code == 0 && (found = tar_next(&unpacking->reader, entry, err)) > 0) {
        if (++count > IMPORT_ENTRIES_MAX)
            code = err_set(err, ERR_INVALID, "the archive has more than %d entries",
                           IMPORT_ENTRIES_MAX);
        else
            code = visit(unpacking, entry, err);
    }
    free(entry);
    if (code == 0 && found < 0)
        code = err_prefix(err, "the archive");
    return code;
}

static int
unpack(struct unpacking *unpacking, struct err *err)
{
    unpacking->seen = (struct weights_seen){.form = NO_FORM};
    if (walk(unpacking, note_entry, err) != 0 || check_weights(&unpacking->seen, err) != 0)
        return err->code;
    unpacking->reader.at = 0;
    return walk(unpacking, take_entry, err);
}

int
model_import_tar(const char *archive, const char *target, struct arena *arena,
                 struct model_import *out, struct err *err)
{
    struct stat status = {0};
    *out = (struct model_import){.folder_name = ""};
    struct unpacking unpacking = {
        .reader = {.fd = open(archive, O_RDONLY | O_CLOEXEC)},
        .target = target,
        .arena = arena,
        .import = out,
    };
    if (unpacking.reader.fd < 0)
        return err_set_errno(err, "open %s", archive);
    int code = 0;
    if (fstat(unpacking.reader.fd, &status) != 0)
        code = err_set_errno(err, "measure %s", archive);
    else
        code = fileio_make_folder(target, err);
    unpacking.reader.length = status.st_size;
    if (code == 0)
        code = unpack(&unpacking, err);
    close(unpacking.reader.fd);
    if (unpacking.folder != NULL)
        out->folder_name = unpacking.folder;
    return code;
}

/* ---- judging -------------------------------------------------------------------------------- */

static int
check_parts(const char *folder, struct arena *arena, struct err *err)
{
    struct model_summary summary;
    struct tensor_layout layout;
    struct model_load_report report;
    struct tokenizer *tokenizer = NULL;
    if (!fileio_exists(arena_printf(arena, "%s/config.json", folder)))
        return err_set(err, ERR_INVALID, "there is no config.json: this is no model folder");
    if (model_dir_summarize(folder, false, arena, &summary, err) != 0 ||
        tensor_layout_build(&summary.config, arena, &layout, err) != 0 ||
        model_dir_verify(folder, &layout, &report, err) != 0 ||
        tokenizer_open(folder, summary.config.vocab_size, &tokenizer, err) != 0)
        return err->code;
    tokenizer_free(tokenizer);
    if (summary.config.label_count > 0 &&
        (report.random_weights || report.missing_classifier || report.missing_pooler))
        return err_set(err, ERR_INVALID,
                       "config.json names %zu labels, but there are no weights of a classifier for "
                       "them in the weights files",
                       summary.config.label_count);
    return 0;
}

int
model_import_check(const char *folder, struct err *err)
{
    struct arena *arena = arena_new();
    int code = check_parts(folder, arena, err);
    arena_free(arena);
    if (code == ERR_NOT_FOUND) /* a file that is missing: that is the model's fault, not a path's */
        code = err->code = ERR_INVALID;
    return code;
}
