/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What patches/ixgbe/mp_ixgbe.h sees of the driver, as far as it uses it: names are
 * the driver's, numbers those of the NIC's datasheet.
 */
#ifndef _UNIT_IXGBE_H
#define _UNIT_IXGBE_H

#include <linux/netdevice.h>

/* Registers */
#define IXGBE_RDH(i)			(0x1010 + 0x40 * (i))
#define IXGBE_SRRCTL(i)			(0x1014 + 0x40 * (i))
#define IXGBE_RDT(i)			(0x1018 + 0x40 * (i))
#define IXGBE_RXDCTL(i)			(0x1028 + 0x40 * (i))
#define IXGBE_RXCTRL			0x3000
#define IXGBE_MHADD			0x4268
#define IXGBE_RETA(i)			(0x5c00 + 4 * (i))
#define IXGBE_ERETA(i)			(0xee80 + 4 * (i))

#define IXGBE_RXDCTL_ENABLE		0x02000000
#define IXGBE_RXCTRL_RXEN		0x00000001
#define IXGBE_SRRCTL_BSIZEPKT_SHIFT	10
#define IXGBE_SRRCTL_BSIZEPKT_MASK	0x0000001f
#define IXGBE_SRRCTL_BSIZEHDR_MASK	0x00003f00
#define IXGBE_SRRCTL_BSIZEHDRSIZE_SHIFT	2
#define IXGBE_SRRCTL_DESCTYPE_ADV_ONEBUF 0x02000000
#define IXGBE_SRRCTL_DESCTYPE_HDR_SPLIT_ALWAYS 0x0a000000
#define IXGBE_SRRCTL_DESCTYPE_MASK	0x0e000000
#define IXGBE_SRRCTL_DROP_EN		0x10000000
#define IXGBE_MHADD_MFS_SHIFT		16

/* Receive descriptors */
#define IXGBE_RXD_STAT_DD		0x00001
#define IXGBE_RXD_STAT_EOP		0x00002
#define IXGBE_RXD_STAT_VP		0x00008
#define IXGBE_RXD_STAT_L4CS		0x00020
#define IXGBE_RXD_STAT_TSIP		0x08000
#define IXGBE_RXDADV_ERR_HBO		0x00800000
#define IXGBE_RXDADV_ERR_CE		0x01000000
#define IXGBE_RXDADV_ERR_LE		0x02000000
#define IXGBE_RXDADV_ERR_TCPE		0x40000000
#define IXGBE_RXDADV_ERR_IPE		0x80000000
#define IXGBE_RXDADV_ERR_FRAME_ERR_MASK	0x3b000000
#define IXGBE_RXDADV_PKTTYPE_VXLAN	0x0800
#define IXGBE_RXDADV_HDRBUFLEN_MASK	0x7fe0
#define IXGBE_RXDADV_HDRBUFLEN_SHIFT	5
#define IXGBE_RXDADV_SPH		0x8000

union ixgbe_adv_rx_desc {
	struct {
		__le64 pkt_addr;
		__le64 hdr_addr;
	} read;
	struct {
		struct {
			union {
				__le32 data;
				struct {
					__le16 pkt_info;
					__le16 hdr_info;
				} hs_rss;
			} lo_dword;
			union {
				__le32 rss;
			} hi_dword;
		} lower;
		struct {
			__le32 status_error;
			__le16 length;
			__le16 vlan;
		} upper;
	} wb;
};

/* The driver */
#define IXGBE_FLAG_DCB_ENABLED			BIT(12)
#define IXGBE_FLAG_VMDQ_ENABLED			BIT(14)
#define IXGBE_FLAG_FCOE_ENABLED			BIT(21)
#define IXGBE_FLAG_SRIOV_ENABLED		BIT(23)
#define IXGBE_FLAG_RX_HWTSTAMP_ENABLED		BIT(25)
#define IXGBE_FLAG_RX_HWTSTAMP_IN_REGISTER	BIT(26)
#define IXGBE_FLAG2_RSC_ENABLED			BIT(1)

#define IXGBE_TS_HDR_LEN		8
#define IXGBE_RX_BUFFER_WRITE		16
#define IXGBE_RX_HDR_SIZE		256
#define IXGBE_MAX_RSS_INDICES		16
#define IXGBE_MAX_RETA_ENTRIES		512
#define MAX_RX_QUEUES			64

enum {
	__IXGBE_DOWN,
};

