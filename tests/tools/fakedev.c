// SPDX-License-Identifier: GPL-2.0-only
/*
 * LD_PRELOAD for mpctl: /dev/net/mp and /dev/vhost-mp without kernel modules.
 *
 *	FAKE_BIND_ERRNO	what MP_BIND fails with
 *	FAKE_BIND_FLAGS	the flags that MP_BIND has to have
 *	FAKE_PORTS	how many ports MP_GET tells of, with ifindex 1, 2 ...
 *	FAKE_GONE	the interface disappears as soon as it is bound
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mpassthru.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int number(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : 0;
}

int open(const char *path, int flags, ...)
{
	int (*real)(const char *path, int flags, ...) = dlsym(RTLD_NEXT, "open");
	mode_t mode;
	va_list args;

	if (!strcmp(path, "/dev/net/mp") || !strcmp(path, "/dev/vhost-mp"))
		path = "/dev/null";
	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	return real(path, flags, mode);
}

/* what open() is called in a build with _FORTIFY_SOURCE */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return open(path, flags);
}

static int get(struct mp_info *info)
{
	unsigned int ports = number("FAKE_PORTS");
	unsigned int ifindex = info->ifindex;

	if (info->size != sizeof(*info)) {
		errno = EINVAL;
		return -1;
	}
	if ((info->flags & MP_INFO_NEXT) || !ifindex)
		ifindex++;
	if (ifindex > ports || getenv("FAKE_GONE")) {
		errno = ENODEV;
		return -1;
	}
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->ifindex = ifindex;
	info->rx_mode = MP_MODE_COPY;
	snprintf(info->ifname, sizeof(info->ifname), "fake%u", ifindex);
	return 0;
}

int ioctl(int fd, unsigned long cmd, ...)
{
	int (*real)(int fd, unsigned long cmd, ...) = dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	switch (cmd) {
	case MP_BIND:
		errno = number("FAKE_BIND_ERRNO");
		if (getenv("FAKE_BIND_FLAGS") &&
		    ((struct mp_bind *)arg)->flags != (__u32)number("FAKE_BIND_FLAGS"))
			errno = EINVAL;
		return errno ? -1 : 0;
	case MP_GET:
		return get(arg);
	default:
		return real(fd, cmd, arg);
	}
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int (*real)(struct pollfd *fds, nfds_t n, int timeout) =
		dlsym(RTLD_NEXT, "poll");

	if (getenv("FAKE_GONE") && n == 2) {
		fds[0].revents = 0;
		fds[1].revents = POLLERR;
		return 1;
	}
	return real(fds, n, timeout);
}

/* likewise */
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	return size < n * sizeof(*fds) ? -1 : poll(fds, n, timeout);
}
