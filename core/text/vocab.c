/* Open addressing over one block of token text; see vocab.h. */
#include "core/text/vocab.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/text/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1024, QUOTED_BYTES = 40 };

struct entry {
    uint32_t offset; /* of the token's text in vocab->text */
    uint32_t length;
    uint32_t id;
    uint32_t hash;
};

struct slot {
    uint32_t hash;
    uint32_t entry; /* index + 1; 0: empty */
};

struct vocab {
    struct buf text;
    struct entry *entries;
    size_t count;
    size_t capacity;
    struct slot *slots; /* a power of two, at most half full */
    size_t slot_count;
};

struct vocab *
vocab_new(void)
{
    struct vocab *vocab = mem_small(sizeof *vocab);
    *vocab = (struct vocab){.slot_count = FIRST_SLOTS};
    vocab->slots = mem_resize(NULL, vocab->slot_count, sizeof *vocab->slots);
    memset(vocab->slots, 0, vocab->slot_count * sizeof *vocab->slots);
    return vocab;
}

void
vocab_free(struct vocab *vocab)
{
    if (vocab == NULL)
        return;
    buf_fini(&vocab->text);
    free(vocab->entries);
    free(vocab->slots);
    free(vocab);
}

/* FNV's low bits are weak for short keys: fold the high ones in. */
static size_t
home(const struct vocab *vocab, uint32_t hash)
{
    return (hash ^ hash >> 15) & (vocab->slot_count - 1);
}

bool
vocab_find_key(const struct vocab *vocab, const struct vocab_key *key, uint32_t *id)
{
    size_t mask = vocab->slot_count - 1;
    size_t at = home(vocab, key->hash);
    for (; vocab->slots[at].entry != 0; at = (at + 1) & mask) {
        if (vocab->slots[at].hash != key->hash)
            continue;
        const struct entry *entry = &vocab->entries[vocab->slots[at].entry - 1];
        const char *text = vocab->text.data + entry->offset;
        if (entry->length != key->prefix_length + key->length ||
            memcmp(text + key->prefix_length, key->bytes, key->length) != 0 ||
            (key->prefix_length > 0 && memcmp(text, key->prefix, key->prefix_length) != 0))
            continue;
        *id = entry->id;
        return true;
    }
    return false;
}

bool
vocab_find(const struct vocab *vocab, const char *bytes, size_t length, uint32_t *id)
{
    struct vocab_key key = {
        .hash = vocab_hash(vocab_hash_start(), bytes, length), .bytes = bytes, .length = length};
    return vocab_find_key(vocab, &key, id);
}

/* The slot of a token, or the empty one where it belongs; SIZE_MAX after too many steps. */
static size_t
probe(const struct vocab *vocab, uint32_t hash, const char *bytes, size_t length)
{
    size_t at = home(vocab, hash);
    for (size_t steps = 0; steps < VOCAB_MAX_PROBES; steps++) {
        const struct slot *slot = &vocab->slots[at];
        if (slot->entry == 0)
            return at;
        const struct entry *entry = &vocab->entries[slot->entry - 1];
        if (slot->hash == hash && entry->length == length &&
            memcmp(vocab->text.data + entry->offset, bytes, length) == 0)
            return at;
        at = (at + 1) & (vocab->slot_count - 1);
    }
    return SIZE_MAX;
}

static void
grow(struct vocab *vocab)
{
    vocab->slot_count *= 2;
    vocab->slots = mem_resize(vocab->slots, vocab->slot_count, sizeof *vocab->slots);
    memset(vocab->slots, 0, vocab->slot_count * sizeof *vocab->slots);
    for (size_t i = 0; i < vocab->count; i++) {
        size_t at = home(vocab, vocab->entries[i].hash);
        while (vocab->slots[at].entry != 0)
            at = (at + 1) & (vocab->slot_count - 1);
        vocab->slots[at] =
            (struct slot){.hash = vocab->entries[i].hash, .entry = (uint32_t)(i + 1)};
    }
}

