/* The program's version, as CMakeLists.txt says it ("0.1.0"), and the commit that was built. */
#ifndef DAEMON_VERSION_H
#define DAEMON_VERSION_H

const char *version_text(void);

/* Twelve hexadecimal digits; "unknown" for a build outside a git checkout. */
const char *version_commit(void);

#endif
