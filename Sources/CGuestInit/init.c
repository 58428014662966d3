#include "CGuestInit.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/// Where the initramfs has no /dev/console the kernel starts its first process without descriptors: the next files that it opens
/// would become its standard streams.
static void open_console(void) {
    if (fcntl(2, F_GETFD) >= 0) {
        return;
    }
    (void)mkdir("/dev", 0755);
    (void)mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    if (console < 0) {
        console = open("/dev/null", O_RDWR);
    }
    for (int descriptor = 0; console >= 0 && descriptor <= 2; descriptor++) {
        if (descriptor != console) {
            (void)dup2(console, descriptor);
        }
    }
    if (console > 2) {
        close(console);
    }
}

/// The Swift runtime reads /proc/self/exe when it starts, so that PID 1 must have /proc by then. Constructors with a number run
/// before those without, and the numbers up to 100 are the C library's.
__attribute__((constructor(101))) static void prepare(void) {
    if (getpid() != 1) {
        return;
    }
    open_console();
    (void)mkdir("/proc", 0555);
    (void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
}
