// SPDX-License-Identifier: GPL-2.0-only
/*
 * What rtnetlink and ethtool know of an interface.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mpctl.h"

static void link_driver(const char *ifname, struct link_state *link)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifr = { .ifr_data = (char *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (!ioctl(fd, SIOCETHTOOL, &ifr))
		snprintf(link->driver, sizeof(link->driver), "%s", info.driver);
	close(fd);
}

void link_get(int ifindex, struct link_state *link)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct rtnl_link *rl;

	memset(link, 0, sizeof(*link));
	if (!sock)
		return;
	if (!nl_connect(sock, NETLINK_ROUTE) &&
	    !rtnl_link_get_kernel(sock, ifindex, NULL, &rl)) {
		link->known = true;
		link->mtu = rtnl_link_get_mtu(rl);
		rtnl_link_operstate2str(rtnl_link_get_operstate(rl),
					link->state, sizeof(link->state));
		link_driver(rtnl_link_get_name(rl), link);
		rtnl_link_put(rl);
	}
	nl_socket_free(sock);
}
