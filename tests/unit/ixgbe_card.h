/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A NIC like 82599, as its datasheet says: registers, descriptors, and writes to the
 * memory behind them, for as long as it has not said that it is silent.
 */
#ifndef _UNIT_IXGBE_CARD_H
#define _UNIT_IXGBE_CARD_H

#include "ixgbe.h"

/**
 * struct card_frame - a frame on the wire
 * @data: from its first byte, @len without FCS
 * @hash: for RSS
 * @queue: where a filter leads it, plus 1, or 0: RSS says
 * @staterr: more bits for the last descriptor
 * @info: packet type
 * @header: bytes of headers that are known, or 0
 * @piece: bytes to a descriptor, or 0: as many as fit
 */
struct card_frame {
	const void *data;
	unsigned int len;
	u32 hash;
	unsigned int queue;
	u32 staterr;
	u16 info;
	unsigned int header;
	unsigned int piece;
};

/**
 * struct card - what tests turn and read
 * @slow: writes wait until card_run(), or until the queue is disabled
 * @stuck: a queue that is disabled goes on until the card is reset
 * @stamps: 8 bytes are put behind each frame without a tag
 * @irq: a descriptor of that queue was written back
 * @received, @dropped: frames; there were no descriptors for those
 * @refused: too long, or receive or the queue is off
 * @stalled: no descriptors, and the queue is not to drop: all others wait
 * @tails: writes to tail registers
 * @resets: since power on
 */
struct card {
	bool slow;
	bool stuck;
	bool stamps;
	bool irq[MAX_RX_QUEUES];
	unsigned int received;
	unsigned int dropped;
	unsigned int refused;
	unsigned int stalled;
	unsigned int tails;
	unsigned int resets;
};

extern struct card card;

void card_power_on(unsigned int reta_entries);
void card_reset(void);
u8 *card_address(u32 reg);
void card_ring(unsigned int queue, union ixgbe_adv_rx_desc *desc,
	       unsigned int count);
void card_receive(const struct card_frame *frame);
void card_run(void);

#endif
