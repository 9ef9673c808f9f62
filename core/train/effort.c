/* Work and disk of a plan; see effort.h. */
#include "core/train/effort.h"

#include "core/base/cpu.h"
#include "core/base/mem.h"
#include "core/model/head.h"
#include "core/model/tensors.h"
#include "core/probe/baseline.h"
#include "core/train/optimizer.h"
#include "core/train/survey.h"

#include <sys/stat.h>

enum {
    VOCABULARY_COPIES = 4, /* tokenizer.json holds each word with its quotes, id and line */
    SMALL_FILES_BYTES = 64 * 1024
};

static const double share_of_rate = 0.75;

/* Rows and tokens that pass through the model, and the squares of the rows' lengths. */
struct passes {
    double rows, tokens, squares;
};

static struct passes
passes_of(const struct survey_set *set, double times)
{
    struct passes out = {.rows = (double)set->rows * times, .tokens = (double)set->tokens * times};
    for (size_t i = 0; i < set->rows; i++)
        out.squares += (double)set->lengths[i] * (double)set->lengths[i] * times;
    return out;
}

/*
 * Operations of a forward pass: 2 for each matrix parameter and token, 4 H S^2 for attention. Where
 * the head looks at one token a row, the last layer is computed for that alone behind its keys and
 * values (ARCHITECTURE.md).
 */
static double
forward_operations(const struct model_config *config, const struct passes *passes)
{
    double h = (double)config->hidden_size;
    double i = (double)config->intermediate_size;
    double e = (double)model_config_embedding_size(config);
    double narrow = head_is_wide(config) ? 0 : 1;
    double wide = (double)config->layers - narrow;
    double outputs = head_outputs(config, 0, 1) > 0 ? passes->tokens : passes->rows;
    double by_token = wide * (4 * h * h + 2 * h * i) + narrow * 2 * h * h + (e == h ? 0 : e * h);
    double by_row = narrow * (2 * h * h + 2 * h * i) + (head_of(config)->dense ? h * h : 0);
    return 2 * by_token * passes->tokens + 2 * by_row * passes->rows +
           2 * h * (double)config->label_count * outputs +
           4 * h * (wide * passes->squares + narrow * passes->tokens);
}

static size_t
steps_of_epoch(const struct train_plan *plan)
{
    size_t batch = (size_t)plan->params.batch_size;
    return (train_plan_epoch_rows(plan) + batch - 1) / batch;
}

/* How many epochs the training rows are visited for, in whole and part. The last step of an epoch
 * may have fewer rows than the others. */
static double
epochs_of(const struct train_plan *plan)
{
    size_t rows = train_plan_epoch_rows(plan);
    if (plan->params.method == METHOD_LINEAR_PROBE)
        return 1;
    if (rows == 0)
        return 0;
    size_t whole = plan->total_steps / steps_of_epoch(plan);
    size_t rest = plan->total_steps % steps_of_epoch(plan) * (size_t)plan->params.batch_size;
    return (double)whole + (double)rest / (double)rows;
}

/* The rows that so many epochs repeat. Rows of a class are met equally often in the long run. */
static int
add_repeats(const struct train_plan *plan, const struct survey_set *set, double epochs,
            struct passes *out, struct err *err)
{
    struct oversample repeats;
    if (train_plan_repeats(plan, &repeats, err) != 0)
        return err->code;
    for (size_t c = 0; c < repeats.classes; c++) {
        double times = (oversample_times(&repeats, c) - 1) * epochs;
        for (size_t i = repeats.starts[c]; i < repeats.starts[c + 1]; i++) {
            double length = (double)set->lengths[repeats.members[i]];
            out->rows += times;
            out->tokens += times * length;
            out->squares += times * length * length;
        }
    }
    oversample_fini(&repeats);
    return 0;
}

