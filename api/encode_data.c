/* Reports and rows of data sets; see encode_data.h. */
#include "api/encode_data.h"

/* ---- what both have ------------------------------------------------------------------------- */

static const struct field_row fault_rows[] = {
    {"code", FIELD_STRING(struct data_fault_info, code), .doc = "What kind of fault it is."},
    {"line", FIELD_INTEGER(struct data_fault_info, line), .unset = FIELD_NULL_BELOW_ONE,
     .doc = "Where the row begins; null when the fault is the whole file's."},
    {"message", FIELD_STRING(struct data_fault_info, message), .doc = "What to do about it."},
};
static const struct field_object fault_fields = FIELD_OBJECT(
    "DataFault", struct data_fault_info, fault_rows, "Why a row of a file cannot be used.");

/* ---- the report ----------------------------------------------------------------------------- */

static const struct field_row label_rows[] = {
    {"label", FIELD_STRING(struct data_label_info, label), .doc = "As a model will answer it."},
    {"rows", FIELD_INTEGER(struct data_label_info, rows),
     .doc = "That have it; of a tag the words."},
};
static const struct field_object label_fields =
    FIELD_OBJECT("DataLabel", struct data_label_info, label_rows, "A label of a file.");

static const struct field_row number_rows[] = {
    {"min", FIELD_REAL(struct data_numbers_info, min), .doc = "The least."},
    {"max", FIELD_REAL(struct data_numbers_info, max), .doc = "The greatest."},
    {"mean", FIELD_REAL(struct data_numbers_info, mean), .doc = "Of all rows."},
    {"deviation", FIELD_REAL(struct data_numbers_info, deviation),
     .doc = "Standard deviation of the rows as a whole."},
};
static const struct field_object number_fields = FIELD_OBJECT(
    "DataNumbers", struct data_numbers_info, number_rows, "The numbers of one target.");

static const struct field_row entity_rows[] = {
    {"type", FIELD_STRING(struct data_entities_info, type), .doc = "What the entities are."},
    {"count", FIELD_INTEGER(struct data_entities_info, count), .doc = "How many there are."},
};
static const struct field_object entity_fields =
    FIELD_OBJECT("DataEntities", struct data_entities_info, entity_rows, "Entities of one type.");

static const struct field_row tag_rows[] = {
    {"scheme", FIELD_STRING(struct data_tags_info, scheme),
     .doc = "\"BIO\", \"IOBES\", \"BILOU\", or \"plain\" when the tags mark no spans."},
    {"words", FIELD_INTEGER(struct data_tags_info, words), .doc = "All words."},
    {"entity_count", FIELD_INTEGER(struct data_tags_info, entities),
     .doc = "Spans that the tags mark; an I- without its B- begins one, too."},
    {"entities", FIELD_LIST(struct data_tags_info, types, type_count, &entity_fields),
     .doc = "The same by type."},
    {"misplaced", FIELD_INTEGER(struct data_tags_info, misplaced),
     .doc = "Tags that cannot stand where they do, such as an I- without its B-."},
    {"rows_misplaced", FIELD_INTEGER(struct data_tags_info, broken_rows),
     .doc = "Rows with such a tag."},
};
static const struct field_object tag_fields =
    FIELD_OBJECT("DataTags", struct data_tags_info, tag_rows, "The tags of the words of a file.");

static const struct field_row length_rows[] = {
    {"min", FIELD_INTEGER(struct data_lengths_info, min), .doc = "Of the shortest row."},
    {"median", FIELD_INTEGER(struct data_lengths_info, median), .doc = "Half are not longer."},
    {"p95", FIELD_INTEGER(struct data_lengths_info, p95), .doc = "95 % are not longer."},
    {"max", FIELD_INTEGER(struct data_lengths_info, max), .doc = "Of the longest row."},
};
static const struct field_object length_fields = FIELD_OBJECT(
    "DataLengths", struct data_lengths_info, length_rows, "How long the rows of a file are.");

static const struct field_row warning_rows[] = {
    {"code", FIELD_STRING(struct data_warning_info, code), .doc = "What kind of thing it is."},
    {"message", FIELD_STRING(struct data_warning_info, message),
     .doc = "What is odd, with its number, and what to do."},
};
static const struct field_object warning_fields =
    FIELD_OBJECT("DataWarning", struct data_warning_info, warning_rows,
                 "Something about a file that is no fault, but will show in the model.");

