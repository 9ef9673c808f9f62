/*
 * Near duplicates; see dedupe.h for what they are. Hashes are fixed functions, so that a data set
 * always gives the same rows; whoever makes texts whose hashes collide gets candidates, and these
 * are judged by their shingles.
 */
#include "core/data/dedupe_near.h"

#include "core/base/mem.h"
#include "core/data/dedupe.h"
#include "core/data/normal_text.h"
#include "core/data/row_label.h"

#include <stdint.h>
#include <stdlib.h>

enum { HASHES = 64, BANDS = 16, BAND_HASHES = HASHES / BANDS, LEAST_EQUAL = 40 };

#define NO_ROW UINT32_MAX

/* 0.8 as a fraction. */
enum { SIMILAR_PART = 4, SIMILAR_WHOLE = 5 };

/* Hashes of a row's shingles, ascending, each once. */
struct shingles {
    struct buf text;
    uint64_t *hashes;
    size_t count, capacity;
};

/* A row that was kept, where its bands lead. */
struct link {
    uint32_t next;   /* the row before it in the band, or NO_ROW */
    uint32_t values; /* of the band, mixed: rows of other values may be in the chain */
};

struct near {
    const struct dataset *dataset;
    uint64_t factors[HASHES];
    struct shingles mine, other;
    uint32_t *signatures; /* (rows, HASHES) */
    struct link *links;   /* (rows, BANDS) */
    uint32_t *heads;      /* (BANDS, capacity): newest row of a chain */
    size_t capacity;      /* a power of two */
    uint32_t *looked_at;  /* (rows): by which row last, plus one */
};

/* A bijection of 64 bits that leaves no trace of order (splitmix64's). */
static uint64_t
mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* ---- shingles -------------------------------------------------------------------------------- */

static int
by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void
add_shingle(struct shingles *s, size_t start, size_t end)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    if (s->count == s->capacity) {
        s->capacity = s->capacity == 0 ? 256 : s->capacity * 2;
        s->hashes = mem_resize(s->hashes, s->capacity, sizeof *s->hashes);
    }
    for (size_t i = start; i < end; i++) {
        char c = s->text.data[i];
        unsigned char lower = (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        hash = (hash ^ lower) * UINT64_C(0x100000001b3);
    }
    s->hashes[s->count++] = mix(hash);
}

/* The byte behind the character that begins here. */
static size_t
behind(const struct buf *text, size_t at)
{
    do
        at++;
    while (at < text->length && ((unsigned char)text->data[at] & 0xC0) == 0x80);
    return at;
}

static void
make_shingles(struct shingles *s, const struct data_row *row)
{
    size_t start = 0;
    size_t end = 0;
    s->count = 0;
    normal_text_write(row, &s->text);
    for (int i = 0; i < DEDUPE_CHARACTERS && end < s->text.length; i++)
        end = behind(&s->text, end);
    add_shingle(s, start, end);
    while (end < s->text.length) {
        start = behind(&s->text, start);
        end = behind(&s->text, end);
        add_shingle(s, start, end);
    }
    qsort(s->hashes, s->count, sizeof *s->hashes, by_value);
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (kept == 0 || s->hashes[kept - 1] != s->hashes[i])
            s->hashes[kept++] = s->hashes[i];
    s->count = kept;
}

static void
shingles_fini(struct shingles *s)
{
    buf_fini(&s->text);
    free(s->hashes);
}

static bool
are_similar(const struct shingles *a, const struct shingles *b)
{
    size_t common = 0;
    for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
        common += a->hashes[i] == b->hashes[k];
        bool first = a->hashes[i] <= b->hashes[k];
        bool second = a->hashes[i] >= b->hashes[k];
        i += first;
        k += second;
    }
    size_t all = a->count + b->count - common;
    return common * SIMILAR_WHOLE >= all * SIMILAR_PART;
}

/* ---- signatures ------------------------------------------------------------------------------ */

static void
sign(const struct near *near, uint32_t signature[HASHES])
{
    for (size_t h = 0; h < HASHES; h++)
        signature[h] = UINT32_MAX;
    for (size_t i = 0; i < near->mine.count; i++)
        for (size_t h = 0; h < HASHES; h++) {
            uint32_t value = (uint32_t)((near->mine.hashes[i] * near->factors[h]) >> 32);
            signature[h] = value < signature[h] ? value : signature[h];
        }
}

static size_t
count_equal(const uint32_t *a, const uint32_t *b)
{
    size_t equal = 0;
    for (size_t h = 0; h < HASHES; h++)
        equal += a[h] == b[h];
    return equal;
}

