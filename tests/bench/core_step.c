/* `bench core`: where a training step goes; see core_parts.h and profile.h. */
#include "tests/bench/core_parts.h"
#include "tests/bench/parts.h"
#include "tests/bench/products.h"
#include "tests/bench/profile.h"
#include "tests/bench/symbols.h"
#include "tests/bench/training.h"

#include "core/train/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FUNCTIONS = 512, SHOWN_FUNCTIONS = 24, SHOWN_OTHERS = 6, FEWEST_SAMPLES = 20 };

/* Thread-seconds of one function or library. */
struct entry {
    const char *name;
    enum part part;
    double seconds;
};

struct account {
    const struct profile *profile;
    struct symbols *symbols;  /* the entries' names live in it */
    double parts[PART_COUNT]; /* thread-seconds */
    double sum;
    struct entry entries[MOST_FUNCTIONS]; /* the last takes what finds no place */
    size_t entry_count;
};

/* ---- adding up ------------------------------------------------------------------------------- */

static void
count_entry(struct account *account, const char *name, enum part part, double seconds)
{
    for (size_t i = 0; i < account->entry_count; i++) {
        struct entry *entry = &account->entries[i];
        if (entry->part == part && strcmp(entry->name, name) == 0) {
            entry->seconds += seconds;
            return;
        }
    }
    if (account->entry_count == MOST_FUNCTIONS) {
        account->entries[MOST_FUNCTIONS - 1].seconds += seconds;
        return;
    }
    account->entries[account->entry_count++] = (struct entry){name, part, seconds};
}

static void
count_sample(struct account *account, const struct profile_thread *thread,
             const struct profile_sample *sample)
{
    bool ours = false;
    const char *name = symbols_find(account->symbols, sample->address, &ours);
    double seconds = sample->weight * PROFILE_PERIOD;
    enum part part = part_of_function(name, ours);
    if (sample->kind > 0)
        part = thread->kinds[sample->kind - 1].attention ? PART_ATTENTION_PRODUCT : PART_DENSE;
    else if (!ours && symbols_in_system_call(sample->address))
        part = PART_WAIT;
    account->parts[part] += seconds;
    account->sum += seconds;
    count_entry(account, name, part, seconds);
}

static int
by_seconds(const void *a, const void *b)
{
    double x = ((const struct entry *)a)->seconds;
    double y = ((const struct entry *)b)->seconds;
    return (x < y) - (x > y);
}

static int
add_up(struct account *account, const struct profile *profile, struct err *err)
{
    if (symbols_open(&account->symbols, err) != 0)
        return err->code;
    account->profile = profile;
    for (size_t t = 0; t < profile->thread_count; t++) {
        const struct profile_thread *thread = &profile->threads[t];
        for (size_t i = 0; i < thread->count; i++)
            count_sample(account, thread, &thread->samples[i]);
    }
    qsort(account->entries, account->entry_count, sizeof *account->entries, by_seconds);
    return 0;
}

/* ---- printing -------------------------------------------------------------------------------- */

/* What a column of milliseconds and one of percent are counted in. */
struct scale {
    double by_step; /* from thread-seconds to milliseconds of wall time a step */
    double sum;     /* thread-seconds of all */
    double hot;     /* GFLOP/s */
    size_t threads;
};

static void
print_kinds(const struct account *account, const struct scale *scale)
{
    static const struct {
        enum gemm_form form;
        const char *name;
    } passes[] = {{GEMM_NT, "forward"}, {GEMM_NN, "input gradient"}, {GEMM_TN, "weight gradient"}};
    struct profile_kind kinds[PROFILE_KINDS] = {0};
    size_t count = profile_kinds(account->profile, kinds, PROFILE_KINDS);
    for (size_t p = 0; p < sizeof passes / sizeof *passes; p++) {
        for (size_t i = 0; i < count; i++) {
            const struct profile_kind *kind = &kinds[i];
            char name[64];
            if (kind->form != passes[p].form || kind->attention)
                continue;
            snprintf(name, sizeof name, "%s, %zu to %zu", passes[p].name, kind->in, kind->out);
            printf("  %-32s %8.2f %6.1f", name, kind->seconds * scale->by_step,
                   100 * kind->seconds / scale->sum);
            double rate = 1e-9 * kind->flops / (kind->seconds / (double)scale->threads);
            if (kind->seconds < FEWEST_SAMPLES * PROFILE_PERIOD)
                puts("         -       -"); /* too few samples for a rate */
            else
                printf(" %9.1f %7.0f\n", rate, 100 * rate / scale->hot);
        }
    }
}

