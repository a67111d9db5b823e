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
 * @nic: the glue that has constructors, or NULL
 * @rx_mode: &enum mp_mode of all of them, %MP_MODE_COPY if there is none
 * @nr_receivers: entries in @receiver (readers in RCU)
 * @receiver: the ports that have the NIC's constructors, by its receive queue
 *	(readers in RCU)
 * @gro_limit: the longest packet that GRO is to make, or 0
 * @gro_had: the interface's limits before
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
	const struct mp_nic_ops *nic;
	enum mp_mode rx_mode;
	unsigned int nr_receivers;
	struct mp_port __rcu *receiver[MP_LINK_QUEUES];
	unsigned int gro_limit;
	unsigned int gro_had[2];
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
 * struct mp_tx_late - packets that are held, and have nothing of the guest's
 * @lock: BH-safe; protects all that follows
 * @waiting: those whose requests are not back, oldest first
 * @nr: those whose requests are
 * @bytes: in these
 * @work: looks after @waiting
 */
struct mp_tx_late {
	spinlock_t lock;	/* BH-safe: all that follows */
	struct list_head waiting;
	int nr;
	u32 bytes;
	struct delayed_work work;
};

/**
 * struct mp_port - an open /dev/net/mp, bound to an interface or not
 * @sk: the sock; its receive queue holds frames that no request was there for
 * @sock: what backends see
 * @link: the bound interface, as all its queues have it (RTNL)
 * @dev: the interface itself (RTNL; readers in RCU)
 * @queue: which of its queues this is, from 0 on (RTNL)
 * @detached: the guest does not use this queue (RTNL)
 * @qdisc_bypass: packets go past the qdisc (RTNL; may change while others read it)
 * @rx: the backend's receive side, NULL without a backend (RTNL; readers in RCU)
 * @backend: the attached backend (RTNL, and stable while one is attached)
 * @waiting: bytes of memory in the sock's receive queue
 * @flags: IFF_* and %MP_PORT_LE as the TAP calls set them
 * @vnet_hdr_len: bytes of virtio header for read() and write()
 * @offload: TUN_F_* that user space accepts (RTNL)
 * @features: the same as interface features
 * @tx_inflight: transmitted packets of requests
 * @tx_idle: woken when @tx_inflight falls to 0
 * @late: those of them that are held for too long
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
	bool qdisc_bypass;
	struct mp_rx __rcu *rx;
	struct mp_backend *backend;
	atomic_t waiting;
	unsigned int flags;
	int vnet_hdr_len;
	u32 offload;
	netdev_features_t features;
	atomic_t tx_inflight;
	wait_queue_head_t tx_idle;
	struct mp_tx_late late;
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
void mp_link_leave(struct mp_port *port);
void mp_link_steer(struct mp_link *link);
struct mp_port *mp_link_port(struct mp_link *link, struct sk_buff *skb);

/* receiver.c APIs */
void mp_receivers_update(struct mp_link *link);

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
void mp_rx_unbound(struct mp_port *port);
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

/* late.c APIs */
void mp_tx_late_init(struct mp_port *port);
void mp_tx_late_stop(struct mp_port *port);

/* write.c APIs */
ssize_t mp_tx_write(struct mp_port *port, struct iov_iter *from,
		    struct ubuf_info *lender, int flags);

/**
 * struct mp_burst - packets on their way to the driver
 * @dev: the interface
 * @pass: they may pass the qdisc
 * @recorded: the queue that they were recorded for, as skbs spell it
 * @txq: the queue that those collected are for
 * @first: those collected, linked by next; NULL if there are none
 * @last: the last of them
 */
struct mp_burst {
	struct net_device *dev;
	bool pass;
	u16 recorded;
	struct netdev_queue *txq;
	struct sk_buff *first;
	struct sk_buff *last;
};

/* burst.c APIs */
void mp_burst_begin(struct mp_burst *burst, const struct mp_port *port,
		    struct net_device *dev);
void mp_burst_add(struct mp_burst *burst, struct sk_buff *skb);
void mp_burst_end(struct mp_burst *burst);

/* request.c APIs */
void mp_request_read(const struct mp_request *req, u32 off, void *dst, u32 len);
void mp_request_write(const struct mp_request *req, u32 off, const void *src,
		      u32 len);
void mp_request_read_skb(const struct mp_request *req, u32 off,
			 struct sk_buff *skb, u32 len);
int mp_request_write_skb(const struct mp_request *req, u32 off,
			 const struct sk_buff *skb, u32 skb_off, u32 len);

#endif /* _MPASSTHRU_PORT_H */
