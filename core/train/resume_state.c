/* Resume states, written and read; see resume_state.h for the folder. */
#include "core/train/resume_state.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/hub/safetensors.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_JSON_BYTES = 1024 * 1024, MAX_SUMS_BYTES = 1024, NAME_BYTES = 128 };

static const char numbers_name[] = "state.json";
static const char arrays_name[] = "state.safetensors";
static const char sums_name[] = "SHA256SUMS";
static const char rows_tensor[] = "word_rows";

/* ---- which arrays there are ------------------------------------------------------------------ */

/* One of the arrays of the layout's shape. */
struct array {
    const char *prefix;
    float *values;
};

enum { MAX_ARRAYS = 3 };

/* Parameters, and the moments that the optimizer keeps. */
static size_t
list_arrays(const struct optimizer_state *o, float *parameters, struct array arrays[MAX_ARRAYS])
{
    size_t moments = optimizer_moment_arrays(o->params->optimizer);
    size_t count = 0;
    arrays[count++] = (struct array){"parameters", parameters};
    if (moments > 0)
        arrays[count++] = (struct array){"first", o->first};
    if (moments > 1)
        arrays[count++] = (struct array){"second", o->second};
    return count;
}

/* Is this tensor stored as the touched rows alone? */
static bool
is_sparse(const struct optimizer_state *o, const struct tensor *tensor)
{
    return tensor->kind == TENSOR_WORD_EMBEDDING && o->params->weight_decay <= 0;
}

