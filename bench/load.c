/* How long do requests take, how many go through, and what when clients leave? One thread, epoll, HTTP/1.1.
 *
 *   load [--rate R | --cancel MS] [--seconds S] [--warmup S] [--requests N] [--connections N] [--seed N]
 *        --target NAME PORT PATH BODY_FILE [--header LINE]... [--target ...]
 *
 * --rate R       R requests a second to each target, evenly spaced, targets in turn. A time is counted from the instant
 *                that the request was due, so that waiting for a free connection counts too.
 * no --rate      every connection sends its next request when it has its answer.
 * --cancel MS    every request has a connection of its own, which is closed after a random time of 0 to MS milliseconds,
 *                in turn with FIN and RST, whatever has been answered by then. "cuts" then lists [id, ns on CLOCK_MONOTONIC].
 *                The time runs from the request, which is sent when a GET /livez before it is answered: a gateway that is
 *                late would else see clients only that have left already.
 * --requests N   ends after so many requests instead of after S seconds; nothing is warm-up.
 *
 * "########" in a body becomes the number of the request to its target, eight digits. A GET is sent when BODY_FILE is "-".
 * Prints one JSON object; times are in microseconds. "first": until the first byte of the body, which for a stream is its
 * first event; "whole": until the end. A quantile is exact to a thousandth.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define PATIENCE (5 * SECOND)
enum { MOST_TARGETS = 8, MOST_LINKS = 8192, STEPS = 1024, RANGES = 44, MOST_CUTS = 1 << 18 };

typedef struct { unsigned count[RANGES * STEPS]; long n; double sum; long long most; } Histogram;

typedef struct {
    const char *name, *path, *body_file;
    int port, idle, is_idle[MOST_LINKS];
    char headers[4096], *request;
    size_t length;
    long long due;
    Histogram first, whole;
    long sent, answered, ok, failed, broken, events, all_events, streams, clean, fewest, most;
    int last_failure;
} Target;

enum State { HEAD, SIZED, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, TO_THE_END };

typedef struct {
    Target *target;
    int fd, busy, connected, status, is_stream, closes, empty_line, head_length, matched, greets;
    enum State state;
    char *request, head[8192], last;
    size_t written;
    long long due, first, leave, left;
    long number, events, clean;
} Link;

static Target targets[MOST_TARGETS];
static Link links[MOST_LINKS];
static struct { long id; long long at; } cuts[MOST_CUTS];
static int n_targets, n_links, n_cuts, poller, per_target = 64;
static long wanted, started_requests, finished;
static double rate, cancel_ms = -1;
static long long begin, measured, end;

static long long clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

static void fail(const char *text) { fprintf(stderr, "load: %s\n", text); exit(2); }

/* A histogram whose buckets are a thousandth of their value wide: the leading bit chooses a range, the next ten the step. */

static int bucket_of(long long ns) {
    unsigned long long v = ns < 0 ? 0 : ns;
    if (v < STEPS) return v;
    int shift = 63 - __builtin_clzll(v) - 10;
    int place = (shift + 1) * STEPS + (int)((v >> shift) - STEPS);
    return place < RANGES * STEPS ? place : RANGES * STEPS - 1;
}

static double value_of(int bucket) {
    if (bucket < STEPS) return bucket;
    int shift = bucket / STEPS - 1;
    return ((double)(STEPS + bucket % STEPS) + 0.5) * (double)(1LL << shift);
}

static void put(Histogram *h, long long ns) {
    h->count[bucket_of(ns)]++;
    h->n++;
    h->sum += ns;
    if (ns > h->most) h->most = ns;
}

static double quantile(const Histogram *h, double share) {
    long rank = (long)(share * h->n + 0.999999), seen = 0;
    for (int i = 0; h->n && i < RANGES * STEPS; i++) if ((seen += h->count[i]) >= rank && seen) return value_of(i) / 1e3;
    return 0;
}

static void show(const char *name, const Histogram *h) {
    printf(",\"%s\":{\"n\":%ld,\"mean\":%.2f,\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f}", name, h->n,
           h->n ? h->sum / h->n / 1e3 : 0, quantile(h, 0.5), quantile(h, 0.9), quantile(h, 0.99), quantile(h, 0.999), h->most / 1e3);
}

/* one connection */

static void dial(Link *l) {
    int on = 1;
    static unsigned host;
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(l->target->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0) fail("no descriptor is left");
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (cancel_ms >= 0) {                       /* many short connections: their ports are spread over some addresses */
        struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + host++ % 32)};
        setsockopt(l->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
        bind(l->fd, (void *)&here, sizeof here);
    }
    l->connected = 0;
    connect(l->fd, (void *)&there, sizeof there);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = l};
    epoll_ctl(poller, EPOLL_CTL_ADD, l->fd, &e);
}

