/* Talking to the daemon; see http.h. */
#include "api/client/http.h"

#include "api/client/fields.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum {
    CONNECT_SECONDS = 10,
    STALLED_SECONDS =
        300, /* without a byte in either direction: checking a large file takes time */
    REPLY_MAX_BYTES = 256 * 1024 * 1024,
};

struct http {
    CURL *easy;
    const char *url;    /* as the user wrote it, for messages */
    const char *prefix; /* what paths are appended to */
    const char *socket; /* path of a UNIX socket, or NULL */
    const char *bypass; /* hosts that no proxy is asked for */
    struct curl_slist *headers;
    struct buf reply;
    struct buf error_code;          /* that the last reply carried */
    const struct http_read *stream; /* where a successful answer goes instead of reply, or NULL */
    bool sink_full;                 /* it wanted no more */
    long status;                    /* of the last reply, 0 for none */
    char reason[CURL_ERROR_SIZE];
};

static bool
is_success(long status)
{
    return status >= 200 && status < 300;
}

static size_t
receive(char *bytes, size_t size, size_t count, void *context)
{
    struct http *http = context;
    size_t length = size * count;
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &http->status);
    if (http->stream != NULL && is_success(http->status)) {
        http->sink_full = !http->stream->sink(http->stream->context, bytes, length);
        return http->sink_full ? 0 : length;
    }
    if (length > REPLY_MAX_BYTES - http->reply.length)
        return 0;
    buf_append(&http->reply, bytes, length);
    return length;
}

/* The URL without what people copy along: blanks are theirs, "/" and "/v1" at the end are not
 * needed. */
static const char *
trimmed_prefix(struct arena *arena, const char *url)
{
    char *text = strstr(url, "://") != NULL ? arena_copy_string(arena, url)
                                            : arena_printf(arena, "http://%s", url);
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '/')
        text[--length] = '\0';
    if (length > 3 && strcmp(text + length - 3, "/v1") == 0)
        text[length - 3] = '\0';
    return text;
}

/* The loopback never lies behind a proxy, and the daemon refuses what came through one. */
static const char *
proxy_bypass(struct arena *arena)
{
    const char *given = getenv("no_proxy");
    if (given == NULL)
        given = getenv("NO_PROXY");
    return arena_printf(arena, "localhost,127.0.0.1,::1%s%s", given != NULL ? "," : "",
                        given != NULL ? given : "");
}

static void
add_header(struct http *http, const char *line)
{
    struct curl_slist *longer = curl_slist_append(http->headers, line);
    if (longer == NULL)
        abort(); /* as mem.h does for a few bytes */
    http->headers = longer;
}

int
http_open(struct client *client, const char *url, const char *api_key)
{
    struct arena *arena = client->arena;
    struct http *http = arena_alloc(arena, sizeof *http);
    bool is_socket = strncmp(url, "unix:", 5) == 0;
    http->url = arena_copy_string(arena, url);
    http->socket = is_socket ? arena_copy_string(arena, url + 5) : NULL;
    http->prefix = is_socket ? "http://localhost" : trimmed_prefix(arena, url);
    http->bypass = proxy_bypass(arena);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (http->easy = curl_easy_init()) == NULL)
        return client_problem(client, CLIENT_UNREACHABLE, "libcurl cannot be started");
    if (api_key != NULL && strpbrk(api_key, "\r\n") != NULL)
        return client_problem(client, CLIENT_USAGE, "FINETUNED_API_KEY holds a line end");
    if (api_key != NULL && api_key[0] != '\0')
        add_header(http, arena_printf(arena, "Authorization: Bearer %s", api_key));
    client->http = http;
    return CLIENT_OK;
}

void
http_close(struct http *http)
{
    if (http == NULL)
        return;
    curl_slist_free_all(http->headers);
    curl_easy_cleanup(http->easy);
    buf_fini(&http->reply);
    buf_fini(&http->error_code);
    curl_global_cleanup();
}

long
http_status(const struct client *client)
{
    return client->http->status;
}

const char *
http_error_code(const struct client *client)
{
    return buf_string(&client->http->error_code);
}

