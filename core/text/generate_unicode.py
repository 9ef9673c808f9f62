#!/usr/bin/env python3
"""Write unicode_tables.inc: what the Rust `tokenizers` library does to every code point.

Its crates carry character data of several Unicode versions (2015 for categories, later ones for
decomposition and case), so no published table has the right answers. This script asks the library
itself, code point by code point, and writes down what it did. Run it with the version of the
library that is to be matched:

    python3 core/text/generate_unicode.py core/text/unicode_tables.inc

Needs the package `tokenizers`; the build does not run it.
"""
import sys

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

BLOCK = 128
MAX_PARTS = 4  # UNICODE_MAX_PARTS
DROPPED, SPACE, MARK, PUNCTUATION, CJK, WORD, LETTER, NUMBER = 1, 2, 4, 8, 16, 32, 64, 128
HANGUL = range(0xAC00, 0xAC00 + 11172)
POINTS = [p for p in range(0x110000) if not 0xD800 <= p < 0xE000]


def bert(**on):
    flags = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**flags, **on}).normalize_str


def probe_flags():
    """Flags of every code point, each from the component that uses it."""
    clean, strip = bert(clean_text=True), bert(strip_accents=True)
    chinese = bert(handle_chinese_chars=True)
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    flags = {}
    for p in POINTS:
        c, value = chr(p), 0
        cleaned = clean(c)
        if cleaned == "":
            value |= DROPPED
        pieces = [piece for piece, _ in split("a" + c + "a")]
        if pieces == ["a", "a"]:
            value |= SPACE
        elif pieces == ["a", c, "a"]:
            value |= PUNCTUATION
        else:
            assert pieces == ["a" + c + "a"], hex(p)
        assert cleaned in ("", " " if value & SPACE else c), hex(p)
        if strip(c) == "":
            value |= MARK
        padded = chinese(c)
        if padded != c:
            assert padded == " " + c + " ", hex(p)
            value |= CJK
        flags[p] = value
    return flags


def probe_word(flags):
    """Which code points keep an added token with single_word from matching beside them."""
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.add_tokens([AddedToken("<>", single_word=True, normalized=False)])
    token = tokenizer.token_to_id("<>")
    for p in POINTS:
        if chr(p) not in "<>" and token not in tokenizer.encode(chr(p) + "<>").ids:
            flags[p] |= WORD


def probe_byte_words(flags):
    """Letters and numbers of byte-level tokenizers, and that their spaces are the others'."""
    split = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
    for p in POINTS:
        joins = [len(split(chr(p) + after)) == 1 for after in "a1!"]
        if chr(p) == " ":
            continue  # one blank joins whatever follows
        assert joins.count(True) == (0 if flags[p] & SPACE else 1), hex(p)
        flags[p] |= LETTER if joins[0] else NUMBER if joins[1] else 0


def probe_classes():
    """Rank of the canonical combining class: 0 for starters, else the order that sorting uses."""
    nfd = normalizers.NFD().normalize_str
    low, high = "\u0334", "\u0345"  # classes 1 and 240, the first and the last
    swaps = lambda x, y: nfd(x + y) == y + x and x != y
    plain = [p for p in POINTS if p not in HANGUL and nfd(chr(p)) == chr(p)]
    marks = [chr(p) for p in plain if swaps(high, chr(p)) or swaps(chr(p), low)]
    known = [low]  # one member of each class, in order
    members = {low: 0}
    for c in marks + [high]:
        at = next((i for i, k in enumerate(known) if not swaps(c, k)), len(known))
        if at == len(known) or swaps(known[at], c):
            known.insert(at, c)
    rank = {k: i + 1 for i, k in enumerate(known)}
    for c in marks + [high, low]:
        same = [k for k in known if not swaps(c, k) and not swaps(k, c)]
        assert len(same) == 1, hex(ord(c))
        members[c] = rank[same[0]]
    return {ord(c): r for c, r in members.items()}, len(known)


