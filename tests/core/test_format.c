/* Formats: what a name says, and what the bytes say where the name does not. */
#include "core/data/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
names_say_the_format_with_or_without_gz(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum data_format format;
    } cases[] = {
        {"a.csv", DATA_CSV},       {"a.TSV", DATA_TSV},        {"a.jsonl", DATA_JSONL},
        {"a.csv.txt", DATA_JSONL}, {"csv", DATA_JSONL},        {"a.csv.gz", DATA_CSV},
        {"a.tsv.GZ", DATA_TSV},    {"a.jsonl.gz", DATA_JSONL}, {"a.gz", DATA_JSONL},
        {".gz", DATA_JSONL},       {"", DATA_JSONL},           {"a.conll", DATA_CONLL},
        {"a.iob2.gz", DATA_CONLL}, {".csv", DATA_JSONL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (data_format_from_name(cases[i].name) != cases[i].format)
            fail_msg("%s: %s", cases[i].name,
                     data_format_name(data_format_from_name(cases[i].name)));
}

static void
bytes_say_what_the_name_leaves_open(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
        enum data_format format;
    } cases[] = {
        {"a.json", "{\"text\":1}", DATA_JSONL},
        {"a.json", " \r\n\t[1", DATA_JSON},
        {"a.jsonl", "[", DATA_JSON},
        {"upload", "[{}]", DATA_JSON},
        {"a.csv", "[{}]", DATA_CSV},
        {"a.txt", "EU B-ORG\nrejects O\n", DATA_CONLL},
        {"a.txt", "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\n", DATA_CONLL},
        {"a.txt", "EU\tB-ORG\r\nrejects\tO\r\n", DATA_CONLL},
        {"a.txt", "no tags here\n", DATA_JSONL},
        {"a.txt", "O\n", DATA_JSONL},
        {"a.txt", "\n\n", DATA_JSONL},
        {"a.txt", "", DATA_JSONL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum data_format format =
            data_format_detect(cases[i].name, cases[i].bytes, strlen(cases[i].bytes));
        if (format != cases[i].format)
            fail_msg("%s %s: %s", cases[i].name, cases[i].bytes, data_format_name(format));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_the_format_with_or_without_gz),
        cmocka_unit_test(bytes_say_what_the_name_leaves_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