static void
prepare(struct http *http, const char *path, struct curl_slist *headers)
{
    struct buf url = {0};
    buf_printf(&url, "%s%s", http->prefix, path);
    curl_easy_reset(http->easy);
    buf_clear(&http->reply);
    buf_clear(&http->error_code);
    http->status = 0;
    http->reason[0] = '\0';
    curl_easy_setopt(http->easy, CURLOPT_URL, buf_string(&url)); /* libcurl keeps a copy */
    buf_fini(&url);
    curl_easy_setopt(http->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(http->easy, CURLOPT_UNIX_SOCKET_PATH, http->socket);
    curl_easy_setopt(http->easy, CURLOPT_NOPROXY, http->bypass);
    curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(http->easy, CURLOPT_USERAGENT, "finetunectl/" FINETUNED_VERSION);
    curl_easy_setopt(http->easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(http->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(http->easy, CURLOPT_LOW_SPEED_TIME, (long)STALLED_SECONDS);
    curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, http->reason);
    curl_easy_setopt(http->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, http);
}

static int
unreachable(struct client *client, CURLcode code)
{
    struct http *http = client->http;
    /* libcurl's own words for a failed connect name a port even of a UNIX socket. */
    bool own_words = http->reason[0] != '\0' && code != CURLE_COULDNT_CONNECT;
    const char *reason = own_words ? http->reason : curl_easy_strerror(code);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return client_problem(client, CLIENT_USAGE, "'%s' is not an address: %s", http->url,
                              reason);
    if (code == CURLE_READ_ERROR)
        return client_problem(client, CLIENT_USAGE, "the file could not be read to its end");
    if (code == CURLE_WRITE_ERROR)
        return client_problem(client, CLIENT_REFUSED, "%s answered with more than %d MiB",
                              http->url, REPLY_MAX_BYTES / 1024 / 1024);
    return client_problem(client, CLIENT_UNREACHABLE,
                          "no answer from %s: %s.\nIs the daemon running there? Start it with "
                          "`finetuned`, or name its address with --url or FINETUNED_URL.",
                          http->url, reason);
}

/* The daemon's own sentences, one fault a line; a foreign server's status where there are none. */
static int
refused(struct client *client, const json_t *reply, long status)
{
    const json_t *faults = field(reply, "errors");
    const char *message = field_text(reply, "error.message", NULL);
    const char *code = field_text(reply, "error.code", NULL);
    if (code != NULL)
        buf_append_string(&client->http->error_code, code);
    if (json_array_size(faults) > 1) {
        client_problem(client, CLIENT_REFUSED, "refused for %zu reasons:", json_array_size(faults));
        for (size_t i = 0; i < json_array_size(faults); i++)
            buf_printf(&client->problem, "\n- %s",
                       field_text(json_array_get(faults, i), "detail", "?"));
        return CLIENT_REFUSED;
    }
    if (message == NULL)
        return client_problem(client, CLIENT_REFUSED,
                              "%s answered with status %ld and no explanation: is this finetuned?",
                              client->http->url, status);
    client_problem(client, CLIENT_REFUSED, "refused: %s", message);
    if (code != NULL)
        buf_printf(&client->problem, " [%s]", code);
    if (status == 401)
        buf_append_string(&client->problem, "\nPut a key into FINETUNED_API_KEY.");
    return CLIENT_REFUSED;
}

/* What an answer that is no success says. */
static int
judge(struct client *client, const json_t *reply)
{
    long status = client->http->status;
    if (status >= 400)
        return refused(client, reply, status);
    return client_problem(client, CLIENT_REFUSED,
                          "%s does not speak finetuned's language (status %ld): is the address "
                          "right?",
                          client->http->url, status);
}

static json_t *
parse_reply(const struct http *http)
{
    struct err ignored;
    return json_parse(buf_string(&http->reply), http->reply.length, true, &ignored);
}

static int
perform(struct client *client, json_t **out)
{
    struct http *http = client->http;
    *out = NULL;
    CURLcode code = curl_easy_perform(http->easy);
    if (code != CURLE_OK)
        return unreachable(client, code);
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &http->status);
    json_t *reply = parse_reply(http);
    if (is_success(http->status) && reply != NULL) {
        *out = reply;
        return CLIENT_OK;
    }
    int result = judge(client, reply);
    json_decref(reply);
    return result;
}

int
http_read(struct client *client, const struct http_read *request)
{
    struct http *http = client->http;
    struct curl_slist more = {.next = http->headers};
    more.data = request->header != NULL ? arena_copy_string(client->arena, request->header) : NULL;
    prepare(http, request->path, more.data != NULL ? &more : http->headers);
    http->stream = request;
    http->sink_full = false;
    CURLcode code = curl_easy_perform(http->easy);
    http->stream = NULL;
    curl_easy_reset(http->easy); /* the list ends here */
    if (http->sink_full)
        return CLIENT_OK;
    if (code != CURLE_OK)
        return unreachable(client, code);
    if (is_success(http->status))
        return CLIENT_OK;
    json_t *reply = parse_reply(http);
    int result = judge(client, reply);
    json_decref(reply);
    return result;
}

int
http_get(struct client *client, const char *path, json_t **out)
{
    prepare(client->http, path, client->http->headers);
    return perform(client, out);
}

int
http_delete(struct client *client, const char *path, json_t **out)
{
    prepare(client->http, path, client->http->headers);
    curl_easy_setopt(client->http->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
    return perform(client, out);
}

const char *
http_path(struct client *client, const char *before, const char *name, const char *after)
{
    char *escaped = curl_easy_escape(client->http->easy, name, 0);
    if (escaped == NULL)
        abort();
    const char *path = arena_printf(client->arena, "%s%s%s", before, escaped, after);
    curl_free(escaped);
    return path;
}

int
http_get_job(struct client *client, const char *id, const char *rest, json_t **out)
{
    struct buf path = {0};
    char *escaped = curl_easy_escape(client->http->easy, id, 0);
    if (escaped == NULL)
        abort();
    buf_printf(&path, "/v1/fine_tuning/jobs/%s%s", escaped, rest);
    curl_free(escaped);
    int result = http_get(client, buf_string(&path), out);
    buf_fini(&path);
    return result;
}

/* method NULL: POST; body NULL: none. */
static int
send_json(struct client *client, const char *method, const char *path, const json_t *body,
          json_t **out)
{
    struct http *http = client->http;
    char json_type[] = "Content-Type: application/json", no_type[] = "Content-Type:";
    struct curl_slist typed = {.data = body != NULL ? json_type : no_type, .next = http->headers};
    char *text = body != NULL ? json_text(body) : NULL;
    prepare(http, path, &typed);
    curl_easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)(text != NULL ? strlen(text) : 0));
    curl_easy_setopt(http->easy, CURLOPT_POSTFIELDS, text != NULL ? text : "");
    curl_easy_setopt(http->easy, CURLOPT_CUSTOMREQUEST, method);
    int result = perform(client, out);
    curl_easy_reset(http->easy); /* the text and the list end here */
    free(text);
    return result;
}

