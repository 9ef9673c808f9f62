/*
 * The HTTP server over the fake service, until its standard input ends: for trying clients on it.
 * Usage: serve_fake ADDRESS... ; prints each real address on a line.
 */
#include "api/server.h"
#include "tests/support/fake_service.h"

#include <stdio.h>
#include <unistd.h>

int
main(int count, char **arguments)
{
    struct err err;
    struct api_server *server = NULL;
    struct service *service = fake_service_new();
    struct api_server_options options = {
        .listen = (const char *const *)arguments + 1,
        .listen_count = (size_t)count - 1,
        .service = service,
    };
    if (api_server_start(&options, &server, &err) != 0) {
        fprintf(stderr, "serve_fake: %s\n", err.message);
        fake_service_free(service);
        return 1;
    }
    for (size_t i = 0; api_server_address(server, i) != NULL; i++)
        puts(api_server_address(server, i));
    fflush(stdout);
    char ignored[256];
    while (read(STDIN_FILENO, ignored, sizeof ignored) > 0)
        continue;
    api_server_stop(server);
    fake_service_free(service);
    return 0;
}
