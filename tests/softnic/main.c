// SPDX-License-Identifier: GPL-2.0-only
/*
 * softnic.ko: pairs of cards, wired back to back.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "softnic.h"

#define PAIRS_MAX	16

static unsigned int pairs = 1;
module_param(pairs, uint, 0444);
MODULE_PARM_DESC(pairs, "pairs of interfaces, snicA0 and snicB0 and so on (1)");

unsigned int sn_queues = 1;
module_param_named(queues, sn_queues, uint, 0444);
MODULE_PARM_DESC(queues, "receive queues of a card, up to 8 (1)");

unsigned int sn_part = SZ_1K;
module_param_named(part, sn_part, uint, 0444);
MODULE_PARM_DESC(part, "bytes of a part of a split frame, up to a page (1024)");

static int wire_cpu[2] = { -1, -1 };
module_param_array(wire_cpu, int, NULL, 0444);
MODULE_PARM_DESC(wire_cpu, "CPU that does the DMA and the wire towards A, towards B (-1: any)");

static int irq_cpu[2] = { -1, -1 };
module_param_array(irq_cpu, int, NULL, 0444);
MODULE_PARM_DESC(irq_cpu, "CPU for the interrupts of A, of B, and those after it for further queues (-1: that of the wire)");

static struct sn_nic *nics[PAIRS_MAX][2];
static struct dentry *debugfs;

static int check_parameters(void)
{
	unsigned int end;

	if (!pairs || pairs > PAIRS_MAX || !sn_queues ||
	    sn_queues > SN_QUEUES_MAX || sn_part < SZ_256 || sn_part & 1 ||
	    sn_part > PAGE_SIZE)
		return -EINVAL;
	for (end = 0; end < 2; end++)
		if (wire_cpu[end] >= (int)nr_cpu_ids ||
		    (wire_cpu[end] >= 0 && !cpu_online(wire_cpu[end])) ||
		    irq_cpu[end] >= (int)nr_cpu_ids ||
		    (irq_cpu[end] >= 0 && !cpu_online(irq_cpu[end])))
			return -EINVAL;
	return 0;
}

static struct sn_nic *create(unsigned int pair, unsigned int end)
{
	/* locally administered, and as scripts/lab.d/nics has them */
	u8 mac[ETH_ALEN] = { 0x52, 0x54, 0x00, 0x1c, pair, end + 1 };
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "snic%c%u", end ? 'B' : 'A', pair);
	return sn_nic_create(name, mac, irq_cpu[end]);
}

static int create_pair(unsigned int pair)
{
	struct sn_nic **ends = nics[pair];
	unsigned int end;
	int err;

	for (end = 0; end < 2; end++) {
		struct sn_nic *nic = create(pair, end);

		if (IS_ERR(nic))
			return PTR_ERR(nic);
		ends[end] = nic;
	}
	ends[0]->peer = ends[1];
	ends[1]->peer = ends[0];

	for (end = 0; end < 2; end++) {
		err = sn_engine_start(&ends[end]->engine, wire_cpu[end]);
		if (err)
			return err;
	}
	for (end = 0; end < 2; end++) {
		err = sn_nic_register(ends[end], debugfs);
		if (err)
			return err;
	}
	return 0;
}

/* Also a pair that is not complete.  Both ends go before any of their parts. */
static void destroy_pair(unsigned int pair)
{
	struct sn_nic **ends = nics[pair];
	unsigned int end;

	for (end = 0; end < 2; end++)
		if (ends[end])
			sn_nic_unregister(ends[end]);
	for (end = 0; end < 2; end++)
		if (ends[end])
			sn_engine_stop(&ends[end]->engine);
	for (end = 0; end < 2; end++)
		if (ends[end])
			sn_nic_destroy(ends[end]);
}

static void destroy_all(void)
{
	unsigned int pair;

	for (pair = 0; pair < pairs; pair++)
		destroy_pair(pair);
	debugfs_remove(debugfs);
}

static int __init softnic_init(void)
{
	unsigned int pair;
	int err;

	err = check_parameters();
	if (err)
		return err;
	debugfs = debugfs_create_dir("softnic", NULL);
	for (pair = 0; pair < pairs && !err; pair++)
		err = create_pair(pair);
	if (err)
		destroy_all();
	return err;
}
module_init(softnic_init);

static void __exit softnic_exit(void)
{
	destroy_all();
}
module_exit(softnic_exit);

MODULE_DESCRIPTION("A network card made of software, for tests of mpassthru");
MODULE_LICENSE("GPL");
