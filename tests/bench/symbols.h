/*
 * From an address to a name: our own functions from the program's symbol table (static ones too),
 * others' by what the dynamic loader knows.
 */
#ifndef TESTS_BENCH_SYMBOLS_H
#define TESTS_BENCH_SYMBOLS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols;

/* Read the running program's symbol table; ERR_UNSUPPORTED when it was stripped. */
int symbols_open(struct symbols **out, struct err *err);
void symbols_close(struct symbols *symbols);

/*
 * What stands at an address: a function of ours; else the library's file name; "generated code"
 * where nobody knows. *ours says which. The name lives as long as the symbols.
 */
const char *symbols_find(const struct symbols *symbols, uintptr_t address, bool *ours);

/* Was the thread in a system call? True before and behind the instruction that enters one. */
bool symbols_in_system_call(uintptr_t address);

#endif
