/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * User ABI of /dev/net/mp: bind a host network interface to a file
 * descriptor, and ask what became of its packets.
 *
 * Beside the calls below the descriptor answers the TAP calls of
 * <linux/if_tun.h> that a VMM makes, so that it can be handed to one as a tap
 * descriptor.
 *
 * Every structure begins with its own size as the caller knows it.  A kernel
 * that knows a shorter one accepts a longer one whose surplus is zero (E2BIG
 * otherwise); a kernel that knows a longer one takes what is missing as zero.
 * Reserved fields and unknown flags must be zero (EINVAL).  The layout is the
 * same for 32-bit and 64-bit callers.
 */
#ifndef _UAPI_LINUX_MPASSTHRU_H
#define _UAPI_LINUX_MPASSTHRU_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MP_IFNAMSIZ	16

/* How received frames reach the guest. */
enum mp_mode {
	MP_MODE_AUTO		= 0,	/* the best for driver, guest and MTU */
	MP_MODE_WHOLE_FRAME	= 1,	/* a frame lies whole in one guest buffer */
	MP_MODE_HEADER_SPLIT	= 2,	/* payload in guest buffers, headers copied */
	MP_MODE_COPY		= 3,	/* one copy, works with every driver */
};

/* Why a packet was copied although it need not have been in the best case. */
enum mp_copy_reason {
	MP_COPY_ASKED		= 0,	/* mode is MP_MODE_COPY */
	MP_COPY_NO_GLUE		= 1,	/* the NIC driver has no page constructor */
	MP_COPY_PAGE_CROSSING	= 2,	/* guest buffer not contiguous for the NIC */
	MP_COPY_SHORT_BUFFER	= 3,	/* guest buffer shorter than what the NIC may write */
	MP_COPY_OBSERVED	= 4,	/* packet socket, tc, XDP or VLAN device on the NIC */
	MP_COPY_SMALL		= 5,	/* cheaper to copy than to pin and complete */
	MP_COPY_HEADERS		= 6,	/* little more than headers */
	MP_COPY_CHANGED		= 7,	/* the host stack rewrote the packet's layout */
	MP_COPY_LATE		= 8,	/* received into host memory before the backend started */
	MP_COPY_ORPHANED	= 9,	/* a holder of guest pages took a copy */
	MP_COPY_FRAGS		= 10,	/* more pieces than one packet can carry */
	MP_COPY_NO_BACKEND	= 11,	/* read() and write(), or the in-tree vhost-net */
	MP_COPY_UNALIGNED	= 12,	/* guest buffer at an odd address */
	MP_COPY_LOCKED		= 13,	/* no room under the limit on locked memory */
	MP_COPY_HELD		= 14,	/* the ring is full of packets that wait to be sent */
	MP_COPY_REASONS		= 16,	/* room in the ABI */
};

/* Why a packet was dropped. */
enum mp_drop_reason {
	MP_DROP_QUEUE_FULL	= 0,	/* the guest does not read fast enough, or nobody sends */
	MP_DROP_NO_MEMORY	= 1,
	MP_DROP_BAD_HEADER	= 2,	/* the guest's virtio header makes no sense */
	MP_DROP_NO_LINK		= 3,	/* interface down or gone */
	MP_DROP_TOO_BIG		= 4,	/* frame longer than all posted buffers may hold */
	MP_DROP_REASONS		= 8,	/* room in the ABI */
};

/* &struct mp_bind.flags */
#define MP_BIND_MAC		(1u << 0)	/* only frames for @mac */
#define MP_BIND_QDISC_BYPASS	(1u << 1)	/* transmit past the qdisc */
#define MP_BIND_QUEUE		(1u << 2)	/* one queue of several */

/**
 * struct mp_bind - argument of %MP_BIND
 *
 * With %MP_BIND_QUEUE several descriptors can be bound to one interface, all with
 * the same @flags, @mode and @mac; each is a queue pair of it, and TUNSETQUEUE lets
 * it take part or not.  The interface is free again when the last one is unbound.
 *
 * @size: sizeof(struct mp_bind)
 * @flags: MP_BIND_* bits
 * @ifindex: the interface in the caller's network namespace, or 0 for @ifname
 * @mode: &enum mp_mode
 * @ifname: the interface by name, used if @ifindex is 0
 * @mac: with %MP_BIND_MAC the guest's address: the NIC is to receive frames for it,
 *	for its own one, and for every group.  Without, zero: it receives all
 * @mac_reserved: zero
 * @reserved: zero
 */
struct mp_bind {
	__u32		size;
	__u32		flags;
	__u32		ifindex;
	__u32		mode;
	char		ifname[MP_IFNAMSIZ];
	__u8		mac[6];
	__u8		mac_reserved[2];
	__aligned_u64	reserved[3];
};

