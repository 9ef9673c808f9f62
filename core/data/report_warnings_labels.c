/*
 * Warnings about labels; see report_warnings.h. What is said of classes by their rows is said of
 * several labels too, and of entities by their number.
 */
#include "core/data/report_warnings.h"

#include "core/base/utf8.h"
#include "core/data/labels.h"
#include "core/model/config.h"

#include <string.h>

enum {
    ROWS_PER_LABEL = 8, /* fewer on average are few */
    IMBALANCE = 10,     /* times as many rows of one label as of another */
    DISTINCT_ROWS = 50, /* as for answers: with so many rows, labels repeat */
    SHOWN_LABELS = 3,
    SHOWN_BYTES = 40
};

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

/* What is counted: classes and labels by their rows, entities by type. */
struct counted {
    const struct report_label *items;
    size_t count;
    const char *what, *of; /* "label", "row" */
};

static struct counted
counted_of(const struct report_facts *facts)
{
    const struct data_report *report = facts->report;
    struct counted none = {0};
    switch (report->task) {
    case TASK_CLASSIFICATION:
    case TASK_MULTI_LABEL:
        return (struct counted){facts->labels, report->label_count, "label", "row"};
    case TASK_TOKEN_CLASSIFICATION:
        return (struct counted){report->tags.types, report->tags.types_listed, "entity type",
                                "entity"};
    case TASK_REGRESSION:
    case TASK_AUTO:
        break;
    }
    return none;
}

