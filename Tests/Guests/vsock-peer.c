// The guest's end of vsock connections, for tests and benches: a static program that does what the host's end asks of it.
//
//   vsock-peer serve PORT [BUFFER]  takes connections to PORT of the guest; their buffers are BUFFER bytes, if that is given
//   vsock-peer hold PORT            takes connections, as many as come, and does nothing with them
//   vsock-peer call PORT [COUNT]    makes COUNT connections to PORT of the host at once, and ends when they have ended
//
// On each connection the host sends one line of 24 bytes, filled up with blanks, that says what is to be done:
//
//   source N    sends N bytes of the pattern, and closes when the host has
//   sink N      takes N bytes, answers `good <N>\n` or `bad <place>\n`, and closes
//   count N     as sink, without a look at the bytes; zeros N sends zeros, without the pattern's cost
//   echo        sends back what comes, until the end
//   half N      sends N bytes of the pattern, shuts its sending side, and takes what still comes: how much, it prints
//   stall       reads nothing and sends nothing until the connection ends
//   exit        ends the program and all its connections at once
//
// Byte i of the pattern is block[i % BLOCK], so that a byte that is lost, doubled or in the wrong place is seen.
#include <errno.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 1048573, CHUNK = 1 << 18 };

// Twice, so that any place of it goes on for a block.
static unsigned char block[2 * BLOCK], buffer[CHUNK];

static void fill_pattern(void) {
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < BLOCK; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block[i] = block[i + BLOCK] = (unsigned char)state;
    }
}

static int send_all(int fd, const void *bytes, size_t count) {
    const char *next = bytes;
    while (count > 0) {
        ssize_t sent = send(fd, next, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return -1;
        next += sent;
        count -= sent;
    }
    return 0;
}

static long long send_pattern(int fd, long long count, int zeros) {
    long long place = 0;
    while (place < count) {
        size_t piece = count - place < CHUNK ? count - place : CHUNK;
        if (send_all(fd, zeros ? buffer : block + place % BLOCK, piece) < 0) break;
        place += piece;
    }
    return place;
}

static void sink(int fd, long long count, int looks) {
    long long place = 0, bad = -1;
    while (place < count) {
        ssize_t got = recv(fd, buffer, count - place < CHUNK ? count - place : CHUNK, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        if (looks && bad < 0 && memcmp(buffer, block + place % BLOCK, got) != 0) bad = place;
        place += got;
    }
    char answer[64];
    int length = bad < 0 ? snprintf(answer, sizeof answer, "good %lld\n", place)
                         : snprintf(answer, sizeof answer, "bad %lld\n", bad);
    send_all(fd, answer, length);
}

static long long drain(int fd) {
    long long count = 0;
    ssize_t got;
    while ((got = recv(fd, buffer, CHUNK, 0)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0) count += got;
    return count;
}

static void obey(int fd) {
    char line[25] = {0};
    for (int have = 0; have < 24;) {
        ssize_t got = recv(fd, line + have, 24 - have, 0);
        if (got <= 0) return;
        have += got;
    }
    char word[25];
    long long number = 0;
    sscanf(line, "%24s %lld", word, &number);
    if (!strcmp(word, "source") || !strcmp(word, "zeros")) {
        send_pattern(fd, number, word[0] == 'z');
        drain(fd);
    } else if (!strcmp(word, "sink") || !strcmp(word, "count")) {
        sink(fd, number, word[0] == 's');
    } else if (!strcmp(word, "echo")) {
        ssize_t got;
        while ((got = recv(fd, buffer, CHUNK, 0)) > 0)
            if (send_all(fd, buffer, got) < 0) return;
    } else if (!strcmp(word, "half")) {
        send_pattern(fd, number, 0);
        shutdown(fd, SHUT_WR);
        printf("half %lld\n", drain(fd));
        fflush(stdout);
    } else if (!strcmp(word, "stall")) {
        struct pollfd wait = {.fd = fd, .events = 0};
        while (poll(&wait, 1, -1) < 0 || !(wait.revents & (POLLHUP | POLLERR))) {}
    } else if (!strcmp(word, "exit")) {
        kill(0, SIGKILL);
    }
}

static int vsock(unsigned cid, unsigned port, struct sockaddr_vm *address) {
    memset(address, 0, sizeof *address);
    address->svm_family = AF_VSOCK;
    address->svm_cid = cid;
    address->svm_port = port;
    return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int serve(unsigned port, unsigned long long size, int holds) {
    struct sockaddr_vm address;
    int listener = vsock(VMADDR_CID_ANY, port, &address);
    if (size > 0) {
        // The sockets of its connections have the listener's sizes.
        setsockopt(listener, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size, sizeof size);
        setsockopt(listener, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof size);
    }
    if (bind(listener, (void *)&address, sizeof address) < 0 || listen(listener, 1024) < 0) {
        perror("vsock-peer: listen");
        return 1;
    }
    struct rlimit limit = {4096, 4096};
    if (holds) setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 || holds) continue;
        if (fork() == 0) {
            close(listener);
            obey(fd);
            _exit(0);
        }
        close(fd);
    }
}

static int call(unsigned port, int count) {
    for (int i = 0; i < count; i++) {
        if (fork() != 0) continue;
        struct sockaddr_vm address;
        int fd = vsock(VMADDR_CID_HOST, port, &address);
        if (connect(fd, (void *)&address, sizeof address) < 0) {
            printf("connect: %s\n", strerror(errno));
            exit(1);
        }
        obey(fd);
        _exit(0);
    }
    int failed = 0, status;
    while (wait(&status) > 0) failed |= status != 0;
    return failed;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    fill_pattern();
    int number = argc > 3 ? atoi(argv[3]) : 0;
    if (argv[1][0] == 'c') return call(atoi(argv[2]), number ? number : 1);
    return serve(atoi(argv[2]), number, argv[1][0] == 'h');
}
