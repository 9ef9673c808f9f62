/* Figures; see figures.h. */
#include "tests/bench/figures.h"

#include "core/base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_COLUMNS = 30 };

void
figures_init(struct figures *figures, bool as_json)
{
    *figures = (struct figures){.object = json_object(), .as_json = as_json};
}

void
figures_number(struct figures *figures, const char *name, double value, const char *unit,
               const char *remark)
{
    json_object_set_new(figures->object, name, isfinite(value) ? json_real(value) : json_null());
    if (figures->as_json)
        return;
    int digits = fabs(value) >= 1000 ? 0 : fabs(value) >= 100 ? 1 : fabs(value) >= 10 ? 2 : 3;
    printf("%-*s%12.*f%s%s%s%s\n", NAME_COLUMNS, name, digits, value, unit[0] != '\0' ? " " : "",
           unit, remark != NULL ? "   " : "", remark != NULL ? remark : "");
}

void
figures_text(struct figures *figures, const char *name, const char *value)
{
    json_object_set_new(figures->object, name, json_string(value));
    if (!figures->as_json)
        printf("%-*s%s\n", NAME_COLUMNS, name, value);
}

void
figures_end(struct figures *figures)
{
    if (figures->as_json) {
        char *text = json_text(figures->object);
        puts(text);
        free(text);
    }
    json_decref(figures->object);
    figures->object = NULL;
}
