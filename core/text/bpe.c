/* Merges in a hash table, joined through a heap; see bpe.h. */
#include "core/text/bpe.h"

#include "core/base/mem.h"
#include "core/text/token_list.h"
#include "core/text/unicode.h"

#include <stdlib.h>
#include <string.h>

#define NO_TOKEN UINT32_MAX
#define NONE     UINT32_MAX /* no neighbour */

enum { FIRST_SLOTS = 1024, SMALL_LETTERS = 128 };

struct slot {
    uint32_t left;
    uint32_t right;
    uint32_t joined;
    uint32_t rank; /* + 1; 0: empty */
};

struct blanks {
    uint16_t leading;
    uint16_t trailing;
};

struct bpe {
    struct bpe_merge *merges; /* by rank */
    size_t count;
    size_t capacity;
    struct slot *slots; /* a power of two, at most half full */
    size_t slot_count;
    uint32_t letters[256]; /* the token of a byte, or NO_TOKEN */
    uint32_t unknown;      /* or NO_TOKEN */
    bool fuse;
    struct blanks *blanks; /* by id */
    size_t blank_count;
};

struct bpe *
bpe_new(void)
{
    struct bpe *bpe = mem_small(sizeof *bpe);
    *bpe = (struct bpe){.slot_count = FIRST_SLOTS, .unknown = NO_TOKEN};
    bpe->slots = mem_resize(NULL, bpe->slot_count, sizeof *bpe->slots);
    memset(bpe->slots, 0, bpe->slot_count * sizeof *bpe->slots);
    return bpe;
}

void
bpe_free(struct bpe *bpe)
{
    if (bpe == NULL)
        return;
    free(bpe->merges);
    free(bpe->slots);
    free(bpe->blanks);
    free(bpe);
}

/* ---- merges ---------------------------------------------------------------------------------- */

static size_t
home(const struct bpe *bpe, uint32_t left, uint32_t right)
{
    uint64_t key = (uint64_t)left << 32 | right;
    key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
    key = (key ^ key >> 27) * 0x94d049bb133111ebu;
    return (size_t)(key ^ key >> 31) & (bpe->slot_count - 1);
}

/* The slot of a pair, or the empty one where it belongs; NULL after too many steps. */
static struct slot *
probe(const struct bpe *bpe, uint32_t left, uint32_t right)
{
    size_t at = home(bpe, left, right);
    for (size_t steps = 0; steps < BPE_MAX_PROBES; steps++) {
        struct slot *slot = &bpe->slots[at];
        if (slot->rank == 0 || (slot->left == left && slot->right == right))
            return slot;
        at = (at + 1) & (bpe->slot_count - 1);
    }
    return NULL;
}

static int
insert(struct bpe *bpe, size_t rank, struct err *err)
{
    const struct bpe_merge *merge = &bpe->merges[rank];
    struct slot *slot = probe(bpe, merge->left, merge->right);
    if (slot == NULL)
        return err_set(err, ERR_INVALID, "merge %zu collides with more than %d others", rank + 1,
                       BPE_MAX_PROBES);
    *slot = (struct slot){merge->left, merge->right, merge->joined, (uint32_t)rank + 1};
    return 0;
}

static int
grow(struct bpe *bpe, struct err *err)
{
    bpe->slot_count *= 2;
    bpe->slots = mem_resize(bpe->slots, bpe->slot_count, sizeof *bpe->slots);
    memset(bpe->slots, 0, bpe->slot_count * sizeof *bpe->slots);
    for (size_t rank = 0; rank < bpe->count; rank++)
        if (insert(bpe, rank, err) != 0)
            return err->code;
    return 0;
}

static int
find_token(const struct vocab *vocab, const char *token, size_t length, uint32_t *id,
           struct err *err)
{
    if (vocab_find(vocab, token, length, id))
        return 0;
    return err_set(err, ERR_INVALID, "the vocabulary lacks '%.40s'", token);
}

static int
find_merge(const struct vocab *vocab, const char *left, const char *right, struct bpe_merge *out,
           struct err *err)
{
    char joined[2 * VOCAB_MAX_TOKEN_BYTES + 1];
    size_t left_length = strlen(left);
    size_t right_length = strlen(right);
    if (find_token(vocab, left, left_length, &out->left, err) != 0 ||
        find_token(vocab, right, right_length, &out->right, err) != 0)
        return err->code;
    memcpy(joined, left, left_length);
    memcpy(joined + left_length, right, right_length + 1);
    return find_token(vocab, joined, left_length + right_length, &out->joined, err);
}

