/* What does an upstream look like that costs next to nothing? A server of OpenAI's API: one thread, epoll, keep-alive.
 *
 *   mock_upstream [PORT]        0 takes a free port; the port is printed on a line of its own
 *
 * POST is answered as the words of the model's name say, in any order:
 *   delay-MS                    the answer begins so much later
 *   chunks-N, every-MS          a stream has N content events, MS apart; without `every` each is sent at once, one send each
 *   status-CODE                 a failure with that status
 * The last word of the path says with what:
 *   responses                   a response, or a stream of its events
 *   embeddings                  one embedding of 1,536 numbers in base64, whatever was asked
 *   speech                      4 KiB of sound for each of the N chunks
 *   transcriptions              a transcript, whatever the form holds
 *   anything else               a chat completion, or a stream of its chunks, with usage if the body has `include_usage`
 * It is a stream of server-sent events if the body has `"stream": true`.
 *
 * GET /closes     [[id, ns], ...]: exchanges whose client closed before their end; id from the text "id-N" in the body,
 *                 ns on CLOCK_MONOTONIC. Reading forgets them.
 * GET /state      {"open": connections, "busy": exchanges under way, "answered": so far, "cut": closed by clients so far}
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000LL
enum { SLOTS = 1 << 16, MOST_BODY = 64 << 20, KEPT_CLOSES = 1 << 16, MOST_PRINT = 4096, NUMBERS = 1536, SOUND = 4096 };
enum Kind { CHAT, RESPONSES, EMBEDDINGS, SPEECH, TRANSCRIPTIONS };

typedef struct { char *data; size_t len, cap; } Buffer;

typedef struct {
    int live, busy, stream, with_usage, waits_for_write;
    unsigned use;                               /* of this slot; a timer of an earlier use is void */
    enum Kind kind;
    int chunks, sent, every, number;            /* `number`: of the next event of a response */
    long id;
    Buffer in, out;
    size_t flushed;
} Peer;

typedef struct { long long at; int slot; unsigned use; } Alarm;

static Peer peers[SLOTS];
static Alarm alarms[2 * SLOTS];
static struct { long id; long long at; } closes[KEPT_CLOSES];
static int n_alarms, n_closes, n_live, n_busy, poller;
static long n_answered, n_cut;

#define TEXT "\"A gateway stands between those who ask and those who answer. It adds order, and it should add nothing else: " \
             "least of all time.\""
static const char WHOLE[] =
    "{\"id\":\"chatcmpl-7f3a90c2\",\"object\":\"chat.completion\",\"created\":1770000000,\"model\":\"bench\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":" TEXT ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":27,\"total_tokens\":237,\"prompt_tokens_details\":{\"cached_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\"}";
static const char STREAM_HEAD[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
#define EVENT "{\"id\":\"chatcmpl-7f3a90c2\",\"object\":\"chat.completion.chunk\",\"created\":1770000000,\"model\":\"bench\"," \
              "\"system_fingerprint\":\"fp_bench\",\"choices\":["
static const char SOUND_HEAD[] = "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n";

#define RESPONSE(STATUS, OUTPUT, USAGE) \
    "{\"id\":\"resp_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b\",\"object\":\"response\",\"created_at\":1770000000,\"status\":\"" STATUS \
    "\",\"background\":false,\"error\":null,\"incomplete_details\":null,\"instructions\":null,\"max_output_tokens\":200," \
    "\"max_tool_calls\":null,\"model\":\"bench\",\"output\":[" OUTPUT "],\"parallel_tool_calls\":true,\"previous_response_id\":null," \
    "\"prompt_cache_key\":null,\"reasoning\":{\"effort\":null,\"summary\":null},\"safety_identifier\":null,\"service_tier\":\"default\"," \
    "\"store\":true,\"temperature\":0.2,\"text\":{\"format\":{\"type\":\"text\"},\"verbosity\":\"medium\"},\"tool_choice\":\"auto\"," \
    "\"tools\":[],\"top_logprobs\":0,\"top_p\":1.0,\"truncation\":\"disabled\",\"usage\":" USAGE ",\"user\":null,\"metadata\":{}}"
#define ITEM_ID "msg_68af4031a3f48193b1f1c5f2d0a1b3c405438e46b5f69a3b"
#define PART(VALUE) "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":" VALUE "}"
#define ITEM(STATUS, CONTENT) \
    "{\"id\":\"" ITEM_ID "\",\"type\":\"message\",\"status\":\"" STATUS "\",\"content\":[" CONTENT "],\"role\":\"assistant\"}"
#define WHOLE_ITEM ITEM("completed", PART(TEXT))
#define PLACE "\"item_id\":\"" ITEM_ID "\",\"output_index\":0,\"content_index\":0"
#define USAGE "{\"input_tokens\":210,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":27," \
              "\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":237}"
