/*
 * The table of warnings; see report_warnings.h. A row says nothing where it does not apply. Every
 * sentence gives its number and what to do about it.
 */
#include "core/data/report_warnings.h"

#include "core/base/buf.h"

enum { UNKNOWN_SHARE = 100 }; /* one piece in so many may be unknown to a vocabulary */

double
report_percent(size_t part, size_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
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

/* ---- texts ----------------------------------------------------------------------------------- */

static void
say_empty(const struct report_facts *facts, struct buf *out)
{
    if (facts->report->empty > 0)
        buf_printf(out,
                   "%zu rows (%.1f %%) have no text but blanks. Remove them, or give them their "
                   "text.",
                   facts->report->empty, report_percent(facts->report->empty, facts->report->rows));
}

static void
say_duplicates(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->report->duplicates;
    if (rows > facts->report->conflicting_duplicates) /* else there is none to remove unseen */
        buf_printf(out,
                   "%zu rows (%.1f %%) repeat the text of an earlier row. Remove them, or say "
                   "\"dedupe\": \"exact\": repeated rows that are held out make validation look "
                   "better than it is.",
                   rows, report_percent(rows, facts->report->rows));
}

static void
say_conflicts(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->report->conflicting_duplicates;
    if (rows > 0)
        buf_printf(out,
                   "%zu rows (%.1f %%) have the text of an earlier row but another label. Decide "
                   "for one label and remove the others.",
                   rows, report_percent(rows, facts->report->rows));
}

/* Of how many rows the tokens are, where not all were looked at. */
static void
say_sample(const struct report_facts *facts, struct buf *out)
{
    if (facts->report->tokenized < facts->report->rows)
        buf_printf(out, "In a sample of %zu rows, ", facts->report->tokenized);
}

static void
say_over_length(const struct report_facts *facts, struct buf *out)
{
    const struct data_report *report = facts->report;
    size_t rows = report->over_length;
    bool single = report->columns.text_pair == NULL && report->task != TASK_TOKEN_CLASSIFICATION;
    if (rows == 0)
        return;
    say_sample(facts, out);
    buf_printf(out,
               "%zu rows (%.1f %%) have more than %zu tokens and are cut there; the longest has "
               "%zu. Raise max_seq_length if the model allows it, %sor shorten the texts.",
               rows, report_percent(rows, report->tokenized), facts->max_length,
               report->token_length.max, single ? "give a stride to read them in windows, " : "");
}

static void
say_words_cut(const struct report_facts *facts, struct buf *out)
{
    const struct data_report *report = facts->report;
    if (report->words_cut == 0)
        return;
    say_sample(facts, out);
    buf_printf(out,
               "%zu words stand behind the limit of %zu tokens, %zu of them with a tag other than "
               "O: they are neither learnt nor counted by measures. Raise max_seq_length, or "
               "divide long rows into sentences.",
               report->words_cut, facts->max_length, report->tags_cut);
}

static void
say_words_lost(const struct report_facts *facts, struct buf *out)
{
    const struct data_report *report = facts->report;
    if (report->words_without_tokens == 0)
        return;
    say_sample(facts, out);
    buf_printf(out,
               "%zu words (blanks or control characters) leave no token, so their tags are not "
               "learnt. Remove them.",
               report->words_without_tokens);
}

static void
say_unknown(const struct report_facts *facts, struct buf *out)
{
    size_t unknown = facts->report->unknown_tokens;
    size_t tokens = facts->report->tokens;
    if (unknown > 0 && unknown >= tokens / UNKNOWN_SHARE) {
        say_sample(facts, out);
        buf_printf(out,
                   "%zu of %zu tokens (%.1f %%) are unknown to the model's vocabulary. Choose a "
                   "model that was made for this language and script.",
                   unknown, tokens, report_percent(unknown, tokens));
    }
}

static const struct report_saying of_rows[] = {
    {"not_a_classification_set", say_generation},  {"instructions_left_out", say_instructions},
    {"tool_messages_left_out", say_tool_messages}, {"earlier_turns_left_out", say_earlier_turns},
    {"weightless_rows", say_weightless},
};

static const struct report_saying of_texts[] = {
    {"empty_texts", say_empty},
    {"duplicates", say_duplicates},
    {"conflicting_duplicates", say_conflicts},
    {"over_length", say_over_length},
    {"words_cut", say_words_cut},
    {"words_without_tokens", say_words_lost},
    {"unknown_tokens", say_unknown},
};

enum {
    OF_ROWS = sizeof of_rows / sizeof of_rows[0],
    OF_TEXTS = sizeof of_texts / sizeof of_texts[0]
};

_Static_assert(OF_ROWS + REPORT_LABEL_SAYINGS + OF_TEXTS <= REPORT_MAX_WARNINGS,
               "a report holds all of them");

static void
say_all(const struct report_facts *facts, const struct report_saying *sayings, size_t count,
        struct arena *arena, struct data_report *report)
{
    struct buf message = {0};
    for (size_t i = 0; i < count; i++) {
        buf_clear(&message);
        sayings[i].say(facts, &message);
        if (message.length == 0)
            continue;
        report->warnings[report->warning_count++] = (struct report_warning){
            .code = sayings[i].code,
            .message = arena_copy_string(arena, buf_string(&message)),
        };
    }
    buf_fini(&message);
}

void
report_warn(const struct report_facts *facts, struct arena *arena, struct data_report *report)
{
    say_all(facts, of_rows, OF_ROWS, arena, report);
    say_all(facts, report_label_sayings, REPORT_LABEL_SAYINGS, arena, report);
    say_all(facts, of_texts, OF_TEXTS, arena, report);
}
