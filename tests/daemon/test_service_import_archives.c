/* Archives become base models through the seam, or are refused whole. */
#include "tests/daemon/transfer_fixture.h"

static void
add_file(struct buf *archive, const char *folder, const char *name, const char *bytes)
{
    static const char zeros[TAR_BLOCK_BYTES];
    unsigned char block[TAR_BLOCK_BYTES];
    size_t length = strlen(bytes);
    tar_header(folder, name, (int64_t)length, block);
    buf_append(archive, block, sizeof block);
    buf_append(archive, bytes, length);
    buf_append(archive, zeros, (size_t)tar_padded((int64_t)length) - length);
}

/* Turn the header of the last entry, which has no bytes, into one of another type. */
static void
retype_last(struct buf *archive, char type)
{
    char *block = archive->data + archive->length - TAR_BLOCK_BYTES;
    unsigned sum = 0;
    block[156] = type;
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 7, "%06o", sum);
}

static void
archive_of_a_folder_becomes_a_model(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct buf archive = {0};
    add_file(&archive, "./small", "config.json", tiny_config);
    add_file(&archive, "./small", "vocab.txt", tiny_vocab);
    add_file(&archive, "./small", "notes.txt", "words");
    add_file(&archive, "./small/deeper", "config.json", "nonsense");
    fixture_ok(f, import_bytes(f, &archive, NULL, &model));
    assert_string_equal(model.id, "small");
    assert_int_equal(model.left_out_count, 2);
    fixture_ok(f, import_bytes(f, &archive, "other", &model));
    assert_int_equal(count_entries(f, "tmp"), 0);
    assert_int_equal(count_entries(f, "base_models/other"), 2);
    buf_fini(&archive);
}

static void
archive_without_a_folder_needs_an_id(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct buf archive = {0};
    add_file(&archive, ".", "config.json", tiny_config);
    add_file(&archive, ".", "vocab.txt", tiny_vocab);
    expect_refused(f, import_bytes(f, &archive, NULL, &model), FAULT_INVALID_PARAMETER, "id");
    fixture_ok(f, import_bytes(f, &archive, "named", &model));
    buf_fini(&archive);
}

static void
hostile_archives_are_refused_whole(void **state)
{
    static const struct {
        const char *folder, *name;
        char type;
        const char *words;
    } cases[] = {
        {"..", "config.json", '0', "leads out"},
        {"small/..", "vocab.txt", '0', "leads out"},
        {"small/../../x", "notes", '0', "leads out"},
        {"/etc", "config.json", '0', "absolute"},
        {"small", "tokenizer.json", '1', "link or a device"},
        {"small", "tokenizer.json", '2', "link or a device"},
        {"small", "notes", '2', "link or a device"},
        {"small", "tokenizer.json", '3', "link or a device"},
        {"small", "tokenizer.json", '6', "link or a device"},
        {"second", "tokenizer.json", '0', "another folder"},
        {"small", "config.json", '0', "twice"},
        {"./small", "./config.json", '0', "twice"},
        {"small", "pytorch_model.bin", '0',
         "pytorch_model.bin: this is no weights file of PyTorch"},
        {"small", "tf_model.h5", '0', "weights are in tf_model.h5"},
        {"small", "model-00001-of-00002.safetensors", '0', "the index of the parts"},
    };
    struct service_fixture *f = *state;
    struct model_info model;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf archive = {0};
        add_file(&archive, "small", "config.json", tiny_config);
        add_file(&archive, "small", "vocab.txt", tiny_vocab);
        add_file(&archive, cases[i].folder, cases[i].name, "");
        retype_last(&archive, cases[i].type);
        struct fault fault =
            expect_refused(f, import_bytes(f, &archive, "x", &model), FAULT_INVALID_MODEL, NULL);
        if (strstr(fault.message, cases[i].words) == NULL)
            fail_msg("%zu: '%s' lacks '%s'", i, fault.message, cases[i].words);
        buf_fini(&archive);
    }
}

