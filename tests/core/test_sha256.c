/* SHA-256: published answers, every way to cut a stream, both ways to mix against each other. */
#include "core/base/sha256.h"

#include "core/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { STREAM_BYTES = 1500 };

static unsigned char stream[STREAM_BYTES];

static int
fill_stream(void **state)
{
    (void)state;
    struct rng_stream random = rng_stream(5, RNG_SPLIT, 0, 0);
    for (size_t i = 0; i < STREAM_BYTES; i++) {
        uint32_t block[4];
        rng_block(&random, i, block);
        stream[i] = (unsigned char)block[0];
    }
    return 0;
}

static void
assert_digest(const unsigned char digest[SHA256_BYTES], const char *hex)
{
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        assert_int_equal(digest[i], byte);
    }
}

static void
digest_with(sha256_compress *compress, const void *bytes, size_t length,
            unsigned char digest[SHA256_BYTES])
{
    struct sha256 sha;
    sha256_init(&sha);
    sha.compress = compress;
    sha256_add(&sha, bytes, length);
    sha256_finish(&sha, digest);
}

/* FIPS 180-4's examples (NIST, "SHA256.pdf" and "SHA2_Additional.pdf"). */
static void
digests_are_the_published_known_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } answers[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    sha256_compress *ways[] = {sha256_compress_plain, sha256_native()};
    for (size_t w = 0; w < 2 && ways[w] != NULL; w++) {
        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
            unsigned char digest[SHA256_BYTES];
            digest_with(ways[w], answers[i].text, strlen(answers[i].text), digest);
            assert_digest(digest, answers[i].hex);
        }
    }
}

static void
native_rounds_agree_with_plain_ones_at_every_length(void **state)
{
    (void)state;
    sha256_compress *native = sha256_native();
    if (native == NULL)
        print_message("SKIPPED: this processor has no SHA-256 rounds\n");
    for (size_t length = 0; native != NULL && length < STREAM_BYTES; length++) {
        unsigned char plain[SHA256_BYTES], other[SHA256_BYTES];
        digest_with(sha256_compress_plain, stream, length, plain);
        digest_with(native, stream, length, other);
        assert_memory_equal(plain, other, SHA256_BYTES);
    }
}

static void
how_a_stream_is_cut_does_not_matter(void **state)
{
    (void)state;
    unsigned char whole[SHA256_BYTES];
    digest_with(sha256_compress_plain, stream, STREAM_BYTES, whole);
    for (size_t step = 1; step < 200; step++) {
        unsigned char digest[SHA256_BYTES];
        struct sha256 sha;
        sha256_init(&sha);
        for (size_t at = 0; at < STREAM_BYTES; at += step)
            sha256_add(&sha, stream + at, STREAM_BYTES - at < step ? STREAM_BYTES - at : step);
        sha256_finish(&sha, digest);
        assert_memory_equal(digest, whole, SHA256_BYTES);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_the_published_known_answers),
        cmocka_unit_test(native_rounds_agree_with_plain_ones_at_every_length),
        cmocka_unit_test(how_a_stream_is_cut_does_not_matter),
    };
    return cmocka_run_group_tests(tests, fill_stream, NULL);
}
