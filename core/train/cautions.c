/* Cautions about a plan's data; see cautions.h. */
#include "core/train/cautions.h"

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
        .tokenizer = plan->tokenizer,
        .max_length = (size_t)plan->params.max_seq_length,
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
    add(out, "duplicates_left_out",
        arena_printf(arena,
                     "%s: %zu rows are left out as duplicates (%zu exact, %zu near), %zu are kept "
                     "that say something else than an earlier row with their text. Decide for one "
                     "label where they differ.",
                     request->training.name, left, counts->exact, counts->near, counts->conflicts));
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
    };
    const struct compare_side held = {
        .name = arena_printf(arena, "the rows held out of %s", request->training.name),
        .dataset = plan->training,
        .chosen = plan->held_out,
        .wanted = true,
    };
    const struct compare_side validation = {.name = request->validation.name,
                                            .dataset = plan->validation};
    const struct compare_side test = {.name = request->test.name, .dataset = plan->test};
    out->count = 0;
    tell_duplicates(plan, request, arena, out);
    if (look_at_training(plan, request, arena, out, err) != 0 ||
        (splits && look_at_other(&training, &held, arena, out, err) != 0) ||
        (plan->validation != NULL && look_at_other(&training, &validation, arena, out, err) != 0) ||
        (plan->test != NULL && look_at_other(&training, &test, arena, out, err) != 0))
        return err->code;
    return 0;
}
