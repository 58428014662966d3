#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <unistd.h>

int clinux_finit_module(int descriptor, const char *parameters, int flags) {
    return (int)syscall(SYS_finit_module, descriptor, parameters, flags);
}

int clinux_reboot(int command) {
    return reboot(command);
}

int clinux_raise_priority(int nice) {
    struct sched_param parameters = {.sched_priority = 0};
    if (sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameters) < 0) {
        return -1;
    }
    return setpriority(PRIO_PROCESS, 0, nice);
}

int clinux_add_entropy(int descriptor, const void *bytes, size_t length) {
    enum { MAXIMUM = 512 };
    union {
        struct rand_pool_info head;
        unsigned char room[sizeof(struct rand_pool_info) + MAXIMUM];
    } pool;
    if (length > MAXIMUM) {
        length = MAXIMUM;
    }
    pool.head.entropy_count = (int)length * 8;
    pool.head.buf_size = (int)length;
    memcpy(pool.head.buf, bytes, length);
    int result = ioctl(descriptor, RNDADDENTROPY, &pool);
    explicit_bzero(&pool, sizeof pool);
    return result;
}

int clinux_set_pipe_size(int descriptor, int bytes) {
    return fcntl(descriptor, F_SETPIPE_SZ, bytes);
}

int clinux_vsock_peer(int socket, unsigned int *context) {
    struct sockaddr_vm address;
    socklen_t length = sizeof address;
    if (getpeername(socket, (struct sockaddr *)&address, &length) < 0) {
        return -1;
    }
    if (address.svm_family != AF_VSOCK) {
        errno = EPROTONOSUPPORT;
        return -1;
    }
    *context = address.svm_cid;
    return 0;
}

int clinux_vsock_set_buffer(int socket, uint64_t bytes) {
    if (setsockopt(socket, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &bytes, sizeof bytes) < 0) {
        return -1;
    }
    return setsockopt(socket, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes, sizeof bytes);
}

int clinux_interface_set_flags(int socket, const char *name, short set) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    if (strlen(name) >= sizeof request.ifr_name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(request.ifr_name, name);
    if (ioctl(socket, SIOCGIFFLAGS, &request) < 0) {
        return -1;
    }
    request.ifr_flags |= set;
    return ioctl(socket, SIOCSIFFLAGS, &request);
}
