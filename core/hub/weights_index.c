/* Reading an index of weights; see weights_index.h. */
#include "core/hub/weights_index.h"

#include "core/base/json.h"
#include "core/base/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_MAX_BYTES = 16 * 1024 * 1024, QUOTED_NAME_BYTES = 128 };

static bool
ends_in(const char *name, const char *ending)
{
    size_t length = strlen(name);
    size_t wanted = strlen(ending);
    return length > wanted && strcmp(name + length - wanted, ending) == 0;
}

/* The file that a member of the map names, or NULL with the error set. */
static const char *
read_file_name(const char *tensor, const json_t *value, const char *ending, struct err *err)
{
    const char *name = json_string_value(value);
    if (name == NULL) {
        err_set(err, ERR_INVALID, "weight_map: tensor '%.*s' stands in what is no file's name",
                (int)utf8_clip(tensor, strlen(tensor), QUOTED_NAME_BYTES), tensor);
        return NULL;
    }
    if (strlen(name) <= WEIGHTS_FILE_NAME_MAX && name[0] != '.' && strchr(name, '/') == NULL &&
        ends_in(name, ending))
        return name;
    err_set(err, ERR_INVALID,
            "weight_map: '%.*s' is no file of this folder: a plain name that ends in %s is wanted",
            (int)utf8_clip(name, strlen(name), QUOTED_NAME_BYTES), name, ending);
    return NULL;
}

/* The place of a name among the sorted ones, or where it belongs; *found says which. */
static size_t
search(const char *const *files, size_t count, const char *name, bool *found)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(files[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < count && strcmp(files[low], name) == 0;
    return low;
}

/* The files, each once; the map's values are names by now. */
static int
list_files(json_t *map, struct arena *arena, struct weights_index *out, struct err *err)
{
    const char **files = arena_array(arena, WEIGHTS_FILES_MAX, sizeof *files);
    const char *tensor = NULL;
    json_t *value = NULL;
    json_object_foreach (map, tensor, value) {
        const char *name = json_string_value(value);
        bool found = false;
        size_t place = search(files, out->file_count, name, &found);
        if (found)
            continue;
        if (out->file_count == WEIGHTS_FILES_MAX)
            return err_set(err, ERR_INVALID, "weight_map: there are more than %d files",
                           WEIGHTS_FILES_MAX);
        memmove(files + place + 1, files + place, (out->file_count - place) * sizeof *files);
        files[place] = arena_copy_string(arena, name);
        out->file_count++;
    }
    out->files = files;
    return 0;
}

static int
by_tensor(const void *left, const void *right)
{
    const struct weights_index_row *a = left;
    const struct weights_index_row *b = right;
    return strcmp(a->tensor, b->tensor);
}

static int
read_map(json_t *map, const char *ending, struct arena *arena, struct weights_index *out,
         struct err *err)
{
    const char *tensor = NULL;
    json_t *value = NULL;
    if (!json_is_object(map) || json_object_size(map) == 0)
        return err_set(err, ERR_INVALID, "it has no weight_map that says where tensors stand");
    json_object_foreach (map, tensor, value)
        if (read_file_name(tensor, value, ending, err) == NULL)
            return err->code;
    if (list_files(map, arena, out, err) != 0)
        return err->code;
    struct weights_index_row *rows = arena_array(arena, json_object_size(map), sizeof *rows);
    json_object_foreach (map, tensor, value) {
        bool found = false;
        rows[out->count++] = (struct weights_index_row){
            arena_copy_string(arena, tensor),
            search(out->files, out->file_count, json_string_value(value), &found)};
    }
    qsort(rows, out->count, sizeof *rows, by_tensor);
    out->rows = rows;
    return 0;
}

int
weights_index_read(const char *path, const char *ending, struct arena *arena,
                   struct weights_index *out, struct err *err)
{
    *out = (struct weights_index){0};
    json_t *root = json_parse_file(path, INDEX_MAX_BYTES, err);
    if (root == NULL)
        return err->code;
    int rc = read_map(json_object_get(root, "weight_map"), ending, arena, out, err);
    json_decref(root);
    return rc == 0 ? 0 : err_prefix(err, "%s", path);
}

const struct weights_index_row *
weights_index_find(const struct weights_index *index, const char *tensor)
{
    const struct weights_index_row wanted = {.tensor = tensor};
    if (index->count == 0)
        return NULL;
    return bsearch(&wanted, index->rows, index->count, sizeof wanted, by_tensor);
}