static size_t
greatest_divisor(size_t a, size_t b)
{
    while (b > 0) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* How many steps end an epoch or the run, or are a multiple of `every` (0: of nothing). */
static size_t
stops_of(const struct train_plan *plan, int64_t every)
{
    size_t per_epoch = steps_of_epoch(plan);
    size_t stops = (plan->total_steps + per_epoch - 1) / per_epoch;
    if (every <= 0)
        return stops;
    size_t both = per_epoch / greatest_divisor(per_epoch, (size_t)every) * (size_t)every;
    return stops + (plan->total_steps - 1) / (size_t)every - (plan->total_steps - 1) / both;
}

/* Passes over the validation rows, all the way to the end; once more where the best model comes
 * back. */
static double
validations_of(const struct train_plan *plan)
{
    if (plan->params.method == METHOD_LINEAR_PROBE)
        return 1;
    return (double)stops_of(plan, plan->params.eval_steps) +
           (plan->params.load_best_model == 1 ? 1 : 0);
}

/* Is there a baseline, whose probe measures validation and test rows once more? */
static bool
has_baseline(const struct train_plan *plan)
{
    return plan->params.baseline == 1 && plan->params.method == METHOD_SUPERVISED &&
           plan->validation_rows + plan->test_rows > 0;
}

/* How often probes look at the training rows: that of the baseline at some of them, and that of a
 * head which starts as one. */
static double
probes_of(const struct train_plan *plan, const struct survey_set *set)
{
    double most = set->texts > BASELINE_ROWS ? BASELINE_ROWS : (double)set->texts;
    bool starts = plan->params.init_head == INIT_HEAD_LINEAR_PROBE &&
                  plan->params.method == METHOD_SUPERVISED;
    return (has_baseline(plan) && set->texts > 0 ? most / (double)set->texts : 0) +
           (starts ? 1 : 0);
}

int
effort_estimate(const struct train_plan *plan, const char *base_folder, struct effort *out,
                struct err *err)
{
    struct survey survey;
    if (survey_make(plan, base_folder, &survey, err) != 0)
        return err->code;
    double epochs = epochs_of(plan);
    bool is_probe = plan->params.method == METHOD_LINEAR_PROBE;
    double passes_again = is_probe ? 1 : plan->params.gradient_checkpointing > 0 ? 4 : 3;
    struct passes training = passes_of(&survey.training, epochs);
    int rc = add_repeats(plan, &survey.training, epochs, &training, err);
    double again = has_baseline(plan) ? 1 : 0;
    struct passes validation = passes_of(&survey.validation, validations_of(plan) + again);
    struct passes test = passes_of(&survey.test, 1 + again);
    struct passes probes = passes_of(&survey.training, probes_of(plan, &survey.training));
    *out = (struct effort){
        .tokens = (int64_t)training.tokens,
        .operations = passes_again * forward_operations(&plan->config, &training) +
                      forward_operations(&plan->config, &validation) +
                      forward_operations(&plan->config, &test) +
                      forward_operations(&plan->config, &probes),
    };
    survey_fini(&survey);
    return rc;
}

double
effort_seconds(const struct effort *effort, double rate, size_t threads)
{
    size_t busy = threads < cpu_count() ? threads : cpu_count();
    double each_second = rate * 1e9 * (double)busy * share_of_rate;
    return each_second > 0 ? effort->operations / each_second : 0;
}

/* ---- disk ------------------------------------------------------------------------------------ */

/* Size of a file of the folder, 0 without it. */
static int64_t
file_bytes(const char *folder, const char *name, struct arena *arena)
{
    struct stat status;
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    return stat(path, &status) == 0 ? (int64_t)status.st_size : 0;
}

/* The tokenizer's files as a saved model has them. */
static int64_t
tokenizer_bytes(const char *base_folder, struct arena *arena)
{
    int64_t words = file_bytes(base_folder, "vocab.txt", arena) +
                    file_bytes(base_folder, "vocab.json", arena) +
                    file_bytes(base_folder, "merges.txt", arena);
    return VOCABULARY_COPIES * words + file_bytes(base_folder, "tokenizer.json", arena) +
           SMALL_FILES_BYTES;
}

/* Checkpoints are written at the ends of epochs, of which the last may be cut short by max_steps,
 * and every save_steps; the newest and the best are kept. */
static int64_t
checkpoint_count(const struct train_plan *plan)
{
    size_t count = stops_of(plan, plan->params.save_steps);
    return count < EFFORT_CHECKPOINTS ? (int64_t)count : EFFORT_CHECKPOINTS;
}

int
effort_disk_bytes(const struct train_plan *plan, const char *base_folder, int64_t *out,
                  struct err *err)
{
    struct tensor_layout layout;
    struct arena *arena = arena_new();
    int code = tensor_layout_build(&plan->config, arena, &layout, err);
    if (code == 0) {
        int64_t weights = (int64_t)(layout.parameters * sizeof(float));
        int64_t model = weights + tokenizer_bytes(base_folder, arena);
        int64_t moments = (int64_t)optimizer_moment_arrays(plan->params.optimizer);
        int64_t state = weights * (1 + moments) + SMALL_FILES_BYTES;
        *out = model * (checkpoint_count(plan) + 2) + state * (EFFORT_RESUME_STATES + 1);
    }
    arena_free(arena);
    return code;
}
