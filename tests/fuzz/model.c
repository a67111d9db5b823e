// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "model.h"

/* Areas may be adjacent. */
static bool read_guest(const struct guestmem *guest, u64 gpa, u8 *to, size_t len)
{
	while (len) {
		size_t part = len;
		const u8 *from = guestmem_at(guest, gpa, &part);

		if (!from)
			return false;
		memcpy(to, from, part);
		gpa += part;
		to += part;
		len -= part;
	}
	return true;
}

/* 2.7.4: readable descriptors come first.  The rest are limits of ours. */
static int add(struct model *model, const struct vring_desc *desc)
{
	bool in = desc->flags & VRING_DESC_F_WRITE;

	if (model->in && !in)
		return -EINVAL;
	model->in = in;
	if (++model->entries > MP_CHAIN_MAX)
		return -EINVAL;
	if (!desc->len)
		return 0;
	if (desc->addr + desc->len < desc->addr ||
	    model->len + desc->len > UINT32_MAX)
		return -EINVAL;
	model->len += desc->len;
	model->extent[model->nr_out + model->nr_in] = (struct mp_extent){
		.gpa = desc->addr,
		.len = desc->len,
	};
	if (in)
		model->nr_in++;
	else
		model->nr_out++;
	return 0;
}

/* 2.7.5.3: the table's entries are a chain of their own. */
static int follow_table(struct model *model, const struct guestmem *guest,
			const struct vring_desc *table)
{
	unsigned int nr = table->len / 16;
	u8 bytes[16 * MP_CHAIN_MAX];
	struct vring_desc desc;
	u32 i = 0;
	int err;

	if (table->flags & VRING_DESC_F_NEXT || table->len % 16 || !nr ||
	    nr > MP_CHAIN_MAX || table->addr + table->len < table->addr)
		return -EINVAL;
	model->partial = !read_guest(guest, table->addr, bytes, table->len);
	for (;;) {
		if (i >= nr)
			return -EINVAL;
		if (!read_guest(guest, table->addr + 16 * i, (u8 *)&desc, 16))
			return -EFAULT;
		if (desc.flags & VRING_DESC_F_INDIRECT)
			return -EINVAL;
		err = add(model, &desc);
		if (err || !(desc.flags & VRING_DESC_F_NEXT))
			return err;
		i = desc.next;
	}
}

static int follow(struct model *model, const struct guestmem *guest,
		  bool indirect, u32 i)
{
	int err;

	for (;;) {
		const struct vring_desc *desc = &guest->desc[i];

		if (i >= guest->num)
			return -EINVAL;
		if (desc->flags & VRING_DESC_F_INDIRECT)
			return indirect ? follow_table(model, guest, desc) :
					  -EINVAL;
		err = add(model, desc);
		if (err || !(desc->flags & VRING_DESC_F_NEXT))
			return err;
		i = desc->next;
	}
}

void model_chain(struct model *model, const struct guestmem *guest,
		 bool indirect, u16 head)
{
	memset(model, 0, offsetof(struct model, extent));
	model->err = follow(model, guest, indirect, head);
}
