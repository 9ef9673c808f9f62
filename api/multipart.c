/*
 * multipart/form-data as a stream; see multipart.h.
 *
 * The window holds bytes not yet decided. It begins with CRLF, so that the first delimiter, which
 * may stand at the very front, looks like every other one: CRLF "--" boundary.
 */
#include "api/multipart.h"

#include "api/form_header.h"
#include "core/base/buf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum state { STATE_PREAMBLE, STATE_DELIMITED, STATE_HEADERS, STATE_BODY, STATE_EPILOGUE };

struct multipart {
    struct multipart_sink sink;
    char delimiter[MULTIPART_MAX_BOUNDARY + 8];
    size_t delimiter_length;
    enum state state;
    struct buf window;
    size_t consumed; /* bytes at the window's front that are done with */
    size_t skipped;  /* of the preamble */
    size_t parts;
    bool at_blank_line; /* the CRLF that ends a part's headers is still in front of its body */
};

/* What a step came to: go on with the next, wait for more bytes, or stop. */
enum step { STEP_AGAIN, STEP_MORE, STEP_FAULT };

const char *
multipart_boundary(const char *content_type, struct arena *arena)
{
    static const char form[] = "multipart/form-data";
    if (content_type == NULL || strncasecmp(content_type, form, sizeof form - 1) != 0)
        return NULL;
    if (strchr(" \t;", content_type[sizeof form - 1]) == NULL)
        return NULL;
    const char *boundary = form_parameter(content_type, "boundary", arena);
    if (boundary == NULL || *boundary == '\0' || strlen(boundary) > MULTIPART_MAX_BOUNDARY)
        return NULL;
    return boundary;
}

struct multipart *
multipart_new(const char *boundary, const struct multipart_sink *sink)
{
    struct multipart *parser = mem_small(sizeof *parser);
    *parser = (struct multipart){.sink = *sink};
    size_t length = strlen(boundary);
    memcpy(parser->delimiter, "\r\n--", 4);
    memcpy(parser->delimiter + 4, boundary, length);
    parser->delimiter_length = length + 4;
    buf_append(&parser->window, "\r\n", 2);
    return parser;
}

void
multipart_free(struct multipart *parser)
{
    if (parser == NULL)
        return;
    buf_fini(&parser->window);
    free(parser);
}

static const char *
rest(const struct multipart *parser, size_t *length)
{
    *length = parser->window.length - parser->consumed;
    return parser->window.data + parser->consumed;
}

/*
 * How many bytes in front are certainly before the next delimiter; *found when they end at one. At
 * most delimiter_length - 1 bytes are held back.
 */
static size_t
decided_bytes(const struct multipart *parser, bool *found)
{
    size_t length = 0;
    const char *bytes = rest(parser, &length);
    const char *at = memmem(bytes, length, parser->delimiter, parser->delimiter_length);
    *found = at != NULL;
    if (*found)
        return (size_t)(at - bytes);
    size_t held = parser->delimiter_length - 1;
    return length > held ? length - held : 0;
}

static enum step
step_preamble(struct multipart *parser, struct fault_list *faults)
{
    bool found = false;
    size_t decided = decided_bytes(parser, &found);
    parser->consumed += decided;
    parser->skipped += decided;
    if (parser->skipped > MULTIPART_MAX_PREAMBLE_BYTES) {
        fault_add(faults, FAULT_BAD_REQUEST, NULL,
                  "The form's boundary does not appear in the body; Content-Type names another "
                  "one.");
        return STEP_FAULT;
    }
    if (!found)
        return STEP_MORE;
    parser->consumed += parser->delimiter_length;
    parser->state = STATE_DELIMITED;
    return STEP_AGAIN;
}

/* Behind a delimiter: "--" ends the form, else white space and CRLF begin a part. */
static enum step
step_delimited(struct multipart *parser, struct fault_list *faults)
{
    size_t length = 0;
    const char *bytes = rest(parser, &length);
    if (length >= 2 && memcmp(bytes, "--", 2) == 0) {
        parser->state = STATE_EPILOGUE;
        return STEP_AGAIN;
    }
    size_t blank = 0;
    while (blank < length && (bytes[blank] == ' ' || bytes[blank] == '\t'))
        blank++;
    if (length - blank >= 2 && memcmp(bytes + blank, "\r\n", 2) == 0) {
        parser->consumed += blank + 2;
        parser->state = STATE_HEADERS;
        return STEP_AGAIN;
    }
    bool may_become = length - blank == 0 || (length - blank == 1 && bytes[blank] == '\r') ||
                      (length == 1 && bytes[0] == '-');
    if (may_become && blank < MULTIPART_MAX_BOUNDARY)
        return STEP_MORE;
    fault_add(faults, FAULT_BAD_REQUEST, NULL,
              "A boundary of the form is followed by something else than a line end.");
    return STEP_FAULT;
}

