/* Lines of the log; see log_line.h. */
#include "daemon/log_line.h"

#include "core/base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- reading a format ------------------------------------------------------------------------ */

static void
put(struct log_line *line, char byte)
{
    if (line->used < sizeof line->text - 1)
        line->text[line->used++] = byte;
}

/* End the text that a field points to; the last byte of the buffer stays free for it. */
static void
end_text(struct log_line *line)
{
    line->text[line->used] = '\0';
    if (line->used < sizeof line->text - 1)
        line->used++;
}

/* Append one conversion, given as "%...X" with its length modifier apart. */
static void
convert(struct log_line *line, const char *specification, char modifier, va_list *arguments)
{
    char *out = line->text + line->used;
    size_t room = sizeof line->text - line->used;
    int length = 0;
    switch (specification[strlen(specification) - 1]) {
    case 's':
        length = snprintf(out, room, specification, va_arg(*arguments, const char *));
        break;
    case 'f':
    case 'g':
        length = snprintf(out, room, specification, va_arg(*arguments, double));
        break;
    default:
        switch (modifier) {
        case 'z':
            length = snprintf(out, room, specification, va_arg(*arguments, size_t));
            break;
        case 'j':
            length = snprintf(out, room, specification, va_arg(*arguments, intmax_t));
            break;
        case 'q':
            length = snprintf(out, room, specification, va_arg(*arguments, long long));
            break;
        case 'l':
            length = snprintf(out, room, specification, va_arg(*arguments, long));
            break;
        default:
            length = snprintf(out, room, specification, va_arg(*arguments, int));
        }
    }
    if (length > 0)
        line->used += (size_t)length < room ? (size_t)length : room - 1;
}

enum { SPECIFICATION_BYTES = 24 };

/* Cut "%-5.3lld" out of the format; returns its length, the modifier as one letter ('q' for ll). */
static size_t
cut_specification(const char *format, char specification[SPECIFICATION_BYTES], char *modifier)
{
    size_t length = 1 + strspn(format + 1, "-+ #0123456789.");
    *modifier = '\0';
    while (format[length] == 'l' || format[length] == 'z' || format[length] == 'j') {
        *modifier = *modifier == 'l' ? 'q' : format[length];
        length++;
    }
    length++;
    size_t kept = length < SPECIFICATION_BYTES ? length : SPECIFICATION_BYTES - 1;
    memcpy(specification, format, kept);
    specification[kept] = '\0';
    return length;
}

static bool
is_key(const char *text, size_t length)
{
    size_t key = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return key > 0 && key == length;
}

/* Read one value up to the space that ends it, or the closing quote. */
static const char *
read_value(struct log_line *line, struct log_field *field, const char *format, va_list *arguments)
{
    size_t conversions = 0, numbers = 0, literals = 0;
    field->is_quoted = *format == '"';
    if (field->is_quoted)
        format++;
    field->value = line->text + line->used;
    while (*format != '\0' && *format != (field->is_quoted ? '"' : ' ')) {
        if (*format == '%' && format[1] != '%') {
            char specification[SPECIFICATION_BYTES];
            char modifier;
            format += cut_specification(format, specification, &modifier);
            conversions++;
            numbers += strchr("sc", specification[strlen(specification) - 1]) == NULL;
            convert(line, specification, modifier, arguments);
        } else {
            format += *format == '%';
            literals++;
            put(line, *format++);
        }
    }
    field->is_number = conversions == 1 && numbers == 1 && literals == 0 && !field->is_quoted;
    end_text(line);
    return field->is_quoted && *format == '"' ? format + 1 : format;
}

void
log_line_read(struct log_line *line, const char *format, va_list arguments)
{
    va_list copy;
    va_copy(copy, arguments);
    line->count = 0;
    line->used = 0;
    while (*format != '\0') {
        struct log_field field = {0};
        size_t length = strcspn(format, " =");
        if (format[length] == '=' && is_key(format, length)) {
            field.key = line->text + line->used;
            for (size_t i = 0; i < length; i++)
                put(line, format[i]);
            end_text(line);
            format += length + 1;
        }
        format = read_value(line, &field, format, &copy);
        if (line->count < LOG_LINE_FIELDS)
            line->fields[line->count++] = field;
        format += *format == ' ';
    }
    va_end(copy);
}

/* ---- printing -------------------------------------------------------------------------------- */

/* Room for `reserve` bytes behind what is printed is always kept, so that a line can be closed. */
struct printer {
    char *out;
    size_t size, used, reserve;
    bool full;
};