enum ixgbe_mac_type {
	ixgbe_mac_82598EB,
	ixgbe_mac_82599EB,
	ixgbe_mac_X550,
};

struct ixgbe_hw {
	struct {
		enum ixgbe_mac_type type;
	} mac;
};

struct ixgbe_queue_stats {
	u64 packets;
	u64 bytes;
};

struct ixgbe_ring {
	struct ixgbe_q_vector *q_vector;
	struct net_device *netdev;
	union ixgbe_adv_rx_desc *desc;
	void **pages;		/* of stock receive, instead of rx_buffer_info */
	u8 *tail;
	u16 count;
	u8 queue_index;
	u8 reg_idx;
	u16 next_to_use;
	u16 next_to_clean;
	u16 next_to_alloc;
	u8 atr_sample_rate;
	struct device *dev;
	struct ixgbe_queue_stats stats;
	struct {
		u64 alloc_rx_buff_failed;
	} rx_stats;
	int syncp;
};

struct ixgbe_q_vector {
	struct ixgbe_adapter *adapter;
	struct napi_struct napi;
	struct {
		unsigned int total_packets;
		unsigned int total_bytes;
	} rx;
};

struct pci_dev {
	struct device dev;
	bool offline;
};

/* What the patch adds */
struct mp_ixgbe_queue {
	struct mp_ixgbe_slot *slots;
	struct mp_rx *rx;
	u16 tail;
	bool split;
	bool discarding;
};

struct ixgbe_adapter {
	struct net_device *netdev;
	void *xdp_prog;
	struct pci_dev *pdev;
	unsigned long state;
	u32 flags;
	u32 flags2;
	int num_tx_queues;
	int num_rx_queues;
	struct ixgbe_ring *tx_ring[MAX_RX_QUEUES];
	struct ixgbe_ring *rx_ring[MAX_RX_QUEUES];
	struct ixgbe_hw hw;
	u8 rss_indir_tbl[IXGBE_MAX_RETA_ENTRIES];

	unsigned int mp_nr;
	struct mp_rx *mp_rx[IXGBE_MAX_RSS_INDICES];
	struct mp_ixgbe_queue mp_queue[IXGBE_MAX_RSS_INDICES];
};

#define IXGBE_RX_DESC(ring, i)	(&(ring)->desc[i])
#define pci_channel_offline(pdev)	((pdev)->offline)

u32 card_read(u32 reg);
void card_write(u32 reg, u32 value);
#define IXGBE_READ_REG(hw, reg)		((void)(hw), card_read(reg))
#define IXGBE_WRITE_REG(hw, reg, value)	((void)(hw), card_write(reg, value))

static inline u16 ixgbe_desc_unused(const struct ixgbe_ring *ring)
{
	return (ring->next_to_clean > ring->next_to_use ? 0 : ring->count) +
	       ring->next_to_clean - ring->next_to_use - 1;
}

static inline u32 ixgbe_rss_indir_tbl_entries(const struct ixgbe_adapter *adapter)
{
	return adapter->hw.mac.type < ixgbe_mac_X550 ? 128 : 512;
}

static inline void ixgbe_rx_hash(struct ixgbe_ring *ring,
				 union ixgbe_adv_rx_desc *desc,
				 struct sk_buff *skb)
{
	(void)ring;
	skb->hash = le32_to_cpu(desc->wb.lower.hi_dword.rss);
}

static inline void ixgbe_rx_checksum(struct ixgbe_ring *ring,
				     union ixgbe_adv_rx_desc *desc,
				     struct sk_buff *skb)
{
	u32 staterr = le32_to_cpu(desc->wb.upper.status_error);

	(void)ring;
	skb->csum_ok = (staterr & IXGBE_RXD_STAT_L4CS) &&
		       !(staterr & (IXGBE_RXDADV_ERR_TCPE | IXGBE_RXDADV_ERR_IPE));
}

static inline void ixgbe_ptp_rx_hwtstamp(struct ixgbe_ring *ring,
					 union ixgbe_adv_rx_desc *desc,
					 struct sk_buff *skb)
{
	(void)ring, (void)desc, (void)skb;
}

void ixgbe_disable_rx(struct ixgbe_adapter *adapter);
void ixgbe_reset(struct ixgbe_adapter *adapter);
void ixgbe_reinit_locked(struct ixgbe_adapter *adapter);
void ixgbe_store_reta(struct ixgbe_adapter *adapter);

#endif