static void
print_parts(const struct account *account, const struct scale *scale)
{
    printf("%-34s %8s %6s %9s %7s\n", "part", "ms", "%", "GFLOP/s", "% hot");
    for (enum part part = PART_DENSE; part < PART_COUNT; part++) {
        double seconds = account->parts[part];
        printf("%-34s %8.2f %6.1f\n", part_name(part), seconds * scale->by_step,
               100 * seconds / scale->sum);
        if (part == PART_DENSE)
            print_kinds(account, scale);
    }
}

static void
print_entries(const struct account *account, const struct scale *scale, bool only_other)
{
    size_t shown = 0;
    for (size_t i = 0; i < account->entry_count; i++) {
        const struct entry *entry = &account->entries[i];
        if (only_other && entry->part != PART_OTHER)
            continue;
        if (shown++ == (only_other ? SHOWN_OTHERS : SHOWN_FUNCTIONS))
            break;
        printf("  %-32s %8.2f %6.1f  %s\n", entry->name, entry->seconds * scale->by_step,
               100 * entry->seconds / scale->sum, part_name(entry->part));
    }
}

static void
print_account(const struct account *account, const struct training_result *result,
              const struct scale *scale, bool with_symbols)
{
    const struct profile *profile = account->profile;
    size_t lost = 0;
    for (size_t t = 0; t < profile->thread_count; t++)
        lost += profile->threads[t].lost;
    print_parts(account, scale);
    printf("%-34s %8.2f  100.0\n", "sum of the parts", account->sum * scale->by_step);
    printf("%-34s %8.2f         by the clock, all that lies between steps included\n", "measured",
           1e3 * result->window_seconds / (double)result->steps);
    printf("%-34s %8.2f         of the steps alone, mean\n", "",
           1e3 * result->total_seconds / (double)result->steps);
    if (lost > 0)
        printf("%zu samples found no place: measure fewer steps\n", lost);
    printf("the most of \"other\":\n");
    print_entries(account, scale, true);
    if (with_symbols) {
        printf("functions:\n");
        print_entries(account, scale, false);
    }
}

/* ---- the step -------------------------------------------------------------------------------- */

static void
report(const struct core_bench *bench, const struct account *account,
       const struct training_result *result)
{
    const struct setup *setup = bench->setup;
    double steps = (double)result->steps;
    double counted = 0;
    struct profile_kind kinds[PROFILE_KINDS] = {0};
    size_t count = profile_kinds(account->profile, kinds, PROFILE_KINDS);
    for (size_t i = 0; i < count; i++)
        counted += kinds[i].flops;
    double useful = flops_useful(&result->config, &result->sum, true);
    struct scale scale = {
        .threads = account->profile->thread_count,
        .sum = account->sum,
        .hot = products_hot_rate(setup->engine, bench->all, &result->config, result->precision,
                                 bench->seconds),
    };
    scale.by_step = 1e3 / (double)scale.threads / steps;
    printf(
        "\nA training step of %.0f rows, %.0f tokens (means of %zu steps), %s, %s, %zu threads\n",
        result->sum.rows / steps, result->sum.tokens / steps, result->steps,
        gemm_engine_name(setup->engine), precision_name(result->precision), scale.threads);
    printf("useful: %s = %.3f GFLOP; products counted: %.3f GFLOP\n",
           flops_formula(&result->config, setup->arena), 1e-9 * useful / steps,
           1e-9 * counted / steps);
    printf("%.1f useful GFLOP/s = %.1f %% of the hot rate, %.1f\n\n",
           1e-9 * useful / result->total_seconds,
           100e-9 * useful / result->total_seconds / scale.hot, scale.hot);
    print_account(account, result, &scale, options_has(setup->options, "symbols"));
}

int
core_step(const struct core_bench *bench, struct err *err)
{
    struct profile profile;
    struct training_result result;
    struct account *account = mem_small(sizeof *account);
    *account = (struct account){0};
    int rc = profile_init(&profile, bench->all, err);
    if (rc == 0) {
        struct training_job job = {.setup = bench->setup,
                                   .pool = bench->all,
                                   .begin = profile_start,
                                   .end = profile_stop,
                                   .context = &profile};
        rc = training_run(&job, &result, err);
        if (rc == 0 && profile.failure != 0)
            rc = err_set(err, ERR_IO, "the system gives threads no timers: %s",
                         strerror(profile.failure));
        if (rc == 0)
            rc = add_up(account, &profile, err);
        if (rc == 0)
            report(bench, account, &result);
        profile_fini(&profile);
    }
    symbols_close(account->symbols);
    free(account);
    return rc;
}
