/* Forms as a stream: every cut gives the same parts, every malformed form one fault. */
#include "api/multipart.h"

#include "core/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"

/* What came out, written as "[name|filename]data;". */
static int
record_begin(void *context, const struct multipart_part *part, struct fault_list *faults)
{
    (void)faults;
    buf_printf(context, "[%s|%s]", part->name, part->filename == NULL ? "-" : part->filename);
    return 0;
}

static int
record_data(void *context, const char *bytes, size_t length, struct fault_list *faults)
{
    (void)faults;
    buf_append(context, bytes, length);
    return 0;
}

static int
record_end(void *context, struct fault_list *faults)
{
    (void)faults;
    buf_append_string(context, ";");
    return 0;
}

/* Feed a form in two pieces cut at `cut`, or byte by byte when cut is SIZE_MAX. */
static int
run(const char *form, size_t length, size_t cut, struct buf *out, struct fault_list *faults)
{
    struct multipart_sink sink = {out, record_begin, record_data, record_end};
    struct multipart *parser = multipart_new("b-b", &sink);
    int result = 0;
    size_t step = cut == SIZE_MAX ? 1 : cut > 0 ? cut : length;
    for (size_t at = 0; at < length && result == 0;) {
        size_t piece = length - at < step ? length - at : step;
        /* a copy of exactly this size, so that reading beyond it is seen */
        char *copy = malloc(piece);
        memcpy(copy, form + at, piece);
        result = multipart_feed(parser, copy, piece, faults);
        free(copy);
        at += piece;
        step = cut == SIZE_MAX ? 1 : length;
    }
    if (result == 0)
        result = multipart_finish(parser, faults);
    multipart_free(parser);
    return result;
}

static void
every_cut_gives_the_same_parts(void **state)
{
    static const char form[] = "preamble\r\n--b-b \t\r\n" HEAD(
        "purpose") "fine-tune\r\n"
                   "--b-b\r\nContent-Type: text/plain\r\n"
                   "content-disposition: form-data; name=\"file\"; filename=\"a.txt\""
                   "\r\n\r\n\r\n--b-\r\n--b-\r-\n\0x\r\r\n--b-b\r\n" HEAD(
                       "empty") "\r\n--b-b--\r\nepilogue --b-b";
    static const char parts[] = "[purpose|-]fine-tune;[file|a.txt]\r\n--b-\r\n--b-\r-\n\0x\r;"
                                "[empty|-];";
    (void)state;
    for (size_t cut = 0; cut <= sizeof form; cut++) {
        struct fault_list faults = {.arena = arena_new()};
        struct buf out = {0};
        size_t at = cut == sizeof form ? SIZE_MAX : cut;
        assert_int_equal(run(form, sizeof form - 1, at, &out, &faults), 0);
        assert_int_equal(out.length, sizeof parts - 1);
        assert_memory_equal(out.data, parts, sizeof parts - 1);
        buf_fini(&out);
        arena_free(faults.arena);
    }
}

static void
part_without_any_body_is_empty(void **state)
{
    static const char form[] = "--b-b\r\n" HEAD("a") "--b-b\r\n" HEAD("b") "x\r\n--b-b--";
    (void)state;
    for (size_t cut = 0; cut < sizeof form; cut++) {
        struct fault_list faults = {.arena = arena_new()};
        struct buf out = {0};
        assert_int_equal(run(form, sizeof form - 1, cut, &out, &faults), 0);
        assert_string_equal(buf_string(&out), "[a|-];[b|-]x;");
        buf_fini(&out);
        arena_free(faults.arena);
    }
}

static void
malformed_forms_end_in_one_fault(void **state)
{
    static const char *const forms[] = {
        "",
        "nothing here",
        "--b-b",
        "--b-b\r\n",
        "--b-b\r\n" HEAD("a"),
        "--b-b\r\n" HEAD("a") "text\r\n--b-b",
        "--b-b\r\n" HEAD("a") "text\r\n--b-b-",
        "--b-b\r\n" HEAD("a") "text\r\n--b-bx\r\n",
        "--b-b\n" HEAD("a") "text\r\n--b-b--",
        "--b-b\r\n\r\ntext\r\n--b-b--",
        "--b-b\r\nno colon\r\n\r\ntext\r\n--b-b--",
        "--b-b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b-b--",
        "--b-b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\ntext\r\n--b-b--",
        "--b-b\r\nContent-Disposition: form-data\r\n\r\ntext\r\n--b-b--",
        "--b-b\r\nContent-Disposition: form-data; name=\"a\r\n\r\ntext\r\n--b-b--",
        "--b-b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\ntext\r\n--b-b--",
        "--b-b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"\x01\"\r\n\r\n\r\n--b-b--",
        "--b-b\r\nContent-Transfer-Encoding: base64\r\n" HEAD("a") "text\r\n--b-b--",
    };
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        for (size_t cut = 0; cut < 2; cut++) {
            struct fault_list faults = {.arena = arena_new()};
            struct buf out = {0};
            int result = run(forms[i], strlen(forms[i]), cut == 0 ? 0 : SIZE_MAX, &out, &faults);
            if (result == 0)
                fail_msg("accepted: %s", forms[i]);
            assert_int_equal(faults.count, 1);
            assert_int_equal(faults.items[0].code, FAULT_BAD_REQUEST);
            buf_fini(&out);
            arena_free(faults.arena);
        }
    }
}

