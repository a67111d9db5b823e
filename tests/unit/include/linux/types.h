/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's header has beyond the one for user space. */
#ifndef _SHIM_LINUX_TYPES_H
#define _SHIM_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
/* As in the kernel on all architectures; not uint64_t. */
typedef unsigned long long u64;

#endif
