// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an administrator does to the interfaces.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ioctlfuzz.h"

static void net_call(unsigned long cmd, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ioctl(fd, cmd, ifr);
	close(fd);
}

static void set_up_or_down(const char *name, bool up)
{
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	net_call(SIOCGIFFLAGS, &ifr);
	ifr.ifr_flags = up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP;
	net_call(SIOCSIFFLAGS, &ifr);
}

static void set_mtu(const char *name, int mtu)
{
	struct ifreq ifr = { .ifr_mtu = mtu };

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	net_call(SIOCSIFMTU, &ifr);
}

static void set_name(const char *name, const char *other)
{
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	snprintf(ifr.ifr_newname, IFNAMSIZ, "%s", other);
	net_call(SIOCSIFNAME, &ifr);
}

void link_step(__u64 *seed)
{
	static const int mtus[] = { 68, 576, 1500, 4000, 9000 };
	const char *name = names[below(seed, nr_names)];

	switch (below(seed, 4)) {
	case 0:
		set_up_or_down(name, false);
		usleep(below(seed, 20000));
		set_up_or_down(name, true);
		break;
	case 1:
		set_name(name, "fuzzed");
		usleep(below(seed, 20000));
		set_name("fuzzed", name);
		break;
	case 2:
		set_mtu(name, mtus[below(seed, ARRAY_SIZE(mtus))]);
		break;
	default:
		set_mtu(name, 1500);
	}
	usleep(below(seed, 200000));
}

void links_as_before(void)
{
	unsigned int i;

	set_name("fuzzed", names[0]);
	for (i = 0; i < nr_names; i++) {
		set_mtu(names[i], 1500);
		set_up_or_down(names[i], true);
	}
}
