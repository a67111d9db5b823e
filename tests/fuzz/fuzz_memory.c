// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's memory as the VMM describes it: SET_MEM_TABLE, addresses of each
 * kind, pieces of chains, the dirty log.
 */
#include "ranges.h"
#include "vhost_mp.h"

#define F_LOG		BIT_ULL(VHOST_F_LOG_ALL)
#define REGIONS		16
#define SEGS		64

/* What copy_from_user() can reach. */
static const u8 *user_start, *user_end;

unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	const u8 *at = from;

	if (at < user_start || at > user_end || n > (size_t)(user_end - at))
		return n;
	memcpy(to, at, n);
	return 0;
}

void set_bit_le(unsigned long nr, void *addr)
{
	((u64 *)addr)[nr / 64] |= 1ULL << nr % 64;
}

void mutex_lock_nested(struct mutex *mutex, unsigned int subclass)
{
	must(!mutex->held && subclass < VMP_QUEUES);
	mutex->held = true;
}

void mutex_unlock(struct mutex *mutex)
{
	must(mutex->held);
	mutex->held = false;
}

void vmp_queue_stop(struct vmp_queue *queue)
{
	queue->stopped |= queue->running;
	queue->running = false;
}

int vmp_queue_restart(struct vmp_queue *queue)
{
	must(!queue->running);
	queue->running = true;
	return 0;
}

/* Likely numbers of pages in the lower bits, any 64 bits at times. */
static u64 take_pages(struct input *in, bool *wild)
{
	u8 val = take8(in);

	if (val < 240)
		return val % 16 * PAGE_SIZE;
	*wild = true;
	return take64(in);
}

static struct vhost_memory_region take_region(struct input *in)
{
	bool wild = false;
	struct vhost_memory_region region = {
		.guest_phys_addr = take_pages(in, &wild),
		.memory_size = take_pages(in, &wild),
		.userspace_addr = take_pages(in, &wild),
	};

	return region;
}

/* The region of @gpa, found by looking at each. */
static const struct mp_mem_region *slow_find(const struct mp_memtable *mem,
					     u64 gpa)
{
	unsigned int i;

	for (i = 0; mem && i < mem->nr; i++)
		if (gpa >= mem->region[i].gpa &&
		    gpa - mem->region[i].gpa < mem->region[i].size)
			return &mem->region[i];
	return NULL;
}

static void check_table(const struct mp_memtable *mem)
{
	unsigned int i;

	for (i = 0; mem && i < mem->nr; i++) {
		const struct mp_mem_region *region = &mem->region[i];

		must(region->size && region->gpa + region->size > region->gpa);
		must(region->umem->users == 1);
		must(region->umem->uaddr == region->uaddr &&
		     region->umem->size == region->size);
		if (i)
			must(region->gpa - region[-1].gpa >= region[-1].size);
	}
}

/* Whether a region that was there is there no more. */
static bool lost(const struct mp_mem_region *old, unsigned int nr,
		 const struct mp_memtable *mem)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct mp_mem_region *now = slow_find(mem, old[i].gpa);

		if (!now || now->gpa != old[i].gpa ||
		    now->size != old[i].size || now->uaddr != old[i].uaddr)
			return true;
		must(now->umem == old[i].umem);
	}
	return false;
}

/* The caller's memory has all of the table, or ends within it. */
static int set_user(struct vmp_device *dev, struct input *in)
{
	unsigned int nr = take8(in) % (REGIONS + 1), i;
	size_t size = offsetof(struct vhost_memory, regions[nr]);
	struct vhost_memory *user = calloc(1, size);
	u8 odd = take8(in);
	int err;

	for (i = 0; i < nr; i++)
		user->regions[i] = take_region(in);
	user->nregions = odd == 1 ? take32(in) : nr;
	user->padding = odd == 2 ? take32(in) : 0;
	user_start = (u8 *)user;
	user_end = user_start + (odd == 3 ? take16(in) % (size + 1) : size);
	err = vmp_memory_set(dev, user);
	if (!err && user_end - user_start >= (long)size)
		must(user->nregions <= nr && dev->mem->nr == user->nregions);
	free(user);
	user_start = NULL;
	user_end = NULL;
	return err;
}

/* A log that covers less than there is of memory is of no use. */
static void check_log(const struct vmp_device *dev)
{
	const struct mp_memtable *mem = dev->mem;
	const struct mp_mem_region *last;

	if (!dev->log || !mem || !mem->nr)
		return;
	last = &mem->region[mem->nr - 1];
	must(dev->log->nr > (last->gpa + last->size - 1) / VHOST_PAGE_SIZE);
	must(dev->log->umem->users == 1 && dev->log->umem->maps == 1);
}

static void set_table(struct vmp_device *dev, struct input *in)
{
	const struct mp_memtable *before = dev->mem;
	struct mp_mem_region old[REGIONS];
	unsigned int nr = before ? before->nr : 0;
	unsigned int i;
	int err;

	if (nr)
		memcpy(old, before->region, nr * sizeof(old[0]));
	for (i = 0; i < VMP_QUEUES; i++) {
		dev->queue[i].running = true;
		dev->queue[i].stopped = false;
	}
	err = set_user(dev, in);
	check_table(dev->mem);
	if (!err)
		check_log(dev);
	if (dev->mem == before)
		return;
	for (i = 0; i < VMP_QUEUES; i++)
		must(dev->queue[i].stopped == lost(old, nr, dev->mem));
}

