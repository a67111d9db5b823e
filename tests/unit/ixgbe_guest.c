// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mpassthru is to the glue.
 */
#include "unit.h"

#include "ixgbe_guest.h"

/* Where a frame has its number; what follows is made of it. */
#define NUMBER	20

/* Payload that is not worth a buffer */
#define COPY	128

struct mp_rx_buf {
	unsigned int room;
	u8 *mem;
};

void guest_frame(u8 *data, unsigned int len, u32 number, bool tag)
{
	unsigned int i;

	memset(data, 0, NUMBER);
	data[12] = tag ? 0x81 : 0x08;
	memcpy(data + NUMBER, &number, sizeof(number));
	for (i = NUMBER + sizeof(number); i < len; i++)
		data[i] = number + i;
}

static void check_frame(struct mp_rx *rx, const u8 *data, unsigned int len)
{
	unsigned int i;
	u32 number;

	assert_true(len >= NUMBER + sizeof(number));
	memcpy(&number, data + NUMBER, sizeof(number));
	for (i = NUMBER + sizeof(number); i < len; i++)
		if (data[i] != (u8)(number + i))
			fail_msg("frame %u is wrong from byte %u of %u on",
				 number, i, len);
	assert_true(number >= rx->next);
	rx->next = number + 1;
	rx->len = len;
	rx->frames++;
}

enum mp_mode mp_rx_mode(const struct mp_rx *rx)
{
	return rx->mode;
}

bool mp_rx_construct(struct mp_rx *rx, struct mp_rx_slot *slot,
		     const u32 *room, unsigned int parts)
{
	struct mp_rx_buf *buf;

	assert_true(shim_bh_off > 0);
	assert_true(mp_rx_slot_empty(slot));
	assert_int_equal(parts, 1);
	if (!rx->posted) {
		rx->dry = true;
		return false;
	}

	buf = malloc(sizeof(*buf));
	buf->room = room[0];
	buf->mem = malloc(room[0]);
	slot->buf[0] = buf;
	slot->dma[0] = (uintptr_t)buf->mem;
	rx->posted--;
	rx->at_nic++;
	return true;
}

static void end(struct mp_rx *rx, struct mp_rx_slot *slot)
{
	assert_true(shim_bh_off > 0);
	assert_false(mp_rx_slot_empty(slot));
	free(slot->buf[0]->mem);
	free(slot->buf[0]);
	memset(slot, 0, sizeof(*slot));
	rx->at_nic--;
}

void mp_rx_discard(struct mp_rx *rx, struct mp_rx_slot *slot)
{
	end(rx, slot);
	rx->posted++;
}

bool mp_rx_direct(struct mp_rx *rx, struct mp_rx_slot *slot, unsigned int len,
		  bool csum_ok)
{
	assert_false(mp_rx_slot_empty(slot));
	if (rx->observed || len > slot->buf[0]->room)
		return false;
	check_frame(rx, slot->buf[0]->mem, len);
	rx->csum_ok = csum_ok;
	end(rx, slot);
	rx->used++;
	return true;
}

struct sk_buff *mp_rx_frame(struct mp_rx *rx, struct napi_struct *napi,
			    struct mp_rx_slot *slot, unsigned int len)
{
	struct sk_buff *skb = alloc_skb(len);

	assert_true(napi->enabled);
	assert_true(len <= slot->buf[0]->room);
	memcpy(skb->data, slot->buf[0]->mem, len);
	skb->len = len;
	end(rx, slot);
	rx->used++;
	return skb;
}

/* What is short is copied behind the headers, and the slot stays. */
void mp_rx_fill(struct mp_rx *rx, struct mp_rx_slot *slot, struct sk_buff *skb,
		unsigned int len)
{
	assert_int_equal(rx->mode, MP_MODE_HEADER_SPLIT);
	assert_true(len <= slot->buf[0]->room);
	if (len <= COPY && skb->len + len <= skb->room) {
		memcpy(skb->data + skb->len, slot->buf[0]->mem, len);
		skb->len += len;
		return;
	}
	skb->frag = malloc(len);
	memcpy(skb->frag, slot->buf[0]->mem, len);
	skb->len += len;
	skb->data_len = len;
	end(rx, slot);
	rx->used++;
}

struct sk_buff *mp_rx_deliver(struct mp_rx *rx, struct napi_struct *napi,
			      struct sk_buff *skb)
{
	unsigned int linear = skb->len - skb->data_len;
	u8 *data = malloc(skb->len);

	assert_true(napi->enabled);
	assert_true(linear >= ETH_HLEN);
	memcpy(data, skb->data, linear);
	if (skb->frag)
		memcpy(data + linear, skb->frag, skb->data_len);
	check_frame(rx, data, skb->len);
	free(data);
	rx->csum_ok = skb->csum_ok;
	rx->hash = skb->hash;
	rx->linear = linear;
	rx->stack++;
	if (!rx->gro || rx->mode == MP_MODE_WHOLE_FRAME) {
		dev_kfree_skb(skb);
		return NULL;
	}
	free(skb->frag);
	skb->frag = NULL;
	skb->len = 0;
	skb->data_len = 0;
	return skb;
}
