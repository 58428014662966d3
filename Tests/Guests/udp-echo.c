// A program for guests: sends each datagram that arrives at the port of its argument back to where it came from.
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int listener = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) return 1;
    if (daemon(0, 0) != 0) return 1;
    for (;;) {
        char buffer[65536];
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        ssize_t count = recvfrom(listener, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &length);
        if (count >= 0) sendto(listener, buffer, count, 0, (struct sockaddr *)&peer, length);
    }
}
