/* Looks each name up so many times by getaddrinfo(3), A and AAAA at once. A line for each lookup: the
 * name, microseconds, and the addresses or what went wrong. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void look_up(const char *name) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *all = NULL;
    long began = now();
    int status = getaddrinfo(name, "80", &hints, &all);
    printf("%s %ld", name, now() - began);
    if (status != 0) {
        printf(" %s", gai_strerror(status));
    }
    for (struct addrinfo *one = all; one != NULL; one = one->ai_next) {
        char text[NI_MAXHOST];
        getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
        printf(" %s", text);
    }
    printf("\n");
    fflush(stdout);
    if (all != NULL) {
        freeaddrinfo(all);
    }
}

int main(int count, char **words) {
    for (int name = 2; name < count; name++) {
        for (int time = 0; time < atoi(words[1]); time++) {
            look_up(words[name]);
        }
    }
    return 0;
}
