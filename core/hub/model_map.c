/* Parameters as pages of a file; see model_map.h. */
#include "core/hub/model_map.h"

#include "core/base/mem.h"
#include "core/hub/model_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A stretch that is mapped must be worth an entry in the system's table of mappings. */
enum { LEAST_MAPPED_BYTES = 64 * 1024 };

/* Tensors first..end-1 lie in the file as they lie in the array. */
struct run {
    size_t first, end;
    size_t at;    /* bytes from the start of the array */
    size_t place; /* bytes from the start of the file */
    size_t length;
};

static size_t
page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Can the tensor's bytes be used as they are? */
static bool
is_plain(const struct model_source *source, size_t index)
{
    const struct stored_tensor *entry = source->entries[index];
    return entry != NULL && stored_tensor_is_plain(entry);
}

/* Does a plain tensor follow the run, in the array as in its file? */
static bool
goes_on(const struct model_source *source, const struct tensor_layout *layout,
        const struct run *run)
{
    const struct stored_tensor *next = source->entries[run->end];
    return next->file == source->entries[run->first]->file &&
           layout->tensors[run->end].offset * sizeof(float) == run->at + run->length &&
           stored_tensor_place(next) == run->place + run->length;
}

/* The longest run that begins with a tensor which is plain. */
static struct run
run_from(const struct model_source *source, const struct tensor_layout *layout, size_t first)
{
    struct run run = {
        .first = first,
        .end = first,
        .at = layout->tensors[first].offset * sizeof(float),
        .place = stored_tensor_place(source->entries[first]),
    };
    while (run.end < layout->count && is_plain(source, run.end) && goes_on(source, layout, &run)) {
        run.length += source->entries[run.end]->length;
        run.end++;
    }
    return run;
}

/* What is not mapped: bytes from..to-1 of a run, or tensor `first`, which is no plain one. */
struct piece {
    struct run run;
    size_t from, to; /* bytes of the array */
    bool plain;
};

/* A load on its way. */
struct filling {
    const struct model_source *source;
    const struct tensor_layout *layout;
    uint64_t seed;
    struct model_map *map;
    struct piece *pieces; /* (2 * layout->count) */
    size_t count;
};

static void
add_piece(struct filling *f, const struct run *run, size_t from, size_t to)
{
    if (to > from)
        f->pieces[f->count++] = (struct piece){*run, from, to, true};
}

/* Whole pages of a run are mapped where places agree, and its ends are left; else it is all left.
 */
static int
take_run(struct filling *f, const struct run *run, struct err *err)
{
    size_t page = page_bytes();
    size_t end = run->at + run->length;
    size_t from = (run->at + page - 1) / page * page;
    size_t to = end / page * page;
    bool agree = run->at % page == run->place % page;
    if (!agree || to < from || to - from < LEAST_MAPPED_BYTES) {
        add_piece(f, run, run->at, end);
        return 0;
    }
    void *mapped =
        mmap((char *)f->map->pages.memory + from, to - from, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, f->source->entries[run->first]->file->fd,
             (off_t)(run->place + (from - run->at)));
    if (mapped == MAP_FAILED)
        return err_set_errno(err, "map %zu bytes of weights", to - from);
    f->map->mapped_bytes += to - from;
    add_piece(f, run, run->at, from);
    add_piece(f, run, to, end);
    return 0;
}

/* Map what can be mapped; the rest become pieces. */
static int
take_runs(struct filling *f, struct err *err)
{
    for (size_t i = 0; i < f->layout->count;) {
        if (!is_plain(f->source, i)) {
            f->pieces[f->count++] = (struct piece){.run.first = i++};
            continue;
        }
        struct run run = run_from(f->source, f->layout, i);
        if (take_run(f, &run, err) != 0)
            return err->code;
        i = run.end;
    }
    return 0;
}

static void
fill_piece(void *context, size_t item, size_t thread)
{
    const struct filling *f = context;
    const struct piece *piece = &f->pieces[item];
    (void)thread;
    if (!piece->plain) {
        model_source_read(f->source, f->layout, piece->run.first, f->seed,
                          model_map_parameters(f->map));
        return;
    }
    const unsigned char *bytes = f->source->entries[piece->run.first]->bytes;
    memcpy((char *)f->map->pages.memory + piece->from, bytes + (piece->from - piece->run.at),
           piece->to - piece->from);
}

