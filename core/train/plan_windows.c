/*
 * Whether a plan's texts are read in windows, and how many rows those of the training texts are.
 *
 * The steps are counted in rows, so with a stride every training text is tokenized here, before the
 * job is accepted. Without one nothing is done.
 */
#include "core/train/plan_parts.h"

static int
refuse(struct planner *p)
{
    return plan_blame(p, PART_PARAMETERS, "stride", 0, false);
}

/* Why rows of the training file cannot be read in windows; NULL: they can. */
static const char *
why_not(const struct train_plan *plan)
{
    if (plan->task == TASK_TOKEN_CLASSIFICATION)
        return "token_classification labels words, and one in two windows would have two labels; "
               "leave it out, and divide long rows";
    if (plan->training->has_pairs)
        return "a pair shares the room of one row, so neither text has windows of its own; leave "
               "it out (truncation says what is kept)";
    return NULL;
}

/* What was asked for, or else as the base model was trained, where that still makes sense. */
static int
choose_windows(struct planner *p, struct text_windows *out)
{
    const struct train_params *asked = &p->request->params;
    const char *why = why_not(p->plan);
    *out = (struct text_windows){.wanted = false};
    if (asked->stride == PARAMS_AUTO) {
        if (why == NULL && asked->truncation == TRUNCATION_AUTO)
            *out = p->plan->config.windows;
        return 0;
    }
    if (why != NULL)
        err_set(p->err, ERR_INVALID, "stride makes windows of long texts, but %s", why);
    else if (asked->truncation != TRUNCATION_AUTO)
        err_set(p->err, ERR_INVALID,
                "truncation keeps a part of a long text, and with a stride all of it is read; give "
                "one of the two");
    else
        *out = (struct text_windows){.wanted = true, .stride = (size_t)asked->stride};
    return out->wanted ? 0 : refuse(p);
}

/* The most tokens of a row, as train_params_resolve will choose it. */
static size_t
row_length(const struct planner *p)
{
    const struct model_config *config = &p->plan->config;
    if (p->request->params.max_seq_length != PARAMS_AUTO)
        return (size_t)p->request->params.max_seq_length;
    return config->max_seq_length > 0 ? config->max_seq_length : config->max_positions;
}

/* Texts of a file, and what is looked for in them. */
struct counting {
    struct planner *p;
    enum train_part part;
    const char *name;
    const struct dataset *data; /* NULL: none */
    const bool *held_out;       /* (rows) of the training file: those are not counted */
    size_t length;              /* of a row */
    struct token_list list;
};

/*
 * Rows of the texts that are learned from, beyond one each. Others are looked at where their bytes
 * could be more tokens than WINDOWS_MAX windows hold, so that a job is not accepted that would
 * fail.
 */
static int
count_windows(struct counting *c)
{
    struct train_plan *plan = c->p->plan;
    size_t room = c->length - tokenizer_special_count(plan->tokenizer, false);
    size_t suspect = WINDOWS_MAX * (room - plan->config.windows.stride);
    int rc = 0;
    for (size_t i = 0; c->data != NULL && i < c->data->count && rc == 0; i++) {
        const struct data_row *row = &c->data->rows[i];
        const struct text text = {.first = row->text, .first_length = row->text_length};
        bool counts = c->held_out != NULL && !c->held_out[i];
        if (!counts && row->text_length < suspect)
            continue;
        c->list.count = 0;
        rc = tokenizer_encode(plan->tokenizer, &text, c->length, &c->list, c->p->err);
        if (rc == 0 && counts)
            plan->further_windows += windows_in(c->list.count, c->length) - 1;
        if (rc == 0)
            continue;
        err_prefix(c->p->err, "%s line %zu", c->name, row->line);
        plan_blame(c->p, c->part, NULL, row->line, false);
    }
    token_list_fini(&c->list);
    return rc;
}

static int
count_files(struct planner *p, size_t length)
{
    struct train_plan *plan = p->plan;
    struct counting files[] = {
        {p, PART_TRAINING_FILE, plan->training_name, plan->training, plan->held_out, length, {0}},
        {p, PART_VALIDATION_FILE, p->request->validation.name, plan->validation, NULL, length, {0}},
        {p, PART_TEST_FILE, p->request->test.name, plan->test, NULL, length, {0}},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && rc == 0; i++)
        rc = count_windows(&files[i]);
    if (rc != 0 || plan->further_windows <= PLAN_MOST_REPEATS)
        return rc;
    err_set(p->err, ERR_INVALID,
            "the %zu training texts are %zu windows; at most %d more than texts are possible: give "
            "a smaller stride, or a greater max_seq_length",
            plan->training_rows, train_plan_epoch_rows(plan), PLAN_MOST_REPEATS);
    return refuse(p);
}

/* Does a window hold more than it shares? What is wrong with the length itself is told later. */
static int
check_stride(struct planner *p, size_t length, bool *fits)
{
    const struct train_plan *plan = p->plan;
    size_t specials = tokenizer_special_count(plan->tokenizer, false);
    *fits = length > specials && length <= plan->config.max_positions;
    if (!*fits || plan->config.windows.stride < length - specials)
        return 0;
    err_set(
        p->err, ERR_INVALID,
        "stride is %zu, but a window of %zu tokens holds %zu beside special ones; give a stride "
        "from 0 to %zu, or a greater max_seq_length",
        plan->config.windows.stride, length, length - specials, length - specials - 1);
    return refuse(p);
}

static int
check_oversample(struct planner *p)
{
    if (p->plan->repeated_rows == 0)
        return 0;
    err_set(p->err, ERR_INVALID,
            "oversample repeats texts, and with a stride rows are windows of them; leave one of "
            "the two out (class_weights let rare classes count more)");
    return refuse(p);
}

int
plan_choose_windows(struct planner *p)
{
    struct train_plan *plan = p->plan;
    struct text_windows windows;
    size_t length = row_length(p);
    bool fits = false;
    if (choose_windows(p, &windows) != 0)
        return p->err->code;
    plan->config.windows = windows;
    if (!windows.wanted)
        return 0;
    if (check_oversample(p) != 0)
        return p->err->code;
    if (tokenizer_open(p->request->base_folder, plan->config.vocab_size, &plan->tokenizer,
                       p->err) != 0) {
        err_prefix(p->err, "model %s", p->request->base_name);
        return plan_blame(p, PART_MODEL, NULL, 0, p->err->code == ERR_UNSUPPORTED);
    }
    tokenizer_set_windows(plan->tokenizer, windows);
    if (check_stride(p, length, &fits) != 0 || !fits)
        return fits ? p->err->code : 0;
    return count_files(p, length);
}
