/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a vhost backend sees of mpassthru: a socket that takes batches of
 * asynchronous requests.
 */
#ifndef _MP_BACKEND_H
#define _MP_BACKEND_H

#include <linux/net.h>
#include <linux/skbuff.h>
#include <mp/umem.h>

/**
 * DOC: Backends
 *
 * A backend turns a guest's rings into *requests*, one per descriptor chain,
 * and hands them to a port through the port's socket::
 *
 *	sock = mp_get_socket(file);		(the descriptor of /dev/net/mp)
 *	mp_backend_start(sock, backend);
 *	recvmsg(sock, batch) ...		post receive requests
 *	sendmsg(sock, batch) ...		transmit requests
 *	mp_backend_drain(sock);			every transmit request is back
 *	mp_backend_stop(sock, backend);		every receive request is back
 *
 * The batch goes in msg_control as &struct mp_batch, with no iovec.  Both calls
 * take every request of the batch, always: they never fail for one of them and
 * never block on the NIC.
 *
 * *Ownership.*  A request belongs to the port from the call until it comes back
 * through &mp_backend_ops.  The memory behind its segments stays pinned as long.
 * The segment array itself must live as long for receive, and until sendmsg
 * returns for transmit.
 *
 * The backend of a transmit request need not be the one that was started, which
 * is for receive; a device with a queue for each has a backend for each.
 *
 * *Context.*  Start, stop, drain, sendmsg and recvmsg: process context, one caller per
 * direction at a time.  The operations are called with bottom halves disabled,
 * often from NAPI, and on several CPUs at once: they must not sleep and must
 * not call back into the socket.
 */

struct mp_backend;
struct mp_port;

/* &struct mp_request.state, who has the request */
enum mp_request_state {
	MP_REQ_BACKEND,		/* the backend; the only state it may see */
	MP_REQ_POSTED,		/* waits in the port for a NIC or a packet */
	MP_REQ_NIC,		/* behind a NIC's descriptor */
	MP_REQ_STACK,		/* in a frame between NIC and guest */
	MP_REQ_SENT,		/* in a transmitted packet */
};

/**
 * struct mp_request - one guest descriptor chain
 * @next: in the owner's &struct mp_requests
 * @segs: the chain's memory in order, virtio header included
 * @nr_segs: entries in @segs
 * @state: &enum mp_request_state
 * @reason: port: &enum mp_copy_reason why the NIC cannot have it
 * @len: bytes in @segs
 * @used: out, receive: bytes written, from the first on
 * @dirty: out, receive: bytes that a NIC may have written, from the first on,
 *	whatever became of them; zero when posted
 * @backend: whose it is
 * @port: port: itself, while the request is sent
 * @ubuf: port: transmit completion
 *
 * Embedded by the backend in its own per-chain structure.
 */
struct mp_request {
	struct mp_request *next;
	struct mp_seg *segs;
	u16 nr_segs;
	u8 state;
	u8 reason;
	u32 len;
	u32 used;
	u32 dirty;
	struct mp_backend *backend;
	struct mp_port *port;
	struct ubuf_info ubuf;
};

/* Whether its memory is the backend's, which copies, and not the guest's. */
static inline bool mp_request_copied(const struct mp_request *req)
{
	return req->nr_segs && !req->segs->pin;
}

/**
 * struct mp_requests - requests in order
 * @first: the oldest, or NULL
 * @last: where the next one's address goes
 * @nr: how many
 *
 * Linked one way, since a request only ever leaves at the front.
 */
struct mp_requests {
	struct mp_request *first;
	struct mp_request **last;
	unsigned int nr;
};

static inline void mp_requests_init(struct mp_requests *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
	queue->nr = 0;
}

static inline void mp_requests_push(struct mp_requests *queue,
				    struct mp_request *req)
{
	req->next = NULL;
	*queue->last = req;
	queue->last = &req->next;
	queue->nr++;
}

/* Back to the front, as if it had not been popped. */
static inline void mp_requests_unpop(struct mp_requests *queue,
				     struct mp_request *req)
{
	if (!queue->nr++)
		queue->last = &req->next;
	req->next = queue->first;
	queue->first = req;
}

static inline struct mp_request *mp_requests_pop(struct mp_requests *queue)
{
	struct mp_request *req = queue->first;

	if (!req)
		return NULL;
	queue->first = req->next;
	if (!--queue->nr)
		queue->last = &queue->first;
	return req;
}

/* Moves all of @from behind what is in @queue. */
static inline void mp_requests_append(struct mp_requests *queue,
				      struct mp_requests *from)
{
	if (!from->nr)
		return;
	*queue->last = from->first;
	queue->last = from->last;
	queue->nr += from->nr;
	mp_requests_init(from);
}

/**
 * struct mp_backend_ops - how requests come back
 * @rx_done: these requests hold one received packet, in order; the first one's
 *	virtio header counts them.  They are the backend's from the call on.
 * @rx_short: the port could use more receive requests than it has; a backend
 *	that leaves some with the guest until there are many should post them
 *	now, and tell when the next one comes.  Any context, locks may be held.
 * @rx_return: a receive request comes back unused (only during stop)
 * @tx_done: a transmit request is finished; its memory may be reused
 */
struct mp_backend_ops {
	void (*rx_done)(struct mp_backend *backend, struct mp_requests *reqs);
	void (*rx_short)(struct mp_backend *backend);
	void (*rx_return)(struct mp_backend *backend, struct mp_request *req);
	void (*tx_done)(struct mp_backend *backend, struct mp_request *req);
};

/**
 * struct mp_backend - a backend as the port knows it
 * @ops: how requests come back
 * @hdr_len: bytes of virtio header before a frame, 10 or 12
 * @mergeable: a packet may spread over several requests
 * @ring_size: requests that the guest can have on their way at once
 * @pinned: bytes of guest memory pinned, and whether the limit on locked memory is
 *	met, for MP_GET; may be NULL
 */
struct mp_backend {
	const struct mp_backend_ops *ops;
	unsigned int hdr_len;
	bool mergeable;
	unsigned int ring_size;
	u64 (*pinned)(struct mp_backend *backend, bool *limited);
};

#define MP_MSG_BATCH	0x6d70

/**
 * struct mp_batch - msg_control of an asynchronous sendmsg or recvmsg
 * @type: %MP_MSG_BATCH, which is none of the TUN_MSG_* that tap takes there
 * @reqs: the requests; empty on return
 */
struct mp_batch {
	unsigned short type;
	struct mp_requests reqs;
};

struct socket *mp_get_socket(struct file *file);
int mp_backend_start(struct socket *sock, struct mp_backend *backend);
void mp_backend_stop(struct socket *sock, struct mp_backend *backend);
void mp_backend_drain(struct socket *sock);

#endif /* _MP_BACKEND_H */
