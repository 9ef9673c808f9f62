/* Decimal text to numbers; see decimal.h. */
#include "core/base/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    MANTISSA_BITS = 53,
    DIGITS_MOST = 19, /* of 64 bits */
    EXACT_PLACES = 22 /* 10^22 is a double */
};

const uint64_t decimal_fives[DECIMAL_PLACES_MOST + 1] = {1u,
                                                         5u,
                                                         25u,
                                                         125u,
                                                         625u,
                                                         3125u,
                                                         15625u,
                                                         78125u,
                                                         390625u,
                                                         1953125u,
                                                         9765625u,
                                                         48828125u,
                                                         244140625u,
                                                         1220703125u,
                                                         6103515625u,
                                                         30517578125u,
                                                         152587890625u,
                                                         762939453125u,
                                                         3814697265625u,
                                                         19073486328125u,
                                                         95367431640625u,
                                                         476837158203125u,
                                                         2384185791015625u,
                                                         11920928955078125u,
                                                         59604644775390625u,
                                                         298023223876953125u,
                                                         1490116119384765625u,
                                                         7450580596923828125u};

static const double tens[EXACT_PLACES + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* digits / 10^places */
struct decimal {
    uint64_t digits;
    int places;
};

/* How far a number can be shifted until its first bit is set. */
static int
leading_zeros(uint64_t number)
{
    int zeros = 0;
    for (int step = 32; step > 0; step /= 2)
        if (number >> (64 - step) == 0) {
            zeros += step;
            number <<= step;
        }
    return zeros;
}

/* (high * 2^64 + low) / divisor, whose first bit is set, with high < divisor: in digits of 32 bits,
 * each guessed by the divisor's upper half, at most two too great. */
static uint64_t
divide(uint64_t high, uint64_t low, uint64_t divisor, bool *exact)
{
    uint64_t upper = divisor >> 32, lower = divisor & UINT32_MAX;
    uint64_t quotient = 0;
    for (int half = 0; half < 2; half++) {
        uint64_t next = half == 0 ? low >> 32 : low & UINT32_MAX;
        uint64_t digit = high / upper, rest = high % upper;
        while (rest <= UINT32_MAX && (digit > UINT32_MAX || digit * lower > (rest << 32 | next))) {
            digit--;
            rest += upper;
        }
        high = (high << 32 | next) - digit * divisor; /* modulo 2^64, as is the true rest */
        quotient = quotient << 32 | digit;
    }
    *exact = high == 0;
    return quotient;
}

/* Nearest, ties to even. digits > 0. */
static double
round_quotient(struct decimal decimal)
{
    bool exact = false;
    uint64_t five = decimal_fives[decimal.places];
    int shift = leading_zeros(decimal.digits), five_shift = leading_zeros(five);
    uint64_t digits = decimal.digits << shift;
    /* With digits halved they are below the divisor, and the quotient has 63 or 64 bits. */
    uint64_t quotient = divide(digits >> 1, digits << 63, five << five_shift, &exact);
    int drop = quotient >> 63 == 1 ? 64 - MANTISSA_BITS : 63 - MANTISSA_BITS;
    uint64_t mantissa = quotient >> drop;
    uint64_t rest = quotient & ((UINT64_C(1) << drop) - 1), half = UINT64_C(1) << (drop - 1);
    mantissa += rest > half || (rest == half && (!exact || mantissa % 2 == 1));
    return ldexp((double)mantissa, drop + five_shift - shift - 63 - decimal.places);
}

static double
value_of(struct decimal decimal)
{
    if (decimal.digits >> MANTISSA_BITS == 0 && decimal.places <= EXACT_PLACES)
        return (double)decimal.digits / tens[decimal.places]; /* one rounding, of exact numbers */
    return round_quotient(decimal);
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits, a point between them, an exponent: behind them; NULL unless it fits the struct. */
static const char *
scan(const char *text, struct decimal *out)
{
    const char *at = text, *point = NULL;
    int count = 0, exponent = 0;
    for (; is_digit(*at) || (*at == '.' && point == NULL && at > text); at++) {
        if (*at == '.') {
            point = at;
            continue;
        }
        if (count == DIGITS_MOST)
            return NULL;
        out->digits = out->digits * 10 + (uint64_t)(*at - '0');
        count += out->digits > 0;
    }
    out->places = point == NULL ? 0 : (int)(at - point - 1);
    if (at == text || (point != NULL && out->places == 0))
        return NULL;
    if (*at == 'e' || *at == 'E') {
        bool below = at[1] == '-';
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        for (; is_digit(*at) && exponent <= DECIMAL_PLACES_MOST; at++)
            exponent = exponent * 10 + (*at - '0');
        if (!is_digit(at[-1]) || is_digit(*at))
            return NULL;
        out->places += below ? exponent : -exponent;
    }
    return out->places >= 0 && out->places <= DECIMAL_PLACES_MOST ? at : NULL;
}

double
decimal_read(const char *text, const char **end)
{
    struct decimal decimal = {0};
    bool negative = *text == '-';
    const char *first = text + negative;
    const char *behind = scan(first, &decimal);
    if (behind != NULL && *behind != 'x' && *behind != 'X') {
        double value = decimal.digits == 0 ? 0 : value_of(decimal);
        *end = behind;
        return negative ? -value : value;
    }
    char *stop = NULL;
    bool is_number = is_digit(*first) && first[1] != 'x' && first[1] != 'X';
    double value = is_number ? strtod(text, &stop) : 0;
    *end = is_number ? stop : text;
    return value;
}
