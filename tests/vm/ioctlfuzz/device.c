// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices: set up as a VMM does, so that there is something to disturb; called at
 * random; closed, opened again, and killed with their process.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioctlfuzz.h"

static void set_up_queue(__u64 *seed, int vhost, int mp, unsigned int queue)
{
	unsigned int area = below(seed, NR_REGIONS);
	struct vhost_vring_state state = { .index = queue, .num = NUM };
	struct vhost_vring_file file = { .index = queue };
	struct vhost_vring_addr addr = {
		.index = queue,
		.desc_user_addr = MEM_AT + area * REGION,
		.avail_user_addr = MEM_AT + area * REGION + AVAIL_AT,
		.used_user_addr = MEM_AT + area * REGION + USED_AT,
	};

	file.fd = -1;
	attempt(vhost, SET_BACKEND, (unsigned long)&file);
	attempt(vhost, SET_NUM, (unsigned long)&state);
	state.num = 0;
	attempt(vhost, SET_BASE, (unsigned long)&state);
	attempt(vhost, SET_ADDR, (unsigned long)&addr);
	file.fd = EVENT_FD + below(seed, NR_EVENT);
	attempt(vhost, SET_KICK, (unsigned long)&file);
	file.fd = EVENT_FD + below(seed, NR_EVENT);
	attempt(vhost, SET_CALL, (unsigned long)&file);
	file.fd = mp;
	attempt(vhost, SET_BACKEND, (unsigned long)&file);
}

static void set_up(__u64 *seed, int vhost, int mp)
{
	union argument arg;
	__u64 word = features(seed) & 0x1ffffffffULL;
	struct mp_bind bind;
	unsigned int i;

	fill_bind(seed, &bind);
	attempt(mp, BIND, (unsigned long)&bind);
	attempt(vhost, SET_OWNER, 0);
	attempt(vhost, SET_VFEATURES, (unsigned long)&word);
	fill_mem(seed, &arg);
	attempt(vhost, SET_MEM_TABLE, (unsigned long)&arg);
	for (i = 0; i < 2; i++)
		set_up_queue(seed, vhost, mp, i);
}

void vhost_step(__u64 *seed)
{
	int fd = VHOST_FD + below(seed, NR_VHOST);

	if (!below(seed, 20))
		set_up(seed, fd, MP_FD + below(seed, NR_MP));
	else if (below(seed, 8))
		one_call(seed, fd, VHOST_FIRST + below(seed, CALLS - VHOST_FIRST));
	else
		one_call(seed, fd, SET_BACKEND);
}

void mp_step(__u64 *seed)
{
	int fd = MP_FD + below(seed, NR_MP);
	unsigned char frame[4096] = {};
	unsigned int i;
	ssize_t done;

	if (below(seed, 4)) {
		one_call(seed, fd, below(seed, VHOST_FIRST));
		return;
	}
	for (i = 0; i < 64; i++)
		frame[i] = rnd(seed) & (rarely(seed) ? 0xff : 1);
	if (below(seed, 2))
		done = write(fd, frame, below(seed, sizeof(frame)));
	else
		done = read(fd, frame, below(seed, sizeof(frame)));
	__atomic_add_fetch(&frames, done > 0, __ATOMIC_RELAXED);
}

static void renew(int fd, int new)
{
	if (new < 0)
		return;
	dup2(new, fd);
	close(new);
}

static void renew_mp(unsigned int i)
{
	renew(MP_FD + i, open("/dev/net/mp", O_RDWR | O_NONBLOCK));
}

static void renew_vhost(unsigned int i)
{
	renew(VHOST_FD + i, open("/dev/vhost-mp", O_RDWR));
}

static void renew_event(unsigned int i)
{
	renew(EVENT_FD + i, eventfd(0, EFD_NONBLOCK));
}

void file_step(__u64 *seed)
{
	switch (below(seed, 3)) {
	case 0:
		renew_mp(below(seed, NR_MP));
		break;
	case 1:
		renew_vhost(below(seed, NR_VHOST));
		break;
	default:
		renew_event(below(seed, NR_EVENT));
	}
	usleep(below(seed, 50000));
}

void renew_all(void)
{
	unsigned int i;

	for (i = 0; i < NR_MP; i++)
		renew_mp(i);
	for (i = 0; i < NR_VHOST; i++)
		renew_vhost(i);
	for (i = 0; i < NR_EVENT; i++)
		renew_event(i);
}

/* A process that has a device at work, and is killed. */
void victim_step(__u64 *seed)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		renew_vhost(0);
		renew_mp(0);
		set_up(seed, VHOST_FD, MP_FD);
		for (;;)
			ring_step(seed);
	}
	rnd(seed);
	usleep(below(seed, 100000));
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	usleep(below(seed, 300000));
}
