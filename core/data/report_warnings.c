/*
 * The table of warnings; see report_warnings.h. A row says nothing where it does not apply. Every
 * sentence gives its number and what to do about it.
 */
#include "core/data/report_warnings.h"

#include "core/base/buf.h"
#include "core/base/utf8.h"
#include "core/model/config.h"

#include <string.h>

enum {
    ROWS_PER_LABEL = 8,  /* fewer on average are few */
    IMBALANCE = 10,      /* times as many rows of one label as of another */
    UNKNOWN_SHARE = 100, /* one piece in so many may be unknown to a vocabulary */
    SHOWN_LABELS = 3,
    SHOWN_BYTES = 40
};

static double
percent(size_t part, size_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static int
shown(const char *name)
{
    return (int)utf8_clip(name, strlen(name), SHOWN_BYTES);
}

static bool
has_classes(const struct report_facts *facts)
{
    return facts->report->task == TASK_CLASSIFICATION && facts->report->label_count > 0;
}

/* ---- what the rows are ----------------------------------------------------------------------- */

static void
say_generation(const struct report_facts *facts, struct buf *out)
{
    if (facts->dataset->is_generation)
        buf_printf(out,
                   "%zu of the %zu answers are different from each other: this looks like data for "
                   "generating text, and no job trains on it. Give rows whose answers are a few "
                   "labels, or name the column of the label in \"columns\".",
                   facts->dataset->distinct_answers, facts->dataset->answers);
}

static void
say_instructions(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->dataset->left_out.instructions;
    if (rows > 0)
        buf_printf(out,
                   "%zu rows have a system or developer message, which is left out: the model "
                   "reads the last user message alone. Put into that what differs from row to row.",
                   rows);
}

static void
say_tool_messages(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->dataset->left_out.tool_messages;
    if (rows > 0)
        buf_printf(out,
                   "%zu rows have messages of tools or functions, which are left out. Put what the "
                   "label depends on into the last user message.",
                   rows);
}

static void
say_earlier_turns(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->dataset->left_out.earlier_turns;
    if (rows > 0)
        buf_printf(out,
                   "%zu rows have turns before the last user message, which are left out. Put what "
                   "the label depends on into the last user message.",
                   rows);
}

static void
say_weightless(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->dataset->left_out.weightless;
    if (rows > 0)
        buf_printf(
            out,
            "%zu rows are left out because their answer has \"weight\": 0. Remove the weight "
            "where the answer is to be learnt.",
            rows);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static void
say_no_labels(const struct report_facts *facts, struct buf *out)
{
    if (facts->report->rows > 0 && facts->dataset->label_form == LABELS_NONE)
        buf_printf(out,
                   "None of the %zu rows has a label, so no job can learn from them. Name the "
                   "column \"label\", or say in \"columns\" which one it is.",
                   facts->report->rows);
}

static void
say_one_label(const struct report_facts *facts, struct buf *out)
{
    if (has_classes(facts) && facts->report->label_count == 1)
        buf_printf(out,
                   "All %zu rows have the one label \"%.*s\"; a classifier needs at least two. Add "
                   "rows with another label.",
                   facts->report->rows, shown(facts->labels[0].name), facts->labels[0].name);
}

static void
say_too_many_labels(const struct report_facts *facts, struct buf *out)
{
    if (has_classes(facts) && facts->report->label_count > CONFIG_MAX_LABELS)
        buf_printf(out,
                   "There are %zu different labels, more than the %d that are possible; the first "
                   "%zu are listed. See whether this is the right label column.",
                   facts->report->label_count, CONFIG_MAX_LABELS, facts->report->labels_listed);
}

static void
say_few_rows(const struct report_facts *facts, struct buf *out)
{
    size_t labels = facts->report->label_count;
    if (has_classes(facts) && labels > 1 && facts->report->rows / labels < ROWS_PER_LABEL)
        buf_printf(out,
                   "There are %zu rows for %zu labels, fewer than %d for each. Add rows, or join "
                   "labels that mean nearly the same.",
                   facts->report->rows, labels, ROWS_PER_LABEL);
}

static void
say_rare_labels(const struct report_facts *facts, struct buf *out)
{
    struct buf names = {0};
    size_t rare = 0;
    for (size_t i = 0; has_classes(facts) && i < facts->report->label_count; i++) {
        const char *name = facts->labels[i].name;
        if (facts->labels[i].count != 1)
            continue;
        if (rare < SHOWN_LABELS)
            buf_printf(&names, "%s\"%.*s\"", rare > 0 ? ", " : "", shown(name), name);
        rare++;
    }
    if (rare > 0)
        buf_printf(
            out,
            "%zu label%s one row only (%s%s), so %s cannot be validated. Add rows, or remove "
            "the label.",
            rare, rare == 1 ? " has" : "s have", buf_string(&names),
            rare > SHOWN_LABELS ? ", …" : "", rare == 1 ? "it" : "they");
    buf_fini(&names);
}

static void
say_imbalance(const struct report_facts *facts, struct buf *out)
{
    const struct report_label *most = facts->labels;
    const struct report_label *least = facts->labels;
    if (!has_classes(facts))
        return;
    for (size_t i = 1; i < facts->report->label_count; i++) {
        if (facts->labels[i].count > most->count)
            most = &facts->labels[i];
        if (facts->labels[i].count < least->count)
            least = &facts->labels[i];
    }
    if (most->count / IMBALANCE >= least->count)
        buf_printf(out,
                   "Label \"%.*s\" has %zu rows, \"%.*s\" %zu: accuracy says little of the rare "
                   "ones. Add rows of them, and look at the macro F1.",
                   shown(most->name), most->name, most->count, shown(least->name), least->name,
                   least->count);
}

static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
say_blanks(const struct report_facts *facts, struct buf *out)
{
    size_t count = 0;
    const char *first = NULL;
    for (size_t i = 0; has_classes(facts) && i < facts->report->label_count; i++) {
        const char *name = facts->labels[i].name;
        if (!is_blank(name[0]) && !is_blank(name[strlen(name) - 1]))
            continue;
        first = first != NULL ? first : name;
        count++;
    }
    if (count > 0)
        buf_printf(out,
                   "%zu label%s with a blank or a line end, as in \"%.*s\": they are other labels "
                   "than those without. Remove the blanks unless they are meant.",
                   count, count == 1 ? " begins or ends" : "s begin or end", shown(first), first);
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void
say_empty(const struct report_facts *facts, struct buf *out)
{
    if (facts->report->empty > 0)
        buf_printf(out,
                   "%zu rows (%.1f %%) have no text but blanks. Remove them, or give them their "
                   "text.",
                   facts->report->empty, percent(facts->report->empty, facts->report->rows));
}

static void
say_duplicates(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->report->duplicates;
    if (rows > 0)
        buf_printf(out,
                   "%zu rows (%.1f %%) repeat the text of an earlier row. Remove them: repeated "
                   "rows that are held out make validation look better than it is.",
                   rows, percent(rows, facts->report->rows));
}

static void
say_conflicts(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->report->conflicting_duplicates;
    if (rows > 0)
        buf_printf(out,
                   "%zu rows (%.1f %%) have the text of an earlier row but another label. Decide "
                   "for one label and remove the others.",
                   rows, percent(rows, facts->report->rows));
}

static void
say_over_length(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->report->over_length;
    if (rows > 0)
        buf_printf(
            out,
            "%zu rows (%.1f %%) have more than %zu tokens and are cut there; the longest has "
            "%zu. Raise max_seq_length if the model allows it, or shorten the texts.",
            rows, percent(rows, facts->report->rows), facts->max_length,
            facts->report->token_length.max);
}

static void
say_unknown(const struct report_facts *facts, struct buf *out)
{
    size_t unknown = facts->report->unknown_tokens;
    size_t tokens = facts->report->tokens;
    if (unknown > 0 && unknown >= tokens / UNKNOWN_SHARE)
        buf_printf(out,
                   "%zu of %zu tokens (%.1f %%) are unknown to the model's vocabulary. Choose a "
                   "model that was made for this language and script.",
                   unknown, tokens, percent(unknown, tokens));
}

static const struct {
    const char *code;
    void (*say)(const struct report_facts *facts, struct buf *out);
} table[] = {
    {"not_a_classification_set", say_generation},
    {"instructions_left_out", say_instructions},
    {"tool_messages_left_out", say_tool_messages},
    {"earlier_turns_left_out", say_earlier_turns},
    {"weightless_rows", say_weightless},
    {"no_labels", say_no_labels},
    {"one_label", say_one_label},
    {"too_many_labels", say_too_many_labels},
    {"few_rows", say_few_rows},
    {"rare_labels", say_rare_labels},
    {"imbalance", say_imbalance},
    {"label_blanks", say_blanks},
    {"empty_texts", say_empty},
    {"duplicates", say_duplicates},
    {"conflicting_duplicates", say_conflicts},
    {"over_length", say_over_length},
    {"unknown_tokens", say_unknown},
};

_Static_assert(sizeof table / sizeof table[0] <= REPORT_MAX_WARNINGS, "a report holds all of them");

void
report_warn(const struct report_facts *facts, struct arena *arena, struct data_report *report)
{
    struct buf message = {0};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        buf_clear(&message);
        table[i].say(facts, &message);
        if (message.length == 0)
            continue;
        report->warnings[report->warning_count++] = (struct report_warning){
            .code = table[i].code,
            .message = arena_copy_string(arena, buf_string(&message)),
        };
    }
    buf_fini(&message);
}
