/* Cautions about a plan's data; see cautions.h. */
#include "core/train/cautions.h"

#include "core/base/utf8.h"

#include <string.h>

enum { SHOWN_BYTES = 64 };

static void
add(struct train_cautions *out, const char *code, const char *message)
{
    out->items[out->count++] = (struct report_warning){code, message};
}

/* The report of the training file, each sentence with its name. */
static int
look_at_training(const struct train_plan *plan, const struct train_request *request,
                 struct arena *arena, struct train_cautions *out, struct err *err)
{
    const struct report_request asked = {
        .name = request->training.name,
        .task = request->task,
        .tokenizer = plan->tokenizer,
        /* windows leave nothing of a text out */
        .max_length = plan->config.windows.wanted ? 0 : (size_t)plan->params.max_seq_length,
        .token_rows = CAUTION_TOKEN_ROWS,
    };
    struct data_report *report = arena_alloc(arena, sizeof *report);
    if (data_report_of(plan->training, &asked, arena, report, err) != 0)
        return err->code;
    for (size_t i = 0; i < report->warning_count; i++)
        add(out, report->warnings[i].code,
            arena_printf(arena, "%s: %s", request->training.name, report->warnings[i].message));
    return 0;
}

/* What dedupe did is told here, since it is found when the plan is made. */
static void
tell_duplicates(const struct train_plan *plan, const struct train_request *request,
                struct arena *arena, struct train_cautions *out)
{
    const struct dedupe_counts *counts = &plan->duplicates;
    size_t left = counts->exact + counts->near;
    if (left + counts->conflicts == 0)
        return;
    const char *kept = "";
    if (counts->conflicts > 0)
        kept = arena_printf(arena,
                            ", %zu are kept that say something else than an earlier row with their "
                            "text. Decide for one label where they differ",
                            counts->conflicts);
    add(out, "duplicates_left_out",
        arena_printf(arena, "%s: %zu rows are left out as duplicates (%zu exact, %zu near)%s.",
                     request->training.name, left, counts->exact, counts->near, kept));
}

/* A share of few rows may come to none of them, which nobody asked for. */
static void
tell_empty_split(const struct train_plan *plan, const struct train_request *request,
                 struct arena *arena, struct train_cautions *out)
{
    if (plan->validation != NULL || plan->validation_rows > 0 ||
        !(plan->params.validation_split > 0))
        return;
    add(out, "nothing_held_out",
        arena_printf(
            arena,
            "%s: validation_split %g of its rows, label by label, comes to none, so nothing "
            "tells how well the model does on new texts. Give a larger validation_split, a "
            "validation_file, or more rows.",
            request->training.name, plan->params.validation_split));
}

/* A warm-up of a recipe for more rows may outlast the job. */
static void
tell_long_warm_up(const struct train_plan *plan, struct arena *arena, struct train_cautions *out)
{
    int64_t steps = (int64_t)plan->total_steps;
    int64_t warm_up = plan->params.warmup_steps;
    if (plan->params.method != METHOD_SUPERVISED || warm_up <= steps)
        return;
    add(out, "long_warm_up",
        arena_printf(
            arena,
            "warmup_steps is %lld, but the job has %lld steps: the learning rate never gets "
            "beyond %.2g %% of its value. Give fewer, or a warmup_ratio.",
            (long long)warm_up, (long long)steps, 100.0 * (double)steps / (double)warm_up));
}

/* The class with the fewest rows, of those that have some. */
static size_t
rarest_class(const struct oversample *repeats)
{
    size_t rarest = 0;
    size_t fewest = SIZE_MAX;
    for (size_t c = 0; c < repeats->classes; c++) {
        size_t rows = oversample_rows(repeats, c);
        if (rows == 0 || rows >= fewest)
            continue;
        fewest = rows;
        rarest = c;
    }
    return rarest;
}

/* What oversample will do beside what it is for. */
static int
tell_repeats(const struct train_plan *plan, const struct train_request *request,
             struct arena *arena, struct train_cautions *out, struct err *err)
{
    struct oversample repeats;
    const char *name = request->training.name;
    if (plan->repeated_rows == 0)
        return 0;
    if (train_plan_repeats(plan, &repeats, err) != 0)
        return err->code;
    size_t rarest = rarest_class(&repeats);
    size_t rows = oversample_rows(&repeats, rarest);
    double times = oversample_times(&repeats, rarest);
    const char *label = plan->labels.names[rarest];
    oversample_fini(&repeats);
    if (times > CAUTION_REPEATS)
        add(out, "rows_repeated_often",
            arena_printf(arena,
                         "%s: oversample shows the %zu row%s of \"%.*s\" %.0f times in each epoch, "
                         "so that they may be learned by heart. Add rows of that class, or give a "
                         "smaller oversample.",
                         name, rows, rows == 1 ? "" : "s",
                         (int)utf8_clip(label, strlen(label), SHOWN_BYTES), label, times));
    if (plan->loss.class_weights != NULL)
        add(out, "oversample_and_class_weights",
            arena_printf(arena,
                         "%s: oversample repeats rows of rare classes, and class_weights let rows "
                         "count more or less: both act, one on top of the other. Leave one of the "
                         "two out unless that is meant.",
                         name));
    return 0;
}

static int
look_at_other(const struct compare_side *training, const struct compare_side *other,
              struct arena *arena, struct train_cautions *out, struct err *err)
{
    struct data_comparison found;
    if (data_compare(training, other, arena, &found, err) != 0)
        return err->code;
    for (size_t i = 0; i < found.warning_count; i++)
        add(out, found.warnings[i].code, found.warnings[i].message);
    return 0;
}

static bool
is_same_file(const struct train_file *a, const struct train_file *b)
{
    return a->path != NULL && b->path != NULL && strcmp(a->path, b->path) == 0;
}

/* What messages call a file of rows to measure by. */
static const char *
name_beside(const struct train_file *training, const struct train_file *file, struct arena *arena)
{
    if (!is_same_file(training, file))
        return file->name;
    return arena_printf(arena, "%s (the training file itself)", file->name);
}

int
train_cautions_find(const struct train_plan *plan, const struct train_request *request,
                    struct arena *arena, struct train_cautions *out, struct err *err)
{
    bool splits = plan->validation == NULL && plan->validation_rows > 0;
    const struct compare_side training = {
        .name = request->training.name,
        .dataset = plan->training,
        .chosen = splits ? plan->held_out : NULL,
        .wanted = false,
        .task = plan->task,
    };
    const struct compare_side held = {
        .name = arena_printf(arena, "the rows held out of %s", request->training.name),
        .dataset = plan->training,
        .chosen = plan->held_out,
        .wanted = true,
    };
    const struct compare_side validation = {
        .name = name_beside(&request->training, &request->validation, arena),
        .dataset = plan->validation,
    };
    const struct compare_side test = {
        .name = name_beside(&request->training, &request->test, arena),
        .dataset = plan->test,
    };
    bool has_test = plan->test != NULL && !is_same_file(&request->validation, &request->test);
    out->count = 0;
    tell_duplicates(plan, request, arena, out);
    tell_empty_split(plan, request, arena, out);
    tell_long_warm_up(plan, arena, out);
    if (tell_repeats(plan, request, arena, out, err) != 0 ||
        look_at_training(plan, request, arena, out, err) != 0 ||
        (splits && look_at_other(&training, &held, arena, out, err) != 0) ||
        (plan->validation != NULL && look_at_other(&training, &validation, arena, out, err) != 0) ||
        (has_test && look_at_other(&training, &test, arena, out, err) != 0))
        return err->code;
    return 0;
}
