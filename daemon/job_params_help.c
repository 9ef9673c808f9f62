/* The parameter table for people: `finetuned --help-parameters`; see job_params.h. */
#include "daemon/job_params.h"
#include "daemon/options.h"

enum { INDENT = 6 };

static const char *
place_text(const struct param_row *row)
{
    if (row->places == PLACE_RUN)
        return "`finetuned run` only";
    return (row->places & PLACE_HYPERPARAMETERS) != 0 ? "top level or hyperparameters"
                                                      : "top level";
}

void
job_params_print_help(FILE *file)
{
    struct arena *arena = arena_new();
    size_t count = 0;
    const struct param_row *rows = job_params_table(&count);
    fputs("What a fine-tuning job can say. All but model and training_file may be absent.\n"
          "\"hyperparameters\" is the object of that name, at the top level or in\n"
          "method.supervised; a value may also stand at the top level.\n\n",
          file);
    for (size_t i = 0; i < count; i++) {
        const struct param_row *row = &rows[i];
        fprintf(file, "  %s%s (%s)\n%*s", row->name, row->required ? ", required" : "",
                place_text(row), INDENT, "");
        const char *accepts = job_params_describe(row, arena);
        const char *absent = "";
        if (row->default_text != NULL)
            absent = arena_printf(arena, " Absent: %s.", row->default_text);
        const char *text =
            arena_printf(arena, "%s %s%s.%s", row->doc,
                         row->type == PARAM_NOT_BUILT ? "Is " : "Must be ", accepts, absent);
        options_print_wrapped(text, INDENT, INDENT, file);
    }
    arena_free(arena);
}
