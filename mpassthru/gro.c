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

/* Limits what GRO makes on rx->dev, to be undone by mp_gro_restore().  RTNL. */
void mp_gro_limit(struct mp_rx *rx)
{
	unsigned int i;

	ASSERT_RTNL();
	rx->gro_limit = limit_for(rx->dev->mtu);
	for (i = 0; i < ARRAY_SIZE(rx->gro_had); i++) {
		unsigned int *max = mp_gro_max(rx->dev, i);

		rx->gro_had[i] = *max;
		WRITE_ONCE(*max, min(*max, rx->gro_limit));
	}
}

/* Puts back what was there, unless somebody has changed it since.  RTNL. */
void mp_gro_restore(struct mp_rx *rx)
{
	unsigned int i = ARRAY_SIZE(rx->gro_had);

	ASSERT_RTNL();
	while (rx->gro_limit && i-- > 0) {
		unsigned int *max = mp_gro_max(rx->dev, i);

		if (*max == rx->gro_limit)
			WRITE_ONCE(*max, rx->gro_had[i]);
	}
	rx->gro_limit = 0;
}
