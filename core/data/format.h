/*
 * Which format a data file has: by its name, and by how its bytes begin.
 */
#ifndef CORE_DATA_FORMAT_H
#define CORE_DATA_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

enum data_format {
    DATA_JSONL, /* one object a line */
    DATA_JSON,  /* one array of objects */
    DATA_CSV,
    DATA_TSV,
    DATA_CONLL /* a token and its tag a line, see conll.h */
};

/* "jsonl", "json", "csv", "tsv", "conll". */
const char *data_format_name(enum data_format format);

/*
 * By extension, a final ".gz" aside: .csv, .tsv, .conll and the like; otherwise DATA_JSONL, of
 * which the bytes decide whether it is an array.
 */
enum data_format data_format_from_name(const char *name);

/* Is this a treebank by its name (.conllu), whose columns are others than CoNLL's? */
bool data_format_is_treebank(const char *name);

/* By name and by the bytes (unpacked, after a byte order mark). */
enum data_format data_format_detect(const char *name, const char *bytes, size_t length);

#endif