static int
begin_part(struct multipart *parser, const char *block, size_t length, struct fault_list *faults)
{
    struct arena *arena = arena_new();
    struct form_header header;
    int result = form_header_parse(block, length, arena, &header, faults);
    if (result == 0) {
        struct multipart_part part = {.name = header.name, .filename = header.filename};
        result = parser->sink.begin(parser->sink.context, &part, faults);
    }
    arena_free(arena);
    return result;
}

static enum step
step_headers(struct multipart *parser, struct fault_list *faults)
{
    size_t length = 0;
    const char *bytes = rest(parser, &length);
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    size_t block = end == NULL ? length : (size_t)(end - bytes);
    if (block > MULTIPART_MAX_HEADER_BYTES || ++parser->parts > MULTIPART_MAX_PARTS) {
        fault_add(faults, FAULT_BAD_REQUEST, NULL,
                  "A form may have at most %d parts with %d bytes of headers each.",
                  MULTIPART_MAX_PARTS, MULTIPART_MAX_HEADER_BYTES);
        return STEP_FAULT;
    }
    if (end == NULL) {
        parser->parts--;
        return STEP_MORE;
    }
    if (begin_part(parser, bytes, block, faults) != 0)
        return STEP_FAULT;
    /* The blank line stays: the delimiter of a part without any body begins with it. */
    parser->consumed += block + 2;
    parser->at_blank_line = true;
    parser->state = STATE_BODY;
    return STEP_AGAIN;
}

static enum step
step_body(struct multipart *parser, struct fault_list *faults)
{
    bool found = false;
    size_t length = 0;
    size_t decided = decided_bytes(parser, &found);
    if (parser->at_blank_line && !found && decided < 2)
        return STEP_MORE;
    size_t blank = parser->at_blank_line && decided > 0 ? 2 : 0;
    parser->at_blank_line = false;
    const char *bytes = rest(parser, &length);
    if (decided > blank &&
        parser->sink.data(parser->sink.context, bytes + blank, decided - blank, faults) != 0)
        return STEP_FAULT;
    parser->consumed += decided;
    if (!found)
        return STEP_MORE;
    if (parser->sink.end(parser->sink.context, faults) != 0)
        return STEP_FAULT;
    parser->consumed += parser->delimiter_length;
    parser->state = STATE_DELIMITED;
    return STEP_AGAIN;
}

static enum step
step_epilogue(struct multipart *parser, struct fault_list *faults)
{
    (void)faults;
    parser->consumed = parser->window.length;
    return STEP_MORE;
}

typedef enum step step_function(struct multipart *parser, struct fault_list *faults);

static step_function *const steps[] = {
    [STATE_PREAMBLE] = step_preamble, [STATE_DELIMITED] = step_delimited,
    [STATE_HEADERS] = step_headers,   [STATE_BODY] = step_body,
    [STATE_EPILOGUE] = step_epilogue,
};

static void
drop_consumed(struct multipart *parser)
{
    size_t length = 0;
    const char *bytes = rest(parser, &length);
    memmove(parser->window.data, bytes, length);
    parser->window.length = length;
    parser->consumed = 0;
}

int
multipart_feed(struct multipart *parser, const char *bytes, size_t length,
               struct fault_list *faults)
{
    enum step step = STEP_AGAIN;
    buf_append(&parser->window, bytes, length);
    while (step == STEP_AGAIN)
        step = steps[parser->state](parser, faults);
    drop_consumed(parser);
    return step == STEP_FAULT ? -1 : 0;
}

int
multipart_finish(const struct multipart *parser, struct fault_list *faults)
{
    if (parser->state == STATE_EPILOGUE)
        return 0;
    return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                     "The form ends before its final boundary: the upload was cut off.");
}
