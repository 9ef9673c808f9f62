/*
 * The README's table of endpoints against THE route table: the same endpoints, each with all its
 * query parameters in the order of their rows. `PRINT_REFERENCE=1` prints the lines as they should
 * be, each up to its last cell.
 */
#include "api/operation.h"
#include "api/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { README_MAX_BYTES = 1 << 20 };

static char *
read_readme(void)
{
    FILE *file = fopen(FIXTURES "/../../README.md", "r");
    assert_non_null(file);
    char *text = calloc(1, README_MAX_BYTES + 1);
    assert_in_range(fread(text, 1, README_MAX_BYTES, file), 1000, README_MAX_BYTES - 1);
    fclose(file);
    return text;
}

/* "| `GET /v1/files` | `limit` `after` |" */
static void
write_line(const struct route *route, struct buf *out)
{
    buf_clear(out);
    buf_printf(out, "| `%s %s` |", route->method, route->path);
    const struct input_row *row = route->operation->query;
    for (; row != NULL && row->name != NULL; row++) {
        if (!row->not_built)
            buf_printf(out, " `%s`", row->name);
    }
    buf_append_string(out, " |");
}

static void
readme_lists_every_endpoint_with_its_parameters(void **state)
{
    (void)state;
    char *readme = read_readme();
    struct buf line = {0};
    size_t missing = 0;
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        write_line(routes_row(i), &line);
        if (getenv("PRINT_REFERENCE") != NULL)
            printf("%s %s |\n", buf_string(&line), routes_row(i)->operation->summary);
        if (strstr(readme, buf_string(&line)) == NULL) {
            print_error("README.md wants a line that begins: %s\n", buf_string(&line));
            missing++;
        }
    }
    buf_fini(&line);
    free(readme);
    assert_int_equal(missing, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readme_lists_every_endpoint_with_its_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
