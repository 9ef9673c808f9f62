/* The program's version, as CMakeLists.txt says it: "0.1.0". */
#ifndef DAEMON_VERSION_H
#define DAEMON_VERSION_H

const char *version_text(void);

#endif
