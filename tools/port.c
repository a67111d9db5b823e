// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of /dev/net/mp, and what to do when one of them fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/ether.h>
#include <string.h>
#include <sys/ioctl.h>

#include "mpctl.h"

static const char *const mode_names[] = {
	[MP_MODE_AUTO]		= "auto",
	[MP_MODE_WHOLE_FRAME]	= "whole-frame",
	[MP_MODE_HEADER_SPLIT]	= "header-split",
	[MP_MODE_COPY]		= "copy",
};

const char *port_mode_name(unsigned int mode)
{
	return mode < ARRAY_SIZE(mode_names) ? mode_names[mode] : "unknown";
}

int port_mode_parse(const char *name, enum mp_mode *mode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mode_names); i++) {
		if (!strcmp(name, mode_names[i])) {
			*mode = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int device_open(const char *path, const char *module, int flags)
{
	int fd = open(path, flags);
	int err = errno;

	if (fd >= 0)
		return fd;
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		complain("%s: %s: is %s.ko loaded? try modprobe %s", path,
			 strerror(err), module, module);
		break;
	case EACCES:
	case EPERM:
		complain("%s: %s: run as root, or give yourself access to it",
			 path, strerror(err));
		break;
	default:
		complain("%s: %s", path, strerror(err));
	}
	return -err;
}

int port_open(int flags)
{
	return device_open(MP_DEV, "mpassthru", flags);
}

int port_open_vhost(void)
{
	return device_open(VHOST_DEV, "vhost_mp", O_RDWR);
}

/* one address of a station: not a group's, not zero */
static int mac_parse(const char *text, unsigned char *mac)
{
	const struct ether_addr *addr = ether_aton(text);
	static const struct ether_addr none;

	if (!addr || addr->ether_addr_octet[0] & 1 ||
	    !memcmp(addr, &none, sizeof(none)))
		return -EINVAL;
	memcpy(mac, addr, sizeof(*addr));
	return 0;
}

int port_wish_option(int opt, const char *arg, struct port_wish *wish)
{
	switch (opt) {
	case 'a':
		if (mac_parse(arg, wish->mac))
			return syntax_error("no station's address: \"%s\"", arg);
		return EXIT_OK;
	case 'm':
		if (port_mode_parse(arg, &wish->mode))
			return syntax_error("no mode \"%s\"", arg);
		return EXIT_OK;
	case 'Q':
		wish->qdisc_bypass = true;
		return EXIT_OK;
	default:
		return usage();
	}
}

int port_bind(int fd, const char *ifname, const struct port_wish *wish)
{
	static const unsigned char every[sizeof(wish->mac)];
	struct mp_bind bind = { .size = sizeof(bind), .mode = wish->mode };
	int err;

	if (memcmp(wish->mac, every, sizeof(every))) {
		bind.flags |= MP_BIND_MAC;
		memcpy(bind.mac, wish->mac, sizeof(bind.mac));
	}
	if (wish->queues)
		bind.flags |= MP_BIND_QUEUE;
	if (wish->qdisc_bypass)
		bind.flags |= MP_BIND_QDISC_BYPASS;

	if (snprintf(bind.ifname, sizeof(bind.ifname), "%s", ifname) >=
	    (int)sizeof(bind.ifname)) {
		complain("%s: no interface has so long a name", ifname);
		return -ENODEV;
	}
	if (!ioctl(fd, MP_BIND, &bind))
		return 0;

	err = errno;
	switch (err) {
	case EPERM:
		complain("%s: needs CAP_NET_ADMIN in the interface's network namespace: run as root",
			 ifname);
		break;
	case ENODEV:
		complain("%s: no such interface here, or it is being removed: see ip link",
			 ifname);
		break;
	case EINVAL:
		complain("%s: cannot be bound: only an Ethernet interface can, and not the loopback one",
			 ifname);
		break;
	case EBUSY:
		complain("%s: bound already, or part of a bridge, bond, team, macvlan ...: see mpctl show and ip -d link show %s",
			 ifname, ifname);
		holder_list_users(stderr);
		break;
	case EOPNOTSUPP:
		complain("%s: its driver cannot do mode %s: try --mode auto",
			 ifname, port_mode_name(wish->mode));
		break;
	case ENOTTY:
	case E2BIG:
		complain("%s: mpctl and mpassthru.ko are of different versions",
			 ifname);
		break;
	default:
		complain("%s: cannot be bound: %s; see dmesg", ifname,
			 strerror(err));
	}
	return -err;
}

static int get(int fd, unsigned int ifindex, unsigned int flags,
	       unsigned int queue, struct mp_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->flags = flags;
	info->ifindex = ifindex;
	info->queue = queue;
	return ioctl(fd, MP_GET, info) ? -errno : 0;
}

/* says nothing: that there is no such port is an answer */
int port_get(int fd, unsigned int ifindex, unsigned int flags,
	     struct mp_info *info)
{
	return get(fd, ifindex, flags, 0, info);
}

int port_get_queue(int fd, unsigned int ifindex, unsigned int queue,
		   struct mp_info *info)
{
	return get(fd, ifindex, 0, queue, info);
}