static size_t
stored_rows(const struct optimizer_state *o, const struct tensor *tensor)
{
    return is_sparse(o, tensor) ? o->touched_count : tensor->rows;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool
all_finite(const float *values, size_t count)
{
    unsigned bad = 0;
    for (size_t i = 0; i < count; i++)
        bad |= !(fabsf(values[i]) <= FLT_MAX);
    return bad == 0;
}

bool
resume_state_is_finite(const struct resume_state *state)
{
    const struct optimizer_state *o = state->optimizer;
    for (size_t i = 0; i < state->layout->count; i++) {
        const struct tensor *tensor = &state->layout->tensors[i];
        const float *values = state->parameters + tensor->offset;
        if (!is_sparse(o, tensor) && !all_finite(values, tensor->rows * tensor->columns))
            return false;
        for (size_t row = 0; is_sparse(o, tensor) && row < o->touched_count; row++)
            if (!all_finite(values + o->touched[row] * tensor->columns, tensor->columns))
                return false;
    }
    return true;
}

static int
write_arrays(const struct resume_state *state, struct arena *arena, const char *path,
             struct err *err)
{
    const struct optimizer_state *o = state->optimizer;
    const struct tensor_layout *layout = state->layout;
    struct array arrays[MAX_ARRAYS];
    size_t array_count = list_arrays(o, (float *)(uintptr_t)state->parameters, arrays);
    struct safetensors_source *sources =
        arena_array(arena, 1 + array_count * layout->count, sizeof *sources);
    size_t count = 0;
    sources[count++] = (struct safetensors_source){.name = rows_tensor,
                                                   .vector = true,
                                                   .rows = 1,
                                                   .columns = o->touched_count,
                                                   .integers = o->touched};
    for (size_t i = 0; i < array_count * layout->count; i++) {
        const struct array *array = &arrays[i / layout->count];
        const struct tensor *tensor = &layout->tensors[i % layout->count];
        sources[count++] = (struct safetensors_source){
            .name = arena_printf(arena, "%s.%s", array->prefix, tensor->name),
            .vector = tensor->vector,
            .rows = stored_rows(o, tensor),
            .columns = tensor->columns,
            .values = array->values + tensor->offset,
            .picked = is_sparse(o, tensor) ? o->touched : NULL,
        };
    }
    return safetensors_write(path, sources, count, err);
}

static int
write_numbers(const struct resume_state *state, const char *path, struct err *err)
{
    json_t *root = json_pack("{s:i,s:o,s:o}", "format", RESUME_STATE_FORMAT, "facts",
                             resume_facts_object(&state->facts), "parameters",
                             resume_parameters_object(state->params));
    char *text = json_text(root);
    json_decref(root);
    int rc = fileio_write(path, text, strlen(text), err);
    free(text);
    return rc;
}

/* The line that SHA256SUMS has for a file of the folder. */
static int
sum_line(const char *folder, const char *name, struct arena *arena, const char **line,
         struct err *err)
{
    char sum[65];
    if (fileio_sha256(arena_printf(arena, "%s/%s", folder, name), sum, err) != 0)
        return err->code;
    *line = arena_printf(arena, "%s  %s\n", sum, name);
    return 0;
}

static int
write_sums(const char *folder, struct arena *arena, struct err *err)
{
    const char *numbers = NULL;
    const char *arrays = NULL;
    if (sum_line(folder, numbers_name, arena, &numbers, err) != 0 ||
        sum_line(folder, arrays_name, arena, &arrays, err) != 0)
        return err->code;
    const char *text = arena_printf(arena, "%s%s", numbers, arrays);
    return fileio_write(arena_printf(arena, "%s/%s", folder, sums_name), text, strlen(text), err);
}

static int
write_folder(const struct resume_state *state, const char *folder, struct arena *arena,
             struct err *err)
{
    if (fileio_make_folder(folder, err) != 0 ||
        write_arrays(state, arena, arena_printf(arena, "%s/%s", folder, arrays_name), err) != 0 ||
        write_numbers(state, arena_printf(arena, "%s/%s", folder, numbers_name), err) != 0)
        return err->code;
    return write_sums(folder, arena, err);
}

int
resume_state_write(const struct resume_state *state, const char *folder, struct err *err)
{
    struct stat status;
    if (lstat(folder, &status) == 0)
        return err_set(err, ERR_CONFLICT, "save resume state: %s exists already", folder);
    struct arena *arena = arena_new();
    int rc = write_folder(state, folder, arena, err);
    if (rc != 0) {
        struct err ignored;
        fileio_remove_tree(folder, &ignored);
        err_prefix(err, "save resume state");
    }
    arena_free(arena);
    return rc;
}

/* ---- opening --------------------------------------------------------------------------------- */

struct resume_file {
    struct resume_facts facts;
    json_t *parameters;
    struct safetensors *arrays;
};

/* Does the text of SHA256SUMS go on at *said with this file's line, which is then passed by? */
static int
check_sum(const char *folder, const char *name, struct arena *arena, const char **said,
          struct err *err)
{
    const char *line = NULL;
    if (sum_line(folder, name, arena, &line, err) != 0)
        return err->code;
    if (strncmp(*said, line, strlen(line)) != 0)
        return err_set(err, ERR_INVALID, "%s is not what it was when it was written", name);
    *said += strlen(line);
    return 0;
}

static int
read_numbers(const char *path, struct resume_file *file, struct err *err)
{
    json_t *root = json_parse_file(path, MAX_JSON_BYTES, err);
    if (root == NULL)
        return err->code;
    int rc = 0;
    const json_t *format = json_object_get(root, "format");
    json_t *parameters = json_object_get(root, "parameters");
    if (!json_is_integer(format) || json_integer_value(format) < 1)
        rc = err_set(err, ERR_INVALID, "%s: 'format' is no number", numbers_name);
    else if (json_integer_value(format) > RESUME_STATE_FORMAT)
        rc = err_set(err, ERR_UNSUPPORTED,
                     "it was written by a newer finetuned (format %lld, this program knows %d): "
                     "install that version to go on",
                     (long long)json_integer_value(format), RESUME_STATE_FORMAT);
    else if (!json_is_object(parameters))
        rc = err_set(err, ERR_INVALID, "%s: 'parameters' is no object", numbers_name);
    else if (resume_facts_read(json_object_get(root, "facts"), &file->facts, err) != 0)
        rc = err_prefix(err, "%s", numbers_name);
    else
        file->parameters = json_incref(parameters);
    json_decref(root);
    return rc;
}

/* The numbers first: they are small, and say whether this program knows the rest. */
static int
open_files(const char *folder, struct arena *arena, struct resume_file *file, struct err *err)
{
    struct buf sums = {0};
    const char *path = arena_printf(arena, "%s/%s", folder, sums_name);
    int rc = fileio_read(path, MAX_SUMS_BYTES, &sums, err);
    const char *said = buf_string(&sums);
    if (rc == 0)
        rc = check_sum(folder, numbers_name, arena, &said, err);
    if (rc == 0)
        rc = read_numbers(arena_printf(arena, "%s/%s", folder, numbers_name), file, err);
    if (rc == 0)
        rc = check_sum(folder, arrays_name, arena, &said, err);
    if (rc == 0 && *said != '\0')
        rc = err_set(err, ERR_INVALID, "%s has more lines than there are files", sums_name);
    if (rc == 0)
        rc =
            safetensors_open(arena_printf(arena, "%s/%s", folder, arrays_name), &file->arrays, err);
    buf_fini(&sums);
    return rc == ERR_NOT_FOUND ? err_set(err, ERR_INVALID, "one of its files is gone") : rc;
}

int
resume_state_open(const char *folder, struct resume_file **out, struct err *err)
{
    *out = NULL;
    struct stat status;
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
        return err_set(err, ERR_NOT_FOUND, "its folder is gone");
    struct arena *arena = arena_new();
    struct resume_file *file = mem_small(sizeof *file);
    *file = (struct resume_file){0};
    int rc = open_files(folder, arena, file, err);
    arena_free(arena);
    if (rc == 0)
        *out = file;
    else
        resume_state_close(file);
    return rc;
}

void
resume_state_close(struct resume_file *file)
{
    if (file == NULL)
        return;
    json_decref(file->parameters);
    safetensors_close(file->arrays);
    free(file);
}

const struct resume_facts *
resume_state_facts(const struct resume_file *file)
{
    return &file->facts;
}

/* ---- does it belong to a run? ---------------------------------------------------------------- */

static int
check_owner(const struct resume_owner *then, const struct resume_owner *now, struct err *err)
{
    const struct {
        const char *what, *then, *now;
    } things[] = {
        {"base model's weights are", then->base_sha256, now->base_sha256},
        {"training file is", then->training_sha256, now->training_sha256},
        {"validation file is", then->validation_sha256, now->validation_sha256},
        {"test file is", then->test_sha256, now->test_sha256},
    };
    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++)
        if (strcmp(things[i].then, things[i].now) != 0)
            return err_set(err, ERR_CONFLICT,
                           "the %s not what this job started with: bring that back, or start the "
                           "job anew",
                           things[i].what);
    return 0;
}