static void
print_bytes(struct printer *printer, const char *bytes, size_t length)
{
    if (printer->full || printer->used + length + printer->reserve > printer->size) {
        printer->full = true;
        return;
    }
    memcpy(printer->out + printer->used, bytes, length);
    printer->used += length;
}

static void
print_string(struct printer *printer, const char *text)
{
    print_bytes(printer, text, strlen(text));
}

/* Bytes of the printable character at the start, 0 for a control byte or broken UTF-8. */
static size_t
printable_length(const char *bytes, size_t left)
{
    unsigned char lead = (unsigned char)bytes[0];
    bool is_c1 = lead == 0xc2 && left > 1 && (unsigned char)bytes[1] < 0xa0;
    if (lead < 0x20 || lead == 0x7f || is_c1 || utf8_valid_length(bytes, left < 4 ? left : 4) == 0)
        return 0;
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* What cannot be printed stands as \n or \xNN (in JSON the backslash itself is escaped, so that a
 * reader of either form sees the same characters); quotes are escaped where `quoted`. */
static void
print_escaped(struct printer *printer, const char *text, bool quoted, bool json)
{
    size_t left = strlen(text);
    while (left > 0 && !printer->full) {
        size_t length = printable_length(text, left);
        char escape[8];
        if (length == 0) {
            snprintf(escape, sizeof escape, *text == '\n' ? "%s\\n" : "%s\\x%02x", json ? "\\" : "",
                     (unsigned)(unsigned char)*text);
            print_string(printer, escape);
            length = 1;
        } else if (quoted && (*text == '"' || *text == '\\')) {
            snprintf(escape, sizeof escape, "\\%c", *text);
            print_string(printer, escape); /* both or none: half of it would escape what follows */
        } else {
            print_bytes(printer, text, length);
        }
        text += length;
        left -= length;
    }
}

size_t
log_line_text(const struct log_line *line, const char *level, char *out, size_t size)
{
    struct printer printer = {.out = out, .size = size, .reserve = 2}; /* a quote and the end */
    print_string(&printer, level);
    for (size_t i = 0; i < line->count; i++) {
        const struct log_field *field = &line->fields[i];
        bool quoted =
            field->is_quoted || (field->key != NULL && strpbrk(field->value, " \"=") != NULL);
        print_string(&printer, " ");
        if (field->key != NULL) {
            print_string(&printer, field->key);
            print_string(&printer, "=");
        }
        if (quoted)
            print_string(&printer, "\"");
        bool opened = quoted && !printer.full;
        print_escaped(&printer, field->value, quoted, false);
        if (opened)
            out[printer.used++] = '"'; /* also when cut: it has its place */
        if (printer.full)
            break;
    }
    out[printer.used++] = '\n';
    return printer.used;
}

/* false: there was no room for a whole one; what is printed of it is no JSON. */
static bool
print_member(struct printer *printer, const char *key, const char *value, bool is_number)
{
    print_string(printer, ",\"");
    print_escaped(printer, key, true, true);
    print_string(printer, is_number ? "\":" : "\":\"");
    bool opened = !is_number && !printer->full;
    print_escaped(printer, value, true, true);
    if (opened)
        printer->out[printer->used++] = '"';
    return opened || !printer->full;
}

size_t
log_line_json(const struct log_line *line, const char *level, const char *time, char *out,
              size_t size)
{
    struct printer printer = {.out = out, .size = size, .reserve = 4}; /* quotes, brace, newline */
    size_t words = 0;
    print_string(&printer, "{\"time\":\"");
    print_string(&printer, time);
    print_string(&printer, "\"");
    print_member(&printer, "level", level, false);
    print_string(&printer, ",\"message\":\"");
    for (size_t i = 0; i < line->count; i++) {
        if (line->fields[i].key != NULL)
            continue;
        print_string(&printer, words++ > 0 ? " " : "");
        print_escaped(&printer, line->fields[i].value, true, true);
    }
    out[printer.used++] = '"';
    for (size_t i = 0; i < line->count && !printer.full; i++) {
        const struct log_field *field = &line->fields[i];
        size_t before = printer.used;
        if (field->key == NULL)
            continue;
        if (!print_member(&printer, field->key, field->value, field->is_number))
            printer.used = before; /* half a member is none */
    }
    out[printer.used++] = '}';
    out[printer.used++] = '\n';
    return printer.used;
}