int
bpe_add_merge(struct bpe *bpe, const struct vocab *vocab, const char *left, const char *right,
              struct err *err)
{
    struct bpe_merge merge;
    if (bpe->count == BPE_MAX_MERGES)
        return err_set(err, ERR_INVALID, "more than %d merges", BPE_MAX_MERGES);
    if (find_merge(vocab, left, right, &merge, err) != 0)
        return err_prefix(err, "merge %zu", bpe->count + 1);
    if (bpe->count == bpe->capacity) {
        bpe->capacity = bpe->capacity == 0 ? FIRST_SLOTS / 2 : bpe->capacity * 2;
        bpe->merges = mem_resize(bpe->merges, bpe->capacity, sizeof *bpe->merges);
    }
    bpe->merges[bpe->count++] = merge;
    if (bpe->count * 2 > bpe->slot_count)
        return grow(bpe, err);
    return insert(bpe, bpe->count - 1, err);
}

size_t
bpe_merge_count(const struct bpe *bpe)
{
    return bpe->count;
}

struct bpe_merge
bpe_merge_at(const struct bpe *bpe, size_t rank)
{
    return bpe->merges[rank];
}

/* ---- what is known of tokens ----------------------------------------------------------------- */

static void
find_letters(struct bpe *bpe, const struct vocab *vocab)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char letter[4];
        size_t length = unicode_encode(byte_letter((unsigned char)byte), letter);
        if (!vocab_find(vocab, letter, length, &bpe->letters[byte]))
            bpe->letters[byte] = NO_TOKEN;
    }
}

/* How many letters for blanks a token begins with, or ends with. */
static struct blanks
count_blanks(const struct vocab_entry *entry)
{
    char blank[4];
    size_t width = unicode_encode(BYTE_LETTER_BLANK, blank);
    struct blanks out = {0, 0};
    size_t start = 0;
    size_t end = entry->length;
    for (; start + width <= end && memcmp(entry->bytes + start, blank, width) == 0; start += width)
        out.leading++;
    for (; end >= width && memcmp(entry->bytes + end - width, blank, width) == 0; end -= width)
        out.trailing++;
    return out;
}

int
bpe_prepare(struct bpe *bpe, const struct vocab *vocab, const struct bpe_unknown *unknown,
            struct err *err)
{
    bpe->fuse = unknown->fuse;
    if (unknown->token != NULL &&
        !vocab_find(vocab, unknown->token, strlen(unknown->token), &bpe->unknown))
        return err_set(err, ERR_INVALID, "the vocabulary lacks the unknown token '%s'",
                       unknown->token);
    find_letters(bpe, vocab);
    for (size_t i = 0; i < vocab_count(vocab); i++)
        if (vocab_entry(vocab, i).id >= bpe->blank_count)
            bpe->blank_count = (size_t)vocab_entry(vocab, i).id + 1;
    bpe->blanks = mem_array(bpe->blank_count, sizeof *bpe->blanks);
    if (bpe->blanks == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a vocabulary of %zu tokens",
                       bpe->blank_count);
    for (size_t i = 0; i < vocab_count(vocab); i++) {
        struct vocab_entry entry = vocab_entry(vocab, i);
        bpe->blanks[entry.id] = count_blanks(&entry);
    }
    return 0;
}

size_t
bpe_leading_blanks(const struct bpe *bpe, uint32_t id)
{
    return id < bpe->blank_count ? bpe->blanks[id].leading : 0;
}

size_t
bpe_trailing_blanks(const struct bpe *bpe, uint32_t id)
{
    return id < bpe->blank_count ? bpe->blanks[id].trailing : 0;
}

/* ---- a word ---------------------------------------------------------------------------------- */

/* A token of the word so far; joined ones leave symbols of length 0 behind. */
struct symbol {
    uint32_t id;
    uint32_t length; /* in letters' bytes */
    uint32_t before; /* index or NONE */
    uint32_t after;
};

/* A pair that may be joined; stale once one of its symbols has changed. */
struct candidate {
    uint32_t rank;
    uint32_t at; /* its left symbol */
    uint32_t joined;
};

/* A heap holds what a word begins with, and one more for every join at most. */
struct joining {
    const struct bpe *bpe;
    struct symbol *symbols;
    size_t symbol_count;
    bool open; /* the last symbol is an unknown letter */
    struct candidate *heap;
    size_t heap_count;
};

