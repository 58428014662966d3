// What only the first process of a machine needs: kernel modules, the machine's end, its randomness; and rtnetlink.
#ifndef CLINUX_BOOT_H
#define CLINUX_BOOT_H

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/reboot.h>
#include <sys/syscall.h>

/// finit_module(2).
int clinux_finit_module(int descriptor, const char *parameters, int flags);
/// reboot(2), the C library's form. Like the rest here it fails with -1 and errno.
int clinux_reboot(int command);
/// RNDADDENTROPY: mixes in at most 512 bytes and credits them with 8 bits each.
int clinux_add_entropy(int descriptor, const void *bytes, size_t length);
/// setpriority(2) for this process alone: SCHED_RESET_ON_FORK.
int clinux_raise_priority(int nice);
/// The file's size that F_GETPIPE_SZ or F_SETPIPE_SZ answers.
int clinux_set_pipe_size(int descriptor, int bytes);
/// The peer's context of a connected vsock socket.
int clinux_vsock_peer(int socket, unsigned int *context);
int clinux_vsock_set_buffer(int socket, uint64_t bytes);
/// The interface's flags, with those of `set` added (SIOCGIFFLAGS, SIOCSIFFLAGS).
int clinux_interface_set_flags(int socket, const char *name, short set);

static const int CLINUX_RB_AUTOBOOT = (int)RB_AUTOBOOT;
static const int CLINUX_RB_POWER_OFF = (int)RB_POWER_OFF;
static const int CLINUX_RB_DISABLE_CAD = RB_DISABLE_CAD;
static const unsigned long CLINUX_RNDRESEEDCRNG = RNDRESEEDCRNG;
static const int CLINUX_O_PATH = 010000000;
static const int CLINUX_MODULE_COMPRESSED = 4;

#endif
