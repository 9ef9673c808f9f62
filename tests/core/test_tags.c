/* Tags of spans: their parts, their scheme, and what may stand where. */
#include "core/data/tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
names_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        char prefix;
        const char *type;
    } cases[] = {
        {"O", 'O', ""},        {"B-PER", 'B', "PER"}, {"I-a-b", 'I', "a-b"}, {"L-x", 'E', "x"},
        {"U-x", 'S', "x"},     {"E-x", 'E', "x"},     {"S-x", 'S', "x"},     {"B-", '\0', ""},
        {"B", '\0', ""},       {"", '\0', ""},        {"NOUN", '\0', ""},    {"b-PER", '\0', ""},
        {"Be-good", '\0', ""}, {"O-x", '\0', ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tag tag = tag_parse(cases[i].name);
        assert_int_equal(tag.prefix, cases[i].prefix);
        assert_string_equal(tag.type, cases[i].type);
    }
}

static void
the_scheme_follows_from_all_names(void **state)
{
    (void)state;
    static const char *const plain[] = {"NOUN", "O", "VERB"};
    static const char *const bio[] = {"NOUN", "I-x", "B-x"};
    static const char *const iobes[] = {"O", "B-x", "S-x"};
    static const char *const bilou[] = {"O", "B-x", "L-x"};
    static const char *const both[] = {"U-x", "E-x"};
    assert_int_equal(tag_scheme_of(plain, 0), TAGS_PLAIN);
    assert_int_equal(tag_scheme_of(plain, 3), TAGS_PLAIN);
    assert_int_equal(tag_scheme_of(bio, 3), TAGS_BIO);
    assert_int_equal(tag_scheme_of(iobes, 3), TAGS_IOBES);
    assert_int_equal(tag_scheme_of(bilou, 3), TAGS_BILOU);
    assert_int_equal(tag_scheme_of(both, 2), TAGS_IOBES);
    assert_string_equal(tag_scheme_name(TAGS_BILOU), "BILOU");
}

/* Every pair of tags, and both ends of a row, by the grammar written out. */
static void
what_may_follow_is_what_the_scheme_says(void **state)
{
    (void)state;
    static const char *const names[] = {"O",   "B-x", "I-x", "E-x", "S-x",
                                        "B-y", "I-y", "E-y", "S-y"};
    /* rows: the tag before (last: none); columns: the tag behind (last: the end) */
    static const char *const bio[] = {
        "++--++--++", "++++++--++", "++++++--++", "++--++--++", "++--++--++",
        "++--++++++", "++--++++++", "++--++--++", "++--++--++", "++--++--++",
    };
    static const char *const iobes[] = {
        "++--++--++", "--++------", "--++------", "++--++--++", "++--++--++",
        "------++--", "------++--", "++--++--++", "++--++--++", "++--++--++",
    };
    for (size_t i = 0; i <= 9; i++)
        for (size_t k = 0; k <= 9; k++) {
            struct tag before = tag_parse(i < 9 ? names[i] : "O");
            struct tag behind = tag_parse(k < 9 ? names[k] : "O");
            const struct tag *a = i < 9 ? &before : NULL;
            const struct tag *b = k < 9 ? &behind : NULL;
            if (a == NULL && b == NULL)
                continue;
            bool in_bio = tag_may_follow(TAGS_BIO, a, b);
            bool in_iobes = tag_may_follow(TAGS_IOBES, a, b);
            /* a BIO file has neither E nor S; E counts as inside there, S as alone */
            if (i != 3 && i != 7 && in_bio != (bio[i][k] == '+'))
                fail_msg("BIO: %zu before %zu", i, k);
            if (in_iobes != (iobes[i][k] == '+'))
                fail_msg("IOBES: %zu before %zu", i, k);
            assert_true(tag_may_follow(TAGS_PLAIN, a, b));
        }
}

static void
entities_begin_leniently(void **state)
{
    (void)state;
    const struct tag outside = tag_parse("O");
    const struct tag b = tag_parse("B-x");
    const struct tag i = tag_parse("I-x");
    const struct tag other = tag_parse("I-y");
    const struct tag s = tag_parse("S-x");
    const struct tag odd = tag_parse("odd");
    assert_false(tag_begins(NULL, &outside));
    assert_true(tag_begins(NULL, &b));
    assert_true(tag_begins(NULL, &i));
    assert_false(tag_begins(&b, &i));
    assert_true(tag_begins(&b, &b));
    assert_true(tag_begins(&i, &other));
    assert_true(tag_begins(&s, &i));
    assert_true(tag_begins(&odd, &i));
    assert_false(tag_begins(&b, &odd));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_apart),
        cmocka_unit_test(the_scheme_follows_from_all_names),
        cmocka_unit_test(what_may_follow_is_what_the_scheme_says),
        cmocka_unit_test(entities_begin_leniently),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
