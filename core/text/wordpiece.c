/* Greedy longest match over incremental hashes; see wordpiece.h. */
#include "core/text/wordpiece.h"

#include "core/text/token_list.h"

#include <string.h>

int
wordpiece_init(struct wordpiece *wordpiece, struct err *err)
{
    const char *unknown = wordpiece->unknown;
    if (!vocab_find(wordpiece->vocab, unknown, strlen(unknown), &wordpiece->unknown_id))
        return err_set(err, ERR_INVALID, "the vocabulary lacks the unknown token '%s'", unknown);
    wordpiece->prefix_length = strlen(wordpiece->prefix);
    if (wordpiece->prefix_length > WORDPIECE_MAX_PREFIX_BYTES)
        return err_set(err, ERR_INVALID, "continuing_subword_prefix is longer than %d bytes",
                       WORDPIECE_MAX_PREFIX_BYTES);
    wordpiece->prefix_hash =
        vocab_hash(vocab_hash_start(), wordpiece->prefix, wordpiece->prefix_length);
    wordpiece->longest = 0;
    for (size_t i = 0; i < vocab_count(wordpiece->vocab); i++) {
        size_t length = vocab_entry(wordpiece->vocab, i).length;
        wordpiece->longest = length > wordpiece->longest ? length : wordpiece->longest;
    }
    return 0;
}

/*
 * The longest known piece at the start of bytes; returns its length, 0 when there is none. `hash`
 * is that of the prefix, which is NULL for a word's first piece. A piece that ends inside a
 * character cannot be found, because tokens are well-formed.
 */
static size_t
longest_piece(const struct wordpiece *wordpiece, struct vocab_key key, uint32_t *id)
{
    uint32_t hashes[VOCAB_MAX_TOKEN_BYTES + 1];
    size_t room =
        wordpiece->longest > key.prefix_length ? wordpiece->longest - key.prefix_length : 0;
    size_t limit = key.length < room ? key.length : room;
    hashes[0] = key.hash;
    for (size_t i = 0; i < limit; i++)
        hashes[i + 1] = vocab_hash_step(hashes[i], key.bytes[i]);
    for (size_t length = limit; length > 0; length--) {
        if (length < key.length && ((unsigned char)key.bytes[length] & 0xc0) == 0x80)
            continue;
        struct vocab_key shorter = key;
        shorter.length = length;
        shorter.hash = hashes[length];
        if (vocab_find_key(wordpiece->vocab, &shorter, id))
            return length;
    }
    return 0;
}

/* A token, and where it ends in the word. */
static void
push(struct token_list *out, uint32_t id, uint8_t type, size_t end)
{
    token_list_push(out, id, type);
    if (out->with_places)
        out->ends[out->count - 1] = end;
}

void
wordpiece_encode(const struct wordpiece *wordpiece, const struct word *word, uint8_t type,
                 struct token_list *out)
{
    size_t first = out->count;
    size_t at = 0;
    if (word->characters > wordpiece->max_characters) {
        push(out, wordpiece->unknown_id, type, word->length);
        return;
    }
    while (at < word->length) {
        struct vocab_key key = {
            .hash = vocab_hash_start(), .bytes = word->bytes + at, .length = word->length - at};
        if (at > 0) {
            key.hash = wordpiece->prefix_hash;
            key.prefix = wordpiece->prefix;
            key.prefix_length = wordpiece->prefix_length;
        }
        uint32_t id = 0;
        size_t length = longest_piece(wordpiece, key, &id);
        if (length == 0) {
            out->count = first;
            push(out, wordpiece->unknown_id, type, word->length);
            return;
        }
        at += length;
        push(out, id, type, at);
    }
}