def check_hangul(nfd):
    for p in HANGUL:
        i = p - 0xAC00
        parts = [0x1100 + i // 588, 0x1161 + i % 588 // 28] + ([0x11A7 + i % 28] if i % 28 else [])
        assert nfd(chr(p)) == "".join(map(chr, parts)), hex(p)


def check_growth(decomposed, lowered, flags):
    """normalizer.h promises that no code point grows by more than this factor."""
    size = lambda points: sum(len(chr(q).encode()) for q in points)
    for p in POINTS:
        parts = [q for q in decomposed.get(p, [p])]
        low = [r for q in parts for r in lowered.get(q, [q])]
        pad = 2 if flags[p] & CJK else 0
        most = max(size(x) for x in ([p], parts, low, lowered.get(p, [p]))) + pad
        assert most <= 3 * len(chr(p).encode()), hex(p)


def rows(numbers, width=14):
    numbers = list(numbers)
    return "\n".join("    " + ", ".join(map(str, numbers[i:i + width])) + ","
                     for i in range(0, len(numbers), width))


class Pool:
    """Sequences of code points, each stored once."""

    def __init__(self):
        self.points, self.places = [], {}

    def place(self, points):
        if not points:
            return 0
        key = tuple(points)
        if key not in self.places:
            self.places[key] = len(self.points)
            self.points.extend(points)
        return self.places[key]


def number(known, item):
    """The number of an item among the different ones seen so far."""
    return known.setdefault(item, len(known))


def make_tables(flags, classes, decomposed, lowered):
    """Two stages: the block of a code point, and the record of each code point of a block."""
    pool, records, blocks, index = Pool(), {}, {}, []
    for first in range(0, 0x110000, BLOCK):
        block = []
        for p in range(first, first + BLOCK):
            d, l = decomposed.get(p, []), lowered.get(p, [])
            places = pool.place(d), pool.place(l)
            record = (flags.get(p, 0), classes.get(p, 0), len(d), len(l), *places)
            block.append(number(records, record))
        index.append(number(blocks, tuple(block)))
    assert max(len(records), len(pool.points), len(blocks)) < 65536
    return pool.points, list(records), index, [r for block in blocks for r in block]


def write_array(out, comment, kind, name, count, text):
    out.write(f"/* {comment} */\nconst {kind} {name}[{count}] = {{\n{text}\n}};\n\n")


def write_tables(path, class_count, ascii_flags, tables):
    pool, records, index, blocks = tables
    record_rows = rows(("{" + ", ".join(map(str, record)) + "}" for record in records), 3)
    with open(path, "w", encoding="ascii") as out:
        out.write("/* Written by core/text/generate_unicode.py, do not edit; asked was\n"
                  f" * tokenizers {tokenizers.__version__}. */\n")
        out.write(f"_Static_assert(UNICODE_CLASS_COUNT == {class_count}, \"see unicode.h\");\n\n")
        write_array(out, "Flags of ASCII, in few lines of cache.", "uint8_t", "unicode_ascii_flags",
                    128, rows(ascii_flags))
        write_array(out, "Code points of decompositions and lower-case forms.", "uint32_t",
                    "unicode_pool", len(pool), rows(pool, 12))
        write_array(out, "Flags, class, counts and places in the pool.", "struct unicode_record",
                    "unicode_records", len(records), record_rows)
        write_array(out, "Block of each run of 128 code points.", "uint16_t", "unicode_index",
                    len(index), rows(index))
        write_array(out, "Record of each code point of a block.", "uint16_t", "unicode_blocks",
                    len(blocks), rows(blocks))


def main(path):
    nfd, lower = normalizers.NFD().normalize_str, bert(lowercase=True)
    flags = probe_flags()
    probe_word(flags)
    probe_byte_words(flags)
    classes, class_count = probe_classes()
    check_hangul(nfd)
    decomposed = {p: list(map(ord, nfd(chr(p)))) for p in POINTS
                  if p not in HANGUL and nfd(chr(p)) != chr(p)}
    assert max(map(len, decomposed.values())) <= MAX_PARTS
    lowered = {p: list(map(ord, lower(chr(p)))) for p in POINTS if lower(chr(p)) != chr(p)}
    check_growth(decomposed, lowered, flags)
    tables = make_tables(flags, classes, decomposed, lowered)
    write_tables(path, class_count, [flags[p] for p in range(128)], tables)


if __name__ == "__main__":
    main(*sys.argv[1:])
