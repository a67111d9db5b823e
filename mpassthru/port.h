/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside mpassthru.ko: the port and what its parts offer each other.
 */
#ifndef _MPASSTHRU_PORT_H
#define _MPASSTHRU_PORT_H

#include <linux/bitmap.h>
#include <linux/fs.h>
#include <linux/netdevice.h>
#include <linux/virtio_byteorder.h>
#include <linux/wait.h>
#include <net/sock.h>

#include <mp/backend.h>
#include <mp/nic.h>
#include <uapi/linux/mpassthru.h>

#include "compat.h"

struct mp_nic;
struct mp_port;

#define MP_LINK_QUEUES	64

/**
 * struct mp_link - a bound interface
 * @dev: the interface; holds a reference
 * @dev_tracker: for that reference
 * @mode: what BIND asked for
 * @flags: MP_BIND_* bits
 * @mac: the address that BIND gave the NIC to receive for beside its own, or zero
 *	if the NIC receives all
 * @features_off: interface features that BIND turned off
 * @nr: entries in @queue
 * @queue: the ports that are bound to it
 * @taken: a bit for each &mp_port.queue in use
 * @receiver: the port that has the NIC's constructor, or NULL (readers in RCU)
 * @nr_active: entries in @active (readers in RCU)
 * @active: the ports that received frames are spread over (readers in RCU)
 *
 * Lives while there are ports, and for readers in RCU.  Everything under RTNL.
 */
struct mp_link {
	struct net_device *dev;
	netdevice_tracker dev_tracker;
	u32 mode;
	u32 flags;
	u8 mac[ETH_ALEN];
	netdev_features_t features_off;
	unsigned int nr;
	struct mp_port *queue[MP_LINK_QUEUES];
	DECLARE_BITMAP(taken, MP_LINK_QUEUES);
	struct mp_port __rcu *receiver;
	unsigned int nr_active;
	struct mp_port __rcu *active[MP_LINK_QUEUES];
};

/**
 * struct mp_stats - one CPU's share of a port's counters
 * @rx: towards the guest
 * @tx: from the guest
 */
struct mp_stats {
	struct mp_counters rx;
	struct mp_counters tx;
};

/**
 * struct mp_port - an open /dev/net/mp, bound to an interface or not
 * @sk: the sock; its receive queue holds frames that no request was there for
 * @sock: what backends see
 * @link: the bound interface, as all its queues have it (RTNL)
 * @dev: the interface itself (RTNL; readers in RCU)
 * @queue: which of its queues this is, from 0 on (RTNL)
 * @detached: the guest does not use this queue (RTNL)
 * @rx: the backend's receive side, NULL without a backend (RTNL; readers in RCU)
 * @backend: the attached backend (RTNL, and stable while one is attached)
 * @flags: IFF_* and %MP_PORT_LE as the TAP calls set them
 * @vnet_hdr_len: bytes of virtio header for read() and write()
 * @offload: TUN_F_* that user space accepts (RTNL)
 * @features: the same as interface features
 * @tx_inflight: requests in transmitted packets
 * @tx_idle: woken when @tx_inflight falls to 0
 * @stats: per CPU
 *
 * Lives from open() to the last reference on @sk.  A backend holds the file,
 * so that release() finds none attached.
 */
struct mp_port {
	struct sock sk;		/* first, for sk_alloc() */
	struct socket sock;
	struct mp_link *link;
	struct net_device __rcu *dev;
	u16 queue;
	bool detached;
	struct mp_rx __rcu *rx;
	struct mp_backend *backend;
	unsigned int flags;
	int vnet_hdr_len;
	u32 offload;
	netdev_features_t features;
	atomic_t tx_inflight;
	wait_queue_head_t tx_idle;
	struct mp_stats __percpu *stats;
};

#define MP_PORT_LE	BIT(31)		/* in mp_port.flags, above all IFF_* */

static inline struct mp_port *mp_port_of_sock(struct socket *sock)
{
	return container_of(sock, struct mp_port, sock);
}

static inline bool mp_port_is_le(const struct mp_port *port)
{
	return (port->flags & MP_PORT_LE) || virtio_legacy_is_little_endian();
}

/* Whether who reads takes a word for a checksum (VIRTIO_NET_F_GUEST_CSUM). */
static inline bool mp_port_takes_csum(const struct mp_port *port)
{
	return READ_ONCE(port->features) & NETIF_F_HW_CSUM;
}

/* port.c APIs */
int mp_port_bind(struct mp_port *port, struct net *net,
		 const struct mp_bind *bind);
int mp_port_unbind(struct mp_port *port);
int mp_port_set_queue(struct mp_port *port, bool attach);
int mp_port_set_offload(struct mp_port *port, unsigned long offload);
int mp_port_init(void);
void mp_port_exit(void);

/* link.c APIs */
struct mp_link *mp_link_of_dev(const struct net_device *dev);
int mp_link_join(struct net_device *dev, struct mp_port *port,
		 const struct mp_bind *bind);
struct mp_link *mp_link_leave(struct mp_port *port);
void mp_link_steer(struct mp_link *link);
struct mp_port *mp_link_port(struct mp_link *link, struct sk_buff *skb);

/* stats.c APIs */
int mp_stats_get(struct mp_port *port, struct net *net, struct mp_info *info);

/* nic.c APIs */
const struct mp_nic_ops *mp_nic_find(const struct net_device *dev);

/* socket.c APIs */
extern struct proto mp_proto;
extern const struct file_operations mp_fops;
void mp_socket_init(struct mp_port *port, struct file *file);
void mp_socket_set_sndbuf(struct mp_port *port, int bytes);
__poll_t mp_socket_poll(struct mp_port *port, struct file *file,
			poll_table *wait);
ssize_t mp_socket_read(struct mp_port *port, struct iov_iter *to, int flags);
ssize_t mp_socket_write(struct mp_port *port, struct iov_iter *from, int flags);

/* chardev.c APIs */
int mp_chardev_init(void);
void mp_chardev_exit(void);

/* tap.c APIs */
long mp_tap_ioctl(struct mp_port *port, unsigned int cmd, unsigned long arg);

/* rx.c APIs */
int mp_rx_start(struct mp_port *port, struct mp_backend *backend);
void mp_rx_stop(struct mp_port *port);
void mp_rx_attach_nic(struct mp_port *port);
void mp_rx_detach_nic(struct mp_port *port);
void mp_rx_mtu_changed(struct mp_port *port);
void mp_rx_post(struct mp_rx *rx, struct mp_requests *reqs);
void mp_rx_gauges(struct mp_rx *rx, struct mp_info *info);
int mp_rx_init(void);
void mp_rx_exit(void);

/* frame.c APIs */
rx_handler_result_t mp_frame_handle(struct sk_buff **pskb);
void mp_frame_drain(struct mp_port *port, struct mp_rx *rx);

/* tx.c APIs */
void mp_tx_batch(struct mp_port *port, struct mp_requests *reqs);
void mp_tx_drain(struct mp_port *port);

/* write.c APIs */
ssize_t mp_tx_write(struct mp_port *port, struct iov_iter *from,
		    struct ubuf_info *lender, int flags);

/* request.c APIs */
void mp_request_read(const struct mp_request *req, u32 off, void *dst, u32 len);
void mp_request_write(const struct mp_request *req, u32 off, const void *src,
		      u32 len);
void mp_request_read_skb(const struct mp_request *req, u32 off,
			 struct sk_buff *skb, u32 len);
int mp_request_write_skb(const struct mp_request *req, u32 off,
			 const struct sk_buff *skb, u32 skb_off, u32 len);

#endif /* _MPASSTHRU_PORT_H */
