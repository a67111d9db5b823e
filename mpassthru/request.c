// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bytes of a request: pinned guest memory through the direct map.
 *
 * Callers stay within request->len.  The guest may change what is there at any
 * time: read it once, then check.
 */
#include <linux/mm.h>

#include "port.h"

/*
 * Where request byte @off lies in the kernel's address space.  Cuts @len down
 * to what is contiguous there.  NULL past the end.
 */
static void *piece(const struct mp_request *req, u32 off, u32 *len)
{
	const struct mp_seg *seg = req->segs;
	const struct mp_seg *end = seg + req->nr_segs;

	for (; seg < end; seg++) {
		if (off < seg->len) {
			*len = min(*len, seg->len - off);
			return page_address(seg->page) + seg->offset + off;
		}
		off -= seg->len;
	}
	WARN_ON_ONCE(1);
	return NULL;
}

/* Copies request bytes to host memory. */
void mp_request_read(const struct mp_request *req, u32 off, void *dst, u32 len)
{
	while (len) {
		u32 n = len;
		void *addr = piece(req, off, &n);

		if (!addr)
			return;
		memcpy(dst, addr, n);
		dst += n;
		off += n;
		len -= n;
	}
}

/* Copies host memory to request bytes. */
void mp_request_write(const struct mp_request *req, u32 off, const void *src,
		      u32 len)
{
	while (len) {
		u32 n = len;
		void *addr = piece(req, off, &n);

		if (!addr)
			return;
		memcpy(addr, src, n);
		src += n;
		off += n;
		len -= n;
	}
}

/* Copies packet bytes to request bytes. */
int mp_request_write_skb(const struct mp_request *req, u32 off,
			 const struct sk_buff *skb, u32 skb_off, u32 len)
{
	while (len) {
		u32 n = len;
		void *addr = piece(req, off, &n);
		int err;

		if (!addr)
			return -EINVAL;
		err = skb_copy_bits(skb, skb_off, addr, n);
		if (err)
			return err;
		skb_off += n;
		off += n;
		len -= n;
	}
	return 0;
}

/* Copies request bytes to the start of a packet that has room for them. */
void mp_request_read_skb(const struct mp_request *req, u32 off,
			 struct sk_buff *skb, u32 len)
{
	u32 to = 0;

	while (len) {
		u32 n = len;
		void *addr = piece(req, off, &n);

		if (!addr || WARN_ON_ONCE(skb_store_bits(skb, to, addr, n)))
			return;
		to += n;
		off += n;
		len -= n;
	}
}
