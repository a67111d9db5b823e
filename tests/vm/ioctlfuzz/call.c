// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls, and how each of them ended.
 */
#include <sys/ioctl.h>

#include "ioctlfuzz.h"

unsigned long frames;
static unsigned long passed[CALLS], refused[CALLS];

static const struct {
	const char *name;
	unsigned long cmd;
	bool always;		/* has nothing to refuse, or hardly ever */
} calls[CALLS] = {
	[BIND]		= { "MP_BIND", MP_BIND },
	[UNBIND]	= { "MP_UNBIND", MP_UNBIND },
	[GET]		= { "MP_GET", MP_GET },
	[SETIFF]	= { "TUNSETIFF", TUNSETIFF },
	[GETIFF]	= { "TUNGETIFF", TUNGETIFF },
	[SETQUEUE]	= { "TUNSETQUEUE", TUNSETQUEUE },
	[SETOFFLOAD]	= { "TUNSETOFFLOAD", TUNSETOFFLOAD },
	[SETSNDBUF]	= { "TUNSETSNDBUF", TUNSETSNDBUF },
	[SETHDRSZ]	= { "TUNSETVNETHDRSZ", TUNSETVNETHDRSZ },
	[GETHDRSZ]	= { "TUNGETVNETHDRSZ", TUNGETVNETHDRSZ, true },
	[SETLE]		= { "TUNSETVNETLE", TUNSETVNETLE, true },
	[GETFEATURES]	= { "TUNGETFEATURES", TUNGETFEATURES, true },
	[GETMAC]	= { "SIOCGIFHWADDR", SIOCGIFHWADDR },
	[SETMAC]	= { "SIOCSIFHWADDR", SIOCSIFHWADDR },
	[SET_OWNER]	= { "VHOST_SET_OWNER", VHOST_SET_OWNER },
	[RESET_OWNER]	= { "VHOST_RESET_OWNER", VHOST_RESET_OWNER },
	[GET_VFEATURES]	= { "VHOST_GET_FEATURES", VHOST_GET_FEATURES, true },
	[SET_VFEATURES]	= { "VHOST_SET_FEATURES", VHOST_SET_FEATURES },
	[SET_MEM_TABLE]	= { "VHOST_SET_MEM_TABLE", VHOST_SET_MEM_TABLE },
	[SET_LOG_BASE]	= { "VHOST_SET_LOG_BASE", VHOST_SET_LOG_BASE },
	[SET_LOG_FD]	= { "VHOST_SET_LOG_FD", VHOST_SET_LOG_FD },
	[SET_NUM]	= { "VHOST_SET_VRING_NUM", VHOST_SET_VRING_NUM },
	[SET_BASE]	= { "VHOST_SET_VRING_BASE", VHOST_SET_VRING_BASE },
	[GET_BASE]	= { "VHOST_GET_VRING_BASE", VHOST_GET_VRING_BASE },
	[SET_ADDR]	= { "VHOST_SET_VRING_ADDR", VHOST_SET_VRING_ADDR },
	[SET_KICK]	= { "VHOST_SET_VRING_KICK", VHOST_SET_VRING_KICK },
	[SET_CALL]	= { "VHOST_SET_VRING_CALL", VHOST_SET_VRING_CALL },
	[SET_ERR]	= { "VHOST_SET_VRING_ERR", VHOST_SET_VRING_ERR },
	[SET_ENDIAN]	= { "VHOST_SET_VRING_ENDIAN", VHOST_SET_VRING_ENDIAN },
	[GET_ENDIAN]	= { "VHOST_GET_VRING_ENDIAN", VHOST_GET_VRING_ENDIAN },
	[SET_BUSY]	= { "VHOST_SET_VRING_BUSYLOOP_TIMEOUT",
			    VHOST_SET_VRING_BUSYLOOP_TIMEOUT },
	[GET_BUSY]	= { "VHOST_GET_VRING_BUSYLOOP_TIMEOUT",
			    VHOST_GET_VRING_BUSYLOOP_TIMEOUT },
	[SET_BACKEND]	= { "VHOST_NET_SET_BACKEND", VHOST_NET_SET_BACKEND },
	[SET_BFEATURES]	= { "VHOST_SET_BACKEND_FEATURES",
			    VHOST_SET_BACKEND_FEATURES },
	[GET_BFEATURES]	= { "VHOST_GET_BACKEND_FEATURES",
			    VHOST_GET_BACKEND_FEATURES, true },
};

int attempt(int fd, enum call call, unsigned long arg)
{
	int err = ioctl(fd, calls[call].cmd, arg);

	__atomic_add_fetch(err ? &refused[call] : &passed[call], 1,
			   __ATOMIC_RELAXED);
	return err;
}

static bool tested(enum call call)
{
	return passed[call] && (refused[call] || calls[call].always);
}

bool all_tested(void)
{
	unsigned int i;

	for (i = 0; i < CALLS && tested(i); i++)
		;
	return i == CALLS;
}

void report_calls(void)
{
	unsigned int i;

	for (i = 0; i < CALLS; i++)
		printf("# %s: %lu passed, %lu refused%s\n", calls[i].name,
		       passed[i], refused[i], tested(i) ? "" : " (not tested)");
	printf("# read() and write(): %lu frames\n", frames);
}
