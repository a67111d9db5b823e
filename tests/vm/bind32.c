// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 32-bit program that binds eth1 and asks for its state. It has no library,
 * so that the compiler alone can build it.
 */
#include <asm/unistd.h>
#include <linux/mpassthru.h>

#define O_RDWR	2

static long call(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c) : "memory");
	return ret;
}

static struct mp_bind bind_arg = {
	.size = sizeof(bind_arg),
	.mode = MP_MODE_COPY,
	.ifname = "eth1",
};

static struct mp_info info = {
	.size = sizeof(info),
};

/* Each step has an exit status of its own. */
static int run(void)
{
	long fd = call(__NR_open, (long)"/dev/net/mp", O_RDWR, 0);

	if (fd < 0)
		return 1;
	if (call(__NR_ioctl, fd, MP_BIND, (long)&bind_arg))
		return 2;
	if (call(__NR_ioctl, fd, MP_GET, (long)&info))
		return 3;
	if (info.size != sizeof(info) || info.mode != MP_MODE_COPY ||
	    info.ifname[3] != '1')
		return 4;
	if (call(__NR_ioctl, fd, MP_UNBIND, 0))
		return 5;
	return 0;
}

void _start(void);
void _start(void)
{
	call(__NR_exit, run(), 0, 0);
	__builtin_unreachable();
}
