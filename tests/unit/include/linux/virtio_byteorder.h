/* SPDX-License-Identifier: GPL-2.0-only */
/* Little-endian hosts only. */
#ifndef _SHIM_LINUX_VIRTIO_BYTEORDER_H
#define _SHIM_LINUX_VIRTIO_BYTEORDER_H

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the unit tests need a little-endian host"
#endif

#define __virtio16_to_cpu(le, x)	((u16)(x))
#define __virtio32_to_cpu(le, x)	((u32)(x))
#define __virtio64_to_cpu(le, x)	((u64)(x))
#define __cpu_to_virtio16(le, x)	((__virtio16)(x))
#define __cpu_to_virtio32(le, x)	((__virtio32)(x))

#endif
