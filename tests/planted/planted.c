// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mistakes on purpose, one a file in /sys/kernel/debug/planted, to test that the debug
 * kernel notices them.  What is written does not matter.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_MUTEX(planted_one);
static DEFINE_MUTEX(planted_other);
static DEFINE_SPINLOCK(planted_spin);

static noinline void planted_leak(void)
{
	void *leaked = kmalloc(4711, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(leaked);
}

static noinline void planted_use_after_free(void)
{
	u8 *bytes = kmalloc(64, GFP_KERNEL);

	if (!bytes)
		return;
	OPTIMIZER_HIDE_VAR(bytes);
	kfree(bytes);
	WRITE_ONCE(bytes[8], 1);
}

static noinline void planted_lock_order(void)
{
	mutex_lock(&planted_one);
	mutex_lock(&planted_other);
	mutex_unlock(&planted_other);
	mutex_unlock(&planted_one);

	mutex_lock(&planted_other);
	mutex_lock(&planted_one);
	mutex_unlock(&planted_one);
	mutex_unlock(&planted_other);
}

static noinline void planted_sleep(void)
{
	spin_lock(&planted_spin);
	might_sleep();
	spin_unlock(&planted_spin);
}

static const struct {
	const char *name;
	void (*plant)(void);
} mistakes[] = {
	{ "lock-order", planted_lock_order },
	{ "sleep", planted_sleep },
	{ "leak", planted_leak },
	{ "use-after-free", planted_use_after_free },
};

static ssize_t plant(struct file *file, const char __user *buf, size_t len,
		     loff_t *pos)
{
	void (*mistake)(void) = file_inode(file)->i_private;

	mistake();
	return len;
}

static const struct file_operations fops = {
	.owner	= THIS_MODULE,
	.write	= plant,
};

static struct dentry *dir;

static int __init planted_init(void)
{
	unsigned int i;

	dir = debugfs_create_dir("planted", NULL);
	for (i = 0; i < ARRAY_SIZE(mistakes); i++)
		debugfs_create_file(mistakes[i].name, 0200, dir,
				    mistakes[i].plant, &fops);
	return 0;
}
module_init(planted_init);

static void __exit planted_exit(void)
{
	debugfs_remove(dir);
}
module_exit(planted_exit);

MODULE_DESCRIPTION("mistakes on purpose");
MODULE_LICENSE("GPL");
