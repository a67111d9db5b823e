// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps virtio devices that are no NICs awake while all others are suspended, as long
 * as it is loaded: an emulated host has its tests on virtio-9p, which would not come
 * back.
 */
#include <linux/module.h>
#include <linux/pci.h>

static void awake_set(bool awake)
{
	struct pci_dev *pdev = NULL;

	while ((pdev = pci_get_device(PCI_VENDOR_ID_REDHAT_QUMRANET, PCI_ANY_ID, pdev)))
		if (pdev->class >> 16 != PCI_BASE_CLASS_NETWORK)
			dev_pm_syscore_device(&pdev->dev, awake);
}

static int __init awake_init(void)
{
	awake_set(true);
	return 0;
}
module_init(awake_init);

static void __exit awake_exit(void)
{
	awake_set(false);
}
module_exit(awake_exit);

MODULE_DESCRIPTION("test: virtio devices that stay awake");
MODULE_LICENSE("GPL");
