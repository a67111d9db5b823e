// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest: its memory, which comes and goes, and its rings.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ioctlfuzz.h"

static void map(void *at, unsigned long size, int prot)
{
	mmap(at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
	     -1, 0);
}

void map_all(void)
{
	map((void *)MEM_AT, NR_REGIONS * REGION, PROT_READ | PROT_WRITE);
}

void memory_step(__u64 *seed)
{
	char *region = (char *)MEM_AT + below(seed, NR_REGIONS) * REGION;
	char *at = region + (below(seed, REGION) & -4096U);
	unsigned long size = 4096UL << below(seed, 8);

	if (size > (unsigned long)(region + REGION - at))
		size = region + REGION - at;
	switch (below(seed, 6)) {
	case 0:
		munmap(at, size);
		usleep(below(seed, 3000));
		map(at, size, PROT_READ | PROT_WRITE);
		break;
	case 1:
		madvise(at, size, MADV_DONTNEED);
		break;
	case 2:
		mprotect(at, size, PROT_READ);
		usleep(below(seed, 3000));
		mprotect(at, size, PROT_READ | PROT_WRITE);
		break;
	case 3:
		map(at, size, PROT_READ | PROT_WRITE);
		break;
	case 4:
		mremap(at, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, region + BUFS_AT);
		map(at, 4096, PROT_READ | PROT_WRITE);
		break;
	default:
		madvise(region, REGION, below(seed, 2) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	}
	usleep(below(seed, 5000));
}

/* To memory that may be gone: then nothing happens. */
static void poke(__u64 at, const void *from, size_t len)
{
	struct iovec local = { (void *)from, len };
	struct iovec remote = { (void *)at, len };

	process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}

static __u16 peek16(__u64 at)
{
	__u16 val = 0;
	struct iovec local = { &val, sizeof(val) };
	struct iovec remote = { (void *)at, sizeof(val) };

	process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	return val;
}

static void offer(__u64 *seed, __u64 ring, bool receive)
{
	__u16 idx = peek16(ring + AVAIL_AT + 2);
	__u16 head = below(seed, NUM);
	struct {
		__u64 addr;
		__u32 len;
		__u16 flags;
		__u16 next;
	} desc = {
		.addr = ring - MEM_AT + BUFS_AT + below(seed, REGION - BUFS_AT - 4096),
		.len = receive ? 2048 : 60 + below(seed, 2000),
		.flags = receive ? 2 : 0,
		.next = below(seed, NUM),
	};
	unsigned char vnet[12] = {};

	if (!below(seed, 200))
		((unsigned char *)&desc)[below(seed, sizeof(desc))] = rnd(seed);
	if (rarely(seed))
		vnet[below(seed, sizeof(vnet))] = rnd(seed);
	poke(ring + head * sizeof(desc), &desc, sizeof(desc));
	if (!receive)
		poke(MEM_AT + desc.addr, vnet, sizeof(vnet));
	poke(ring + AVAIL_AT + 4 + 2 * (idx % NUM), &head, sizeof(head));
	idx += below(seed, 500) ? 1 : rnd(seed);
	poke(ring + AVAIL_AT + 2, &idx, sizeof(idx));
}

void ring_step(__u64 *seed)
{
	__u64 ring = MEM_AT + below(seed, NR_REGIONS) * REGION;
	bool receive = below(seed, 2);
	unsigned int n;

	for (n = below(seed, 32); n; n--)
		offer(seed, ring, receive);
	for (n = 0; n < NR_EVENT; n++)
		eventfd_write(EVENT_FD + n, 1);
	usleep(below(seed, 500));
}
