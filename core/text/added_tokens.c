/* Leftmost-longest matching with the vocabulary's incremental hash; see added_tokens.h. */
#include "core/text/added_tokens.h"

#include "core/base/mem.h"
#include "core/text/unicode.h"

#include <stdlib.h>
#include <string.h>

/* The patterns of one kind; a pattern's id in `patterns` is the token's index. */
struct matcher {
    struct vocab *patterns;
    bool first[256]; /* bytes that patterns begin with */
    size_t first_count;
    unsigned char only_first; /* when there is just one */
    bool lengths[VOCAB_MAX_TOKEN_BYTES + 1];
    size_t longest;
};

struct added_tokens {
    struct arena *arena;
    struct vocab *index; /* content to index in tokens */
    struct added_token *tokens;
    size_t count;
    size_t capacity;
    uint32_t greatest_id;
    bool *ids; /* (greatest_id + 1): is it one of the tokens'? */
    struct matcher raw;
    struct matcher normalized;
};

struct added_tokens *
added_tokens_new(void)
{
    struct added_tokens *tokens = mem_small(sizeof *tokens);
    *tokens = (struct added_tokens){.arena = arena_new(), .index = vocab_new()};
    tokens->raw.patterns = vocab_new();
    tokens->normalized.patterns = vocab_new();
    return tokens;
}

void
added_tokens_free(struct added_tokens *tokens)
{
    if (tokens == NULL)
        return;
    vocab_free(tokens->raw.patterns);
    vocab_free(tokens->normalized.patterns);
    vocab_free(tokens->index);
    arena_free(tokens->arena);
    free(tokens->tokens);
    free(tokens);
}

const struct added_token *
added_tokens_find(const struct added_tokens *tokens, const char *content)
{
    uint32_t index;
    return vocab_find(tokens->index, content, strlen(content), &index) ? &tokens->tokens[index]
                                                                       : NULL;
}

uint32_t
added_tokens_next_id(const struct added_tokens *tokens, const struct vocab *vocab,
                     const char *content)
{
    const struct added_token *known = added_tokens_find(tokens, content);
    uint32_t id;
    if (known != NULL)
        return known->id;
    if (vocab_find(vocab, content, strlen(content), &id))
        return id;
    id = (uint32_t)vocab_count(vocab);
    return tokens->count > 0 && tokens->greatest_id >= id ? tokens->greatest_id + 1 : id;
}

int
added_tokens_add(struct added_tokens *tokens, const struct added_token *token, struct err *err)
{
    uint32_t index;
    if (vocab_find(tokens->index, token->content, strlen(token->content), &index)) {
        const char *content = tokens->tokens[index].content;
        tokens->tokens[index] = *token;
        tokens->tokens[index].content = content;
        return 0;
    }
    if (tokens->count == ADDED_TOKENS_MAX)
        return err_set(err, ERR_INVALID, "more than %d added tokens", ADDED_TOKENS_MAX);
    if (vocab_add(tokens->index, token->content, strlen(token->content), (uint32_t)tokens->count,
                  err) != 0)
        return err_prefix(err, "added token");
    if (tokens->count == tokens->capacity) {
        tokens->capacity = tokens->capacity == 0 ? 8 : tokens->capacity * 2;
        tokens->tokens = mem_resize(tokens->tokens, tokens->capacity, sizeof *tokens->tokens);
    }
    struct added_token *copy = &tokens->tokens[tokens->count++];
    *copy = *token;
    copy->content = arena_copy_string(tokens->arena, token->content);
    if (token->id > tokens->greatest_id)
        tokens->greatest_id = token->id;
    return 0;
}

/* Of two tokens with the same pattern the first one wins. */
static int
matcher_add(struct matcher *matcher, const char *bytes, size_t length, size_t index,
            struct err *err)
{
    uint32_t known;
    if (vocab_find(matcher->patterns, bytes, length, &known))
        return 0;
    if (vocab_add(matcher->patterns, bytes, length, (uint32_t)index, err) != 0)
        return err->code;
    unsigned char first = (unsigned char)bytes[0];
    matcher->first_count += !matcher->first[first];
    matcher->first[first] = true;
    matcher->only_first = first;
    matcher->lengths[length] = true;
    if (length > matcher->longest)
        matcher->longest = length;
    return 0;
}

static int
prepare_token(struct added_tokens *tokens, size_t index, const struct normalizer *normalizer,
              struct err *err)
{
    const struct added_token *token = &tokens->tokens[index];
    size_t length = strlen(token->content);
    if (!token->normalized)
        return matcher_add(&tokens->raw, token->content, length, index, err);
    char *form = arena_alloc(tokens->arena, length * NORMALIZER_GROWTH);
    size_t form_length = normalizer_run(normalizer, token->content, length, form);
    if (form_length == 0)
        return err_set(err, ERR_INVALID, "added token '%s' is empty once normalized",
                       token->content);
    return matcher_add(&tokens->normalized, form, form_length, index, err);
}

