/* A stratified split of rows with several labels each; see split.h. */
#include "core/data/split.h"

#include "core/base/mem.h"
#include "core/base/rng.h"

#include <assert.h>
#include <stdlib.h>

enum { TRAINING, HELD, PARTS };

/* Layers of RNG_SPLIT are labels; this one is no label's. */
enum { ROWS_LAYER = 0xFFFFFF };

struct label {
    size_t waiting;        /* rows that are not placed yet */
    size_t training;       /* rows that are there */
    double lacking[PARTS]; /* rows that each part is still to get */
    size_t start;          /* its rows in members */
    size_t rows;
};

struct splitter {
    const struct split_lists *lists;
    size_t *starts; /* (rows + 1): as the lists', but each label of a row once */
    uint32_t *ids;
    struct label *labels;
    uint32_t *members; /* rows by label */
    uint32_t *order;   /* (rows) */
    bool *placed;      /* (rows) */
    bool *held;
    double lacking[PARTS]; /* rows as a whole */
    size_t total;
};

static bool
may_be_held(const struct splitter *s, size_t row)
{
    for (size_t i = s->starts[row]; i < s->starts[row + 1]; i++) {
        const struct label *label = &s->labels[s->ids[i]];
        if (label->training == 0 && label->waiting == 1)
            return false;
    }
    return true;
}

static void
place(struct splitter *s, size_t row, int part)
{
    s->placed[row] = true;
    s->held[row] = part == HELD;
    s->total += part == HELD;
    s->lacking[part] -= 1;
    for (size_t i = s->starts[row]; i < s->starts[row + 1]; i++) {
        struct label *label = &s->labels[s->ids[i]];
        label->waiting--;
        label->training += part == TRAINING;
        label->lacking[part] -= 1;
    }
}

/* Where more is lacking; training when both lack the same. */
static int
part_of(const double lacking[PARTS], const double otherwise[PARTS])
{
    if (lacking[HELD] != lacking[TRAINING])
        return lacking[HELD] > lacking[TRAINING] ? HELD : TRAINING;
    return otherwise != NULL ? part_of(otherwise, NULL) : TRAINING;
}

static void
place_label(struct splitter *s, size_t id, uint64_t seed)
{
    const struct label *label = &s->labels[id];
    struct rng_stream stream = rng_stream(seed, RNG_SPLIT, (uint32_t)id, 0);
    rng_shuffle(&stream, s->order, label->rows);
    for (size_t k = 0; k < label->rows; k++) {
        size_t row = s->members[label->start + s->order[k]];
        if (s->placed[row])
            continue;
        int part = part_of(label->lacking, s->lacking);
        place(s, row, part == HELD && may_be_held(s, row) ? HELD : TRAINING);
    }
}

/* The label with the fewest rows that wait, or label_count. */
static size_t
rarest(const struct splitter *s)
{
    size_t found = s->lists->label_count;
    for (size_t i = 0; i < s->lists->label_count; i++)
        if (s->labels[i].waiting > 0 &&
            (found == s->lists->label_count || s->labels[i].waiting < s->labels[found].waiting))
            found = i;
    return found;
}

static void
place_rest(struct splitter *s, uint64_t seed)
{
    struct rng_stream stream = rng_stream(seed, RNG_SPLIT, ROWS_LAYER, 0);
    rng_shuffle(&stream, s->order, s->lists->rows);
    for (size_t k = 0; k < s->lists->rows; k++)
        if (!s->placed[s->order[k]])
            place(s, s->order[k], part_of(s->lacking, NULL));
}

/* Copy the lists without repeats, and count the rows of each label. */
static void
copy_lists(struct splitter *s)
{
    const struct split_lists *lists = s->lists;
    size_t *row_of = mem_resize(NULL, lists->label_count, sizeof *row_of); /* last with it, + 1 */
    size_t kept = 0;
    for (size_t c = 0; c < lists->label_count; c++)
        row_of[c] = 0;
    for (size_t row = 0; row < lists->rows; row++) {
        s->starts[row] = kept;
        for (size_t i = lists->starts[row]; i < lists->starts[row + 1]; i++) {
            uint32_t id = lists->ids[i];
            assert(id < lists->label_count);
            if (row_of[id] == row + 1)
                continue;
            row_of[id] = row + 1;
            s->ids[kept++] = id;
            s->labels[id].waiting++;
        }
    }
    s->starts[lists->rows] = kept;
    free(row_of);
}

/* Rows by label, and how many each part is to get. */
static void
gather(struct splitter *s, double fraction)
{
    const struct split_lists *lists = s->lists;
    size_t at = 0;
    for (size_t c = 0; c < lists->label_count; c++) {
        struct label *label = &s->labels[c];
        label->start = at;
        label->lacking[HELD] = fraction * (double)label->waiting;
        label->lacking[TRAINING] = (double)label->waiting - label->lacking[HELD];
        at += label->waiting;
    }
    for (size_t row = 0; row < lists->rows; row++)
        for (size_t i = s->starts[row]; i < s->starts[row + 1]; i++) {
            struct label *label = &s->labels[s->ids[i]];
            s->members[label->start + label->rows++] = (uint32_t)row;
        }
    s->lacking[HELD] = fraction * (double)lists->rows;
    s->lacking[TRAINING] = (double)lists->rows - s->lacking[HELD];
}

size_t
split_lists(const struct split_lists *lists, double fraction, uint64_t seed, bool *held)
{
    size_t uses = lists->rows == 0 ? 0 : lists->starts[lists->rows];
    struct splitter s = {
        .lists = lists,
        .starts = mem_resize(NULL, lists->rows + 1, sizeof *s.starts),
        .ids = mem_resize(NULL, uses, sizeof *s.ids),
        .labels = mem_resize(NULL, lists->label_count, sizeof *s.labels),
        .members = mem_resize(NULL, uses, sizeof *s.members),
        .order = mem_resize(NULL, lists->rows, sizeof *s.order),
        .placed = mem_resize(NULL, lists->rows, sizeof *s.placed),
        .held = held,
    };
    for (size_t c = 0; c < lists->label_count; c++)
        s.labels[c] = (struct label){0};
    for (size_t i = 0; i < lists->rows; i++)
        s.placed[i] = held[i] = false;
    copy_lists(&s);
    gather(&s, fraction);
    for (size_t id = rarest(&s); id < lists->label_count; id = rarest(&s))
        place_label(&s, id, seed);
    place_rest(&s, seed);
    free(s.starts);
    free(s.ids);
    free(s.labels);
    free(s.members);
    free(s.order);
    free(s.placed);
    return s.total;
}
