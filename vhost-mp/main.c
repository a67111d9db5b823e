// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost_mp: a guest's virtqueues for mpassthru.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "vhost_mp.h"

static struct miscdevice vmp_miscdev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vhost-mp",
	.fops	= &vmp_fops,
};
module_misc_device(vmp_miscdev);

MODULE_DESCRIPTION("vhost backend for mpassthru");
MODULE_AUTHOR("The mpassthru developers");
MODULE_LICENSE("GPL");