static const struct field_row column_rows[] = {
    {"text", FIELD_STRING(struct file_report, text), .unset = FIELD_NULL_POINTER,
     .doc = "Of the texts; null when the first row has none."},
    {"text_pair", FIELD_STRING(struct file_report, text_pair), .unset = FIELD_NULL_POINTER,
     .doc = "Of the second texts of pairs; null without."},
    {"label", FIELD_STRING(struct file_report, label), .unset = FIELD_NULL_POINTER,
     .doc = "Of the labels; null when the first row has none."},
};
static const struct field_object column_fields = FIELD_OBJECT(
    "DataColumns", struct file_report, column_rows, "The names that were found in the first row.");

static const struct field_row token_rows[] = {
    {"model", FIELD_STRING(struct data_tokens_info, model), .doc = "Whose tokenizer counted."},
    {"max_seq_length", FIELD_INTEGER(struct data_tokens_info, max_seq_length),
     .doc = "Tokens that a row may have: as asked, or the model's limit."},
    {"lengths", FIELD_WITHIN(struct data_tokens_info, lengths, &length_fields),
     .doc = "In tokens, specials included, nothing cut."},
    {"rows_over_length", FIELD_INTEGER(struct data_tokens_info, rows_over_length),
     .doc = "Rows with more tokens than that: their ends would not be seen."},
    {"tokens", FIELD_INTEGER(struct data_tokens_info, tokens), .doc = "All, without specials."},
    {"unknown_tokens", FIELD_INTEGER(struct data_tokens_info, unknown_tokens),
     .doc = "Those among them that the vocabulary lacks."},
    {"words_cut", FIELD_INTEGER(struct data_tokens_info, words_cut),
     .doc = "Of rows of words, those behind max_seq_length: neither learnt nor measured."},
    {"tags_cut", FIELD_INTEGER(struct data_tokens_info, tags_cut),
     .doc = "Those of them with another tag than O."},
    {"words_without_tokens", FIELD_INTEGER(struct data_tokens_info, words_without_tokens),
     .doc = "Of which the tokenizer leaves nothing."},
};
static const struct field_object token_fields = FIELD_OBJECT(
    "DataTokens", struct data_tokens_info, token_rows, "The rows as a model would see them.");

static void
write_tokens(struct json_out *out, const char *key, const void *item)
{
    const struct file_report *report = item;
    if (report->has_tokens)
        fields_encode(out, key, &token_fields, &report->tokens);
    else
        json_out_null(out, key);
}

static void
write_tags(struct json_out *out, const char *key, const void *item)
{
    const struct file_report *report = item;
    if (report->has_tags)
        fields_encode(out, key, &tag_fields, &report->tags);
    else
        json_out_null(out, key);
}