int
added_tokens_prepare(struct added_tokens *tokens, const struct normalizer *normalizer,
                     struct err *err)
{
    for (int special = 1; special >= 0; special--) /* special tokens come first */
        for (size_t i = 0; i < tokens->count; i++)
            if (tokens->tokens[i].special == (special == 1) &&
                prepare_token(tokens, i, normalizer, err) != 0)
                return err->code;
    tokens->ids = arena_array(tokens->arena, (size_t)tokens->greatest_id + 1, sizeof *tokens->ids);
    for (size_t i = 0; i < tokens->count; i++)
        tokens->ids[tokens->tokens[i].id] = true;
    return 0;
}

bool
added_tokens_has_id(const struct added_tokens *tokens, uint32_t id)
{
    return id <= tokens->greatest_id && tokens->ids[id];
}

size_t
added_tokens_count(const struct added_tokens *tokens)
{
    return tokens->count;
}

const struct added_token *
added_tokens_at(const struct added_tokens *tokens, size_t index)
{
    return &tokens->tokens[index];
}

bool
added_tokens_any_normalized(const struct added_tokens *tokens)
{
    return tokens->normalized.longest > 0;
}

/* Length of the longest pattern at bytes, 0 for none; *index is the token's. */
static size_t
match_at(const struct matcher *matcher, const char *bytes, size_t length, uint32_t *index)
{
    size_t limit = length < matcher->longest ? length : matcher->longest;
    size_t found = 0;
    struct vocab_key key = {.hash = vocab_hash_start(), .bytes = bytes};
    while (key.length < limit) {
        key.hash = vocab_hash_step(key.hash, bytes[key.length++]);
        if (matcher->lengths[key.length] && vocab_find_key(matcher->patterns, &key, index))
            found = key.length;
    }
    return found;
}

/* The next byte from `at` on that a pattern may begin with, or length. */
static size_t
next_candidate(const struct matcher *matcher, const char *text, size_t at, size_t length)
{
    if (at < length && matcher->first_count == 1) {
        const char *hit = memchr(text + at, matcher->only_first, length - at);
        return hit == NULL ? length : (size_t)(hit - text);
    }
    while (at < length && !matcher->first[(unsigned char)text[at]])
        at++;
    return at;
}

/* Does nothing that belongs to a word touch text[start..end)? */
static bool
stands_alone(const char *text, size_t length, size_t start, size_t end)
{
    if (start > 0 && (unicode_flags_before(text, text + start) & UNICODE_WORD))
        return false;
    return end == length || !(unicode_flags_at(text + end) & UNICODE_WORD);
}

/* Where the White_Space before start begins. */
static size_t
spaces_begin(const char *text, size_t start)
{
    while (start > 0 && (unicode_flags_before(text, text + start) & UNICODE_SPACE)) {
        start--;
        while (((unsigned char)text[start] & 0xc0) == 0x80)
            start--;
    }
    return start;
}

/* Where the White_Space at `at` ends. */
static size_t
spaces_end(const char *text, size_t length, size_t at)
{
    while (at < length) {
        size_t step;
        uint32_t point = unicode_decode(text + at, &step);
        if (!(unicode_find(point)->flags & UNICODE_SPACE))
            break;
        at += step;
    }
    return at;
}

/* Find the next token; false when there is none. A match that must not stand is skipped whole. */
static bool
search(struct added_cursor *cursor, size_t *start)
{
    const struct added_tokens *tokens = cursor->tokens;
    const struct matcher *matcher = cursor->normalized ? &tokens->normalized : &tokens->raw;
    if (matcher->longest == 0)
        return false;
    size_t at = cursor->searched;
    while ((at = next_candidate(matcher, cursor->text, at, cursor->length)) < cursor->length) {
        uint32_t index = 0;
        size_t found = match_at(matcher, cursor->text + at, cursor->length - at, &index);
        if (found == 0) {
            at++;
            continue;
        }
        const struct added_token *token = &tokens->tokens[index];
        size_t end = at + found;
        if (token->single_word && !stands_alone(cursor->text, cursor->length, at, end)) {
            at = end;
            continue;
        }
        *start = token->lstrip ? spaces_begin(cursor->text, at) : at;
        cursor->held = token;
        cursor->held_start = *start < cursor->done && token->lstrip ? cursor->done : *start;
        cursor->held_end = token->rstrip ? spaces_end(cursor->text, cursor->length, end) : end;
        cursor->searched = end;
        return true;
    }
    return false;
}

struct added_cursor
added_tokens_walk(const struct added_tokens *tokens, bool normalized, const char *text,
                  size_t length)
{
    return (struct added_cursor){
        .tokens = tokens, .normalized = normalized, .text = text, .length = length};
}

bool
added_tokens_next(struct added_cursor *cursor, struct added_piece *out)
{
    if (cursor->held == NULL) {
        size_t start = 0;
        if (!search(cursor, &start))
            start = cursor->searched = cursor->length;
        if (start > cursor->done) {
            *out = (struct added_piece){.bytes = cursor->text + cursor->done,
                                        .length = start - cursor->done};
            cursor->done = start;
            return true;
        }
    }
    if (cursor->held == NULL)
        return false;
    *out = (struct added_piece){.token = cursor->held,
                                .bytes = cursor->text + cursor->held_start,
                                .length = cursor->held_end - cursor->held_start};
    cursor->done = cursor->held_end;
    cursor->held = NULL;
    return true;
}
