// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stands behind the rings: an mp, a tap or a macvtap descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/mpassthru.h>

#include "pump.h"

/* What every Linux guest takes. */
#define OFFLOADS	(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

#define TAKEN_SECONDS	10

static int open_node(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static int open_mp(const char *name, int mode, unsigned int flags)
{
	struct mp_bind bind = {
		.size = sizeof(bind),
		.flags = flags,
		.mode = mode,
	};
	int fd = open_node("/dev/net/mp");

	snprintf(bind.ifname, sizeof(bind.ifname), "%s", name);
	if (ioctl(fd, MP_BIND, &bind))
		die("bind %s: %s", name, strerror(errno));
	return fd;
}

/*
 * A card drops what arrives before it has buffers, and it gets them by a thread of
 * the device's; a tap or macvtap keeps frames.  Some buffers may have come back
 * meanwhile: neighbours send a word or two whenever a link comes up.
 */
void backend_wait_taken(int fd, const struct queue *queue, unsigned int buffers)
{
	__u64 end = now() + TAKEN_SECONDS * 1000000000ull;
	struct mp_info info;
	__u64 taken;

	do {
		usleep(1000);
		memset(&info, 0, sizeof(info));
		info.size = sizeof(info);
		if (ioctl(fd, MP_GET, &info))
			return;
		taken = info.posted + info.at_nic + queue_waiting(queue);
		if (now() > end)
			die("%.*s takes %llu buffers of %u", MP_IFNAMSIZ, info.ifname,
			    taken, buffers);
	} while (taken < buffers);
}

static void set_up_tap(int fd, const char *name)
{
	struct ifreq ifreq = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	snprintf(ifreq.ifr_name, sizeof(ifreq.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifreq))
		die("%s: %s", name, strerror(errno));
}

static int open_tap(const char *name)
{
	int fd = open_node("/dev/net/tun");

	set_up_tap(fd, name);
	return fd;
}

static int open_macvtap(const char *name)
{
	char path[100];
	FILE *file;
	int index;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &index) != 1)
		die("no interface %s", name);
	fclose(file);
	snprintf(path, sizeof(path), "/dev/tap%d", index);
	fd = open_node(path);
	set_up_tap(fd, name);
	return fd;
}

/* Opens, binds and sets up what was asked for. */
int backend_open(const struct options *options)
{
	int hdr = VNET_HDR;
	int fd;

	if (options->mp)
		fd = open_mp(options->mp, options->mode, options->flags);
	else if (options->tap)
		fd = open_tap(options->tap);
	else if (options->macvtap)
		fd = open_macvtap(options->macvtap);
	else
		fd = options->fd;
	if (ioctl(fd, TUNSETVNETHDRSZ, &hdr))
		die("header length: %s", strerror(errno));
	if (ioctl(fd, TUNSETOFFLOAD, OFFLOADS))
		die("offloads: %s", strerror(errno));
	return fd;
}
