/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of ioctlfuzz share.
 */
#ifndef _IOCTLFUZZ_H
#define _IOCTLFUZZ_H

#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <stdbool.h>

#include "../../../include/uapi/linux/mpassthru.h"
#include "../fuzz.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Descriptors have fixed numbers, behind which files come and go. */
#define MP_FD		100
#define NR_MP		6
#define VHOST_FD	110
#define NR_VHOST	4
#define EVENT_FD	120
#define NR_EVENT	8

/* Guest memory: so many regions of 2 MiB, one after the other. */
#define MEM_AT		0x10000000000UL
#define REGION		0x200000UL
#define NR_REGIONS	4
#define NUM		256
#define AVAIL_AT	0x1000
#define USED_AT		0x2000
#define BUFS_AT		0x4000

/* Nothing of this program is between the guest's memory and there. */
#define FAR_END		0x600000000000UL

#define NAMES_MAX	8

enum call {
	BIND, UNBIND, GET, SETIFF, GETIFF, SETQUEUE, SETOFFLOAD, SETSNDBUF,
	SETHDRSZ, GETHDRSZ, SETLE, GETFEATURES, GETMAC, SETMAC,
	SET_OWNER, RESET_OWNER, GET_VFEATURES, SET_VFEATURES, SET_MEM_TABLE,
	SET_LOG_BASE, SET_LOG_FD, SET_NUM, SET_BASE, GET_BASE, SET_ADDR, SET_KICK,
	SET_CALL, SET_ERR, SET_ENDIAN, GET_ENDIAN, SET_BUSY, GET_BUSY, SET_BACKEND,
	SET_BFEATURES, GET_BFEATURES, CALLS,
};

#define VHOST_FIRST	SET_OWNER

union argument {
	struct mp_bind bind;
	struct mp_info info;
	struct ifreq ifr;
	struct vhost_vring_state state;
	struct vhost_vring_file file;
	struct vhost_vring_addr addr;
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region[8];
	} mem;
	__u64 word;
	int value;
	unsigned char bytes[8192];	/* as much as any call writes to */
};

/* main.c */
extern const char *names[NAMES_MAX];	/* interfaces */
extern unsigned int nr_names;

/* call.c */
extern unsigned long frames;		/* read and written */
int attempt(int fd, enum call call, unsigned long arg);
bool all_tested(void);
void report_calls(void);

/* argument.c */
bool rarely(__u64 *seed);
__u64 features(__u64 *seed);
void fill_bind(__u64 *seed, struct mp_bind *bind);
void fill_mem(__u64 *seed, union argument *arg);
void one_call(__u64 *seed, int fd, enum call call);

/* device.c */
void renew_all(void);
void vhost_step(__u64 *seed);
void mp_step(__u64 *seed);
void file_step(__u64 *seed);
void victim_step(__u64 *seed);

/* guest.c */
void map_all(void);
void memory_step(__u64 *seed);
void ring_step(__u64 *seed);

/* link.c */
void link_step(__u64 *seed);
void links_as_before(void);

#endif