static void
say_no_labels(const struct report_facts *facts, struct buf *out)
{
    const char *among = facts->dataset->unlabelled_columns;
    if (facts->report->rows > 0 && facts->dataset->label_form == LABELS_NONE)
        buf_printf(out,
                   "None of the %zu rows has a label%s%s, so no job can learn from them. Name the "
                   "column \"label\", or say in \"columns\" which one it is.",
                   facts->report->rows, among != NULL ? " among " : "", among != NULL ? among : "");
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
    if (facts->report->label_count > CONFIG_MAX_LABELS)
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
say_distinct(const struct report_facts *facts, struct buf *out)
{
    size_t labels = facts->report->label_count;
    size_t rows = facts->report->rows;
    if (has_classes(facts) && rows > DISTINCT_ROWS && labels > rows / 2 &&
        !facts->dataset->is_generation)
        buf_printf(out,
                   "%zu rows have %zu different labels: hardly any is there twice. See whether "
                   "this is the right label column; amounts are learnt with \"task\": "
                   "\"regression\".",
                   rows, labels);
}

static void
say_rare_labels(const struct report_facts *facts, struct buf *out)
{
    struct counted counted = counted_of(facts);
    struct buf names = {0};
    size_t rare = 0;
    for (size_t i = 0; i < counted.count; i++) {
        const char *name = counted.items[i].name;
        if (counted.items[i].count != 1)
            continue;
        if (rare < SHOWN_LABELS)
            buf_printf(&names, "%s\"%.*s\"", rare > 0 ? ", " : "", shown(name), name);
        rare++;
    }
    if (rare > 0)
        buf_printf(out,
                   "%zu %s%s one %s only (%s%s), so %s cannot be validated. Add rows, or remove "
                   "the %s.",
                   rare, counted.what, rare == 1 ? " has" : "s have", counted.of,
                   buf_string(&names), rare > SHOWN_LABELS ? ", …" : "", rare == 1 ? "it" : "they",
                   counted.what);
    buf_fini(&names);
}

static void
say_imbalance(const struct report_facts *facts, struct buf *out)
{
    struct counted counted = counted_of(facts);
    const struct report_label *most = counted.items;
    const struct report_label *least = counted.items;
    if (counted.count == 0)
        return;
    for (size_t i = 1; i < counted.count; i++) {
        if (counted.items[i].count > most->count)
            most = &counted.items[i];
        if (counted.items[i].count < least->count)
            least = &counted.items[i];
    }
    if (most->count / IMBALANCE < least->count)
        return;
    if (facts->report->task == TASK_TOKEN_CLASSIFICATION)
        buf_printf(
            out,
            "There are %zu entities of the type \"%.*s\", %zu of \"%.*s\": the micro F1 says "
            "little of the rare ones. Add rows with them, and look at the F1 of each type.",
            most->count, shown(most->name), most->name, least->count, shown(least->name),
            least->name);
    else
        buf_printf(out,
                   "Label \"%.*s\" has %zu rows, \"%.*s\" %zu: accuracy says little of the rare "
                   "ones. Add rows of them%s, and look at the macro F1.",
                   shown(most->name), most->name, most->count, shown(least->name), least->name,
                   least->count,
                   facts->report->task == TASK_CLASSIFICATION
                       ? ", or let them count more with oversample or class_weights"
                       : "");
}

static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A name in which blanks and line ends can be told apart. */
static void
append_visibly(struct buf *out, const char *name)
{
    int length = shown(name);
    for (int i = 0; i < length; i++)
        if (name[i] == '\n' || name[i] == '\r' || name[i] == '\t')
            buf_printf(out, "\\%c", name[i] == '\n' ? 'n' : name[i] == '\r' ? 'r' : 't');
        else
            buf_append(out, &name[i], 1);
}

static void
say_blanks(const struct report_facts *facts, struct buf *out)
{
    size_t count = 0;
    const char *first = NULL;
    for (size_t i = 0; i < facts->report->label_count; i++) {
        const char *name = facts->labels[i].name;
        if (!is_blank(name[0]) && !is_blank(name[strlen(name) - 1]))
            continue;
        first = first != NULL ? first : name;
        count++;
    }
    if (count == 0)
        return;
    buf_printf(out, "%zu label%s with a blank or a line end, as in \"", count,
               count == 1 ? " begins or ends" : "s begin or end");
    append_visibly(out, first);
    buf_append_string(out, "\": they are other labels than those without. Remove the blanks unless "
                           "they are meant.");
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void
say_unlabelled(const struct report_facts *facts, struct buf *out)
{
    size_t rows = facts->report->unlabelled;
    if (rows > facts->report->rows / 2)
        buf_printf(out,
                   "%zu rows (%.1f %%) have an empty list of labels, so saying nothing is nearly "
                   "always right. Add rows with labels, or see whether labels are missing.",
                   rows, report_percent(rows, facts->report->rows));
}

static void
say_multi_hot(const struct report_facts *facts, struct buf *out)
{
    if (facts->report->looks_multi_hot)
        buf_printf(out,
                   "The lists of all %zu rows hold nothing but 0 and 1 (or booleans), which looks "
                   "like a column for each label. Write the names of the labels that apply, as in "
                   "\"labels\": [\"sport\", \"news\"].",
                   facts->report->rows);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void
say_constant(const struct report_facts *facts, struct buf *out)
{
    const struct data_report *report = facts->report;
    size_t count = 0;
    size_t first = 0;
    for (size_t i = report->number_count; i > 0; i--)
        if (report->numbers[i - 1].min >= report->numbers[i - 1].max) {
            first = i - 1;
            count++;
        }
    if (count > 0 && report->rows > 1 && report->number_count == 1)
        buf_printf(out,
                   "All %zu rows have the same number, %g, so there is nothing to learn. See "
                   "whether this is the right label column.",
                   report->rows, report->numbers[0].min);
    else if (count > 0 && report->rows > 1)
        buf_printf(out,
                   "%zu of %zu targets have the same number in all %zu rows (target %zu: %g), so "
                   "there is nothing to learn. Remove them, or give their numbers.",
                   count, report->number_count, report->rows, first + 1,
                   report->numbers[first].min);
}

static void
say_whole(const struct report_facts *facts, struct buf *out)
{
    const struct data_report *report = facts->report;
    if (report->may_be_classes && !facts->is_asked)
        buf_printf(out,
                   "The labels are whole numbers from %g to %g, but some are written with a "
                   "fraction, as 1.0, so they are learnt as amounts. If they are classes, write "
                   "them without it, or say \"task\": \"classification\"; if they are amounts, say "
                   "\"task\": \"regression\".",
                   report->numbers[0].min, report->numbers[0].max);
}

/* ---- tags ------------------------------------------------------------------------------------ */

static void
say_no_entities(const struct report_facts *facts, struct buf *out)
{
    const struct data_report *report = facts->report;
    if (report->task == TASK_TOKEN_CLASSIFICATION && report->label_count == 1)
        buf_printf(out,
                   "All %zu words have the one tag \"%.*s\", so there is nothing to learn. See "
                   "whether this is the right column of tags.",
                   report->tags.words, shown(facts->labels[0].name), facts->labels[0].name);
}

static void
say_odd_tags(const struct report_facts *facts, struct buf *out)
{
    const struct report_tags *tags = &facts->report->tags;
    const char *first = NULL;
    for (size_t i = 0; i < facts->report->label_count && tags->odd_names > 0 && first == NULL; i++)
        if (tag_parse(facts->labels[i].name).prefix == '\0')
            first = facts->labels[i].name;
    if (first != NULL)
        buf_printf(out,
                   "%zu tag%s neither O nor a prefix with a type, as in \"%.*s\", though others "
                   "are %s: entities are not counted for %s. Correct the tags, or write O.",
                   tags->odd_names, tags->odd_names == 1 ? " is" : "s are", shown(first), first,
                   tag_scheme_name(tags->scheme), tags->odd_names == 1 ? "it" : "them");
}

/* Would it be a tag of spans with a capital letter and a "-"? */
static bool
is_nearly_tag(const char *name)
{
    bool is_cut = name[0] != '\0' && (name[1] == '-' || name[1] == '_') && name[2] != '\0';
    return is_cut && strchr("BIESLUbieslu", name[0]) != NULL;
}

/* Tags that mark spans by other signs than are read here: nothing else would tell that no entity
 * was found. */
static void
say_unread_tags(const struct report_facts *facts, struct buf *out)
{
    const struct data_report *report = facts->report;
    const char *near = NULL;
    bool are_numbers = report->label_count > 1;
    if (report->task != TASK_TOKEN_CLASSIFICATION || report->tags.scheme != TAGS_PLAIN)
        return;
    for (size_t i = 0; i < report->label_count; i++) {
        const char *name = facts->labels[i].name;
        near = near == NULL && is_nearly_tag(name) ? name : near;
        are_numbers = are_numbers && label_is_numeric(LABELS_TOKENS, name);
    }
    if (near != NULL)
        buf_printf(out,
                   "Tags such as \"%.*s\" are not read as those of entities, so none are counted. "
                   "Write O and, before a type, B- and I- (or B-, I-, E- and S-), as in B-PER.",
                   shown(near), near);
    else if (are_numbers)
        buf_append_string(out,
                          "The tags are numbers, so no entities are told from them. Where they "
                          "mark entities, write the names that they stand for: O, B-PER, I-PER.");
}

/* Lists of tags beside a text would be read as the labels that the text has as a whole. */
static void
say_tags_of_text(const struct report_facts *facts, struct buf *out)
{
    const struct data_report *report = facts->report;
    const char *tag = NULL;
    bool has_outside = false;
    if (report->task != TASK_MULTI_LABEL)
        return;
    for (size_t i = 0; i < report->label_count; i++) {
        const char *name = facts->labels[i].name;
        has_outside = has_outside || strcmp(name, "O") == 0;
        tag = tag == NULL && is_nearly_tag(name) ? name : tag;
    }
    if (has_outside && tag != NULL)
        buf_printf(
            out,
            "The labels O and \"%.*s\" look like tags of words, but the rows have a text, so "
            "each is learnt as a label of the whole text. For tags, write the words as "
            "\"tokens\": [...] instead of the text.",
            shown(tag), tag);
}

static void
say_misplaced(const struct report_facts *facts, struct buf *out)
{
    const struct report_tags *tags = &facts->report->tags;
    if (tags->misplaced > 0)
        buf_printf(out,
                   "%zu tags in %zu rows cannot stand where they do in %s (the first in the row of "
                   "line %zu), such as an I- without its B-. Correct them: strict measures do not "
                   "count such entities.",
                   tags->misplaced, tags->broken_rows, tag_scheme_name(tags->scheme),
                   tags->first_broken_line);
}

const struct report_saying report_label_sayings[REPORT_LABEL_SAYINGS] = {
    {"no_labels", say_no_labels},
    {"one_label", say_one_label},
    {"too_many_labels", say_too_many_labels},
    {"distinct_labels", say_distinct},
    {"few_rows", say_few_rows},
    {"rare_labels", say_rare_labels},
    {"imbalance", say_imbalance},
    {"label_blanks", say_blanks},
    {"unlabelled_rows", say_unlabelled},
    {"multi_hot", say_multi_hot},
    {"constant_target", say_constant},
    {"whole_numbers", say_whole},
    {"one_tag", say_no_entities},
    {"odd_tags", say_odd_tags},
    {"unread_tags", say_unread_tags},
    {"tags_of_text", say_tags_of_text},
    {"misplaced_tags", say_misplaced},
};
