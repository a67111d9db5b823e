/* SPDX-License-Identifier: GPL-2.0-only */
/* What a network driver's receive path sees of the kernel, as far as it is tested. */
#ifndef _SHIM_LINUX_NETDEVICE_H
#define _SHIM_LINUX_NETDEVICE_H

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include <asm/barrier.h>
#include <linux/compiler.h>
#include <linux/if_ether.h>
#include <linux/minmax.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#define BIT(n)			(1UL << (n))
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#endif
#define __iomem
#define GFP_KERNEL		0
#define VLAN_ETH_FRAME_LEN	1518

#define cpu_to_le16(x)		htole16(x)
#define cpu_to_le32(x)		htole32(x)
#define cpu_to_le64(x)		htole64(x)
#define le16_to_cpu(x)		le16toh(x)
#define le32_to_cpu(x)		le32toh(x)
#define le64_to_cpu(x)		le64toh(x)

#define dma_rmb()		smp_rmb()
#define dma_wmb()		smp_wmb()

typedef u64 dma_addr_t;
typedef u64 netdev_features_t;

#define NETIF_F_RXCSUM			BIT(0)
#define NETIF_F_RXALL			BIT(1)
#define NETIF_F_HW_VLAN_CTAG_RX		BIT(2)

struct device {
	void *driver_data;
};

struct net_device {
	struct {
		struct device *parent;
	} dev;
	unsigned int mtu;
	netdev_features_t features;
};

struct napi_struct {
	bool enabled;
	bool scheduled;
};

/* Bottom halves: what has to run with them off asserts that. */
extern int shim_bh_off;
#define local_bh_disable()		((void)shim_bh_off++)
#define local_bh_enable()		((void)shim_bh_off--)

#define ASSERT_RTNL()			((void)0)
#define rcu_read_lock()			((void)0)
#define rcu_read_unlock()		((void)0)
#define synchronize_net()		((void)0)
#define u64_stats_update_begin(s)	((void)(s))
#define u64_stats_update_end(s)		((void)(s))
#define netdev_warn(dev, ...)		((void)(dev))

static inline void *dev_get_drvdata(const struct device *dev)
{
	return dev->driver_data;
}

static inline bool test_bit(unsigned int nr, const unsigned long *word)
{
	return *word >> nr & 1;
}

static inline void napi_schedule(struct napi_struct *napi)
{
	if (napi->enabled)
		napi->scheduled = true;
}

static inline void __vlan_hwaccel_put_tag(struct sk_buff *skb, u16 proto,
					  u16 tag)
{
	(void)proto;
	skb->vlan = tag;
}

/* The next so many allocations fail. */
extern unsigned int shim_no_memory;

static inline struct sk_buff *alloc_skb(unsigned int room)
{
	struct sk_buff *skb = calloc(1, sizeof(*skb));

	skb->data = malloc(room);
	skb->room = room;
	return skb;
}

static inline void dev_kfree_skb(struct sk_buff *skb)
{
	if (!skb)
		return;
	free(skb->data);
	free(skb->frag);
	free(skb);
}

static inline void skb_put(struct sk_buff *skb, unsigned int len)
{
	assert(!skb->data_len && skb->len + len <= skb->room);
	skb->len += len;
}

static inline struct sk_buff *netdev_alloc_skb_ip_align(struct net_device *dev,
							unsigned int room)
{
	(void)dev;
	if (!shim_no_memory)
		return alloc_skb(room);
	shim_no_memory--;
	return NULL;
}

/* Mappings: by address.  Each ends, and none is synced after that. */
extern unsigned int shim_mapped;
extern unsigned int shim_maps;	/* ever made */
extern bool shim_no_mapping;

#define DMA_FROM_DEVICE			2
#define DMA_ATTR_SKIP_CPU_SYNC		0
#define dma_mapping_error(dev, dma)	((void)(dev), (dma) == ~0ULL)
#define dma_sync_single_for_cpu(dev, dma, len, dir) \
	((void)(dev), assert(shim_mapped && (dma)))
#define dma_sync_single_for_device(dev, dma, len, dir) \
	((void)(dev), assert(shim_mapped && (dma)))
#define dma_unmap_single_attrs(dev, dma, len, dir, attrs) \
	((void)(dev), assert(shim_mapped && (dma)), (void)shim_mapped--)

static inline dma_addr_t dma_map_single(struct device *dev, void *p, size_t len,
					int dir)
{
	(void)dev, (void)len, (void)dir;
	if (shim_no_mapping)
		return ~0ULL;
	shim_mapped++;
	shim_maps++;
	return (uintptr_t)p;
}

static inline void *kvcalloc(size_t n, size_t size, int gfp)
{
	(void)gfp;
	if (shim_no_memory) {
		shim_no_memory--;
		return NULL;
	}
	return calloc(n, size);
}

#define kvfree(p)	free(p)

/* The card's: a register, by its address; time goes by. */
void writel(u32 value, void *addr);
void usleep_range(unsigned long min, unsigned long max);

#endif
