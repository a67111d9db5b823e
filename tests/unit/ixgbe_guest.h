/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The constructors' side: slots with memory of just the room that was asked for, and
 * frames that tell when they come wrong, twice, or in another order.
 */
#ifndef _UNIT_IXGBE_GUEST_H
#define _UNIT_IXGBE_GUEST_H

#include <mp/nic.h>

/**
 * struct mp_rx - a constructor
 * @mode: the layout
 * @posted: buffers that the guest has given and nobody has
 * @at_nic: in slots
 * @used: with a frame for the guest
 * @dry: construct has failed
 * @observed: frames have to go through the stack
 * @gro: header buffers come back from it
 * @frames: that came, in @stack of them through the stack
 * @next: no frame's number may be less
 * @len, @csum_ok, @hash, @linear: of the last one
 */
struct mp_rx {
	enum mp_mode mode;
	unsigned int posted;
	unsigned int at_nic;
	unsigned int used;
	bool dry;
	bool observed;
	bool gro;
	unsigned int frames;
	unsigned int stack;
	u32 next;
	unsigned int len;
	bool csum_ok;
	u32 hash;
	unsigned int linear;
};

/* A frame of @len bytes with number @number, for @data of that length */
void guest_frame(u8 *data, unsigned int len, u32 number, bool tag);

#endif