static u64 take_address(struct input *in)
{
	bool wild = false;
	u64 page = take_pages(in, &wild);

	return wild ? page : page + take16(in) % PAGE_SIZE;
}

static void find(const struct vmp_device *dev, struct input *in)
{
	const struct mp_memtable *mem = dev->mem;
	u64 addr = take_address(in);
	u64 size = take_address(in);
	const struct mp_mem_region *region;
	struct mp_vmap map = {};
	u8 bytes[64];

	if (!mem)
		return;
	must(mp_memtable_find(mem, addr) == slow_find(mem, addr));
	region = mp_memtable_find_user(mem, addr, size);
	if (region)
		must(addr >= region->uaddr && size <= region->size &&
		     addr - region->uaddr <= region->size - size);
	if (size && !vmp_memory_map(mem, addr, size, &map)) {
		must(region);
		memset(map.addr, 0xff, size);
	}
	mp_umem_vunmap(&map);

	if (!mp_memtable_read(mem, addr, bytes, size % sizeof(bytes)) &&
	    size % sizeof(bytes)) {
		region = slow_find(mem, addr);
		must(region);
		must(bytes[0] == (u8)(region->uaddr + addr - region->gpa));
	}
	mp_memtable_write(mem, addr, bytes, size % sizeof(bytes));
}

/* Each byte of the segments is where the chain says, one after the other. */
static void check_segs(const struct mp_memtable *mem,
		       const struct mp_chain *chain, const struct mp_seg *segs,
		       int nr, u32 len)
{
	const struct mp_extent *extent = chain->extent;
	u64 sum = 0, into = 0;
	int i;

	for (i = 0; i < nr; i++) {
		const struct mp_mem_region *region;
		u64 gpa = extent->gpa + into;

		region = slow_find(mem, gpa);
		must(region && segs[i].len);
		must((u64)segs[i].page + segs[i].offset ==
		     region->uaddr + (gpa - region->gpa));
		must(segs[i].len <= region->size - (gpa - region->gpa));
		must(segs[i].len <= extent->len - into);
		sum += segs[i].len;
		into += segs[i].len;
		if (into == extent->len) {
			extent++;
			into = 0;
		}
	}
	must(sum == len);
}

static void segs(const struct vmp_device *dev, struct input *in)
{
	static struct mp_chain chain;
	struct mp_seg *segs = calloc(SEGS, sizeof(*segs));
	unsigned int max = 1 + take8(in) % SEGS;
	unsigned int i, live = 0;
	u32 len;
	int nr;

	chain.nr_in = 1 + take8(in) % 4;
	for (i = 0; i < chain.nr_in; i++) {
		struct mp_extent *extent = &chain.extent[i];

		extent->gpa = take_address(in);
		extent->len = take8(in) & 1 ? take32(in) : take16(in);
		extent->len += !extent->len;
		if (extent->len > -1ULL - extent->gpa)	/* as ring.c has checked */
			extent->gpa = 0;
	}
	if (dev->mem) {
		nr = vmp_memory_segs(dev->mem, &chain, segs, max, &len);
		must(nr <= (int)max);
		if (nr >= 0) {
			check_segs(dev->mem, &chain, segs, nr, len);
			vmp_memory_put(segs, nr);
		}
		for (i = 0; i < dev->mem->nr; i++)
			live += dev->mem->region[i].umem->segs;
		must(!live);
	}
	free(segs);
}

static void dirty(struct vmp_device *dev, struct input *in)
{
	u64 gpa = take_address(in);
	u64 len = take_address(in);
	const u64 *bits;

	if (!dev->log)
		return;
	must(dev->queue[VMP_RX].log == dev->log);
	/* No more than a descriptor may have, and it does not wrap. */
	len = 1 + len % (1 << 20);
	if (gpa > -1ULL - len)
		gpa = take16(in);
	vmp_log_dirty(dev->log, gpa, len);
	bits = dev->log->map.addr;
	gpa += len - 1;
	if (gpa / VHOST_PAGE_SIZE < dev->log->nr)
		must(bits[gpa / VHOST_PAGE_SIZE / 64] >> gpa / VHOST_PAGE_SIZE % 64 & 1);
}

static void log_ioctl(struct vmp_device *dev, struct input *in)
{
	u8 how = take8(in);
	bool wild = false;

	if (how & 1)
		dev->features ^= F_LOG;
	else
		dev->log_base = take_pages(in, &wild) & ~7ULL;
	if (!vmp_log_update(dev))
		check_log(dev);
}

static void step(struct vmp_device *dev, struct input *in)
{
	bool limited = false;

	switch (take8(in) % 8) {
	case 0:
	case 1:
		set_table(dev, in);
		break;
	case 2:
		log_ioctl(dev, in);
		break;
	case 3:
		dirty(dev, in);
		break;
	case 4:
		find(dev, in);
		break;
	case 5:
		segs(dev, in);
		break;
	case 6:
		ranges_fail = take8(in) % 32;
		break;
	default:
		vmp_memory_pinned(dev, &limited);
		if (take8(in) > 250)
			vmp_memory_clear(dev);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	static struct vmp_device dev;

	memset(&dev, 0, sizeof(dev));
	ranges_fail = 0;
	while (in.at < in.end)
		step(&dev, &in);
	ranges_fail = 0;
	dev.features = 0;
	must(!vmp_log_update(&dev));
	vmp_memory_clear(&dev);
	must(!ranges_live);
	return 0;
}
