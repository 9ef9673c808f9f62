/* Words and their labels; see predict_words.h. */
#include "core/predict_words.h"

#include <string.h>

/* Does the token begin a word? Special tokens are of none. */
static bool
begins_word(const struct token_list *list, size_t token)
{
    return list->words[token] != TOKEN_NO_WORD &&
           (token == 0 || list->words[token] != list->words[token - 1]);
}

/* From a row's tokens to its words; a word ends where its last token does. */
static void
find_words(const struct token_list *list, struct arena *arena, struct predicted_words *out)
{
    size_t count = 0;
    for (size_t t = 0; t < list->count; t++)
        count += begins_word(list, t);
    out->items = arena_array(arena, count, sizeof *out->items);
    out->count = 0;
    for (size_t t = 0; t < list->count; t++) {
        if (begins_word(list, t))
            out->items[out->count++] = (struct predicted_word){
                .start = list->starts[t], .end = list->ends[t], .token = (uint32_t)t};
        else if (list->words[t] != TOKEN_NO_WORD)
            out->items[out->count - 1].end = list->ends[t];
    }
}

int
predict_words_append(const struct predict_words_call *call, const struct text *text,
                     const struct text_words *given, struct token_store *store,
                     struct predicted_words *out, struct err *err)
{
    struct token_list list = {.with_places = true};
    int rc = given != NULL
                 ? tokenizer_encode_words(call->tokenizer, given, call->max_length, &list, err)
                 : tokenizer_encode(call->tokenizer, text, call->max_length, &list, err);
    if (rc == 0)
        rc = token_store_add(store, list.ids, list.types, list.count, LABEL_NONE, err);
    if (rc == 0)
        find_words(&list, call->arena, out);
    token_list_fini(&list);
    return rc;
}

void
predict_words_judge(const struct ops *ops, const float *logits, size_t k, float *scratch,
                    const struct predicted_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        struct predicted_word *word = &words->items[i];
        memcpy(scratch, logits + word->token * k, k * sizeof *scratch);
        ops->softmax(k, scratch);
        word->label = 0;
        for (size_t label = 1; label < k; label++)
            if (scratch[label] > scratch[word->label])
                word->label = (uint32_t)label;
        word->probability = scratch[word->label];
    }
}