static const char WHOLE_RESPONSE[] = RESPONSE("completed", WHOLE_ITEM, USAGE);
typedef struct { const char *type, *more; } ResponseEvent;
static const ResponseEvent BEGINNING[] = {
    {"response.created", "\"response\":" RESPONSE("in_progress", "", "null")},
    {"response.in_progress", "\"response\":" RESPONSE("in_progress", "", "null")},
    {"response.output_item.added", "\"output_index\":0,\"item\":" ITEM("in_progress", "")},
    {"response.content_part.added", PLACE ",\"part\":" PART("\"\"")},
    {NULL, NULL},
}, ENDING[] = {
    {"response.output_text.done", PLACE ",\"text\":" TEXT ",\"logprobs\":[]"},
    {"response.content_part.done", PLACE ",\"part\":" PART(TEXT)},
    {"response.output_item.done", "\"output_index\":0,\"item\":" WHOLE_ITEM},
    {"response.completed", "\"response\":" RESPONSE("completed", WHOLE_ITEM, USAGE)},
    {NULL, NULL},
};
static char embedding[4 * NUMBERS * 4 / 3 + 512], sound[SOUND];

static long long clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void reserve(Buffer *b, size_t more) {
    if (b->len + more <= b->cap) return;
    b->cap = 2 * (b->len + more) + 4096;
    b->data = realloc(b->data, b->cap);
    if (!b->data) abort();
}

static void append(Buffer *b, const char *data, size_t len) {
    reserve(b, len);
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void print(Buffer *b, const char *form, ...) {
    va_list values;
    reserve(b, MOST_PRINT);
    va_start(values, form);
    b->len += vsnprintf(b->data + b->len, MOST_PRINT, form, values);
    va_end(values);
}

/* alarms: a binary heap, the earliest first */

static void set_alarm(int slot, int ms) {
    Alarm a = {clock_ns() + ms * MS, slot, peers[slot].use};
    int i = n_alarms;
    if (n_alarms == 2 * SLOTS) return;
    for (n_alarms++; i && alarms[(i - 1) / 2].at > a.at; i = (i - 1) / 2) alarms[i] = alarms[(i - 1) / 2];
    alarms[i] = a;
}

static Alarm next_alarm(void) {
    Alarm first = alarms[0], moved = alarms[--n_alarms];
    int i = 0;
    for (int child; (child = 2 * i + 1) < n_alarms; i = child) {
        if (child + 1 < n_alarms && alarms[child + 1].at < alarms[child].at) child++;
        if (alarms[child].at >= moved.at) break;
        alarms[i] = alarms[child];
    }
    alarms[i] = moved;
    return first;
}

/* one connection */

static void end_exchange(Peer *p) { p->busy = 0; n_busy--; n_answered++; }

static void hang_up(int slot) {
    Peer *p = &peers[slot];
    if (p->busy) {
        if (n_closes < KEPT_CLOSES) { closes[n_closes].id = p->id; closes[n_closes++].at = clock_ns(); }
        n_busy--;
        n_cut++;
    }
    close(slot);
    p->live = p->busy = 0;
    p->use++;
    n_live--;
}

static void watch_writing(int slot, int wanted) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | (wanted ? EPOLLOUT : 0), .data.fd = slot};
    if (peers[slot].waits_for_write == wanted) return;
    peers[slot].waits_for_write = wanted;
    epoll_ctl(poller, EPOLL_CTL_MOD, slot, &e);
}

static void flush_to(int slot) {
    Peer *p = &peers[slot];
    while (p->flushed < p->out.len) {
        ssize_t n = send(slot, p->out.data + p->flushed, p->out.len - p->flushed, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) watch_writing(slot, 1); else hang_up(slot);
            return;
        }
        p->flushed += n;
    }
    p->out.len = p->flushed = 0;
    watch_writing(slot, 0);
}

static void send_event(int slot, const char *data) {
    print(&peers[slot].out, "%zx\r\ndata: %s\n\n\r\n", strlen(data) + 8, data);
    flush_to(slot);
}

static void send_response_event(int slot, const char *type, const char *more) {
    static char data[MOST_PRINT / 2];
    Peer *p = &peers[slot];
    if (!p->live) return;
    int n = snprintf(data, sizeof data, "{\"type\":\"%s\",\"sequence_number\":%d,%s}", type, p->number++, more);
    print(&p->out, "%zx\r\nevent: %s\ndata: %s\n\n\r\n", n + strlen(type) + 16, type, data);
    flush_to(slot);
}

static void send_response_events(int slot, const ResponseEvent *list) {
    for (; list->type; list++) send_response_event(slot, list->type, list->more);
}

