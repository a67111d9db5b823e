// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults on request: what is wrong with a card, and the files in debugfs that
 * say so.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "softnic.h"

/* The distance in time of two completions that are reordered. */
#define REORDER_STEP	(200 * NSEC_PER_USEC)

/* Whether it is time for one fault in @every; never if that is 0. */
bool sn_fault_due(u32 every, u32 *nr)
{
	if (!every || ++*nr < every)
		return false;
	*nr = 0;
	return true;
}

/*
 * When a descriptor is to be completed that was taken now, and whether not even
 * then.  False: at once.
 */
bool sn_fault_defer(struct sn_faults *faults, ktime_t *due, bool *held)
{
	u32 reorder = READ_ONCE(faults->reorder);
	u32 delay = READ_ONCE(faults->delay);

	*held = sn_fault_due(READ_ONCE(faults->hold), &faults->nr_hold);
	if (!*held && !delay && reorder < 2)
		return false;

	*due = ktime_add_us(ktime_get(), delay);
	if (reorder > 1) {
		u32 k = faults->nr_reorder++ % reorder;

		if (!k)
			faults->group = *due;
		*due = ktime_add_ns(faults->group, (reorder - k) * REORDER_STEP);
	}
	return true;
}

void sn_faults_init(struct sn_faults *faults)
{
	INIT_LIST_HEAD(&faults->pending);
}

static int counters_show(struct seq_file *file, void *unused)
{
	struct sn_nic *nic = file->private;
	const u64 *counter = (const u64 *)&nic->counters;
	unsigned int i;

	for (i = 0; i < SN_COUNTERS; i++)
		seq_printf(file, "%s %llu\n", sn_counter_names[i],
			   READ_ONCE(counter[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/*
 * Descriptors that the card may write to.  Under the lock: the card is through
 * with all that it has counted so far.
 */
static int ready_show(struct seq_file *file, void *unused)
{
	struct sn_nic *nic = file->private;
	unsigned int i;
	u32 ready = 0;

	mutex_lock(&nic->engine.lock);
	for (i = 0; i < nic->nr_queues; i++) {
		const struct sn_rx_regs *rx = &nic->queue[i].regs;

		if (rx->enabled)
			ready += READ_ONCE(rx->tail) - rx->head;
	}
	mutex_unlock(&nic->engine.lock);
	seq_printf(file, "%u\n", ready);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ready);

static struct dentry *ring_debugfs(const char *name, struct dentry *parent,
				   struct sn_faults *faults)
{
	struct dentry *dir = debugfs_create_dir(name, parent);

	debugfs_create_u32("delay", 0600, dir, &faults->delay);
	debugfs_create_u32("reorder", 0600, dir, &faults->reorder);
	debugfs_create_u32("hold", 0600, dir, &faults->hold);
	debugfs_create_u32("error", 0600, dir, &faults->error);
	return dir;
}

/* The files of a card, in its directory. */
void sn_faults_debugfs(struct sn_nic *nic)
{
	struct sn_faults *faults = &nic->rx_faults;
	struct dentry *dir;

	dir = ring_debugfs("rx", nic->debugfs, faults);
	debugfs_create_u32("drop", 0600, dir, &faults->drop);
	debugfs_create_u32("corrupt", 0600, dir, &faults->corrupt);
	debugfs_create_u32("astray", 0600, dir, &faults->astray);
	debugfs_create_bool("stray", 0600, dir, &faults->stray);
	ring_debugfs("tx", nic->debugfs, &nic->tx_faults);
	debugfs_create_file("counters", 0400, nic->debugfs, nic, &counters_fops);
	debugfs_create_file("ready", 0400, nic->debugfs, nic, &ready_fops);
}
