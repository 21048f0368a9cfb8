/* Request and reply over UDP, repeated until answered, done at most once: nothing but sockets.
 *
 *     cc once_udp.c -o once_udp
 *     ./once_udp [KEY]
 *
 * The server is at 127.0.0.1:2002 unless CUENTA_UDP=HOST:PORT says otherwise.
 *
 * A datagram may get lost on its way there or back, or arrive twice. A client that hears nothing cannot
 * tell which, so it sends the same again until it hears something. The server filters duplicates: it
 * knows the change by its key, makes it the first time, and gives the same answer every time. */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what, const char *detail) {
    fprintf(stderr, "%s%s\n", what, detail);
    exit(1);
}

/* dial returns a socket that sends to the server and hears nobody else. */
static int dial(void) {
    const char *address = getenv("CUENTA_UDP");
    char host[256] = "127.0.0.1", port[6] = "2002";
    if (address && sscanf(address, "%255[^:]:%5[0-9]", host, port) != 2) fail("CUENTA_UDP must be HOST:PORT, not ", address);
    struct addrinfo want = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM}, *found;
    if (getaddrinfo(host, port, &want, &found) != 0) fail("no such host: ", host);
    int s = socket(found->ai_family, found->ai_socktype, 0);
    if (s < 0 || connect(s, found->ai_addr, found->ai_addrlen) != 0) fail("cannot send to ", host);
    freeaddrinfo(found);
    return s;
}

/* heard sends the command and waits for its answer: 1 if that came, 0 if not, -1 if nobody listens there. */
static int heard(int s, const char *command, int patience, char answer[65]) {
    struct pollfd ready = {.fd = s, .events = POLLIN};
    ssize_t n = send(s, command, strlen(command), 0);
    if (n >= 0 && poll(&ready, 1, patience) == 0) return 0;
    if (n >= 0) n = recv(s, answer, 64, 0);
    answer[n > 0 ? n : 0] = 0;
    answer[strcspn(answer, "\n")] = 0;
    if (n >= 0 && strncmp(answer, "error busy", 10) != 0) return 1;
    poll(NULL, 0, patience); /* refused in no time: it needs some */
    return n < 0 ? -1 : 0;
}

/* ask sends a command until its answer comes, twice as patient each time. An answer does not say to what,
 * so each command has its own socket: a late answer to another one cannot be taken for its.
 * The first `lost` answers are thrown away, as a bad network would. */
static void ask(const char *command, int lost, char answer[65]) {
    int s = dial();
    for (int attempt = 1; attempt <= 5; attempt++) {
        int came = heard(s, command, 100 << attempt, answer);
        if (came < 0 && attempt == 1) fail("no server; start one with `cuenta serve`, or set CUENTA_UDP=HOST:PORT", "");
        if (came > 0 && strncmp(answer, "error", 5) == 0) fail("refused: ", answer);
        if (came > 0 && attempt > lost) {
            if (attempt > 1) printf("  attempt %d: %s\n", attempt, answer);
            close(s);
            return;
        }
        printf("  attempt %d: %s\n", attempt, came > 0 ? "the answer was lost" : "no answer");
    }
    fail("no answer to ", command);
}

int main(int argc, char **argv) {
    /* A key is for one change: the number of an order, or something unique. */
    unsigned long long random[2];
    char command[200], before[65], after[65];
    if (getentropy(random, sizeof random) != 0) fail("no random numbers", "");
    if (argc > 1) snprintf(command, sizeof command, "inc.5 @visitas id=%s", argv[1]);
    else snprintf(command, sizeof command, "inc.5 @visitas id=%016llx%016llx", random[0], random[1]);

    ask("con.0 @visitas", 0, before);
    printf("%s\n", command);
    ask(command, 1, after);
    ask("con.0 @visitas", 0, after);
    printf("visitas went from %s to %s\n", before, after);
}