static void push(Link *l) {
    static const char greeting[] = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    const char *text = l->greets ? greeting : l->request;
    size_t length = l->greets ? sizeof greeting - 1 : l->target->length;
    while (l->busy && l->connected && l->written < length) {
        ssize_t n = send(l->fd, text + l->written, length - l->written, MSG_NOSIGNAL);
        if (n < 0) return;
        l->written += n;
        if (l->written == length && !l->greets && cancel_ms >= 0) l->leave = clock_ns() + (long long)(drand48() * cancel_ms * 1e6);
    }
}

static void ask(Link *l, long long due) {
    char *mark;
    l->busy = 1;
    l->state = HEAD;
    l->due = due;
    l->number = l->target->sent++;
    started_requests++;
    l->first = l->written = l->head_length = l->closes = l->events = l->clean = l->matched = 0;
    l->leave = 0;
    l->greets = cancel_ms >= 0;
    memcpy(l->request, l->target->request, l->target->length);
    if ((mark = memmem(l->request, l->target->length, "########", 8))) {
        char digits[24];
        snprintf(digits, sizeof digits, "%08ld", l->number % 100000000);
        memcpy(mark, digits, 8);
    }
    push(l);
}

static int may_go_on(long long now) { return wanted ? started_requests < wanted : now < end; }

static void rest(Link *l) {
    long long now = clock_ns();
    l->busy = 0;
    if (rate > 0) l->target->is_idle[l->target->idle++] = l - links;
    else if (may_go_on(now)) ask(l, now);
}

static void answered(Link *l) {
    Target *t = l->target;
    long long now = clock_ns(), counted = rate > 0 ? l->due : now;
    int redial = l->closes;
    if (l->greets) {
        l->greets = l->written = l->first = l->closes = 0;
        l->state = HEAD;
        push(l);
        return;
    }
    finished++;
    t->answered++;
    if (wanted || (counted >= measured && counted < end)) {
        if (l->status / 100 != 2) { t->failed++; t->last_failure = l->status; }
        else {
            t->ok++;
            put(&t->first, (l->first ? l->first : now) - l->due);
            put(&t->whole, now - l->due);
            t->events += l->events;
            if (l->is_stream) {
                t->streams++;
                t->clean += l->clean;
                if (t->streams == 1 || l->events < t->fewest) t->fewest = l->events;
                if (l->events > t->most) t->most = l->events;
            }
        }
    }
    if (cancel_ms >= 0) { l->busy = 2; return; }  /* it is closed when its time has come */
    if (redial) { close(l->fd); dial(l); }
    rest(l);
}

static void lost(Link *l) {                     /* the other side has closed */
    if (l->busy == 1 && l->state == TO_THE_END) { l->closes = 1; answered(l); return; }
    if (l->busy == 1) { l->target->broken++; finished++; }
    if (cancel_ms >= 0) { l->busy = 2; if (!l->leave) l->leave = clock_ns(); return; }
    int was_busy = l->busy;
    close(l->fd);
    if (was_busy) usleep(500);                  /* a port that refuses is not asked in a tight circle */
    dial(l);
    if (was_busy) rest(l);
}

static void leave(Link *l) {
    struct linger hard = {1, 0};
    long long now = clock_ns();
    if (n_cuts < MOST_CUTS && l->busy == 1) { cuts[n_cuts].id = l->number; cuts[n_cuts++].at = now; }
    if (l->busy == 1) finished++;
    if (l->number % 2) setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(l->fd);
    l->busy = 0;
    l->leave = 0;
    if (!may_go_on(now)) return;
    dial(l);
    ask(l, now);
}

/* the answer */

static void take_body(Link *l, const char *data, size_t n) {
    static const char done[] = "data: [DONE]\n\n";
    if (!l->first) l->first = clock_ns();
    if (!l->is_stream) return;
    for (size_t i = 0; i < n; i++) {
        char c = data[i];
        if (c == '\n' && l->last == '\n') { l->events++; l->target->all_events++; }
        l->last = c;
        l->matched = c == done[l->matched] ? l->matched + 1 : c == done[0];
        if (l->matched == sizeof done - 1) { l->clean = 1; l->matched = 0; }
    }
}

