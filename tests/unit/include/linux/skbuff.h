/* SPDX-License-Identifier: GPL-2.0-only */
/* A frame on its way through the stack: where it is, and what was said of it. */
#ifndef _SHIM_LINUX_SKBUFF_H
#define _SHIM_LINUX_SKBUFF_H

#include <linux/types.h>

/* @len bytes in all, @data_len of them in @frag, the others in @data */
struct sk_buff {
	u8 *data;
	u8 *frag;
	unsigned int room;
	unsigned int len;
	unsigned int data_len;
	u32 hash;
	bool csum_ok;
	u16 vlan;
};

#endif
