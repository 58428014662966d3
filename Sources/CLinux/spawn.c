// A child between clone and exec shares its parent's memory (no gate) or is the copy of one thread of it (gate): either way only
// async-signal-safe calls are allowed, so nothing here may become Swift.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

enum { STACK_SIZE = 64 * 1024 };

struct child {
    const struct clinux_spawn *plan;
    pid_t parent;
    sigset_t signals;
    volatile int stage;
    volatile int error;
};

static void fail(struct child *child, int gate, int stage) {
    child->error = errno;
    child->stage = stage;
    if (gate >= 0) {
        int report[2] = {stage, child->error};
        (void)!write(gate, report, sizeof report);
    }
    _exit(127);
}

/// A copy of `descriptor` that the mapping to 0, 1, 2, … cannot overwrite.
static int lift(const struct clinux_spawn *plan, int descriptor) {
    return fcntl(descriptor, F_DUPFD_CLOEXEC, (long)plan->descriptor_count);
}

static int map_descriptors(const struct clinux_spawn *plan) {
    int lifted[plan->descriptor_count + 1];
    for (size_t i = 0; i < plan->descriptor_count; i++) {
        lifted[i] = -1;
        if (plan->descriptors[i] >= 0 && (lifted[i] = lift(plan, plan->descriptors[i])) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < plan->descriptor_count; i++) {
        if (lifted[i] < 0) {
            close((int)i);
        } else if (dup2(lifted[i], (int)i) < 0) {
            return -1;
        }
    }
    // Kernels before 5.11 do not know the flag; everything that this package opens is close-on-exec there already.
    syscall(SYS_close_range, (unsigned)plan->descriptor_count, ~0U, CLOSE_RANGE_CLOEXEC);
    return 0;
}

/// For kernels before 5.9, which have no close_range(2).
static void close_from(int first) {
    struct rlimit limit;
    int end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536;
    for (int descriptor = first; descriptor < end; descriptor++) {
        close(descriptor);
    }
}

static int install_filter(const struct clinux_spawn *plan, int socket) {
    struct sock_fprog program = {.len = plan->filter_length, .filter = (struct sock_filter *)plan->filter};
#ifdef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    unsigned long killable = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
#else
    unsigned long killable = 1UL << 5;
#endif
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | killable, &program);
    if (listener < 0 && errno == EINVAL) {
        listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    }
    if (listener < 0) {
        return -1;
    }
    char byte = 0;
    return clinux_send_descriptors(socket, &byte, 1, &listener, 1) == 1 ? 0 : -1;
}

static int run(void *argument) {
    struct child *child = argument;
    const struct clinux_spawn *plan = child->plan;
    int gate = plan->gate, socket = plan->listener_socket;

    if (gate >= 0) {
        // Nothing else may stay open while the child waits: a copy of the parent's end of this gate, or of another, would keep
        // that gate from ever closing.
        int target = (int)plan->descriptor_count;
        gate = lift(plan, gate);
        int error = gate < 0 || map_descriptors(plan) < 0 ? errno : 0;
        if (gate > target && dup3(gate, target, O_CLOEXEC) == target) {
            gate = target;
        }
        if (gate == target && syscall(SYS_close_range, (unsigned)target + 1, ~0U, 0U) < 0) {
            close_from(target + 1);
        }
        char byte;
        if (gate < 0 || read(gate, &byte, 1) != 1) {
            _exit(127);
        }
        if (error != 0) {
            errno = error;
            fail(child, gate, CLINUX_SPAWN_DESCRIPTORS);
        }
    } else {
        if (plan->filter != NULL && (socket = lift(plan, socket)) < 0) {
            fail(child, gate, CLINUX_SPAWN_DESCRIPTORS);
        }
        if (map_descriptors(plan) < 0) {
            fail(child, gate, CLINUX_SPAWN_DESCRIPTORS);
        }
    }

    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) {
        sigaction(signal, &action, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    if (plan->new_session && (setsid() < 0 || (plan->controlling_terminal && ioctl(0, TIOCSCTTY, 0) < 0))) {
        fail(child, gate, CLINUX_SPAWN_SESSION);
    }
    if (plan->root != NULL && (chroot(plan->root) < 0 || chdir("/") < 0)) {
        fail(child, gate, CLINUX_SPAWN_ROOT);
    }
    // The raw calls: the library's own would have every thread of the parent take part.
    if (plan->change_identity
        && (syscall(SYS_setgroups, plan->group_count, plan->groups) < 0
            || syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid) < 0
            || syscall(SYS_setresuid, plan->uid, plan->uid, plan->uid) < 0)) {
        fail(child, gate, CLINUX_SPAWN_IDENTITY);
    }
    if (plan->directory != NULL && chdir(plan->directory) < 0) {
        fail(child, gate, CLINUX_SPAWN_DIRECTORY);
    }
    // After the change of identity, which would clear it. The parent may have gone before it could take effect.
    if (plan->death_signal != 0) {
        prctl(PR_SET_PDEATHSIG, (unsigned long)plan->death_signal, 0UL, 0UL, 0UL);
        if (getppid() != child->parent) {
            _exit(127);
        }
    }
    if (plan->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0) {
        fail(child, gate, CLINUX_SPAWN_SECCOMP);
    }
    if (plan->filter != NULL && install_filter(plan, socket) < 0) {
        fail(child, gate, CLINUX_SPAWN_SECCOMP);
    }
    execve(plan->path, plan->argv, plan->envp);
    fail(child, gate, CLINUX_SPAWN_EXEC);
    return 127;
}

pid_t clinux_spawn(const struct clinux_spawn *plan, int *stage) {
    struct child child = {.plan = plan, .parent = getpid()};
    *stage = CLINUX_SPAWN_CLONE;

    // No handler of the parent may run in the child.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &child.signals);

    pid_t pid;
    int error = 0;
    if (plan->gate >= 0) {
        // The parent has work to do while the child waits, so they cannot share memory.
        pid = fork();
        error = errno;
        if (pid == 0) {
            run(&child);
        }
    } else {
        char *stack =
            mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (stack == MAP_FAILED) {
            pid = -1;
            error = errno;
        } else {
            pid = clone(run, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
            error = errno;
            munmap(stack, STACK_SIZE);
        }
        if (pid > 0 && child.stage != 0) {
            int code, status;
            pid_t ended;
            clinux_waitid(P_PID, (id_t)pid, WEXITED, &ended, &code, &status);
            *stage = child.stage;
            error = child.error;
            pid = -1;
        }
    }
    pthread_sigmask(SIG_SETMASK, &child.signals, NULL);
    errno = error;
    return pid;
}