static int take_head(Link *l, const char *data, int n) {  /* how many bytes were the head's */
    int room = sizeof l->head - 1 - l->head_length, taken = n < room ? n : room, before = l->head_length;
    memcpy(l->head + before, data, taken);
    l->head_length += taken;
    l->head[l->head_length] = 0;
    char *stop = strstr(l->head, "\r\n\r\n");
    if (!stop) { if (taken == room) fail("the head of an answer is too long"); return n; }
    stop[2] = 0;
    taken = stop + 4 - l->head - before;
    l->head_length = 0;
    l->status = atoi(l->head + 9);
    if (l->status / 100 == 1) return taken;
    char *length = strcasestr(l->head, "\r\ncontent-length:");
    l->closes = strcasestr(l->head, "\r\nconnection: close") != NULL;
    l->is_stream = strcasestr(l->head, "text/event-stream") != NULL;
    l->last = 0;
    l->left = length ? atoll(length + 17) : 0;
    if (strcasestr(l->head, "\r\ntransfer-encoding: chunked")) { l->state = CHUNK_SIZE; l->left = 0; }
    else if (length) l->state = SIZED;
    else l->state = TO_THE_END;
    if (l->state == SIZED && !l->left) answered(l);
    return taken;
}

static void take(Link *l, const char *data, size_t n) {
    while (n && l->busy == 1) {
        size_t used = 1;
        char c = *data;
        switch (l->state) {
        case HEAD: used = take_head(l, data, n); break;
        case TO_THE_END: take_body(l, data, n); return;
        case SIZED: case CHUNK:
            used = (long long)n < l->left ? n : (size_t)l->left;
            take_body(l, data, used);
            l->left -= used;
            if (!l->left) { if (l->state == SIZED) answered(l); else l->state = CHUNK_END; }
            break;
        case CHUNK_SIZE:
            if (c == '\n') { l->state = l->left ? CHUNK : TRAILER; l->empty_line = 1; }
            else if (c >= '0' && c <= '9') l->left = l->left * 16 + c - '0';
            else if ((c | 32) >= 'a' && (c | 32) <= 'f') l->left = l->left * 16 + (c | 32) - 'a' + 10;
            break;
        case CHUNK_END: if (c == '\n') l->state = CHUNK_SIZE; break;
        case TRAILER:
            if (c == '\n' && l->empty_line) answered(l);
            else if (c == '\n') l->empty_line = 1;
            else if (c != '\r') l->empty_line = 0;
            break;
        }
        data += used;
        n -= used;
    }
}

static void receive(Link *l) {
    static char data[1 << 16];
    for (int fd = l->fd; l->fd == fd;) {
        ssize_t n = recv(fd, data, sizeof data, 0);
        if (n > 0) take(l, data, n);
        else {
            if (n == 0 || (errno != EAGAIN && errno != EINTR)) lost(l);
            return;
        }
    }
}

/* the run */

