/* Tags of spans; see tags.h. */
#include "core/data/tags.h"

#include <string.h>

static const char *const scheme_names[] = {
    [TAGS_PLAIN] = "plain",
    [TAGS_BIO] = "BIO",
    [TAGS_IOBES] = "IOBES",
    [TAGS_BILOU] = "BILOU",
};

const char *
tag_scheme_name(enum tag_scheme scheme)
{
    return scheme_names[scheme];
}

/* Has the name a prefix and a type? */
static bool
is_of_span(const char *name)
{
    return name[0] != '\0' && strchr("BIESLU", name[0]) != NULL && name[1] == '-' &&
           name[2] != '\0';
}

struct tag
tag_parse(const char *name)
{
    if (strcmp(name, "O") == 0)
        return (struct tag){'O', ""};
    if (!is_of_span(name))
        return (struct tag){'\0', ""};
    char prefix = name[0] == 'L' ? 'E' : name[0] == 'U' ? 'S' : name[0];
    return (struct tag){prefix, name + 2};
}

enum tag_scheme
tag_scheme_of(const char *const *names, size_t count)
{
    bool begins = false;
    bool ends = false;
    bool last = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_of_span(names[i]))
            continue;
        begins = true;
        ends = ends || names[i][0] == 'E' || names[i][0] == 'S';
        last = last || names[i][0] == 'L' || names[i][0] == 'U';
    }
    if (ends)
        return TAGS_IOBES;
    return last ? TAGS_BILOU : begins ? TAGS_BIO : TAGS_PLAIN;
}

static bool
is_inside(const struct tag *tag)
{
    return tag != NULL && (tag->prefix == 'I' || tag->prefix == 'E');
}

/* Can a span go on behind this tag? */
static bool
is_open(const struct tag *tag)
{
    return tag != NULL && (tag->prefix == 'B' || tag->prefix == 'I');
}

bool
tag_may_follow(enum tag_scheme scheme, const struct tag *tag, const struct tag *next)
{
    if (scheme == TAGS_PLAIN)
        return true;
    bool goes_on = is_open(tag) && is_inside(next) && strcmp(tag->type, next->type) == 0;
    if (is_inside(next) && !goes_on)
        return false;
    return scheme == TAGS_BIO || !is_open(tag) || goes_on;
}

bool
tag_begins(const struct tag *before, const struct tag *tag)
{
    if (tag->prefix == 'B' || tag->prefix == 'S')
        return true;
    return is_inside(tag) && !(is_open(before) && strcmp(before->type, tag->type) == 0);
}
