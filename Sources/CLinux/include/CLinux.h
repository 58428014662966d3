// What `import Glibc` hides: structures behind macros, variadic calls, and the few sequences that must not run in Swift because
// they stand between clone and exec. No policy lives here.
#ifndef CLINUX_H
#define CLINUX_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <linux/vhost.h>
#include <linux/vm_sockets.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/ioctl.h>
#include <termios.h>

// Variadic calls, with the one argument that callers here pass. A failure is -1 and errno, as with the originals.

int clinux_open(const char *path, int flags, mode_t mode);
int clinux_openat(int directory, const char *path, int flags, mode_t mode);
/// openat2(2): nothing above `directory`, and nothing behind a symbolic link, is reached.
int clinux_open_beneath(int directory, const char *path, int flags, mode_t mode);
int clinux_fcntl(int descriptor, int command, long argument);
int clinux_ioctl(int descriptor, unsigned long request, uintptr_t argument);
/// accept4(2), close-on-exec, without the peer's address.
int clinux_accept(int listener, int flags);
/// pipe2(2) with close-on-exec.
int clinux_pipe(int ends[2]);
/// epoll_pwait2(2), or epoll_wait(2) where the kernel has no such. A timeout below 0 is none.
int clinux_epoll_wait(int epoll, struct epoll_event *events, int count, int64_t nanoseconds);
int clinux_prctl(int option, unsigned long argument);
/// TUNSETIFF: `flags` are IFF_..., `name` is at most 15 bytes long. (The C library and the kernel both define struct ifreq.)
int clinux_tun_attach(int descriptor, const char *name, short flags);

/// The processor's time stamp counter; 0 where it has none that is called so.
static inline uint64_t clinux_time_stamp_counter(void) {
#if defined(__x86_64__)
    uint32_t low, high;
    // The fences keep the reading at its place among the instructions around it.
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
#else
    return 0;
#endif
}

/// renameat2(2) with RENAME_EXCHANGE, of paths.
int clinux_exchange(const char *path, const char *other);
/// open(2) with O_TMPFILE, to write, close-on-exec: a file without a name in a directory.
int clinux_open_unnamed(const char *directory, mode_t mode);
/// Gives such a file a name.
int clinux_name(int descriptor, const char *path);
/// memfd_create(2), close-on-exec.
int clinux_memory_file(const char *name);
/// The same of pages of 2 MiB.
int clinux_huge_memory_file(const char *name);
/// FICLONE: the whole content of one file becomes that of another, without a copy.
int clinux_share_content(int from, int to);

// Requests that are computed by macros, which Swift cannot see.

static const unsigned long CLINUX_TIOCSPTLCK = TIOCSPTLCK;
static const unsigned long CLINUX_TIOCGPTPEER = TIOCGPTPEER;
static const unsigned long CLINUX_TUNSETOFFLOAD = TUNSETOFFLOAD;
static const unsigned long CLINUX_TUNSETVNETHDRSZ = TUNSETVNETHDRSZ;
static const unsigned long CLINUX_KVM_GET_API_VERSION = KVM_GET_API_VERSION;
static const unsigned long CLINUX_KVM_CREATE_VM = KVM_CREATE_VM;
static const unsigned long CLINUX_KVM_GET_VCPU_MMAP_SIZE = KVM_GET_VCPU_MMAP_SIZE;
static const unsigned long CLINUX_KVM_SET_TSS_ADDR = KVM_SET_TSS_ADDR;
static const unsigned long CLINUX_KVM_SET_USER_MEMORY_REGION = KVM_SET_USER_MEMORY_REGION;
static const unsigned long CLINUX_KVM_CREATE_VCPU = KVM_CREATE_VCPU;
static const unsigned long CLINUX_KVM_GET_SREGS = KVM_GET_SREGS;
static const unsigned long CLINUX_KVM_SET_SREGS = KVM_SET_SREGS;
static const unsigned long CLINUX_KVM_GET_REGS = KVM_GET_REGS;
static const unsigned long CLINUX_KVM_SET_REGS = KVM_SET_REGS;
static const unsigned long CLINUX_KVM_SET_SIGNAL_MASK = KVM_SET_SIGNAL_MASK;
static const unsigned long CLINUX_KVM_RUN = KVM_RUN;
/// lseek(2): the next data, the next hole. linux/fs.h has them too, but not beside sys/mount.h.
static const int CLINUX_SEEK_DATA = 3;
static const int CLINUX_SEEK_HOLE = 4;
/// utimensat(2): a time that stays as it is.
static const long CLINUX_UTIME_OMIT = (1L << 30) - 2L;
static const unsigned long CLINUX_TUNSETPERSIST = TUNSETPERSIST;
static const unsigned long CLINUX_TUNSETOWNER = TUNSETOWNER;
static const int CLINUX_PR_SET_NAME = PR_SET_NAME;
static const unsigned long CLINUX_SECCOMP_IOCTL_NOTIF_RECV = SECCOMP_IOCTL_NOTIF_RECV;
static const unsigned long CLINUX_SECCOMP_IOCTL_NOTIF_SEND = SECCOMP_IOCTL_NOTIF_SEND;
static const unsigned long CLINUX_SECCOMP_IOCTL_NOTIF_ID_VALID = SECCOMP_IOCTL_NOTIF_ID_VALID;
static const int CLINUX_SYS_FALLOCATE = SYS_fallocate;
static const uint32_t CLINUX_SECCOMP_RET_USER_NOTIF = SECCOMP_RET_USER_NOTIF;
static const uint32_t CLINUX_SECCOMP_RET_ERRNO = SECCOMP_RET_ERRNO;
static const uint32_t CLINUX_SECCOMP_RET_ALLOW = SECCOMP_RET_ALLOW;
#if defined(__x86_64__)
static const uint32_t CLINUX_AUDIT_ARCH_NATIVE = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
static const uint32_t CLINUX_AUDIT_ARCH_NATIVE = AUDIT_ARCH_AARCH64;
#endif