/**
 * struct mp_counters - what happened to one direction's packets
 * @packets: frames delivered (receive) or accepted from the guest (transmit)
 * @bytes: their length without virtio header
 * @payload_bytes: what of @bytes follows the headers that the host looked at
 * @zerocopy_packets: packets no payload byte of which the CPU touched
 * @zerocopy_bytes: payload bytes that the NIC moved from or to guest memory
 * @copied_bytes: bytes that the CPU copied, headers included
 * @completed: transmit: handed back to the guest after the NIC sent them
 * @failed: transmit: handed back to the guest unsent
 * @copied: packets copied, by &enum mp_copy_reason
 * @dropped: packets dropped, by &enum mp_drop_reason
 */
struct mp_counters {
	__aligned_u64	packets;
	__aligned_u64	bytes;
	__aligned_u64	payload_bytes;
	__aligned_u64	zerocopy_packets;
	__aligned_u64	zerocopy_bytes;
	__aligned_u64	copied_bytes;
	__aligned_u64	completed;
	__aligned_u64	failed;
	__aligned_u64	copied[MP_COPY_REASONS];
	__aligned_u64	dropped[MP_DROP_REASONS];
};

/* &struct mp_info.flags */
#define MP_INFO_NEXT		(1u << 0)	/* in: first port with a greater ifindex */
#define MP_INFO_BACKEND		(1u << 1)	/* out: a vhost backend is attached */
#define MP_INFO_GLUE		(1u << 2)	/* out: the driver has a page constructor */
#define MP_INFO_DRY		(1u << 3)	/* out: the NIC waits for guest buffers */
#define MP_INFO_LOCKED		(1u << 4)	/* out: the limit on locked memory is met */
#define MP_INFO_QDISC_BYPASS	(1u << 5)	/* out: %MP_BIND_QDISC_BYPASS was asked for */
#define MP_INFO_STALLED		(1u << 6)	/* out: for seconds the guest has given none */

/**
 * struct mp_info - argument of %MP_GET
 * @size: in: sizeof(struct mp_info) of the caller; out: of the kernel
 * @flags: MP_INFO_* bits
 * @ifindex: in: 0 for the port of this descriptor, else any port of the
 *	caller's network namespace; out: the port's interface
 * @mode: the &enum mp_mode asked for in %MP_BIND
 * @rx_mode: the &enum mp_mode in effect
 * @vnet_hdr_len: bytes of virtio header before every frame
 * @offload: what the guest accepts, TUN_F_* bits
 * @queue: in: which queue pair of the interface, from 1 on, or 0: of this descriptor,
 *	or, with @ifindex or %MP_INFO_NEXT, all of them together; out: the same
 * @ifname: the interface's present name
 * @posted: guest receive buffers waiting to be used
 * @at_nic: guest receive buffers that the NIC may write to now
 * @in_stack: guest receive buffers in frames on their way to the guest
 * @tx_inflight: transmit requests that the NIC has not finished
 * @pinned_bytes: guest memory pinned for this port's backend
 * @rx: receive counters
 * @tx: transmit counters
 * @queues: queue pairs of the interface
 * @reserved: zero
 */
struct mp_info {
	__u32			size;
	__u32			flags;
	__u32			ifindex;
	__u32			mode;
	__u32			rx_mode;
	__u32			vnet_hdr_len;
	__u32			offload;
	__u32			queue;
	char			ifname[MP_IFNAMSIZ];
	__aligned_u64		posted;
	__aligned_u64		at_nic;
	__aligned_u64		in_stack;
	__aligned_u64		tx_inflight;
	__aligned_u64		pinned_bytes;
	struct mp_counters	rx;
	struct mp_counters	tx;
	__u32			queues;
	__u32			reserved;
};

#define MP_IOC_TYPE	0xB8

/*
 * MP_BIND needs CAP_NET_ADMIN over the network namespace of the interface.
 *	ENODEV	no such interface, or it is being removed
 *	EINVAL	the interface cannot be bound (loopback, not Ethernet), a bad
 *		mode, flag or address, one that is not that of the interface's
 *		other queues, or a reserved field that is not zero
 *	EBUSY	the interface or this descriptor is bound already, or the
 *		interface belongs to a bridge, bond, team, macvlan ...
 *	EOPNOTSUPP the driver cannot do the mode asked for
 *	ENOSPC	the interface has as many queues as it can have
 * MP_UNBIND leaves the interface as MP_BIND found it (ENODEV: not bound).
 * MP_GET needs no privilege (ENODEV: no such port).
 */
#define MP_BIND		_IO(MP_IOC_TYPE, 0x01)
#define MP_UNBIND	_IO(MP_IOC_TYPE, 0x02)
#define MP_GET		_IO(MP_IOC_TYPE, 0x03)

#endif /* _UAPI_LINUX_MPASSTHRU_H */
