/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MP_FALLIBLE_H
#define _MP_FALLIBLE_H

#include <linux/error-injection.h>

/*
 * What hardly ever fails, and is no allocation or copy of user memory, which the
 * kernel can let fail by itself: on a kernel with CONFIG_FAIL_FUNCTION tests have
 * functions that are marked so, and with ALLOW_ERROR_INJECTION(), return an errno
 * (tests/vm/faults.py).
 */
#ifdef CONFIG_FAIL_FUNCTION
#define mp_fallible	noinline
#else
#define mp_fallible
#endif

#endif
