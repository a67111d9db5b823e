/* SPDX-License-Identifier: GPL-2.0-only */
/* All that memory.c and log.c need of the kernel is in vhost_mp.h here. */
