/* Chat messages: which text and which answer they come to. */
#include "core/data/chat.h"

#include "core/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define USER(text)      "{\"role\":\"user\",\"content\":\"" text "\"}"
#define ASSISTANT(text) "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define SYSTEM(text)    "{\"role\":\"system\",\"content\":\"" text "\"}"

static json_t *
parse(const char *text)
{
    struct err err;
    json_t *value = json_parse(text, strlen(text), true, &err);
    if (value == NULL)
        fail_msg("%s: %s", text, err.message);
    return value;
}

/* Read messages and compare; text or answer NULL: there is none. */
static void
expect(const char *messages, const char *text, const char *answer)
{
    struct chat chat = {0};
    struct err err = {0};
    struct buf asked = {0};
    json_t *value = parse(messages);
    if (chat_read(value, &chat, &err) != 0)
        fail_msg("%s: %s", messages, err.message);
    assert_int_equal(chat.has_text, text != NULL);
    assert_int_equal(chat.has_answer, answer != NULL);
    assert_string_equal(buf_string(&chat.text), text != NULL ? text : "");
    assert_string_equal(buf_string(&chat.answer), answer != NULL ? answer : "");
    /* What a prediction is asked is what was learnt. */
    assert_int_equal(chat_text(value, &asked, &err), text != NULL ? 0 : ERR_INVALID);
    if (text != NULL)
        assert_string_equal(buf_string(&asked), text);
    buf_fini(&asked);
    chat_fini(&chat);
    json_decref(value);
}

static void
the_last_user_message_is_the_text_and_the_last_answer_after_it_the_label(void **state)
{
    (void)state;
    expect("[" USER("a") "," ASSISTANT("x") "]", "a", "x");
    expect("[" SYSTEM("s") "," USER("a") "," ASSISTANT("x") "]", "a", "x");
    expect("[" USER("a") "," ASSISTANT("x") "," USER("b") "," ASSISTANT("y") "]", "b", "y");
    expect("[" USER("a") "," ASSISTANT("x") "," ASSISTANT("y") "]", "a", "y");
    expect("[" USER("a") "," USER("b") "," ASSISTANT("y") "]", "b", "y");
    expect("[" USER("a") "," ASSISTANT("x") "," USER("b") "]", "b", NULL);
    expect("[" USER("") "]", "", NULL);
    expect("[" ASSISTANT("x") "]", NULL, NULL);
    expect("[" SYSTEM("s") "]", NULL, NULL);
    expect("[" USER(" a ") "," ASSISTANT(" x\\n") "]", " a ", " x\n");
}

static void
parts_of_text_are_joined_by_line_ends(void **state)
{
    (void)state;
    expect("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
           "{\"type\":\"input_text\",\"text\":\"b\"}]},"
           "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}]",
           "a\nb", "x");
}

static void
what_is_left_out_is_counted(void **state)
{
    (void)state;
    struct chat chat = {0};
    struct err err;
    json_t *value =
        parse("[" SYSTEM("s") ",{\"role\":\"developer\",\"content\":[]}," USER("a") "," ASSISTANT(
            "x") ",{\"role\":\"tool\"},{\"role\":\"function\"}," USER("b") "," ASSISTANT("y") "]");
    assert_int_equal(chat_read(value, &chat, &err), 0);
    assert_int_equal(chat.instructions, 2);
    assert_int_equal(chat.tool_messages, 2);
    assert_int_equal(chat.earlier_turns, 2);
    json_decref(value);
    value = parse("[" USER("a") "," ASSISTANT("x") "]");
    assert_int_equal(chat_read(value, &chat, &err), 0);
    assert_int_equal(chat.instructions + chat.tool_messages + chat.earlier_turns, 0);
    json_decref(value);
    chat_fini(&chat);
}

static void
a_weight_of_nought_leaves_the_answer_out(void **state)
{
    (void)state;
    static const struct {
        const char *weight;
        bool left_out;
    } cases[] = {{"0", true}, {"0.0", true}, {"1", false}, {"1.0", false}, {"null", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct chat chat = {0};
        struct err err;
        char text[200];
        snprintf(text, sizeof text,
                 "[" USER("a") ",{\"role\":\"assistant\",\"content\":\"x\",\"weight\":%s}]",
                 cases[i].weight);
        json_t *value = parse(text);
        assert_int_equal(chat_read(value, &chat, &err), 0);
        assert_true(chat.has_answer);
        assert_int_equal(chat.answer_left_out, cases[i].left_out);
        chat_fini(&chat);
        json_decref(value);
    }
}

static void
a_nul_in_a_text_is_kept_with_its_length(void **state)
{
    (void)state;
    struct buf text = {0};
    struct err err;
    json_t *value = parse("[" USER("a\\u0000b") "]");
    assert_int_equal(chat_text(value, &text, &err), 0);
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.data, "a\0b", 4);
    buf_fini(&text);
    json_decref(value);
}

static void
what_is_wrong_is_named_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *messages, *word;
    } cases[] = {
        {"[]", "at least one message"},
        {"{}", "at least one message"},
        {"\"hello\"", "at least one message"},
        {"null", "at least one message"},
        {"[\"hello\"]", "messages[0] is no object"},
        {"[" USER("a") ",5]", "messages[1] is no object"},
        {"[{\"content\":\"a\"}]", "messages[0].role is missing"},
        {"[{\"role\":5}]", "messages[0].role is missing"},
        {"[{\"role\":\"bot\"}]", "messages[0].role is \"bot\""},
        {"[{\"role\":\"user\"}]", "messages[0].content must be"},
        {"[{\"role\":\"user\",\"content\":null}]", "messages[0].content must be"},
        {"[{\"role\":\"user\",\"content\":5}]", "messages[0].content must be"},
        {"[{\"role\":\"user\",\"content\":[]}]", "messages[0].content must be"},
        {"[{\"role\":\"user\",\"content\":[\"a\"]}]", "messages[0].content[0] must be"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "content[0] must be"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}]",
         "content[0] is of type \"image_url\""},
        {"[" USER("a") ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]}]",
         "calls a tool"},
        {"[" USER("a") ",{\"role\":\"assistant\",\"content\":\"x\",\"weight\":0.5}]",
         "messages[1].weight must be 0 or 1"},
        {"[" USER("a") ",{\"role\":\"assistant\",\"content\":\"x\",\"weight\":\"1\"}]",
         "messages[1].weight must be 0 or 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct chat chat = {0};
        struct err err = {0};
        json_t *value = parse(cases[i].messages);
        if (chat_read(value, &chat, &err) != ERR_INVALID ||
            strstr(err.message, cases[i].word) == NULL)
            fail_msg("%s: %s", cases[i].messages, err.message);
        chat_fini(&chat);
        json_decref(value);
    }
}

static void
a_prediction_needs_no_legal_answer(void **state)
{
    (void)state;
    struct buf text = {0};
    struct err err;
    json_t *value = parse("[" USER("a") ",{\"role\":\"assistant\",\"content\":null}]");
    assert_int_equal(chat_text(value, &text, &err), 0);
    assert_string_equal(buf_string(&text), "a");
    buf_fini(&text);
    json_decref(value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_user_message_is_the_text_and_the_last_answer_after_it_the_label),
        cmocka_unit_test(parts_of_text_are_joined_by_line_ends),
        cmocka_unit_test(what_is_left_out_is_counted),
        cmocka_unit_test(a_weight_of_nought_leaves_the_answer_out),
        cmocka_unit_test(a_nul_in_a_text_is_kept_with_its_length),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(a_prediction_needs_no_legal_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
