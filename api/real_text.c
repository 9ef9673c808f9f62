/* The shortest text of a double; see real_text.h. */
#include "api/real_text.h"

#include "core/base/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS_LEAST = 15, /* any decimal of so few digits survives a double */
    DIGITS_MOST = 17,  /* any double survives so many */
    MANTISSA_BITS = 53,
    EXPONENT_BIAS = 1023 + MANTISSA_BITS - 1
};

/* ---- integers of 128 bits -------------------------------------------------------------------- */

struct wide {
    uint64_t high, low;
};

static struct wide
multiply(uint64_t a, uint64_t b)
{
    uint64_t a0 = a & UINT32_MAX, a1 = a >> 32;
    uint64_t b0 = b & UINT32_MAX, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    uint64_t rest = (middle & UINT32_MAX) + a0 * b1;
    return (struct wide){a1 * b1 + (middle >> 32) + (rest >> 32),
                         rest << 32 | (a0 * b0 & UINT32_MAX)};
}

/* ---- digits ---------------------------------------------------------------------------------- */

struct decimal {
    uint64_t digits;
    int places; /* the number is digits / 10^places */
};

/* mantissa * 2^exponent */
struct number {
    uint64_t mantissa; /* of MANTISSA_BITS */
    int exponent;
};

/* Nearest to number * 10^places, ties to even; does it read back? False when it cannot be said. */
static bool
round_at(const struct number *number, int places, struct decimal *out, bool *reads_back)
{
    int shift = -(number->exponent + places);
    if (places < 0 || places > DECIMAL_PLACES_MOST || shift < 1 || shift > 63)
        return false;
    uint64_t five = decimal_fives[places];
    struct wide product = multiply(number->mantissa, five);
    if (product.high >> (shift - 1) > 1)
        return false; /* more than 64 bits of digits */
    uint64_t digits = product.high << (64 - shift) | product.low >> shift;
    uint64_t rest = product.low & ((UINT64_C(1) << shift) - 1);
    uint64_t half = UINT64_C(1) << (shift - 1);
    bool up = rest > half || (rest == half && digits % 2 == 1);
    uint64_t distance = up ? (half - (rest - half)) : rest;
    /* Half a unit of the mantissa is 5^places / 2; below a power of two units are half as long. */
    bool narrow = !up && number->mantissa == UINT64_C(1) << (MANTISSA_BITS - 1);
    *out = (struct decimal){digits + up, places};
    *reads_back = distance < UINT64_C(1) << 61 && (narrow ? 4 : 2) * distance < five;
    return true;
}

static const uint64_t tens[DIGITS_MOST + 1] = {1u,
                                               10u,
                                               100u,
                                               1000u,
                                               10000u,
                                               100000u,
                                               1000000u,
                                               10000000u,
                                               100000000u,
                                               1000000000u,
                                               10000000000u,
                                               100000000000u,
                                               1000000000000u,
                                               10000000000000u,
                                               100000000000000u,
                                               1000000000000000u,
                                               10000000000000000u,
                                               100000000000000000u};

/* mantissa * 2^exponent of a positive normal number. */
static struct number
number_of(double magnitude)
{
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    uint64_t first = UINT64_C(1) << (MANTISSA_BITS - 1);
    return (struct number){(bits & (first - 1)) | first,
                           (int)(bits >> (MANTISSA_BITS - 1)) - EXPONENT_BIAS};
}

/* The fewest digits that read back. False when they have to be found by printing. */
static bool
find_digits(double magnitude, struct decimal *out)
{
    struct number number = number_of(magnitude);
    /* The place of the first digit, or one below: log10(2) is a hair above 78913 / 2^18. */
    int exponent = number.exponent + MANTISSA_BITS - 1;
    int leading = (exponent * 78913 - (exponent < 0 ? (1 << 18) - 1 : 0)) / (1 << 18);
    for (int count = DIGITS_LEAST; count <= DIGITS_MOST; count++) {
        bool reads_back = false;
        if (!round_at(&number, count - 1 - leading, out, &reads_back))
            return false;
        if (out->digits >= tens[count]) {
            leading++;
            if (!round_at(&number, count - 1 - leading, out, &reads_back))
                return false;
        }
        if (out->digits < tens[count - 1] || out->digits >= tens[count])
            return false; /* rounded up to one digit more: rare */
        if (reads_back)
            return true;
    }
    return false;
}

