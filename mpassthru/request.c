// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bytes of a request: pinned guest memory through the direct map.
 *
 * Callers stay within request->len.  The guest may change what is there at any
 * time: read it once, then check.
 */
#include <linux/mm.h>

#include "port.h"

/* Where in a request the next byte is. */
struct cursor {
	const struct mp_seg *seg;
	const struct mp_seg *end;
	u32 off;
};

static struct cursor cursor_at(const struct mp_request *req, u32 off)
{
	struct cursor at = {
		.seg = req->segs,
		.end = req->segs + req->nr_segs,
		.off = off,
	};

	while (at.seg < at.end && at.off >= at.seg->len)
		at.off -= at.seg++->len;
	return at;
}

/*
 * Moves on by up to @len bytes that are contiguous in the kernel's address
 * space, and cuts @len down to how many those are.  Their address, or NULL past
 * the end.
 */
static void *cursor_next(struct cursor *at, u32 *len)
{
	const struct mp_seg *seg = at->seg;
	void *addr;

	if (WARN_ON_ONCE(seg == at->end))
		return NULL;
	addr = page_address(seg->page) + seg->offset + at->off;
	*len = min(*len, seg->len - at->off);
	at->off += *len;
	if (at->off == seg->len) {
		at->seg++;
		at->off = 0;
	}
	return addr;
}

/* Copies request bytes to host memory. */
void mp_request_read(const struct mp_request *req, u32 off, void *dst, u32 len)
{
	struct cursor at = cursor_at(req, off);

	while (len) {
		u32 n = len;
		void *addr = cursor_next(&at, &n);

		if (!addr)
			return;
		memcpy(dst, addr, n);
		dst += n;
		len -= n;
	}
}

/* Copies host memory to request bytes. */
void mp_request_write(const struct mp_request *req, u32 off, const void *src,
		      u32 len)
{
	struct cursor at = cursor_at(req, off);

	while (len) {
		u32 n = len;
		void *addr = cursor_next(&at, &n);

		if (!addr)
			return;
		memcpy(addr, src, n);
		src += n;
		len -= n;
	}
}

/* Copies packet bytes to request bytes. */
int mp_request_write_skb(const struct mp_request *req, u32 off,
			 const struct sk_buff *skb, u32 skb_off, u32 len)
{
	struct cursor at = cursor_at(req, off);

	while (len) {
		u32 n = len;
		void *addr = cursor_next(&at, &n);
		int err;

		if (!addr)
			return -EINVAL;
		err = skb_copy_bits(skb, skb_off, addr, n);
		if (err)
			return err;
		skb_off += n;
		len -= n;
	}
	return 0;
}

/* Copies request bytes to the start of a packet that has room for them. */
void mp_request_read_skb(const struct mp_request *req, u32 off,
			 struct sk_buff *skb, u32 len)
{
	struct cursor at = cursor_at(req, off);
	u32 to = 0;

	while (len) {
		u32 n = len;
		void *addr = cursor_next(&at, &n);

		if (!addr || WARN_ON_ONCE(skb_store_bits(skb, to, addr, n)))
			return;
		to += n;
		len -= n;
	}
}