static int
fill(const struct model_map_source *from, const struct model_source *source,
     const struct tensor_layout *layout, struct model_map *map, struct err *err)
{
    struct filling f = {.source = source, .layout = layout, .seed = from->seed, .map = map};
    f.pieces = mem_array(2 * layout->count, sizeof *f.pieces);
    if (f.pieces == NULL)
        return err_set(err, ERR_MEMORY, "the list of tensors does not fit into memory");
    int rc = take_runs(&f, err);
    if (rc == 0 && from->pool != NULL)
        pool_run(from->pool, fill_piece, &f, f.count);
    for (size_t i = 0; i < f.count && rc == 0 && from->pool == NULL; i++)
        fill_piece(&f, i, 0);
    free(f.pieces);
    return rc;
}

/* Keep the file open for model_map_rest. */
static int
keep_file(const struct model_source *source, size_t words, struct model_map *map, struct err *err)
{
    map->fd = fcntl(source->entries[words]->file->fd, F_DUPFD_CLOEXEC, 0);
    if (map->fd < 0)
        return err_set_errno(err, "keep the weights file open");
    map->words_place = stored_tensor_place(source->entries[words]);
    return 0;
}

int
model_map_load(const struct model_map_source *from, struct tensor_layout *layout,
               struct model_map *out, struct model_load_report *report, struct err *err)
{
    struct model_source source;
    size_t words = tensor_index(layout, TENSOR_WORD_EMBEDDING, 0);
    *out = (struct model_map){0};
    int rc = model_source_open(from->folder, layout, &source, report, err);
    if (rc == 0)
        rc = model_source_verify(&source, layout, err);
    if (rc == 0 && is_plain(&source, words)) {
        size_t place = stored_tensor_place(source.entries[words]) % page_bytes();
        if (place % sizeof(float) == 0)
            rc = tensor_layout_move_words(layout, place / sizeof(float), err);
        if (rc == 0)
            rc = keep_file(&source, words, out, err);
    }
    if (rc == 0) {
        out->pages = pages_map(layout->total, sizeof(float));
        if (out->pages.memory == NULL)
            rc = err_set(err, ERR_MEMORY, "%zu parameters do not fit into memory",
                         layout->parameters);
    }
    if (rc == 0)
        rc = fill(from, &source, layout, out, err);
    model_source_close(&source);
    if (rc != 0)
        model_map_unload(out);
    return rc;
}

void
model_map_unload(struct model_map *map)
{
    pages_unmap(&map->pages);
    if (map->words_place != 0)
        close(map->fd);
    *map = (struct model_map){0};
}

float *
model_map_parameters(const struct model_map *map)
{
    return map->pages.memory;
}

/* Make the pages of bytes from..to-1 of the array private; false with errno when it fails. */
static bool
own(const struct model_map *map, size_t from, size_t to)
{
#if defined(MADV_POPULATE_WRITE)
    size_t page = page_bytes();
    from = from / page * page;
    to = (to + page - 1) / page * page;
    to = to < map->pages.bytes ? to : map->pages.bytes;
    while (madvise((char *)map->pages.memory + from, to - from, MADV_POPULATE_WRITE) != 0)
        if (errno != EINTR)
            return false;
    return true;
#else
    (void)map, (void)from, (void)to;
    errno = EINVAL;
    return false;
#endif
}

int
model_map_own_words(const struct model_map *map, const struct tensor_layout *layout,
                    const bool *used, struct err *err)
{
    const struct tensor *words = &layout->tensors[tensor_index(layout, TENSOR_WORD_EMBEDDING, 0)];
    size_t row_bytes = words->columns * sizeof(float);
    size_t start = words->offset * sizeof(float);
    for (size_t row = 0; row < words->rows && map->mapped_bytes > 0;) {
        size_t first = row;
        while (row < words->rows && used[row])
            row++;
        if (row == first) {
            row++;
            continue;
        }
        if (own(map, start + first * row_bytes, start + row * row_bytes))
            continue;
        if (errno == EINVAL || errno == ENOSYS) /* before Linux 5.14: rows come as they are used */
            return 0;
        if (errno == ENOMEM)
            return err_set(err, ERR_MEMORY, "the word embeddings do not fit into memory");
        return err_set(err, ERR_IO, "read weights: the file changed while it was in use");
    }
    return 0;
}

bool
model_map_leaves_words(const char *folder, const struct tensor_layout *layout)
{
    struct model_source source;
    struct model_load_report report;
    struct err ignored;
    size_t words = tensor_index(layout, TENSOR_WORD_EMBEDDING, 0);
    bool leaves = model_source_open(folder, layout, &source, &report, &ignored) == 0 &&
                  is_plain(&source, words);
    model_source_close(&source);
    return leaves;
}

bool
model_map_rest(const struct model_map *map, const bool *changed, struct safetensors_rest *out)
{
    if (map->words_place == 0)
        return false;
    *out = (struct safetensors_rest){map->fd, map->words_place, changed};
    return true;
}
