/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_LINUX_BVEC_H
#define _SHIM_LINUX_BVEC_H

struct bio_vec;

#endif
