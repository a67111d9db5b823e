// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much GRO merges for a guest (header split).
 *
 * Each merged segment takes guest buffers of its own, and guests make one packet of
 * as many buffers as an skb has fragments.  What is longer they have to string
 * together, and their TCP copies it again when memory gets short.
 */
#include "rx.h"

/* Linux guests post pages to receive long packets. */
static unsigned int limit_for(unsigned int mtu)
{
	unsigned int segs = MAX_SKB_FRAGS / DIV_ROUND_UP(mtu, PAGE_SIZE);

	return max(segs, 1U) * mtu;
}

/* Limits what GRO makes, to be undone by mp_gro_restore().  RTNL. */
void mp_gro_limit(struct mp_link *link)
{
	unsigned int i;

	ASSERT_RTNL();
	link->gro_limit = limit_for(link->dev->mtu);
	for (i = 0; i < ARRAY_SIZE(link->gro_had); i++) {
		unsigned int *max = mp_gro_max(link->dev, i);

		link->gro_had[i] = *max;
		WRITE_ONCE(*max, min(*max, link->gro_limit));
	}
}

/* Puts back what was there, unless somebody has changed it since.  RTNL. */
void mp_gro_restore(struct mp_link *link)
{
	unsigned int i = ARRAY_SIZE(link->gro_had);

	ASSERT_RTNL();
	while (link->gro_limit && i-- > 0) {
		unsigned int *max = mp_gro_max(link->dev, i);

		if (*max == link->gro_limit)
			WRITE_ONCE(*max, link->gro_had[i]);
	}
	link->gro_limit = 0;
}
