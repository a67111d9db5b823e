/* SPDX-License-Identifier: GPL-2.0-only */
/* A frame on its way through the stack: where it is, and what was said of it. */
#ifndef _SHIM_LINUX_SKBUFF_H
#define _SHIM_LINUX_SKBUFF_H

#include <linux/types.h>

struct sk_buff {
	void *data;
	unsigned int len;
	u32 hash;
	bool csum_ok;
	u16 vlan;
};

#endif