static void
append(struct vocab *vocab, size_t slot, const struct entry *entry)
{
    if (vocab->count == vocab->capacity) {
        vocab->capacity = vocab->capacity == 0 ? FIRST_SLOTS / 2 : vocab->capacity * 2;
        vocab->entries = mem_resize(vocab->entries, vocab->capacity, sizeof *vocab->entries);
    }
    vocab->entries[vocab->count++] = *entry;
    vocab->slots[slot] = (struct slot){.hash = entry->hash, .entry = (uint32_t)vocab->count};
    if (vocab->count * 2 > vocab->slot_count)
        grow(vocab);
}

int
vocab_add(struct vocab *vocab, const char *bytes, size_t length, uint32_t id, struct err *err)
{
    int quoted = (int)utf8_clip(bytes, length, QUOTED_BYTES);
    if (length > VOCAB_MAX_TOKEN_BYTES)
        return err_set(err, ERR_INVALID, "token '%.*s...' has %zu bytes; the limit is %d", quoted,
                       bytes, length, VOCAB_MAX_TOKEN_BYTES);
    if (vocab->text.length + length + 1 > VOCAB_MAX_BYTES)
        return err_set(err, ERR_INVALID, "the tokens together have more than %d bytes",
                       VOCAB_MAX_BYTES);
    uint32_t hash = vocab_hash(vocab_hash_start(), bytes, length);
    size_t slot = probe(vocab, hash, bytes, length);
    if (slot == SIZE_MAX)
        return err_set(err, ERR_INVALID, "token '%.*s' collides with more than %d others", quoted,
                       bytes, VOCAB_MAX_PROBES);
    if (vocab->slots[slot].entry != 0) {
        vocab->entries[vocab->slots[slot].entry - 1].id = id;
        return 0;
    }
    struct entry entry = {
        .offset = (uint32_t)vocab->text.length, .length = (uint32_t)length, .id = id, .hash = hash};
    buf_append(&vocab->text, bytes, length);
    buf_append(&vocab->text, "", 1);
    append(vocab, slot, &entry);
    return 0;
}

size_t
vocab_count(const struct vocab *vocab)
{
    return vocab->count;
}

struct vocab_entry
vocab_entry(const struct vocab *vocab, size_t index)
{
    const struct entry *entry = &vocab->entries[index];
    return (struct vocab_entry){
        .bytes = vocab->text.data + entry->offset, .length = entry->length, .id = entry->id};
}

/* Length without White_Space at the end. */
static size_t
trimmed_length(const char *line, size_t length)
{
    while (length > 0) {
        size_t start = length - 1;
        while (start > 0 && ((unsigned char)line[start] & 0xc0) == 0x80)
            start--;
        if (!(unicode_flags_at(line + start) & UNICODE_SPACE))
            break;
        length = start;
    }
    return length;
}

static int
read_lines(struct vocab *vocab, const struct buf *text, size_t most, size_t *left_out,
           struct err *err)
{
    const char *at = buf_string(text);
    const char *end = at + text->length;
    for (uint32_t line = 0; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop != NULL ? stop : end) - at);
        size_t valid = utf8_valid_length(at, length);
        if (valid != length)
            return err_set(err, ERR_INVALID, "line %u is not UTF-8 (byte %zu)", line + 1,
                           valid + 1);
        *left_out += line >= most;
        if (line < most && vocab_add(vocab, at, trimmed_length(at, length), line, err) != 0)
            return err_prefix(err, "line %u", line + 1);
        at += length + 1;
    }
    return 0;
}

int
vocab_read(struct vocab *vocab, const char *path, size_t most, size_t *left_out, struct err *err)
{
    struct buf text = {0};
    int status = fileio_read(path, VOCAB_MAX_FILE_BYTES, &text, err);
    *left_out = 0;
    if (status == 0 && read_lines(vocab, &text, most, left_out, err) != 0)
        status = err_prefix(err, "%s", path);
    buf_fini(&text);
    return status;
}