static void
archive_that_is_cut_off_is_refused_wherever_it_is_cut(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct buf archive = {0};
    add_file(&archive, "small", "config.json", tiny_config);
    add_file(&archive, "small", "vocab.txt", tiny_vocab);
    size_t needed = archive.length - TAR_BLOCK_BYTES; /* behind it only the vocabulary's end */
    for (size_t cut = 1; cut < needed; cut += 61) {
        struct buf piece = {0};
        buf_append(&piece, archive.data, cut);
        expect_refused(f, import_bytes(f, &piece, "x", &model), FAULT_INVALID_MODEL, NULL);
        buf_fini(&piece);
    }
    buf_fini(&archive);
}

/* Append a file of the fixtures to an archive, in folder "m". */
static void
add_fixture(struct service_fixture *f, struct buf *archive, const char *name)
{
    static const char zeros[TAR_BLOCK_BYTES];
    unsigned char block[TAR_BLOCK_BYTES];
    struct buf bytes = {0};
    fixture_ok(f,
               fileio_read(arena_printf(f->arena, WEIGHTS "%s", name), 1 << 20, &bytes, &f->err));
    tar_header("m", strrchr(name, '/') + 1, (int64_t)bytes.length, block);
    buf_append(archive, block, sizeof block);
    buf_append(archive, bytes.data, bytes.length);
    buf_append(archive, zeros, (size_t)tar_padded((int64_t)bytes.length) - bytes.length);
    buf_fini(&bytes);
}

static void
archive_with_weights_twice_gives_the_form_that_wins_in_any_order(void **state)
{
    static const char *const names[] = {"bin/pytorch_model.bin", "f32/config.json",
                                        "f32/model.safetensors", "f32/vocab.txt"};
    struct service_fixture *f = *state;
    struct model_info model;
    for (size_t first = 0; first < 4; first++) {
        struct buf archive = {0};
        for (size_t i = 0; i < 4; i++)
            add_fixture(f, &archive, names[(first + i) % 4]);
        fixture_ok(f, import_bytes(f, &archive, arena_printf(f->arena, "m%zu", first), &model));
        assert_int_equal(model.left_out_count, 1);
        assert_string_equal(model.left_out[0], "m/pytorch_model.bin");
        buf_fini(&archive);
    }
    struct buf archive = {0};
    for (size_t i = 0; i < 2; i++)
        add_fixture(f, &archive, names[i]);
    add_fixture(f, &archive, names[3]);
    fixture_ok(f, import_bytes(f, &archive, "pickled", &model));
    assert_string_equal(model.weights, "pretrained");
    assert_int_equal(model.left_out_count, 0);
    buf_fini(&archive);
}

static void
damaged_numbers_of_a_pickled_model_are_refused_at_its_import(void **state)
{
    struct service_fixture *f = *state;
    struct model_info model;
    struct buf archive = {0};
    add_fixture(f, &archive, "f32/config.json");
    add_fixture(f, &archive, "f32/vocab.txt");
    add_fixture(f, &archive, "bin/pytorch_model.bin");
    static const char header[] = "data/0FB"; /* a name, and the field that pads up to the numbers */
    char *at = memmem(archive.data, archive.length, header, sizeof header - 1);
    assert_non_null(at);
    at += sizeof header - 1;
    at[2 + (unsigned char)at[0]] ^= 0x40;
    struct fault fault =
        expect_refused(f, import_bytes(f, &archive, "x", &model), FAULT_INVALID_MODEL, NULL);
    assert_non_null(strstr(fault.message, "has another check sum than its bytes"));
    buf_fini(&archive);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(archive_of_a_folder_becomes_a_model),
        IDLE_TEST(archive_without_a_folder_needs_an_id),
        IDLE_TEST(hostile_archives_are_refused_whole),
        IDLE_TEST(archive_that_is_cut_off_is_refused_wherever_it_is_cut),
        IDLE_TEST(archive_with_weights_twice_gives_the_form_that_wins_in_any_order),
        IDLE_TEST(damaged_numbers_of_a_pickled_model_are_refused_at_its_import),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