/* The same, or both absent. */
static int
check_parameter(const char *name, const json_t *now, const json_t *then, struct err *err)
{
    if (now != NULL && then != NULL && json_equal(now, then))
        return 0;
    char *is = now != NULL ? json_text(now) : NULL;
    char *was = then != NULL ? json_text(then) : NULL;
    err_set(err, ERR_CONFLICT,
            "%s is %.64s but was %.64s when this job started: bring that back, or start the job "
            "anew",
            name, is != NULL ? is : "not given", was != NULL ? was : "not given");
    free(is);
    free(was);
    return err->code;
}

static int
check_parameters(const json_t *then, const struct train_params *params, struct err *err)
{
    json_t *now = resume_parameters_object(params);
    const char *name = NULL;
    json_t *value = NULL;
    int rc = 0;
    json_object_foreach (now, name, value)
        if (rc == 0)
            rc = check_parameter(name, value, json_object_get(then, name), err);
    json_object_foreach ((json_t *)(uintptr_t)then, name, value)
        if (rc == 0)
            rc = check_parameter(name, json_object_get(now, name), value, err);
    json_decref(now);
    return rc;
}

int
resume_state_check(const struct resume_file *file, const struct resume_run *run, struct err *err)
{
    if (check_owner(&file->facts.owner, &run->owner, err) != 0 ||
        check_parameters(file->parameters, run->params, err) != 0)
        return err->code;
    if (file->facts.total_steps != run->total_steps)
        return err_set(err, ERR_CONFLICT,
                       "the job has %zu steps but had %zu when it started: start it anew",
                       run->total_steps, file->facts.total_steps);
    return 0;
}

