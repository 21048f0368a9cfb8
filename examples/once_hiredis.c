/* Counts once however often it asks, with the Redis client for C.
 *
 *     cc once_hiredis.c -o once_hiredis -lhiredis     (on Debian: apt install libhiredis-dev)
 *     ./once_hiredis [KEY]
 *
 * The server is at 127.0.0.1:6380 unless CUENTA_RESP=HOST:PORT says otherwise. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static char host[256] = "127.0.0.1", error[256];
static int port = 6380;

static void fail(const char *what, const char *detail) {
    fprintf(stderr, "%s%s\n", what, detail);
    exit(1);
}

/* ask sends a command and returns its answer, or NULL with the error set. A longer program keeps its
 * connection until it breaks; then, as here, it takes a new one and repeats. */
static redisReply *ask(int words, const char **command) {
    redisContext *server = redisConnectWithTimeout(host, port, (struct timeval){.tv_sec = 5});
    redisReply *answer = NULL;
    if (server && !server->err) {
        redisSetTimeout(server, (struct timeval){.tv_sec = 5});
        answer = redisCommandArgv(server, words, command, NULL);
    }
    snprintf(error, sizeof error, "%s", server ? server->errstr : "no memory");
    redisFree(server);
    return answer;
}

static long long value(void) {
    redisReply *answer = ask(2, (const char *[]){"GET", "visitas"});
    if (!answer) fail("no server; start one with `cuenta serve`, or set CUENTA_RESP=HOST:PORT: ", error);
    long long n = answer->str ? atoll(answer->str) : 0; /* nil before the first change */
    freeReplyObject(answer);
    return n;
}

/* once sends the change until an answer comes. The server knows it by its key, and counts it the first time. */
static void once(const char *key) {
    printf("CUENTA.ONCE %s INCRBY visitas 5\n", key);
    for (int attempt = 1; attempt <= 5; attempt++) {
        redisReply *answer = ask(5, (const char *[]){"CUENTA.ONCE", key, "INCRBY", "visitas", "5"});
        const char *news = answer ? answer->str : error;
        int counted = answer && answer->type == REDIS_REPLY_INTEGER;
        if (counted && attempt > 1) {
            printf("  attempt %d: %lld\n", attempt, answer->integer);
            freeReplyObject(answer);
            return;
        }
        if (answer && !counted && strncmp(news, "TRYAGAIN", 8) != 0) fail("refused: ", news);
        /* We pretend that the first answer was lost: the change was made, and we do not know. */
        printf("  attempt %d: %s\n", attempt, counted ? "the answer was lost" : news);
        freeReplyObject(answer);
        usleep(50000 << attempt);
    }
    fail("no answer; whether it was counted will tell CUENTA.OUTCOME ", key);
}

int main(int argc, char **argv) {
    const char *address = getenv("CUENTA_RESP");
    if (address && sscanf(address, "%255[^:]:%d", host, &port) != 2) fail("CUENTA_RESP must be HOST:PORT, not ", address);

    /* A key is for one change: the number of an order, or something unique. */
    unsigned long long random[2];
    char unique[33];
    if (getentropy(random, sizeof random) != 0) fail("no random numbers", "");
    snprintf(unique, sizeof unique, "%016llx%016llx", random[0], random[1]);

    long long before = value();
    once(argc > 1 ? argv[1] : unique);
    printf("visitas went from %lld to %lld\n", before, value());
}
