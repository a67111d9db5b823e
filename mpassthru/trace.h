/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events: what becomes of requests and frames, by interface.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mpassthru

#if !defined(_MPASSTHRU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _MPASSTHRU_TRACE_H

#include <linux/netdevice.h>
#include <linux/tracepoint.h>
#include <linux/virtio_net.h>

TRACE_EVENT(mp_rx_post,
	    TP_PROTO(const struct net_device *dev, unsigned int nr,
		     unsigned int posted),
	    TP_ARGS(dev, nr, posted),
	    TP_STRUCT__entry(__field(int, ifindex)
			     __field(unsigned int, nr)
			     __field(unsigned int, posted)),
	    TP_fast_assign(__entry->ifindex = dev ? dev->ifindex : 0;
			   __entry->nr = nr;
			   __entry->posted = posted;),
	    TP_printk("ifindex=%d nr=%u posted=%u", __entry->ifindex,
		      __entry->nr, __entry->posted)
);

TRACE_EVENT(mp_rx_construct,
	    TP_PROTO(const struct net_device *dev, unsigned int parts, bool ok),
	    TP_ARGS(dev, parts, ok),
	    TP_STRUCT__entry(__field(int, ifindex)
			     __field(unsigned int, parts)
			     __field(bool, ok)),
	    TP_fast_assign(__entry->ifindex = dev->ifindex;
			   __entry->parts = parts;
			   __entry->ok = ok;),
	    TP_printk("ifindex=%d parts=%u %s", __entry->ifindex, __entry->parts,
		      __entry->ok ? "ok" : "dry")
);

TRACE_EVENT(mp_rx_receive,
	    TP_PROTO(const struct net_device *dev, u32 len, u32 placed,
		     unsigned int nr, const struct virtio_net_hdr *vnet),
	    TP_ARGS(dev, len, placed, nr, vnet),
	    TP_STRUCT__entry(__field(int, ifindex)
			     __field(u32, len)
			     __field(u32, placed)
			     __field(unsigned int, nr)
			     __field(u8, flags)
			     __field(u8, gso_type)
			     __field(u16, gso_size)),
	    TP_fast_assign(__entry->ifindex = dev->ifindex;
			   __entry->len = len;
			   __entry->placed = placed;
			   __entry->nr = nr;
			   __entry->flags = vnet->flags;
			   __entry->gso_type = vnet->gso_type;
			   __entry->gso_size =
				__virtio16_to_cpu(true, vnet->gso_size);),
	    TP_printk("ifindex=%d len=%u placed=%u requests=%u flags=%#x gso_type=%#x gso_size=%u",
		      __entry->ifindex, __entry->len, __entry->placed,
		      __entry->nr, __entry->flags, __entry->gso_type,
		      __entry->gso_size)
);

TRACE_EVENT(mp_tx_transmit,
	    TP_PROTO(const struct net_device *dev, u32 len, u32 placed,
		     const struct virtio_net_hdr *vnet),
	    TP_ARGS(dev, len, placed, vnet),
	    TP_STRUCT__entry(__field(int, ifindex)
			     __field(u32, len)
			     __field(u32, placed)
			     __field(u8, flags)
			     __field(u8, gso_type)
			     __field(u16, gso_size)),
	    TP_fast_assign(__entry->ifindex = dev->ifindex;
			   __entry->len = len;
			   __entry->placed = placed;
			   __entry->flags = vnet->flags;
			   __entry->gso_type = vnet->gso_type;
			   __entry->gso_size =
				__virtio16_to_cpu(true, vnet->gso_size);),
	    TP_printk("ifindex=%d len=%u placed=%u flags=%#x gso_type=%#x gso_size=%u",
		      __entry->ifindex, __entry->len, __entry->placed,
		      __entry->flags, __entry->gso_type, __entry->gso_size)
);

TRACE_EVENT(mp_tx_complete,
	    TP_PROTO(int inflight, bool zerocopy),
	    TP_ARGS(inflight, zerocopy),
	    TP_STRUCT__entry(__field(int, inflight)
			     __field(bool, zerocopy)),
	    TP_fast_assign(__entry->inflight = inflight;
			   __entry->zerocopy = zerocopy;),
	    TP_printk("inflight=%d%s", __entry->inflight,
		      __entry->zerocopy ? "" : " copied")
);

#endif /* _MPASSTHRU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
