/* Where windows begin and end; see windows.h. */
#include "core/text/windows.h"

#include <assert.h>

size_t
windows_count(size_t tokens, size_t room, size_t stride)
{
    assert(stride < room);
    if (tokens <= room)
        return 1;
    return 1 + (tokens - room - 1) / (room - stride) + 1;
}

struct window
windows_at(size_t index, size_t tokens, size_t room, size_t stride, bool from_end)
{
    size_t passed = index * (room - stride);
    size_t left = tokens - passed;
    size_t length = left < room ? left : room;
    if (from_end)
        return (struct window){left - length, left};
    return (struct window){passed, passed + length};
}

size_t
windows_in(size_t tokens, size_t length)
{
    return tokens <= length ? 1 : (tokens - 1) / length + 1;
}
