// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments of calls: right in most parts, wrong in some.
 */
#include <string.h>

#include "ioctlfuzz.h"

static __u64 wild(__u64 *seed)
{
	switch (below(seed, 4)) {
	case 0:
		return rnd64(seed) >> below(seed, 64);
	case 1:
		return (__u64)rnd(seed) << 12;
	case 2:
		return -1ULL << below(seed, 64);
	default:
		return below(seed, 4096);
	}
}

bool rarely(__u64 *seed)
{
	return !below(seed, 16);
}

/*
 * An address that is wrong, or the guest's: whatever else the kernel wrote to would be
 * this program.
 */
static __u64 address(__u64 *seed)
{
	switch (below(seed, 5)) {
	case 0:
		return below(seed, 4096);
	case 1:
		return 0xffff888000000000ULL + rnd(seed);
	case 2:
		return MEM_AT + NR_REGIONS * REGION - below(seed, 64);
	case 3:
		return MEM_AT + rnd64(seed) % (FAR_END - MEM_AT);
	default:
		return (MEM_AT + rnd64(seed) % (NR_REGIONS * REGION)) & -4096UL;
	}
}

static void any_name(__u64 *seed, char *name)
{
	snprintf(name, IFNAMSIZ, "%s", names[below(seed, nr_names)]);
	if (rarely(seed))
		name[below(seed, IFNAMSIZ)] = rnd(seed);
}

void fill_bind(__u64 *seed, struct mp_bind *bind)
{
	memset(bind, 0, sizeof(*bind));
	bind->size = sizeof(*bind);
	bind->mode = below(seed, rarely(seed) ? 6 : 4);
	any_name(seed, bind->ifname);
	if (below(seed, 2))
		bind->flags = MP_BIND_QUEUE;
	if (rarely(seed)) {
		bind->flags |= MP_BIND_MAC;
		bind->mac[0] = 2;
		bind->mac[5] = rnd(seed);
	}
	if (rarely(seed))
		((unsigned char *)bind)[below(seed, sizeof(*bind))] = rnd(seed);
}

static __u64 where(__u64 *seed, unsigned int area, __u64 offset)
{
	return rarely(seed) ? address(seed) : MEM_AT + area * REGION + offset;
}

void fill_mem(__u64 *seed, union argument *arg)
{
	unsigned int nr = 1 + below(seed, NR_REGIONS), i;

	memset(&arg->mem, 0, sizeof(arg->mem));
	arg->mem.head.nregions = rarely(seed) ? wild(seed) : nr;
	for (i = 0; i < nr; i++)
		arg->mem.region[i] = (struct vhost_memory_region){
			.guest_phys_addr = i * REGION,
			.memory_size = REGION,
			.userspace_addr = MEM_AT + i * REGION,
		};
	i = below(seed, nr);
	if (rarely(seed))
		arg->mem.region[i].guest_phys_addr = wild(seed) & -4096UL;
	/* Not too much: what describes it costs memory, too. */
	if (rarely(seed))
		arg->mem.region[i].memory_size = below(seed, 64) ?
			wild(seed) & 0xfffffff000 : FAR_END - MEM_AT;
	if (rarely(seed))
		arg->mem.region[i].userspace_addr = address(seed);
}

static void fill_addr(__u64 *seed, struct vhost_vring_addr *addr)
{
	unsigned int area = below(seed, NR_REGIONS);

	*addr = (struct vhost_vring_addr){
		.index = below(seed, rarely(seed) ? 4 : 2),
		.flags = rarely(seed) ? rnd(seed) : below(seed, 2),
		.desc_user_addr = where(seed, area, 0),
		.avail_user_addr = where(seed, area, AVAIL_AT),
		.used_user_addr = where(seed, area, USED_AT),
		.log_guest_addr = rarely(seed) ? wild(seed) :
						 area * REGION + USED_AT,
	};
}

static int any_fd(__u64 *seed, int first, unsigned int nr)
{
	if (rarely(seed))
		return (int)below(seed, 130) - 1;
	return first + below(seed, nr);
}

__u64 features(__u64 *seed)
{
	return 1ULL << 32 | 1ULL << 27 |
	       (rnd(seed) & (1U << 15 | 1U << 26 | 1U << 28 | 1U << 29)) |
	       (rarely(seed) ? wild(seed) : 0);
}

static void fill(__u64 *seed, enum call call, union argument *arg)
{
	unsigned int queue = below(seed, rarely(seed) ? 4 : 2);
	unsigned int i;

	for (i = 0; i < 512; i += 4)
		*(__u32 *)&arg->bytes[i] = rnd(seed);
	switch (call) {
	case BIND:
		fill_bind(seed, &arg->bind);
		break;
	case GET:
		arg->info.size = rarely(seed) ? wild(seed) : sizeof(arg->info);
		arg->info.flags &= MP_INFO_NEXT;
		arg->info.ifindex = below(seed, 10);
		arg->info.queue = below(seed, 4);
		break;
	case SETIFF:
		arg->ifr.ifr_flags = IFF_TAP | IFF_NO_PI |
			(rnd(seed) & (IFF_VNET_HDR | IFF_MULTI_QUEUE));
		memset(arg->ifr.ifr_name, 0, IFNAMSIZ);
		any_name(seed, arg->ifr.ifr_name);
		break;
	case SETQUEUE:
		arg->ifr.ifr_flags = below(seed, 2) ? IFF_ATTACH_QUEUE :
						      IFF_DETACH_QUEUE;
		break;
	case SETMAC:
		arg->ifr.ifr_hwaddr.sa_family = 1;
		arg->ifr.ifr_hwaddr.sa_data[0] = below(seed, 8);
		break;
	case SETHDRSZ:
		arg->value = 10 + below(seed, 4);
		break;
	case SETSNDBUF:
		arg->value >>= below(seed, 31);
		break;
	case SET_VFEATURES:
		arg->word = features(seed);
		break;
	case SET_BFEATURES:
		arg->word &= 1;
		break;
	case SET_MEM_TABLE:
		fill_mem(seed, arg);
		break;
	case SET_LOG_BASE:
		arg->word = below(seed, 4) ? where(seed, 3, 0x10000) : 0;
		break;
	case SET_LOG_FD:
		arg->value = any_fd(seed, EVENT_FD, NR_EVENT);
		break;
	case SET_NUM:
		arg->state.index = queue;
		arg->state.num = rarely(seed) ? wild(seed) : 1U << below(seed, 9);
		break;
	case SET_ADDR:
		fill_addr(seed, &arg->addr);
		break;
	case SET_KICK:
	case SET_CALL:
	case SET_ERR:
		arg->file.index = queue;
		arg->file.fd = any_fd(seed, EVENT_FD, NR_EVENT);
		break;
	case SET_BACKEND:
		arg->file.index = queue;
		arg->file.fd = below(seed, 3) ? any_fd(seed, MP_FD, NR_MP) : -1;
		break;
	default:
		arg->state.index = queue;
		arg->state.num = wild(seed);
	}
}

void one_call(__u64 *seed, int fd, enum call call)
{
	union argument arg;

	fill(seed, call, &arg);
	if (call == SETOFFLOAD)
		attempt(fd, call, rarely(seed) ? rnd(seed) : rnd(seed) & 0x7f);
	else if (rarely(seed) && rarely(seed))
		attempt(fd, call, address(seed));
	else
		attempt(fd, call, (unsigned long)&arg);
}
