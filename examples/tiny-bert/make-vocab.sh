#!/bin/sh
# Write a small WordPiece vocabulary for an untrained model, from the texts of a JSON Lines file:
#
#     examples/tiny-bert/make-vocab.sh examples/library/train.jsonl > examples/tiny-bert/vocab.txt
#
# Special tokens, marks, digits, letters and a few endings come first, so that every English text has
# tokens; then the words of the file. A word that is a shorter one plus an ending (renew, renewed)
# is left out: the tokenizer splits it, and both forms share what is learned about the stem.
set -eu
LC_ALL=C
export LC_ALL

sed -n 's/^{"text": "\(.*\)", "label": ".*"}$/\1/p' "$1" | awk '
BEGIN {
    print "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]"
    marks = "!\"&'\''(),-./:;?"
    for (i = 1; i <= length(marks); i++)
        print substr(marks, i, 1)
    letters = "0123456789abcdefghijklmnopqrstuvwxyz"
    for (i = 1; i <= length(letters); i++)
        print substr(letters, i, 1)
    for (i = 1; i <= length(letters); i++)
        print "##" substr(letters, i, 1)
    count = split("es ed ing er ers al als ion ions ly ness ment est ation ity", endings, " ")
    for (i = 1; i <= count; i++)
        print "##" endings[i]
    endings[++count] = "s"
    endings[++count] = "d"
    endings[++count] = "n"
    endings[++count] = "r"
    endings[++count] = "t"
    endings[++count] = "y"
}
{
    text = tolower($0)
    while (match(text, /[a-z]+/)) {
        # A word that touches a letter beyond ASCII is not whole: leave it to the letters.
        word = substr(text, RSTART, RLENGTH)
        before = RSTART > 1 ? substr(text, RSTART - 1, 1) : " "
        after = substr(text, RSTART + RLENGTH, 1)
        if (RLENGTH > 1 && before <= "~" && (after == "" || after <= "~"))
            words[word] = 1
        text = substr(text, RSTART + RLENGTH)
    }
}
END {
    fflush() # what stands before the words, before sort writes them
    longest = 0
    for (word in words)
        if (length(word) > longest)
            longest = length(word)
    for (size = 2; size <= longest; size++)
        for (word in words)
            if (length(word) == size && !is_derived(word)) {
                kept[word] = 1
                print word | "sort"
            }
    close("sort")
}
function is_derived(word,    i, stem) {
    for (i = 1; i <= count; i++) {
        stem = length(word) - length(endings[i])
        if (stem >= 3 && substr(word, stem + 1) == endings[i] && substr(word, 1, stem) in kept)
            return 1
    }
    return 0
}'
