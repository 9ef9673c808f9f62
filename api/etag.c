/* Entity tags; see etag.h. */
#include "api/etag.h"

#include <nettle/sha2.h>
#include <string.h>

/* Of the 32 bytes of SHA-256: enough to tell replies apart, short enough to read. */
enum { TAG_BYTES = 16 };

const char *
etag_of(const void *bytes, size_t length, struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    struct sha256_ctx context;
    uint8_t hash[TAG_BYTES];
    char *tag = arena_alloc(arena, 2 * TAG_BYTES + 3);
    sha256_init(&context);
    sha256_update(&context, length, bytes);
    sha256_digest(&context, sizeof hash, hash);
    tag[0] = '"';
    for (size_t i = 0; i < TAG_BYTES; i++) {
        tag[1 + 2 * i] = digits[hash[i] >> 4];
        tag[2 + 2 * i] = digits[hash[i] & 15];
    }
    tag[1 + 2 * TAG_BYTES] = '"';
    return tag;
}

static bool
is_listed(const char *list, const char *etag, bool weakly)
{
    size_t length = strlen(etag);
    for (const char *c = list; *c != '\0';) {
        c += strspn(c, " \t,");
        bool weak = strncmp(c, "W/", 2) == 0;
        c += weak ? 2 : 0;
        if (*c == '*')
            return true;
        if ((weakly || !weak) && strncmp(c, etag, length) == 0 && strchr(" \t,", c[length]) != NULL)
            return true;
        c += strcspn(c, ",");
    }
    return false;
}

bool
etag_is_listed(const char *list, const char *etag)
{
    return is_listed(list, etag, true);
}

bool
etag_is_listed_strongly(const char *list, const char *etag)
{
    return is_listed(list, etag, false);
}

void
etag_apply(struct reply *reply, const struct headers *headers, struct arena *arena)
{
    if (!reply->is_json || reply->status != 200)
        return;
    reply->etag = etag_of(buf_string(&reply->body), reply->body.length, arena);
    reply_add_header(reply, "ETag", reply->etag);
    reply_add_header(reply, "Cache-Control", "no-cache");
    if (headers->if_none_match != NULL && etag_is_listed(headers->if_none_match, reply->etag))
        reply_drop_body(reply, 304);
}
