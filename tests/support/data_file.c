/* Data files of a test; see data_file.h. */
#include "tests/support/data_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct dataset *
data_file_read(struct scratch *scratch, const char *name, const char *bytes, size_t length,
               const struct data_columns *columns)
{
    struct dataset *dataset = NULL;
    struct err err = {0};
    const char *path = scratch_write(scratch, "data", bytes, length);
    if (dataset_read(path, name, columns, &dataset, &err) != 0)
        fail_msg("%s", err.message);
    return dataset;
}

struct dataset *
data_file_read_text(struct scratch *scratch, const char *name, const char *text)
{
    return data_file_read(scratch, name, text, strlen(text), NULL);
}

void
data_file_expect_fault(const struct dataset *dataset, const struct fault_case *expected)
{
    const struct data_fault *fault = &dataset->faults[0];
    if (dataset->fault_count != 1 || strcmp(fault->code, expected->code) != 0 ||
        fault->line != expected->line || strstr(fault->message, expected->word) == NULL)
        fail_msg("%s: got %zu faults, the first %s at %zu: %s", expected->text,
                 dataset->fault_count, dataset->fault_count > 0 ? fault->code : "-", fault->line,
                 fault->message);
}

void
data_file_expect_faults(struct scratch *scratch, const char *name, const struct fault_case *cases,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct dataset *dataset = data_file_read_text(scratch, name, cases[i].text);
        data_file_expect_fault(dataset, &cases[i]);
        dataset_free(dataset);
    }
}

void
data_file_expect_row(const struct dataset *dataset, size_t index, size_t line, const char *text,
                     const char *pair, const char *label)
{
    assert_true(index < dataset->count);
    const struct data_row *row = &dataset->rows[index];
    assert_int_equal(row->line, line);
    assert_string_equal(row->text, text);
    assert_int_equal(row->text_length, strlen(text));
    assert_int_equal(row->pair == NULL, pair == NULL);
    if (pair != NULL) {
        assert_string_equal(row->pair, pair);
        assert_int_equal(row->pair_length, strlen(pair));
    }
    assert_int_equal(row->label == NULL, label == NULL);
    if (label != NULL)
        assert_string_equal(row->label, label);
}
