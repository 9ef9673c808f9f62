/*
 * Tags of words that mark spans: "O", or a prefix and a type, as B-PER.
 *
 * In BIO (IOB2) a span is B I I …, in IOBES (also written BILOU, L for E and U for S) S alone or
 * B I … E. What cannot stand where it stands is found here; which spans a model or a person meant
 * all the same is entities.h's.
 */
#ifndef CORE_DATA_TAGS_H
#define CORE_DATA_TAGS_H

#include <stdbool.h>
#include <stddef.h>

enum tag_scheme {
    TAGS_PLAIN, /* no spans: parts of speech, for example */
    TAGS_BIO,
    TAGS_IOBES,
    TAGS_BILOU
};

/* "plain", "BIO", "IOBES", "BILOU". */
const char *tag_scheme_name(enum tag_scheme scheme);

struct tag {
    char prefix;      /* one of O B I E S (L is E, U is S), or '\0': no tag of spans */
    const char *type; /* within the name; "" for O and for what is no tag of spans */
};

/* Take a name apart. It must live as long as the tag. */
struct tag tag_parse(const char *name);

/* The scheme of all the tags of a file: by the prefixes of those that are of spans, whatever the
 * others are; TAGS_PLAIN when none but O is. E or S beside L or U counts as IOBES. */
enum tag_scheme tag_scheme_of(const char *const *names, size_t count);

/*
 * May a tag stand behind another (NULL: at the beginning of a row), or, next being NULL, at the
 * end? In plain schemes everything may; what is no tag of spans counts as O.
 */
bool tag_may_follow(enum tag_scheme scheme, const struct tag *tag, const struct tag *next);

/* Does an entity begin with this tag, read leniently (an I or E without its B begins one)? before
 * is NULL at the beginning of a row. */
bool tag_begins(const struct tag *before, const struct tag *tag);

#endif
