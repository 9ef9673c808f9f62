/* Lists as tables; see table.h. */
#include "api/client/table.h"

#include "api/client/fields.h"
#include "api/client/text.h"

#include <stdio.h>

enum { GAP = 2 };

/* The cells of one row, or of the heading when item is NULL, each in its width. */
static void
append_cells(const struct table *table, const json_t *item, size_t screen, struct buf *line)
{
    size_t used = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct column *column = &table->columns[i];
        bool last = i + 1 == table->count;
        struct buf cell = {0};
        size_t width = last && screen > used + column->width ? screen - used : column->width;
        if (item == NULL)
            buf_append_string(&cell, column->title);
        else
            column->write(item, &cell);
        text_append_cell(line, buf_string(&cell), width, column->right);
        if (!last)
            buf_printf(line, "%*s", GAP, "");
        used += width + GAP;
        buf_fini(&cell);
    }
}

/* A screen that is narrower than the columns cuts the row. */
static void
print_row(const struct table *table, const json_t *item, size_t screen)
{
    struct buf cells = {0}, line = {0};
    append_cells(table, item, screen, &cells);
    size_t width = text_width(buf_string(&cells));
    text_append_cell(&line, buf_string(&cells), width < screen ? width : screen, false);
    while (line.length > 0 && line.data[line.length - 1] == ' ')
        line.length--;
    printf("%.*s\n", (int)line.length, line.length > 0 ? line.data : "");
    buf_fini(&line);
    buf_fini(&cells);
}

void
table_print(const struct table *table, const json_t *list)
{
    const json_t *items = field(list, "data");
    size_t screen = text_columns(stdout);
    if (json_array_size(items) == 0) {
        printf("%s\n", table->none);
        return;
    }
    print_row(table, NULL, screen);
    for (size_t i = 0; i < json_array_size(items); i++)
        print_row(table, json_array_get(items, i), screen);
    if (json_is_true(field(list, "has_more")))
        printf("(there are older ones: --limit N shows more)\n");
}
