// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring: what the guest writes to it, and what the device does with it, in any
 * order.
 */
#include <errno.h>

#include "model.h"

/**
 * struct device - the one who calls, as queue.c does
 * @guest: the guest
 * @ring: its ring
 * @chain: taken last
 * @model: what it should have been
 * @out: heads that were taken and not given back
 * @nr_taken: chains taken since one was given back: may be rewound
 * @taken: their heads, the latest last
 * @shown: used index when the guest was last asked about an interrupt
 * @asked: it was asked at all
 */
struct device {
	struct guestmem guest;
	struct mp_ring ring;
	struct mp_chain chain;
	struct model model;
	bool *out;
	unsigned int nr_taken;
	u16 taken[MP_RING_SIZE_MAX];
	u16 shown;
	bool asked;
};

static u16 guest_idx(const struct device *dev)
{
	return dev->guest.avail->idx;
}

static void reset(struct device *dev, u16 base)
{
	guestmem_attach(&dev->guest, &dev->ring, base);
	memset(dev->out, 0, dev->guest.num * sizeof(*dev->out));
	dev->nr_taken = 0;
	dev->asked = false;
	must(!dev->ring.broken && !dev->ring.error);
	must(dev->ring.last_avail == base && !mp_ring_expose(&dev->ring));
}

static void check_chain(const struct device *dev)
{
	const struct mp_chain *chain = &dev->chain;
	const struct model *model = &dev->model;
	u64 out = 0, in = 0;
	unsigned int i;

	must(chain->nr_out == model->nr_out && chain->nr_in == model->nr_in);
	must(chain->nr_out + chain->nr_in <= MP_CHAIN_MAX);
	for (i = 0; i < chain->nr_out + chain->nr_in; i++) {
		const struct mp_extent *extent = &chain->extent[i];

		must(extent->gpa == model->extent[i].gpa &&
		     extent->len == model->extent[i].len);
		if (i < chain->nr_out)
			out += extent->len;
		else
			in += extent->len;
	}
	must(chain->out_len == out && chain->in_len == in);
}

/* As queue.c: who offers a chain twice has broken the ring. */
static void take(struct device *dev)
{
	u16 head = dev->chain.head;

	must(head < dev->guest.num);
	if (dev->out[head]) {
		mp_ring_rewind(&dev->ring, 1);
		dev->ring.broken = true;
		return;
	}
	dev->out[head] = true;
	must(dev->nr_taken < dev->guest.num);
	dev->taken[dev->nr_taken++] = head;
}

static int expect(struct device *dev, u16 avail)
{
	u16 at = dev->ring.last_avail;

	if (dev->ring.broken)
		return -EINVAL;
	if (avail == at)
		return 0;
	if ((u16)(avail - at) > dev->guest.num)
		return -EINVAL;
	model_chain(&dev->model, &dev->guest, dev->ring.indirect,
		    dev->guest.avail->ring[at % dev->guest.num]);
	return dev->model.err ?: 1;
}

static void pop(struct device *dev)
{
	struct mp_ring *ring = &dev->ring;
	bool cached = ring->avail_idx != ring->last_avail;
	u16 before = ring->last_avail;
	int want, ret;

	dev->model.partial = false;
	want = expect(dev, cached ? ring->avail_idx : guest_idx(dev));
	ret = mp_ring_pop(ring, dev->guest.mem, &dev->chain);
	must(ret == want || (dev->model.partial && ret == -EFAULT));
	must(ring->last_avail == (u16)(before + (ret == 1)));
	must(ring->broken == (ret < 0));
	if (ret != 1)
		return;
	check_chain(dev);
	take(dev);
}

/* Guest memory that cannot be read now is not the guest's fault. */
static void pop_error(struct device *dev)
{
	struct mp_ring *ring = &dev->ring;
	bool broken = ring->broken;
	u16 before = ring->last_avail;
	unsigned int i;
	int ret;

	for (i = 0; i < AREAS; i++)
		dev->guest.umem[i].error = -ENOMEM;
	ret = mp_ring_pop(ring, dev->guest.mem, &dev->chain);
	for (i = 0; i < AREAS; i++)
		dev->guest.umem[i].error = 0;
	must(ring->last_avail == (u16)(before + (ret == 1)));
	if (ret == -ENOMEM)
		must(ring->broken == broken);
	else if (ret < 0)
		must(ring->broken);
	else if (ret == 1)
		take(dev);
}

static void avail(struct device *dev)
{
	u16 nr = guest_idx(dev) - dev->ring.last_avail;
	bool fine = !dev->ring.broken && nr <= dev->guest.num;

	must(mp_ring_offered(&dev->ring) == nr);
	must(mp_ring_avail(&dev->ring) == (fine ? nr : -EINVAL));
	must(dev->ring.broken == !fine);
}

