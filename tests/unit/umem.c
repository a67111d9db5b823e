// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umem.h"

/* A caller that asks for too much broke the contract: no error, the end. */
static int check(struct mp_umem *umem, u64 offset, size_t len)
{
	if (umem->error)
		return umem->error;
	if (!len || offset > umem->size || len > umem->size - offset) {
		fprintf(stderr, "access to (%#llx, %#zx) of %#llx bytes\n",
			offset, len, umem->size);
		abort();
	}
	return 0;
}

int mp_umem_read(struct mp_umem *umem, u64 offset, void *dst, size_t len)
{
	int err = check(umem, offset, len);

	umem->reads++;
	if (!err)
		memcpy(dst, (char *)umem->base + offset, len);
	return err;
}

int mp_umem_write(struct mp_umem *umem, u64 offset, const void *src, size_t len)
{
	int err = check(umem, offset, len);

	if (!err)
		memcpy((char *)umem->base + offset, src, len);
	return err;
}