/* The first part's filename, "(fault)" when the form is refused. */
static void
filename_of(const char *disposition, char out[256])
{
    struct fault_list faults = {.arena = arena_new()};
    struct buf form = {0};
    struct buf parts = {0};
    buf_printf(&form, "--b-b\r\nContent-Disposition: form-data; name=f; %s\r\n\r\n\r\n--b-b--",
               disposition);
    int result = run(form.data, form.length, 0, &parts, &faults);
    const char *text = result == 0 ? buf_string(&parts) : "[f|(fault)]";
    size_t length = strcspn(text + 3, "]");
    memcpy(out, text + 3, length);
    out[length] = '\0';
    buf_fini(&form);
    buf_fini(&parts);
    arena_free(faults.arena);
}

static void
filenames_are_read_as_clients_write_them(void **state)
{
    static const char *const examples[][2] = {
        {"filename=\"tr\xc3\xa4in.jsonl\"", "tr\xc3\xa4in.jsonl"},
        {"filename=\"a%22b\"", "a\"b"},
        {"filename=\"a\\\"b\\\\c\"", "a\"b\\c"},
        {"filename=\"C:\\data\\x\"", "C:\\data\\x"},
        {"filename=\"../../etc/passwd\"", "passwd"},
        {"filename=plain.csv; x=y", "plain.csv"},
        {"filename=\"a;b=c\"", "a;b=c"},
        {"FileName=\"x\"", "x"},
        {"filename=\"\"", ""},
        {"other=\"filename=x\"", "-"},
        {"filename=\"100%\"", "100%"},
        {"filename=\"a\x7f\"", "(fault)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char name[256];
        filename_of(examples[i][0], name);
        assert_string_equal(name, examples[i][1]);
    }
}

static void
boundary_comes_from_the_content_type(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char longest[MULTIPART_MAX_BOUNDARY + 64] = "multipart/form-data; boundary=";
    assert_string_equal(multipart_boundary("multipart/form-data; boundary=xyz", arena), "xyz");
    assert_string_equal(
        multipart_boundary("Multipart/Form-Data ; charset=utf-8; Boundary=\"a b\"", arena), "a b");
    assert_null(multipart_boundary(NULL, arena));
    assert_null(multipart_boundary("multipart/form-data", arena));
    assert_null(multipart_boundary("multipart/form-data; boundary=", arena));
    assert_null(multipart_boundary("multipart/form-database; boundary=x", arena));
    assert_null(multipart_boundary("multipart/mixed; boundary=x", arena));
    size_t start = strlen(longest);
    memset(longest + start, 'x', MULTIPART_MAX_BOUNDARY);
    assert_non_null(multipart_boundary(longest, arena));
    longest[start + MULTIPART_MAX_BOUNDARY] = 'x';
    assert_null(multipart_boundary(longest, arena));
    arena_free(arena);
}

static void
headers_parts_and_preamble_have_limits(void **state)
{
    (void)state;
    struct fault_list faults = {.arena = arena_new()};
    struct buf form = {0};
    struct buf out = {0};
    buf_append_string(&form, "--b-b\r\nX: ");
    for (size_t i = 0; i < MULTIPART_MAX_HEADER_BYTES; i++)
        buf_append(&form, "x", 1);
    assert_int_equal(run(form.data, form.length, 0, &out, &faults), -1);
    buf_clear(&form);
    for (size_t i = 0; i <= MULTIPART_MAX_PARTS; i++)
        buf_append_string(&form, "--b-b\r\n" HEAD("a") "\r\n");
    buf_append_string(&form, "--b-b--");
    assert_int_equal(run(form.data, form.length, 0, &out, &faults), -1);
    buf_clear(&form);
    for (size_t i = 0; i < MULTIPART_MAX_PREAMBLE_BYTES + 100; i++)
        buf_append(&form, "x", 1);
    assert_int_equal(run(form.data, form.length, 0, &out, &faults), -1);
    buf_fini(&form);
    buf_fini(&out);
    arena_free(faults.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same_parts),
        cmocka_unit_test(part_without_any_body_is_empty),
        cmocka_unit_test(malformed_forms_end_in_one_fault),
        cmocka_unit_test(filenames_are_read_as_clients_write_them),
        cmocka_unit_test(boundary_comes_from_the_content_type),
        cmocka_unit_test(headers_parts_and_preamble_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
