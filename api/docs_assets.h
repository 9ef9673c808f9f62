/* The files of the documentation page (api/docs/), compiled into the program by embed.cmake. */
#ifndef API_DOCS_ASSETS_H
#define API_DOCS_ASSETS_H

#include <stddef.h>

struct docs_asset {
    const char *name;
    const unsigned char *bytes;
    size_t length;
};

/* The last one has no name. */
extern const struct docs_asset docs_assets[];

#endif
