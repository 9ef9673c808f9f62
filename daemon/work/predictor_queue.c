/* The predictor's queue; see predictor_queue.h. */
#include "daemon/work/predictor_queue.h"

#include <string.h>

/*
 * An English text has a token for every four to five bytes. Cut texts count as the longest that
 * BERT models commonly take.
 */
enum { BYTES_A_TOKEN = 4, SPECIAL_TOKENS = 3, LONGEST_TEXT = 512 };

void
predictor_queue_init(struct predictor_queue *queue)
{
    *queue = (struct predictor_queue){0};
    queue->last = &queue->first;
}

void
predictor_queue_add(struct predictor_queue *queue, struct prediction_request *request)
{
    request->next = NULL;
    *queue->last = request;
    queue->last = &request->next;
}

static size_t
guess_tokens(const struct text *text)
{
    size_t bytes = text->first_length + text->second_length;
    size_t tokens = bytes / BYTES_A_TOKEN + SPECIAL_TOKENS;
    return tokens < LONGEST_TEXT ? tokens : LONGEST_TEXT;
}

/* Take the part's next rows until it has `share` tokens or the pass is full. */
static void
fill_part(struct prediction_pass *pass, struct pass_part *part, size_t share)
{
    struct prediction_request *request = part->request;
    while (request->taken < request->count && part->tokens < share &&
           pass->rows < PREDICTOR_PASS_ROWS && pass->tokens < PREDICTOR_PASS_TOKENS) {
        size_t tokens = guess_tokens(&request->texts[request->taken]);
        request->taken++;
        part->count++;
        part->tokens += tokens;
        pass->rows++;
        pass->tokens += tokens;
    }
}

/* A part, still empty, for every request that wants the same of the pass's model. */
static void
list_parts(const struct predictor_queue *queue, struct prediction_pass *pass)
{
    for (struct prediction_request *request = queue->first; request != NULL;
         request = request->next)
        if (request->output == pass->output && strcmp(request->folder, pass->folder) == 0)
            pass->parts[pass->part_count++] =
                (struct pass_part){.request = request, .from = request->taken};
}

/* Requests with rows in the pass leave the queue; the others keep their order, and so their turn.
 */
static void
take_out(struct predictor_queue *queue, struct prediction_pass *pass)
{
    struct prediction_request *next = NULL;
    struct prediction_request *request = queue->first;
    size_t listed = 0;
    size_t kept = 0;
    predictor_queue_init(queue);
    for (; request != NULL; request = next) {
        next = request->next;
        bool is_part = listed < pass->part_count && pass->parts[listed].request == request;
        if (is_part && pass->parts[listed].count > 0)
            pass->parts[kept++] = pass->parts[listed];
        else
            predictor_queue_add(queue, request);
        listed += is_part;
    }
    pass->part_count = kept;
}

bool
predictor_queue_take(struct predictor_queue *queue, struct prediction_pass *pass)
{
    if (queue->first == NULL)
        return false;
    pass->folder = queue->first->folder;
    pass->output = queue->first->output;
    pass->part_count = 0;
    pass->rows = 0;
    pass->tokens = 0;
    list_parts(queue, pass);
    size_t share = PREDICTOR_PASS_TOKENS / pass->part_count;
    for (size_t i = 0; i < pass->part_count; i++)
        fill_part(pass, &pass->parts[i], share > 0 ? share : 1);
    for (size_t i = 0; i < pass->part_count; i++)
        fill_part(pass, &pass->parts[i], PREDICTOR_PASS_TOKENS);
    take_out(queue, pass);
    return true;
}
