// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory behind a driver's slot, while it is at the NIC and while it is in a
 * frame on its way through the stack.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "fallible.h"
#include "rx.h"

static struct kmem_cache *buf_cache;

/* An empty buffer; those that were freed before are the warmest.  rx->lock. */
static struct mp_rx_buf *buf_alloc(struct mp_rx *rx)
{
	struct mp_rx_buf *buf;

	if (hlist_empty(&rx->free))
		return kmem_cache_alloc(buf_cache, GFP_ATOMIC);
	buf = hlist_entry(rx->free.first, struct mp_rx_buf, node);
	hlist_del(&buf->node);
	return buf;
}

/* Frees a buffer whose page or request has moved on.  rx->lock. */
void mp_rx_buf_free(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	lockdep_assert_held(&rx->lock);
	rx->reserved -= buf->reserved;
	hlist_add_head(&buf->node, &rx->free);
}

/* The end: none is in use any more. */
void mp_rx_bufs_destroy(struct mp_rx *rx)
{
	struct hlist_node *next;
	struct mp_rx_buf *buf;

	hlist_for_each_entry_safe(buf, next, &rx->free, node)
		kmem_cache_free(buf_cache, buf);
}

/*
 * Ends a buffer that brought the guest nothing: its request is posted again.  A
 * host page is its frame's by then, or was put.  rx->lock.
 */
void mp_rx_buf_recycle(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	if (buf->req)
		mp_rx_untake(rx, buf->req);
	mp_rx_buf_free(rx, buf);
}

/* As above for a buffer that never was in a frame.  rx->lock. */
void mp_rx_buf_cancel(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	if (!buf->req)
		put_page(buf->page);
	mp_rx_buf_recycle(rx, buf);
}

/*
 * Points @buf at the first contiguous memory of @req that may take a frame, at
 * least @room bytes.  In header split that is the request's start, else what
 * follows the virtio header (whether it is in a segment of its own or not).
 */
static bool buf_from_request(struct mp_rx *rx, struct mp_rx_buf *buf,
			     struct mp_request *req, u32 room)
{
	u32 skip = rx->mode == MP_MODE_WHOLE_FRAME ? rx->backend->hdr_len : 0;
	const struct mp_seg *seg = req->segs;
	const struct mp_seg *end = seg + req->nr_segs;

	if (req->len < skip + room) {
		req->reason = MP_COPY_SHORT_BUFFER;
		return false;
	}
	buf->prefix = skip;
	while (seg < end && skip >= seg->len)
		skip -= seg++->len;
	if (seg == end || seg->len - skip < room) {
		req->reason = MP_COPY_PAGE_CROSSING;
		return false;
	}
	if ((seg->offset + skip) & 1) {
		req->reason = MP_COPY_UNALIGNED;
		return false;
	}
	buf->req = req;
	buf->page = seg->page;
	buf->offset = seg->offset + skip;
	buf->len = seg->len - skip;
	buf->kept = mp_dma_find(rx->kept, seg, &buf->dma);
	if (buf->kept)
		buf->dma += skip;
	return true;
}

/* Looks for a posted request that the NIC can have; moves the unfit out of the way. */
static bool buf_take_fit(struct mp_rx *rx, struct mp_rx_buf *buf, u32 room)
{
	struct mp_request *req;

	while ((req = mp_requests_pop(&rx->fit))) {
		if (buf_from_request(rx, buf, req, room)) {
			req->state = MP_REQ_NIC;
			return true;
		}
		mp_requests_push(&rx->odd, req);
	}
	return false;
}

/*
 * A host page for a frame that will be copied, because the guest's buffers do
 * not suit the NIC.
 */
static bool buf_take_page(struct mp_rx *rx, struct mp_rx_buf *buf, u32 room)
{
	const struct mp_request *odd = rx->odd.first;

	if (!odd || room > PAGE_SIZE)
		return false;
	buf->page = dev_alloc_page();
	if (!buf->page) {
		mp_rx_retry(rx);
		return false;
	}
	buf->reason = odd->reason;
	buf->offset = 0;
	buf->len = PAGE_SIZE;
	buf->prefix = 0;
	buf->kept = false;
	buf->req = NULL;
	return true;
}

/* Cuts a buffer down to as many of the next parts as lie in it whole. */
static void buf_trim(struct mp_rx_buf *buf, const u32 *room, unsigned int parts)
{
	u32 len = 0;

	while (parts-- && len + *room <= buf->len)
		len += *room++;
	buf->len = len;
}

static mp_fallible int buf_map(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	if (!rx->dma) {
		buf->dma = page_to_phys(buf->page) + buf->offset;
		return 0;
	}
	if (buf->kept) {
		dma_sync_single_for_device(rx->dma, buf->dma, buf->len,
					   DMA_FROM_DEVICE);
		return 0;
	}
	buf->dma = dma_map_page(rx->dma, buf->page, buf->offset, buf->len,
				DMA_FROM_DEVICE);
	return dma_mapping_error(rx->dma, buf->dma);
}
ALLOW_ERROR_INJECTION(buf_map, ERRNO);

/*
 * Makes a buffer that the NIC may write to, for the first of @parts or more of
 * them.  rx->lock.
 */
struct mp_rx_buf *mp_rx_buf_make(struct mp_rx *rx, const u32 *room,
				 unsigned int parts, u8 reserve)
{
	struct mp_rx_buf *buf;

	/* One for the buffer itself, what its packet needs beside it after. */
	if (!mp_rx_spare(rx, 1 + reserve + rx->aside))
		return NULL;
	buf = buf_alloc(rx);
	if (!buf) {
		mp_rx_retry(rx);
		return NULL;
	}
	buf->reserved = 0;

	if (!buf_take_fit(rx, buf, *room)) {
		/* A copy takes a second request for the payload. */
		reserve++;
		if (!mp_rx_spare(rx, reserve + rx->aside) ||
		    !buf_take_page(rx, buf, *room))
			goto err_free;
	}

	buf_trim(buf, room, parts);
	if (buf_map(rx, buf)) {
		mp_rx_retry(rx);
		mp_rx_buf_cancel(rx, buf);
		return NULL;
	}
	buf->reserved = reserve;
	rx->reserved += reserve;
	rx->nr_nic += !!buf->req;
	return buf;

err_free:
	mp_rx_buf_free(rx, buf);
	return NULL;
}

/* The NIC is done with a buffer, and may have written to all of it.  rx->lock. */
void mp_rx_buf_unmap(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	if (buf->req)
		buf->req->dirty = max(buf->req->dirty, buf->prefix + buf->len);
	if (buf->kept)
		dma_sync_single_for_cpu(rx->dma, buf->dma, buf->len,
					DMA_FROM_DEVICE);
	else if (rx->dma)
		dma_unmap_page(rx->dma, buf->dma, buf->len, DMA_FROM_DEVICE);
	rx->nr_nic -= !!buf->req;
	if (rx->dry)
		mp_rx_ask(rx);
}

int mp_rx_init(void)
{
	buf_cache = KMEM_CACHE(mp_rx_buf, 0);
	return buf_cache ? 0 : -ENOMEM;
}

void mp_rx_exit(void)
{
	kmem_cache_destroy(buf_cache);
}
