#include "CGuestInit.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/// The Swift runtime reads /proc/self/exe when it starts, so that PID 1 must have /proc by then. Constructors with a number run
/// before those without, and the numbers up to 100 are the C library's.
__attribute__((constructor(101))) static void mount_proc(void) {
    if (getpid() != 1) {
        return;
    }
    (void)mkdir("/proc", 0555);
    (void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
}