/* ---- text ------------------------------------------------------------------------------------ */

enum { DIGITS_BYTES = 24 };

/* The digits of a number, to the end of a text. */
static const char *
write_digits(uint64_t number, char text[DIGITS_BYTES])
{
    char *at = text + DIGITS_BYTES;
    for (; number >= 100; number /= 100) {
        unsigned pair = (unsigned)(number % 100);
        *--at = (char)('0' + pair % 10);
        *--at = (char)('0' + pair / 10);
    }
    *--at = (char)('0' + number % 10);
    if (number >= 10)
        *--at = (char)('0' + number / 10);
    return at;
}

/* So many zeros at the end, when there are; ten is their power, a constant. */
static inline void
strip(struct decimal *decimal, int zeros, uint64_t ten)
{
    if (decimal->places >= zeros && decimal->digits % ten == 0) {
        decimal->digits /= ten;
        decimal->places -= zeros;
    }
}

static void
strip_zeros(struct decimal *decimal)
{
    strip(decimal, 8, 100000000u);
    strip(decimal, 4, 10000u);
    strip(decimal, 2, 100u);
    strip(decimal, 1, 10u);
}

static char *
copy(char *at, const char *bytes, int count)
{
    memcpy(at, bytes, (size_t)count);
    return at + count;
}

/* d.ddde-dd */
static char *
write_small(const char *digits, int count, int exponent, char *at)
{
    *at++ = digits[0];
    if (count > 1)
        *at++ = '.';
    at = copy(at, digits + 1, count - 1);
    at = copy(at, "e-", 2);
    *at++ = (char)('0' + -exponent / 10);
    *at++ = (char)('0' + -exponent % 10);
    return at;
}

/* Whole digits, or "0", a point and the rest. */
static char *
write_plain(const char *digits, int count, int places, char *at)
{
    int whole = count - places;
    at = whole > 0 ? copy(at, digits, whole) : copy(at, "0", 1);
    if (places == 0)
        return at;
    *at++ = '.';
    for (int i = whole; i < 0; i++)
        *at++ = '0';
    return whole > 0 ? copy(at, digits + whole, places) : copy(at, digits, count);
}

static size_t
write_decimal(struct decimal decimal, char *text)
{
    char bytes[DIGITS_BYTES];
    strip_zeros(&decimal);
    const char *digits = write_digits(decimal.digits, bytes);
    int count = (int)(bytes + DIGITS_BYTES - digits);
    int exponent = count - 1 - decimal.places;
    char *end = exponent < -4 ? write_small(digits, count, exponent, text)
                              : write_plain(digits, count, decimal.places, text);
    *end = '\0';
    return (size_t)(end - text);
}

static size_t
print(double value, char text[REAL_TEXT_BYTES])
{
    int length = 0;
    for (int digits = DIGITS_LEAST; digits <= DIGITS_MOST; digits++) {
        length = snprintf(text, REAL_TEXT_BYTES, "%.*g", digits, value);
        double back = digits < DIGITS_MOST ? strtod(text, NULL) : value;
        if (!(back < value) && !(back > value))
            break;
    }
    return (size_t)length;
}

size_t
real_text(double value, char text[REAL_TEXT_BYTES])
{
    double magnitude = fabs(value);
    struct decimal decimal = {0};
    size_t sign = value < 0;
    text[0] = '-';
    if (magnitude < 1e15 && !(trunc(magnitude) < magnitude) && (magnitude >= 1 || !signbit(value)))
        decimal.digits = (uint64_t)magnitude;
    else if (!(magnitude >= 1e-10 && magnitude < 1e15) || !find_digits(magnitude, &decimal))
        return print(value, text);
    return sign + write_decimal(decimal, text + sign);
}