static uint64_t
band_value(const uint32_t *signature, size_t band)
{
    uint64_t value = band;
    for (size_t i = 0; i < BAND_HASHES; i++)
        value = mix(value ^ signature[band * BAND_HASHES + i]);
    return value;
}

static uint32_t *
head_of(const struct near *near, size_t band, uint64_t value)
{
    return &near->heads[band * near->capacity + ((size_t)value & (near->capacity - 1))];
}

/* ---- rows ------------------------------------------------------------------------------------ */

enum verdict { DIFFERENT, CONFLICT, DUPLICATE };

static enum verdict
judge(struct near *near, size_t row, size_t candidate)
{
    const struct dataset *dataset = near->dataset;
    const uint32_t *signatures = near->signatures;
    if (count_equal(&signatures[row * HASHES], &signatures[candidate * HASHES]) < LEAST_EQUAL)
        return DIFFERENT;
    make_shingles(&near->other, &dataset->rows[candidate]);
    if (!are_similar(&near->mine, &near->other))
        return DIFFERENT;
    return row_label_same(dataset->label_form, &dataset->rows[row], &dataset->rows[candidate])
               ? DUPLICATE
               : CONFLICT;
}

/* Look for a row that was kept and is near. */
static enum verdict
search(struct near *near, size_t row)
{
    const uint32_t *signature = &near->signatures[row * HASHES];
    enum verdict found = DIFFERENT;
    size_t looks = 0;
    for (size_t band = 0; band < BANDS; band++) {
        uint64_t value = band_value(signature, band);
        uint32_t at = *head_of(near, band, value);
        for (size_t i = 0; at != NO_ROW && i < DEDUPE_CANDIDATES; i++) {
            const struct link *link = &near->links[at * (size_t)BANDS + band];
            uint32_t candidate = at;
            at = link->next;
            if (link->values != (uint32_t)(value >> 32) ||
                near->looked_at[candidate] == (uint32_t)row + 1)
                continue;
            near->looked_at[candidate] = (uint32_t)row + 1;
            enum verdict verdict = judge(near, row, candidate);
            if (verdict == DUPLICATE)
                return verdict;
            found = verdict == CONFLICT ? verdict : found;
            if (++looks == DEDUPE_CANDIDATES)
                return found;
        }
    }
    return found;
}

static void
keep(struct near *near, size_t row)
{
    for (size_t band = 0; band < BANDS; band++) {
        uint64_t value = band_value(&near->signatures[row * HASHES], band);
        uint32_t *head = head_of(near, band, value);
        near->links[row * BANDS + band] = (struct link){*head, (uint32_t)(value >> 32)};
        *head = (uint32_t)row;
    }
}

static int
near_open(struct near *near, const struct dataset *dataset, struct err *err)
{
    size_t rows = dataset->count;
    *near = (struct near){.dataset = dataset, .capacity = 64};
    for (size_t h = 0; h < HASHES; h++)
        near->factors[h] = mix(h) | 1;
    while (near->capacity < rows)
        near->capacity *= 2;
    near->signatures = mem_array(rows, HASHES * sizeof *near->signatures);
    near->links = mem_array(rows, BANDS * sizeof *near->links);
    near->heads = mem_array(near->capacity, BANDS * sizeof *near->heads);
    near->looked_at = mem_array(rows, sizeof *near->looked_at);
    if (near->signatures == NULL || near->links == NULL || near->heads == NULL ||
        near->looked_at == NULL)
        return err_set(err, ERR_MEMORY,
                       "looking for near duplicates among %zu rows does not fit into memory; say "
                       "\"dedupe\": \"exact\"",
                       rows);
    for (size_t i = 0; i < near->capacity * BANDS; i++)
        near->heads[i] = NO_ROW;
    return 0;
}

int
dedupe_near(const struct dataset *dataset, bool *leaves, bool *conflicts, size_t *count,
            struct err *err)
{
    struct near near;
    int rc = near_open(&near, dataset, err);
    *count = 0;
    for (size_t i = 0; i < dataset->count && rc == 0; i++) {
        if (leaves[i])
            continue;
        make_shingles(&near.mine, &dataset->rows[i]);
        sign(&near, &near.signatures[i * HASHES]);
        enum verdict verdict = search(&near, i);
        leaves[i] = verdict == DUPLICATE;
        conflicts[i] = conflicts[i] || verdict == CONFLICT;
        *count += leaves[i];
        if (!leaves[i])
            keep(&near, i);
    }
    shingles_fini(&near.mine);
    shingles_fini(&near.other);
    free(near.signatures);
    free(near.links);
    free(near.heads);
    free(near.looked_at);
    return rc;
}
