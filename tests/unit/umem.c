// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umem.h"

/* A caller that asks for too much broke the contract: no error, the end. */
int mp_umem_read(struct mp_umem *umem, u64 offset, void *dst, size_t len)
{
	umem->reads++;
	if (umem->error)
		return umem->error;

	if (!len || offset > umem->size || len > umem->size - offset) {
		fprintf(stderr, "read of (%#llx, %#zx) of %#llx bytes\n",
			offset, len, umem->size);
		abort();
	}
	memcpy(dst, (char *)umem->base + offset, len);
	return 0;
}