static const struct field_row report_rows[] = {
    {"object", FIELD_WORD("file.report"), .doc = "Always \"file.report\"."},
    {"file", FIELD_STRING(struct file_report, file), .doc = "Its id."},
    {"format", FIELD_STRING(struct file_report, format),
     .doc = "\"jsonl\", \"json\", \"csv\", \"tsv\" or \"conll\"."},
    {"compressed", FIELD_BOOLEAN(struct file_report, compressed), .doc = "With gzip?"},
    {"form", FIELD_STRING(struct file_report, form),
     .doc = "\"plain\", \"prompt_completion\" or \"chat\": where text and label stand in a row."},
    {"columns", FIELD_SAME(&column_fields), .doc = "Names of the columns."},
    {"target", FIELD_STRING(struct file_report, target), .unset = FIELD_NULL_POINTER,
     .doc = "The key of Mistral's \"labels\"; null without."},
    {"task", FIELD_STRING(struct file_report, task), .unset = FIELD_NULL_POINTER,
     .doc = "That the labels suggest; null when no row has one."},
    {"rows", FIELD_INTEGER(struct file_report, rows), .doc = "Those without fault."},
    {"fault_count", FIELD_INTEGER(struct file_report, fault_count), .doc = "All faults."},
    {"faults", FIELD_LIST(struct file_report, faults, faults_listed, &fault_fields),
     .doc = "The first hundred of them."},
    {"label_count", FIELD_INTEGER(struct file_report, label_count), .doc = "Different labels."},
    {"labels", FIELD_LIST(struct file_report, labels, labels_listed, &label_fields),
     .doc = "Classes, labels or tags in the order of their ids; at most ten thousand."},
    {"unlabelled", FIELD_INTEGER(struct file_report, unlabelled),
     .doc = "Rows whose list of labels is empty."},
    {"numbers", FIELD_LIST(struct file_report, numbers, number_count, &number_fields),
     .doc = "Of a regression, one for each target."},
    {"tags",
     FIELD_WRITTEN(
         write_tags,
         "{\"anyOf\":[{\"type\":\"object\",\"required\":[\"scheme\",\"words\","
         "\"entity_count\",\"entities\",\"misplaced\",\"rows_misplaced\"]},{\"type\":\"null\"}]}"),
     .doc = "Of words, for token classification; null otherwise."},
    {"text_length", FIELD_WITHIN(struct file_report, text_length, &length_fields),
     .doc = "In characters; of a pair both together."},
    {"duplicates", FIELD_INTEGER(struct file_report, duplicates),
     .doc = "Rows whose text an earlier row has too."},
    {"conflicting_duplicates", FIELD_INTEGER(struct file_report, conflicting_duplicates),
     .doc = "Those of them with another label."},
    {"empty", FIELD_INTEGER(struct file_report, empty), .doc = "Rows with nothing but blanks."},
    {"tokens",
     FIELD_WRITTEN(
         write_tokens,
         "{\"anyOf\":[{\"type\":\"object\",\"required\":[\"model\",\"max_seq_length\","
         "\"lengths\",\"rows_over_length\",\"tokens\",\"unknown_tokens\"]},{\"type\":\"null\"}]}"),
     .doc = "The same in tokens of the model that was named; null without."},
    {"warnings", FIELD_LIST(struct file_report, warnings, warning_count, &warning_fields),
     .doc = "What is odd."},
};
const struct field_object file_report_fields =
    FIELD_OBJECT("FileReport", struct file_report, report_rows, "What a labelled file holds.");

void
encode_file_report(struct json_out *out, const struct file_report *report)
{
    fields_encode(out, NULL, &file_report_fields, report);
}

/* ---- rows ----------------------------------------------------------------------------------- */

#define FAULT_OR_NULL                                                                              \
    "{\"anyOf\":[{\"$ref\":\"#/components/schemas/DataFault\"},{\"type\":\"null\"}]}"

static void
write_row_fault(struct json_out *out, const char *key, const void *item)
{
    const struct file_row_info *row = item;
    if (row->row_json == NULL)
        fields_encode(out, key, &fault_fields, &row->fault);
    else
        json_out_null(out, key);
}

static const struct field_row row_rows[] = {
    {"line", FIELD_INTEGER(struct file_row_info, line), .doc = "Where it begins in the file."},
    {"row", FIELD_RAW(struct file_row_info, row_json), .unset = FIELD_NULL_POINTER,
     .doc = "As the file has it, of a table texts by column; null when it is faulty."},
    {"fault", FIELD_WRITTEN(write_row_fault, FAULT_OR_NULL), .doc = "What is wrong, or null."},
};
static const struct field_object row_fields =
    FIELD_OBJECT("FileRow", struct file_row_info, row_rows, "A row of a file.");

static void
write_file_fault(struct json_out *out, const char *key, const void *item)
{
    const struct file_rows_info *rows = item;
    if (rows->has_fault)
        fields_encode(out, key, &fault_fields, &rows->fault);
    else
        json_out_null(out, key);
}

static const struct field_row rows_rows[] = {
    FIELD_LIST_ROWS(struct file_rows_info, &row_fields),
    {"file", FIELD_STRING(struct file_rows_info, file), .doc = "The file's id."},
    {"offset", FIELD_INTEGER(struct file_rows_info, offset), .doc = "As it was asked for."},
    {"total", FIELD_INTEGER(struct file_rows_info, total),
     .doc = "Rows of the file, faulty ones too."},
    {"fault", FIELD_WRITTEN(write_file_fault, FAULT_OR_NULL),
     .doc = "Of the file as a whole, behind which nothing can be read; null without."},
    {"has_more", FIELD_BOOLEAN(struct file_rows_info, has_more),
     .doc = "Are there rows behind these? Go on at offset plus their number."},
};
const struct field_object file_rows_fields =
    FIELD_OBJECT("FileRowList", struct file_rows_info, rows_rows, "Some rows of a file.");

void
encode_file_rows(struct json_out *out, const struct file_rows_info *rows)
{
    fields_encode(out, NULL, &file_rows_fields, rows);
}
