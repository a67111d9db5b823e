// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "rig.h"

struct rig *rig_create(u16 num, bool event_idx, u16 base, u16 table_max)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->guest = guest_create(num, event_idx, base, table_max);
	guest_attach(rig->guest, &rig->ring);
	return rig;
}

void rig_destroy(struct rig *rig)
{
	guest_destroy(rig->guest);
	free(rig);
}

int pop(struct rig *rig)
{
	return mp_ring_pop(&rig->ring, rig->guest->mem, &rig->chain);
}

void assert_chain(const struct rig *rig, int head, const struct sg *sg,
		  unsigned int nr)
{
	const struct mp_chain *chain = &rig->chain;
	u32 out_len = 0, in_len = 0;
	unsigned int i, at = 0;
	u16 nr_out = 0;

	assert_int_equal(chain->head, head);
	for (i = 0; i < nr; i++) {
		if (!sg[i].len)
			continue;
		assert_int_equal(chain->extent[at].gpa, sg[i].gpa);
		assert_int_equal(chain->extent[at].len, sg[i].len);
		at++;
		if (sg[i].write) {
			in_len += sg[i].len;
		} else {
			out_len += sg[i].len;
			nr_out++;
		}
	}
	assert_int_equal(chain->nr_out, nr_out);
	assert_int_equal(chain->nr_in, at - nr_out);
	assert_int_equal(chain->out_len, out_len);
	assert_int_equal(chain->in_len, in_len);
}

void fill_sg(struct sg *sg, unsigned int nr, unsigned int nr_out)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		sg[i].gpa = 0x100000 + 0x1000 * (u64)i;
		sg[i].len = 1 + i;
		sg[i].write = i >= nr_out;
	}
}