/* Gives one of those back that were taken, if any. */
static void push(struct device *dev, u16 from, u32 len)
{
	const struct vring_used_elem *elem;
	u16 num = dev->guest.num;
	u16 i, head, at;

	for (i = 0; i < num && !dev->out[(from + i) % num]; i++)
		;
	if (i == num)
		return;
	head = (from + i) % num;
	at = dev->ring.used_idx;
	mp_ring_push(&dev->ring, head, len);
	elem = &dev->guest.used->ring[at % num];
	must(elem->id == head && elem->len == len);
	must(dev->ring.used_idx == (u16)(at + 1));
	dev->out[head] = false;
	dev->nr_taken = 0;
}

static void rewind_some(struct device *dev, u16 nr)
{
	u16 before = dev->ring.last_avail;

	if (dev->ring.broken)
		return;
	nr = nr < dev->nr_taken ? nr : dev->nr_taken;
	mp_ring_rewind(&dev->ring, nr);
	must(dev->ring.last_avail == (u16)(before - nr));
	while (nr--)
		dev->out[dev->taken[--dev->nr_taken]] = false;
}

/* 2.7.7: what the guest's wish means. */
static bool wants(const struct device *dev)
{
	const struct guestmem *guest = &dev->guest;
	u16 now = dev->ring.published;
	u16 event = guest->avail->ring[guest->num];

	if (!dev->ring.event_idx)
		return !(guest->avail->flags & VRING_AVAIL_F_NO_INTERRUPT);
	return !dev->asked ||
	       (u16)(now - event - 1) < (u16)(now - dev->shown);
}

static void publish(struct device *dev, bool interrupt)
{
	bool new = dev->ring.published != dev->ring.used_idx;
	bool due = new || dev->ring.unasked;
	bool want;

	must(mp_ring_expose(&dev->ring) == new);
	must(dev->ring.published == dev->ring.used_idx);
	if (new)
		must(dev->guest.used->idx == dev->ring.used_idx);
	if (!interrupt)
		return;
	want = due && wants(dev);
	must(mp_ring_interrupt(&dev->ring) == want);
	must(!mp_ring_interrupt(&dev->ring));
	if (due && dev->ring.event_idx) {
		dev->shown = dev->ring.published;
		dev->asked = true;
	}
}

static void listen(struct device *dev, u16 nr)
{
	struct mp_ring *ring = &dev->ring;
	struct guestmem *guest = &dev->guest;
	u16 there = guest_idx(dev) - ring->last_avail;
	u16 *event = (u16 *)&guest->used->ring[guest->num];

	nr = 1 + nr % guest->num;
	if (ring->broken) {
		must(!mp_ring_listen_after(ring, nr));
		return;
	}
	must(mp_ring_listen_after(ring, nr) ==
	     (there >= (ring->event_idx ? nr : 1)));
	if (ring->event_idx)
		must(*event == (u16)(ring->last_avail + nr - 1));
	else
		must(!guest->used->flags);
}

static void offer(struct device *dev, u16 head)
{
	struct vring_avail *avail = dev->guest.avail;

	avail->ring[avail->idx % dev->guest.num] = head;
	avail->idx++;
}

static void step(struct device *dev, struct input *in)
{
	switch (take8(in) % 16) {
	case 0:
	case 1:
	case 2:
		guest_scribbles(in, &dev->guest);
		break;
	case 3:
	case 4:
		offer(dev, take8(in));
		break;
	case 5:
	case 6:
	case 7:
		pop(dev);
		break;
	case 8:
		push(dev, take8(in), take16(in));
		break;
	case 9:
		publish(dev, true);
		break;
	case 10:
		publish(dev, false);
		break;
	case 11:
		listen(dev, take8(in));
		break;
	case 12:
		mp_ring_quiet(&dev->ring);
		break;
	case 13:
		rewind_some(dev, take8(in));
		break;
	case 14:
		avail(dev);
		if (take8(in) & 1)
			pop_error(dev);
		break;
	default:
		reset(dev, take16(in));
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	static struct device dev;
	u8 features = take8(&in);
	u8 order = take8(&in);

	guestmem_init(&dev.guest, 1U << (order == 255 ? 15 : order % 9));
	dev.out = calloc(dev.guest.num, sizeof(*dev.out));
	dev.ring.event_idx = features & 1;
	dev.ring.indirect = !(features & 2);
	dev.guest.used->idx = take16(&in);
	dev.guest.avail->idx = take16(&in);
	reset(&dev, dev.guest.avail->idx);
	while (in.at < in.end)
		step(&dev, &in);
	free(dev.out);
	guestmem_free(&dev.guest);
	return 0;
}
