/*
 * The benchmark program: its subcommands, one a file.
 *
 * Each takes the arguments behind its name and returns the process's exit code. They measure and
 * print; nothing here asserts a time, and the product does not depend on it.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

int bench_core(int count, char *const *arguments);
int bench_train(int count, char *const *arguments);
int bench_scale(int count, char *const *arguments);
int bench_predict(int count, char *const *arguments);
int bench_tokenize(int count, char *const *arguments);
int bench_logits(int count, char *const *arguments);
int bench_store(int count, char *const *arguments);

#endif