static void prepare(Target *t) {
    static char body[4 << 20];
    size_t length = 0;
    FILE *file = strcmp(t->body_file, "-") ? fopen(t->body_file, "rb") : NULL;
    if (file) { length = fread(body, 1, sizeof body, file); fclose(file); }
    else if (strcmp(t->body_file, "-")) fail("the body cannot be read");
    t->request = malloc(length + 8192);
    t->length = sprintf(t->request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s", file ? "POST" : "GET", t->path, t->port, t->headers);
    if (file) t->length += sprintf(t->request + t->length, "Content-Type: application/json\r\nContent-Length: %zu\r\n", length);
    t->length += sprintf(t->request + t->length, "\r\n");
    memcpy(t->request + t->length, body, length);
    t->length += length;
    for (int i = 0; i < per_target; i++) {
        Link *l = &links[n_links];
        if (n_links == MOST_LINKS) fail("too many connections");
        l->target = t;
        l->request = malloc(t->length);
        t->is_idle[t->idle++] = n_links++;
        dial(l);
    }
}

static long long send_due(long long now) {      /* when the next request is due */
    long long gap = SECOND / rate, next = end;
    for (int i = 0; i < n_targets; i++) {
        Target *t = &targets[i];
        while (t->due <= now && t->due < end && t->idle && (!wanted || started_requests < wanted)) {
            ask(&links[t->is_idle[--t->idle]], t->due);
            t->due += gap;
        }
        if (t->due > now && t->due < next) next = t->due;
    }
    return next;
}

static long long leave_due(long long now) {
    long long next = now + SECOND / 20;
    for (int i = 0; i < n_links; i++) {
        if (links[i].leave && links[i].leave <= now) leave(&links[i]);
        if (links[i].leave && links[i].leave < next) next = links[i].leave;
    }
    return next;
}

static int over(long long now) {
    int busy = 0;
    if (wanted ? started_requests < wanted && now < end : now < end) return 0;
    for (int i = 0; i < n_links; i++) busy |= links[i].busy;
    if (!wanted && rate <= 0 && cancel_ms < 0) return 1;
    return !busy || now > end + PATIENCE;
}

static void run(void) {
    struct epoll_event events[256];
    for (long long now; !over(now = clock_ns());) {
        long long wake = rate > 0 ? send_due(now) : now + SECOND / 20;
        if (cancel_ms >= 0) wake = leave_due(now);
        if (wake <= now || now >= end) wake = now + SECOND / 200;
        long long left = wake - clock_ns();
        struct timespec pause = {left > 0 ? left / SECOND : 0, left > 0 ? left % SECOND : 0};
        int n = epoll_pwait2(poller, events, 256, &pause, NULL);
        for (int i = 0; i < n; i++) {
            Link *l = events[i].data.ptr;
            int fd = l->fd;
            if (events[i].events & EPOLLOUT) { l->connected = 1; push(l); }
            if (l->fd == fd && events[i].events & ~EPOLLOUT) receive(l);
        }
    }
}

static void report(double seconds) {
    printf("{\"seconds\":%.3f,\"connections\":%d,\"targets\":[", seconds, per_target);
    for (int i = 0; i < n_targets; i++) {
        Target *t = &targets[i];
        long unfinished = 0, unsent = 0;
        for (int k = 0; k < n_links; k++) unfinished += rate > 0 && links[k].target == t && links[k].busy;
        if (rate > 0 && !wanted && t->due < end) unsent = (end - t->due) * rate / SECOND;
        printf("%s{\"name\":\"%s\",\"sent\":%ld,\"answered\":%ld,\"ok\":%ld,\"per_s\":%.1f,\"failed\":%ld,\"last_failure\":%d,\"broken\":%ld,"
               "\"unfinished\":%ld,\"unsent\":%ld,\"events\":%ld,\"all_events\":%ld,\"streams\":%ld,\"clean\":%ld,\"fewest\":%ld,\"most\":%ld",
               i ? "," : "", t->name, t->sent, t->answered, t->ok, t->ok / seconds, t->failed, t->last_failure, t->broken, unfinished, unsent,
               t->events, t->all_events, t->streams, t->clean, t->fewest, t->most);
        show("first", &t->first);
        show("whole", &t->whole);
        printf("}");
    }
    printf("],\"cuts\":[");
    for (int i = 0; i < n_cuts; i++) printf("%s[%ld,%lld]", i ? "," : "", cuts[i].id, cuts[i].at);
    printf("]}\n");
}

int main(int argc, char **argv) {
    double seconds = 5, warmup = 1;
    Target *t = NULL;
    long seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i];
        int takes = strcmp(option, "--target") ? 1 : 4;
        if (i + takes >= argc) fail("an option lacks its value");
        if (!strcmp(option, "--rate")) rate = atof(argv[i + 1]);
        else if (!strcmp(option, "--cancel")) cancel_ms = atof(argv[i + 1]);
        else if (!strcmp(option, "--seconds")) seconds = atof(argv[i + 1]);
        else if (!strcmp(option, "--warmup")) warmup = atof(argv[i + 1]);
        else if (!strcmp(option, "--requests")) wanted = atol(argv[i + 1]);
        else if (!strcmp(option, "--connections")) per_target = atoi(argv[i + 1]);
        else if (!strcmp(option, "--seed")) seed = atol(argv[i + 1]);
        else if (!strcmp(option, "--header") && t && strlen(t->headers) + strlen(argv[i + 1]) + 3 < sizeof t->headers)
            strcat(strcat(t->headers, argv[i + 1]), "\r\n");
        else if (!strcmp(option, "--target") && n_targets < MOST_TARGETS) {
            t = &targets[n_targets++];
            t->name = argv[i + 1];
            t->port = atoi(argv[i + 2]);
            t->path = argv[i + 3];
            t->body_file = argv[i + 4];
        } else fail(option);
        i += takes;
    }
    if (!n_targets) fail("no target");
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    srand48(seed);
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < n_targets; i++) prepare(&targets[i]);
    usleep(50000);                              /* connections come up before the clock runs */
    begin = clock_ns();
    measured = begin + (wanted ? 0 : warmup * SECOND);
    end = wanted ? begin + 3600 * SECOND : measured + (long long)(seconds * SECOND);
    if (rate > 0) for (int i = 0; i < n_targets; i++) targets[i].due = begin + SECOND / rate * i / n_targets;
    else for (int i = 0; i < n_links; i++) if (may_go_on(begin)) ask(&links[i], begin);
    run();
    report(wanted ? (clock_ns() - begin) / (double)SECOND : seconds);
    return 0;
}