/* ---- restoring ------------------------------------------------------------------------------- */

/* The entry of that name with rows x columns numbers of a type, or NULL with err filled. */
static const struct stored_tensor *
find_entry(const struct resume_file *file, const char *name, const char *type, size_t numbers,
           struct err *err)
{
    const struct stored_tensor *entry = safetensors_find(file->arrays, name);
    if (entry == NULL || strcmp(entry->type_name, type) != 0 ||
        entry->length != numbers * sizeof(float)) {
        err_set(err, ERR_INVALID, "%s has no '%s' with %zu numbers of type %s", arrays_name, name,
                numbers, type);
        return NULL;
    }
    return entry;
}

/* The list of touched word rows: each a row of the vocabulary, none twice. */
static int
restore_rows(const struct resume_file *file, struct optimizer_state *o, struct err *err)
{
    const struct stored_tensor *entry = safetensors_find(file->arrays, rows_tensor);
    size_t count = entry != NULL ? entry->length / sizeof *o->touched : 0;
    if (count > o->vocab_size)
        return err_set(err, ERR_INVALID, "'%s' has more rows than the vocabulary", rows_tensor);
    if (find_entry(file, rows_tensor, "U32", count, err) == NULL ||
        fileio_get(entry->file->fd, stored_tensor_place(entry), o->touched, entry->length, err) !=
            0)
        return err->code;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = o->touched[i];
        if (row >= o->vocab_size || row == o->pad_token_id || o->is_touched[row])
            return err_set(err, ERR_INVALID, "'%s' names row %lu, which it cannot", rows_tensor,
                           (unsigned long)row);
        o->is_touched[row] = true;
    }
    o->touched_count = count;
    return 0;
}

/* Read past the mapping, straight into place: a state is as large as three models. */
static int
restore_tensor(const struct resume_file *file, const struct array *array,
               const struct tensor *tensor, const struct optimizer_state *o, struct err *err)
{
    char name[NAME_BYTES];
    size_t row_bytes = tensor->columns * sizeof(float);
    size_t rows = stored_rows(o, tensor);
    snprintf(name, sizeof name, "%s.%s", array->prefix, tensor->name);
    const struct stored_tensor *entry = find_entry(file, name, "F32", rows * tensor->columns, err);
    if (entry == NULL)
        return err->code;
    int fd = entry->file->fd;
    size_t place = stored_tensor_place(entry);
    float *values = array->values + tensor->offset;
    if (!is_sparse(o, tensor))
        return fileio_get(fd, place, values, rows * row_bytes, err);
    for (size_t i = 0; i < rows; i++)
        if (fileio_get(fd, place + i * row_bytes, values + o->touched[i] * tensor->columns,
                       row_bytes, err) != 0)
            return err->code;
    return 0;
}

int
resume_state_restore(const struct resume_file *file, const struct tensor_layout *layout,
                     float *parameters, struct optimizer_state *o, struct err *err)
{
    assert(o->steps == 0 && o->touched_count == 0);
    struct array arrays[MAX_ARRAYS];
    size_t count = list_arrays(o, parameters, arrays);
    if (restore_rows(file, o, err) != 0)
        return err->code;
    for (size_t i = 0; i < count * layout->count; i++)
        if (restore_tensor(file, &arrays[i / layout->count], &layout->tensors[i % layout->count], o,
                           err) != 0)
            return err->code;
    o->steps = file->facts.optimizer_steps;
    o->beta1_power = file->facts.beta1_power;
    o->beta2_power = file->facts.beta2_power;
    return 0;
}