static void begin_stream(int slot) {
    Peer *p = &peers[slot];
    if (p->kind == SPEECH) append(&p->out, SOUND_HEAD, sizeof SOUND_HEAD - 1);
    else append(&p->out, STREAM_HEAD, sizeof STREAM_HEAD - 1);
    if (p->kind == RESPONSES) send_response_events(slot, BEGINNING);
}

static void send_chunk(int slot) {
    Peer *p = &peers[slot];
    char event[640];
    if (p->kind == RESPONSES) {
        snprintf(event, sizeof event, PLACE ",\"delta\":\" word%d\",\"logprobs\":[],\"obfuscation\":\"x8sK2mPq\"", p->sent);
        send_response_event(slot, "response.output_text.delta", event);
    } else if (p->kind == SPEECH) {
        print(&p->out, "%x\r\n", SOUND);
        append(&p->out, sound, SOUND);
        append(&p->out, "\r\n", 2);
        flush_to(slot);
    } else {
        snprintf(event, sizeof event, EVENT "{\"index\":0,\"delta\":{%s\"content\":\" word%d\"},\"logprobs\":null,\"finish_reason\":null}]}",
                 p->sent ? "" : "\"role\":\"assistant\",", p->sent);
        send_event(slot, event);
    }
}

static void end_chat(int slot) {
    Peer *p = &peers[slot];
    char event[640];
    send_event(slot, EVENT "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
    if (p->live && p->with_usage) {
        snprintf(event, sizeof event, EVENT "],\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":%d,\"total_tokens\":%d}}",
                 p->chunks, p->chunks + 210);
        send_event(slot, event);
    }
    print(&p->out, "e\r\ndata: [DONE]\n\n\r\n");
}

static void go_on(int slot) {
    Peer *p = &peers[slot];
    if (!p->stream) { end_exchange(p); flush_to(slot); return; }
    if (!p->sent) begin_stream(slot);
    while (p->live && p->sent < p->chunks) {
        send_chunk(slot);
        if (++p->sent < p->chunks && p->every) { set_alarm(slot, p->every); return; }
    }
    if (p->live && p->kind == RESPONSES) send_response_events(slot, ENDING);
    else if (p->live && p->kind == CHAT) end_chat(slot);
    if (!p->live) return;
    print(&p->out, "0\r\n\r\n");
    end_exchange(p);
    flush_to(slot);
}

static void send_json(Peer *p, int status, const char *json, size_t len) {
    print(&p->out, "HTTP/1.1 %d Answer\r\ncontent-type: application/json\r\ncontent-length: %zu\r\nx-request-id: req_bench\r\n\r\n", status, len);
    append(&p->out, json, len);
}

static void tell_closes(Peer *p) {
    Buffer list = {0};
    for (int i = 0; i < n_closes; i++) print(&list, "%c[%ld,%lld]", i ? ',' : '[', closes[i].id, closes[i].at);
    print(&list, n_closes ? "]" : "[]");
    n_closes = 0;
    send_json(p, 200, list.data, list.len);
    free(list.data);
}

static int word(const char *model, const char *name, int otherwise) {
    const char *found = strstr(model, name);
    return found ? atoi(found + strlen(name)) : otherwise;
}

static enum Kind kind_of(const char *head) {
    static const struct { const char *ending; enum Kind kind; } kinds[] = {
        {"/responses ", RESPONSES}, {"/embeddings ", EMBEDDINGS}, {"/speech ", SPEECH}, {"/transcriptions ", TRANSCRIPTIONS}};
    size_t line = strcspn(head, "\r");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) if (memmem(head, line, kinds[i].ending, strlen(kinds[i].ending))) return kinds[i].kind;
    return CHAT;
}

static void send_whole(Peer *p) {
    if (p->kind == RESPONSES) send_json(p, 200, WHOLE_RESPONSE, sizeof WHOLE_RESPONSE - 1);
    else if (p->kind == EMBEDDINGS) send_json(p, 200, embedding, strlen(embedding));
    else if (p->kind == TRANSCRIPTIONS) send_json(p, 200, "{\"text\":\"as asked\"}", 19);
    else send_json(p, 200, WHOLE, sizeof WHOLE - 1);
}

static const char *after(const char *text, size_t len, const char *name) {
    const char *found = memmem(text, len, name, strlen(name));
    if (!found) return NULL;
    for (found += strlen(name); *found == ' ' || *found == ':'; found++);
    return found;
}

