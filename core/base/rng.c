/* Stateless random numbers; see rng.h. */
#include "core/base/rng.h"

#include "core/base/fmath.h"

static const uint32_t multiplier_0 = 0xD2511F53u;
static const uint32_t multiplier_1 = 0xCD9E8D57u;
static const uint32_t weyl_0 = 0x9E3779B9u;
static const uint32_t weyl_1 = 0xBB67AE85u;

enum { PHILOX_ROUNDS = 10 };

void
rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t x[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)multiplier_0 * x[0];
        uint64_t p1 = (uint64_t)multiplier_1 * x[2];
        uint32_t y0 = (uint32_t)(p1 >> 32) ^ x[1] ^ k0;
        uint32_t y2 = (uint32_t)(p0 >> 32) ^ x[3] ^ k1;
        x[0] = y0;
        x[1] = (uint32_t)p1;
        x[2] = y2;
        x[3] = (uint32_t)p0;
        k0 += weyl_0;
        k1 += weyl_1;
    }
    for (int i = 0; i < 4; i++)
        out[i] = x[i];
}

struct rng_stream
rng_stream(uint64_t seed, enum rng_site site, uint32_t layer, uint32_t step)
{
    return (struct rng_stream){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .step = step,
        .place = (uint32_t)site << 24 | (layer & 0xffffffu),
    };
}

void
rng_block(const struct rng_stream *stream, uint64_t index, uint32_t out[4])
{
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), stream->step, stream->place};
    rng_philox(counter, stream->key, out);
}

/* A double in (-1, 1) from 64 random bits: 53 of them, centred so that 0 and the ends never come.
 */
static double
signed_unit(uint32_t low, uint32_t high)
{
    uint64_t bits = ((uint64_t)high << 32 | low) >> 11;
    return ((double)bits + 0.5) * (2.0 / 9007199254740992.0) - 1.0;
}

double
rng_normal(const struct rng_stream *stream, uint64_t index)
{
    /* Marsaglia's polar method; a rejected pair is drawn again from a far block of the same index.
     */
    for (uint64_t attempt = 0;; attempt++) {
        uint32_t bits[4];
        rng_block(stream, index + (attempt << 48), bits);
        double u = signed_unit(bits[0], bits[1]);
        double v = signed_unit(bits[2], bits[3]);
        double s = u * u + v * v;
        if (s < 1.0)
            return u * sqrt(-2.0 * fmath_log(s) / s);
    }
}

/* Uniform in 0..bound-1 without modulo bias (Lemire's rejection on a 64-bit product). */
static uint32_t
bounded(const struct rng_stream *stream, uint64_t index, uint32_t bound)
{
    uint32_t threshold = (uint32_t)((0x100000000u - bound) % bound);
    for (uint64_t attempt = 0;; attempt++) {
        uint32_t bits[4];
        rng_block(stream, index + (attempt << 48), bits);
        for (int i = 0; i < 4; i++) {
            uint64_t product = (uint64_t)bits[i] * bound;
            if ((uint32_t)product >= threshold)
                return (uint32_t)(product >> 32);
        }
    }
}

void
rng_shuffle(const struct rng_stream *stream, uint32_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    rng_permute(stream, order, n);
}

void
rng_permute(const struct rng_stream *stream, uint32_t *values, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        uint32_t j = bounded(stream, i, (uint32_t)i);
        uint32_t kept = values[i - 1];
        values[i - 1] = values[j];
        values[j] = kept;
    }
}