int
http_post(struct client *client, const char *path, const json_t *body, json_t **out)
{
    return send_json(client, NULL, path, body, out);
}

int
http_patch(struct client *client, const char *path, const json_t *body, json_t **out)
{
    return send_json(client, "PATCH", path, body, out);
}

int
http_post_file(struct client *client, const char *path, const char *type, const char *file,
               json_t **out)
{
    struct http *http = client->http;
    struct stat status;
    FILE *bytes = fopen(file, "rbe");
    *out = NULL;
    if (bytes == NULL || fstat(fileno(bytes), &status) != 0) {
        if (bytes != NULL)
            fclose(bytes);
        return client_problem(client, CLIENT_USAGE, "cannot read '%s'", file);
    }
    struct curl_slist typed = {.data = arena_printf(client->arena, "Content-Type: %s", type),
                               .next = http->headers};
    prepare(http, path, &typed);
    curl_easy_setopt(http->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)status.st_size);
    curl_easy_setopt(http->easy, CURLOPT_READDATA, bytes);
    int result = perform(client, out);
    curl_easy_reset(http->easy);
    fclose(bytes);
    return result;
}

int
http_upload(struct client *client, const char *file, const char *purpose, json_t **out)
{
    struct http *http = client->http;
    prepare(http, "/v1/files", http->headers);
    curl_mime *form = curl_mime_init(http->easy);
    curl_mimepart *part = curl_mime_addpart(form);
    int result = CLIENT_USAGE;
    *out = NULL;
    if (curl_mime_name(part, "purpose") != CURLE_OK ||
        curl_mime_data(part, purpose, CURL_ZERO_TERMINATED) != CURLE_OK)
        abort();
    part = curl_mime_addpart(form);
    if (curl_mime_name(part, "file") != CURLE_OK)
        abort();
    if (curl_mime_filedata(part, file) != CURLE_OK) {
        client_problem(client, CLIENT_USAGE, "cannot read '%s'", file);
    } else {
        curl_easy_setopt(http->easy, CURLOPT_MIMEPOST, form);
        result = perform(client, out);
        curl_easy_reset(http->easy);
    }
    curl_mime_free(form);
    return result;
}
