/*
 * Listing and hashing the files of a model folder.
 */
#include "daemon/work/folder_files.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/fileio.h"
#include "core/base/json.h"

static bool
name_is_offered(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= FOLDER_FILE_NAME_MAX && name[0] != '.' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               length;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(((const struct folder_file *)a)->name, ((const struct folder_file *)b)->name);
}

static void
add_if_offered(const char *folder, const char *name, struct arena *arena, struct folder_files *out)
{
    struct stat status;
    if (!name_is_offered(name) || out->count == FOLDER_FILES_MAX)
        return;
    if (stat(arena_printf(arena, "%s/%s", folder, name), &status) != 0 || !S_ISREG(status.st_mode))
        return;
    out->items[out->count++] = (struct folder_file){
        .name = arena_copy_string(arena, name),
        .bytes = status.st_size,
    };
}

int
folder_files_list(const char *folder, struct arena *arena, struct folder_files *out,
                  struct err *err)
{
    *out = (struct folder_files){0};
    DIR *listing = opendir(folder);
    if (listing == NULL && errno == ENOENT)
        return err_set(err, ERR_NOT_FOUND, "the model's folder is gone");
    if (listing == NULL)
        return err_set_errno(err, "open folder %s", folder);
    out->items = arena_array(arena, FOLDER_FILES_MAX, sizeof *out->items);
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
        add_if_offered(folder, entry->d_name, arena, out);
    closedir(listing);
    qsort(out->items, out->count, sizeof *out->items, compare_names);
    return 0;
}

struct folder_file *
folder_files_find(const struct folder_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->items[i].name, name) == 0)
            return &files->items[i];
    return NULL;
}

int
folder_files_describe(const char *folder, struct arena *arena, struct folder_files *out,
                      struct err *err)
{
    if (folder_files_list(folder, arena, out, err) != 0)
        return err->code;
    for (size_t i = 0; i < out->count; i++) {
        char hex[65];
        if (fileio_sha256(arena_printf(arena, "%s/%s", folder, out->items[i].name), hex, err) != 0)
            return err->code;
        out->items[i].sha256 = arena_copy_string(arena, hex);
    }
    return 0;
}

const char *
folder_files_print(const struct folder_files *files, struct arena *arena)
{
    json_t *array = json_array();
    for (size_t i = 0; i < files->count; i++)
        json_array_append_new(array, json_pack("{s:s, s:I, s:s}", "name", files->items[i].name,
                                               "bytes", (json_int_t)files->items[i].bytes, "sha256",
                                               files->items[i].sha256));
    char *text = json_text(array);
    const char *copy = arena_copy_string(arena, text);
    free(text);
    json_decref(array);
    return copy;
}

int
folder_files_parse(const char *json, struct arena *arena, struct folder_files *out, struct err *err)
{
    *out = (struct folder_files){0};
    json_t *array = json_parse(json, strlen(json), false, err);
    if (array == NULL)
        return err_prefix(err, "stored list of files");
    size_t count = json_array_size(array);
    out->items = arena_array(arena, count, sizeof *out->items);
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const char *sha256;
        json_int_t bytes;
        if (json_unpack(json_array_get(array, i), "{s:s, s:I, s:s}", "name", &name, "bytes", &bytes,
                        "sha256", &sha256) != 0) {
            json_decref(array);
            return err_set(err, ERR_INTERNAL, "stored list of files: entry %zu is damaged", i);
        }
        out->items[out->count++] = (struct folder_file){
            .name = arena_copy_string(arena, name),
            .bytes = bytes,
            .sha256 = arena_copy_string(arena, sha256),
        };
    }
    json_decref(array);
    return 0;
}