static bool
comes_first(const struct candidate *a, const struct candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void
heap_push(struct joining *j, const struct candidate *candidate)
{
    size_t at = j->heap_count++;
    while (at > 0 && comes_first(candidate, &j->heap[(at - 1) / 2])) {
        j->heap[at] = j->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    j->heap[at] = *candidate;
}

static struct candidate
heap_pop(struct joining *j)
{
    struct candidate first = j->heap[0];
    struct candidate last = j->heap[--j->heap_count];
    size_t at = 0;
    for (size_t child = 1; child < j->heap_count; child = 2 * at + 1) {
        if (child + 1 < j->heap_count && comes_first(&j->heap[child + 1], &j->heap[child]))
            child++;
        if (!comes_first(&j->heap[child], &last))
            break;
        j->heap[at] = j->heap[child];
        at = child;
    }
    j->heap[at] = last;
    return first;
}

/* The merge of a symbol and the one after it, or NULL. */
static const struct slot *
find_pair(const struct joining *j, uint32_t at)
{
    const struct symbol *symbol = &j->symbols[at];
    if (symbol->length == 0 || symbol->after == NONE)
        return NULL;
    const struct slot *slot = probe(j->bpe, symbol->id, j->symbols[symbol->after].id);
    return slot == NULL || slot->rank == 0 ? NULL : slot;
}

static void
propose(struct joining *j, uint32_t at)
{
    const struct slot *slot = find_pair(j, at);
    if (slot != NULL)
        heap_push(j, &(struct candidate){slot->rank, at, slot->joined});
}

static void
join(struct joining *j, const struct candidate *candidate)
{
    struct symbol *left = &j->symbols[candidate->at];
    struct symbol *right = &j->symbols[left->after];
    left->id = candidate->joined;
    left->length += right->length;
    left->after = right->after;
    right->length = 0;
    if (left->after != NONE)
        j->symbols[left->after].before = candidate->at;
    if (left->before != NONE)
        propose(j, left->before);
    propose(j, candidate->at);
}

static void
join_all(struct joining *j)
{
    for (uint32_t i = 0; i + 1 < j->symbol_count; i++)
        propose(j, i);
    while (j->heap_count > 0) {
        struct candidate candidate = heap_pop(j);
        const struct slot *slot = find_pair(j, candidate.at);
        if (slot != NULL && slot->joined == candidate.joined)
            join(j, &candidate);
    }
}

/* The next letter of the word; those without a token vanish or are unknown. */
static void
add_letter(struct joining *j, unsigned char byte)
{
    const struct bpe *bpe = j->bpe;
    uint32_t length = (uint32_t)byte_letter_length(byte);
    bool known = bpe->letters[byte] != NO_TOKEN;
    uint32_t id = known ? bpe->letters[byte] : bpe->unknown;
    if (id == NO_TOKEN)
        return;
    if (!known && bpe->fuse && j->open) {
        j->symbols[j->symbol_count - 1].length += length;
        return;
    }
    uint32_t at = (uint32_t)j->symbol_count++;
    j->symbols[at] = (struct symbol){id, length, at == 0 ? NONE : at - 1, NONE};
    if (at > 0)
        j->symbols[at - 1].after = at;
    j->open = !known;
}

static void
encode_letters(struct joining *j, const struct byte_word *word, struct token_list *out)
{
    size_t end = 0;
    if (word->prefixed)
        add_letter(j, ' ');
    for (size_t i = 0; i < word->length; i++)
        add_letter(j, (unsigned char)word->bytes[i]);
    join_all(j);
    for (uint32_t at = 0; at < j->symbol_count; at++) {
        if (j->symbols[at].length == 0)
            continue;
        token_list_push(out, j->symbols[at].id, 0);
        end += j->symbols[at].length;
        if (out->with_places)
            out->ends[out->count - 1] = end;
    }
}

int
bpe_encode(const struct bpe *bpe, const struct byte_word *word, struct token_list *out,
           struct err *err)
{
    size_t letters = word->length + word->prefixed;
    struct joining j = {.bpe = bpe};
    if (letters <= SMALL_LETTERS) {
        struct symbol symbols[SMALL_LETTERS];
        struct candidate heap[2 * SMALL_LETTERS];
        j.symbols = symbols;
        j.heap = heap;
        encode_letters(&j, word, out);
        return 0;
    }
    if (letters < UINT32_MAX / 4) {
        j.symbols = mem_array(letters, sizeof *j.symbols);
        j.heap = mem_array(letters, 2 * sizeof *j.heap);
    }
    int status = 0;
    if (j.symbols == NULL || j.heap == NULL)
        status = err_set(err, ERR_MEMORY, "no memory to tokenize a word of %zu bytes", letters);
    else
        encode_letters(&j, word, out);
    free(j.symbols);
    free(j.heap);
    return status;
}