// Process handles (the C library of Debian 12 has them, that of older systems does not).

int clinux_pidfd_open(pid_t pid, unsigned int flags);
int clinux_pidfd_send_signal(int pidfd, int signal);
int clinux_pidfd_getfd(int pidfd, int descriptor);

/// process_vm_readv(2) and process_vm_writev(2), without flags.
ssize_t clinux_process_vm_readv(
    pid_t pid, const struct iovec *local, unsigned long local_count, const struct iovec *remote,
    unsigned long remote_count);
ssize_t clinux_process_vm_writev(
    pid_t pid, const struct iovec *local, unsigned long local_count, const struct iovec *remote,
    unsigned long remote_count);

/// waitid(2). `kind` is P_PID, P_ALL or P_PIDFD. On success `*pid` is 0 if nothing has ended yet (WNOHANG), `*code` is one of CLD_*
/// and `*status` the exit status or the signal.
int clinux_waitid(int kind, id_t id, int options, pid_t *pid, int *code, int *status);

/// Makes a timer that sends `signal` to the calling thread alone, once, after `nanoseconds`. 0, or -1 and errno; `*timer` is for
/// timer_delete(2).
int clinux_thread_timer(int signal, long nanoseconds, timer_t *timer);

/// The steps of a spawn that can fail, in their order.
enum clinux_spawn_stage {
    CLINUX_SPAWN_CLONE = 1,
    CLINUX_SPAWN_DESCRIPTORS,
    CLINUX_SPAWN_SESSION,
    CLINUX_SPAWN_ROOT,
    CLINUX_SPAWN_IDENTITY,
    CLINUX_SPAWN_DIRECTORY,
    CLINUX_SPAWN_SECCOMP,
    CLINUX_SPAWN_EXEC,
};

/// One process to start. All pointers belong to the caller and need to live until clinux_spawn returns.
struct clinux_spawn {
    const char *path;
    char *const *argv;
    char *const *envp;
    /// New root directory, or NULL. `path` and `directory` are looked up in it.
    const char *root;
    /// Working directory, or NULL.
    const char *directory;
    /// descriptors[i] becomes descriptor i of the child (-1: closed); every other one is closed there.
    const int *descriptors;
    size_t descriptor_count;
    /// setsid(2).
    int new_session;
    /// With new_session: descriptor 0 becomes the controlling terminal.
    int controlling_terminal;
    /// Sent to the child when the thread that spawned it ends; 0: none.
    int death_signal;
    /// Whether uid, gid and groups are set.
    int change_identity;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t group_count;
    int no_new_privileges;
    /// A seccomp filter with user notification, or NULL: its listener is sent over `listener_socket` (SCM_RIGHTS).
    const struct sock_filter *filter;
    unsigned short filter_length;
    int listener_socket;
    /// One end of a socket pair, or -1. The child waits for one byte on it before it does anything, ends if the other end closes
    /// first, and reports there what fails: two ints, stage and errno. Nothing but end-of-file comes if exec succeeds.
    int gate;
};

/// The pid, or -1 with errno and `*stage`. Without a gate the call returns when the child has called exec, or has failed to.
pid_t clinux_spawn(const struct clinux_spawn *plan, int *stage);

/// Sends `length` bytes and up to 253 descriptors over a Unix socket. The bytes sent, or -1.
ssize_t clinux_send_descriptors(int socket, const void *bytes, size_t length, const int *descriptors, size_t count);
/// Receives bytes and descriptors (close-on-exec). `*count`: room in, number out. The bytes received, 0 at the end, or -1.
ssize_t clinux_receive_descriptors(int socket, void *bytes, size_t length, int *descriptors, size_t *count);

#include "CLinuxBoot.h"

#endif