static void answer(int slot, char *head, char *body, size_t len) {  /* both end in a zero byte */
    Peer *p = &peers[slot];
    const char *value;
    char model[160] = "";
    p->stream = p->sent = p->with_usage = p->number = 0;
    p->id = -1;
    if (!strncmp(head, "GET /closes", 11)) { tell_closes(p); flush_to(slot); return; }
    if (!strncmp(head, "GET ", 4)) {
        char state[160];
        int n = snprintf(state, sizeof state, "{\"open\":%d,\"busy\":%d,\"answered\":%ld,\"cut\":%ld}", n_live, n_busy, n_answered, n_cut);
        send_json(p, 200, state, n);
        flush_to(slot);
        return;
    }
    p->busy = 1;
    p->kind = kind_of(head);
    n_busy++;
    if ((value = after(body, len, "\"model\"")) && *value == '"') sscanf(value + 1, "%159[^\"]", model);
    if ((value = memmem(body, len, "\"id-", 4))) p->id = atol(value + 4);
    int status = word(model, "status-", 200), delay = word(model, "delay-", 0);
    if (status != 200) {
        static const char error[] = "{\"error\":{\"message\":\"as asked\",\"type\":\"server_error\",\"param\":null,\"code\":null}}";
        send_json(p, status, error, sizeof error - 1);
    } else if (p->kind == SPEECH || ((value = after(body, len, "\"stream\"")) && !strncmp(value, "true", 4))) {
        p->stream = 1;
        p->chunks = word(model, "chunks-", 20);
        p->every = word(model, "every-", 0);
        p->with_usage = memmem(body, len, "include_usage", 13) != NULL;
    } else send_whole(p);
    if (delay) set_alarm(slot, delay); else go_on(slot);
}

static void take_requests(int slot) {
    Peer *p = &peers[slot];
    while (p->live && !p->busy && p->in.len) {
        char *end = memmem(p->in.data, p->in.len, "\r\n\r\n", 4);
        if (!end) return;
        end[2] = 0;
        char *length = strcasestr(p->in.data, "\r\ncontent-length:");
        size_t head = end + 4 - p->in.data, body = length ? strtoul(length + 17, NULL, 10) : 0;
        end[2] = '\r';
        if (body > MOST_BODY) { hang_up(slot); return; }
        if (p->in.len < head + body) return;
        reserve(&p->in, 1);
        char kept = p->in.data[head + body];
        p->in.data[head + body] = 0;
        answer(slot, p->in.data, p->in.data + head, body);
        p->in.data[head + body] = kept;
        memmove(p->in.data, p->in.data + head + body, p->in.len - head - body);
        p->in.len -= head + body;
    }
}

static void read_from(int slot) {
    Peer *p = &peers[slot];
    reserve(&p->in, 16384);
    ssize_t n = recv(slot, p->in.data + p->in.len, p->in.cap - p->in.len - 1, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) { hang_up(slot); return; }
    p->in.len += n;
    take_requests(slot);
}

static void accept_from(int listener) {
    int on = 1, slot;
    while ((slot = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (slot >= SLOTS) { close(slot); continue; }
        Peer *p = &peers[slot];
        p->live = 1;
        p->busy = p->waits_for_write = 0;
        p->in.len = p->out.len = p->flushed = 0;
        p->use++;
        n_live++;
        setsockopt(slot, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = slot};
        epoll_ctl(poller, EPOLL_CTL_ADD, slot, &e);
    }
}

static void ring(void) {
    for (long long now = clock_ns(); n_alarms && alarms[0].at <= now;) {
        Alarm a = next_alarm();
        if (!peers[a.slot].live || peers[a.slot].use != a.use || !peers[a.slot].busy) continue;
        go_on(a.slot);
        take_requests(a.slot);
    }
}

static void make_answers(void) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *end = embedding + sprintf(embedding, "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":\"");
    srand(1);
    for (int i = 0; i < NUMBERS * 4 * 4 / 3; i++) *end++ = letters[rand() % 64];
    strcpy(end, "\"}],\"model\":\"bench\",\"usage\":{\"prompt_tokens\":210,\"total_tokens\":210}}");
    for (int i = 0; i < SOUND; i++) sound[i] = rand();
}

int main(int argc, char **argv) {
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[256];
    make_answers();
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) { perror("mock_upstream"); return 1; }
    getsockname(listener, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poller = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        long long left = n_alarms ? alarms[0].at - clock_ns() : 0;
        struct timespec pause = {left > 0 ? left / (1000 * MS) : 0, left > 0 ? left % (1000 * MS) : 0};
        int n = epoll_pwait2(poller, events, 256, n_alarms ? &pause : NULL, NULL);
        ring();
        for (int i = 0; i < n; i++) {
            int slot = events[i].data.fd;
            if (slot == listener) { accept_from(listener); continue; }
            if (peers[slot].live && events[i].events & EPOLLOUT) flush_to(slot);
            if (peers[slot].live && events[i].events & ~EPOLLOUT) read_from(slot);
        }
    }
}
