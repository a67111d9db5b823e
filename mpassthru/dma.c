// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins as a device behind an IOMMU sees them: mapped when they are first posted, and
 * until they or the device go. A mapping for each frame would cost more than the
 * frame; what is not found here is mapped that way all the same.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "fallible.h"
#include "pin.h"

/**
 * struct mp_dma - a device that pins are mapped for
 * @node: in dmas
 * @dev: the device
 * @users: those who got it
 * @maps: mappings, by of_dma
 *
 * All under dma_lock.
 */
struct mp_dma {
	struct list_head node;
	struct device *dev;
	unsigned int users;
	struct list_head maps;
};

/**
 * struct mp_dma_map - a pin, mapped
 * @of_pin: in mp_pin.maps; read under RCU
 * @of_dma: in mp_dma.maps
 * @rcu: for those who read
 * @dma: the device
 * @pin: the pin
 * @addr: bus address of each page
 */
struct mp_dma_map {
	struct hlist_node of_pin;
	struct list_head of_dma;
	struct rcu_head rcu;
	struct mp_dma *dma;
	struct mp_pin *pin;
	dma_addr_t addr[];
};

static DEFINE_MUTEX(dma_lock);	/* mappings, and dmas */
static LIST_HEAD(dmas);

static struct mp_dma *dma_get(struct device *dev)
{
	struct mp_dma *dma;

	lockdep_assert_held(&dma_lock);
	list_for_each_entry(dma, &dmas, node)
		if (dma->dev == dev)
			goto out;
	dma = kzalloc(sizeof(*dma), GFP_KERNEL);
	if (!dma)
		return NULL;
	dma->dev = dev;
	INIT_LIST_HEAD(&dma->maps);
	list_add(&dma->node, &dmas);
out:
	dma->users++;
	return dma;
}

/**
 * mp_dma_begin() - begin to map pins for a device
 * @where: its users find it here; stays NULL if that is not worth it, because
 *	mapping costs nothing, or there is no memory
 * @dev: the device
 *
 * Context: process context.
 */
void mp_dma_begin(struct mp_dma **where, struct device *dev)
{
	if (!device_iommu_mapped(dev))
		return;
	mutex_lock(&dma_lock);
	WRITE_ONCE(*where, dma_get(dev));
	mutex_unlock(&dma_lock);
}

/* Unmaps the first @nr pages, run by run as they were mapped.  dma_lock. */
static void map_destroy(struct mp_dma_map *map, unsigned long nr)
{
	const struct mp_pin *pin = map->pin;
	unsigned long i, n;

	lockdep_assert_held(&dma_lock);
	for (i = 0; i < nr; i += n) {
		n = mp_pin_run(pin, i);
		dma_unmap_page_attrs(map->dma->dev, map->addr[i], n << PAGE_SHIFT,
				     DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	}
	kvfree_rcu(map, rcu);
}

static void map_remove(struct mp_dma_map *map)
{
	hlist_del_rcu(&map->of_pin);
	list_del(&map->of_dma);
	map_destroy(map, map->pin->nr);
}

/**
 * mp_dma_end() - end to map pins for a device
 * @where: from mp_dma_begin(); NULL on return
 *
 * Context: process context.  If it was the last user, all mappings end: the device
 * has none of them in its descriptors any more.
 */
void mp_dma_end(struct mp_dma **where)
{
	struct mp_dma_map *map, *next;
	struct mp_dma *dma;

	mutex_lock(&dma_lock);
	dma = *where;
	WRITE_ONCE(*where, NULL);
	if (dma && !--dma->users) {
		list_for_each_entry_safe(map, next, &dma->maps, of_dma)
			map_remove(map);
		list_del(&dma->node);
		kfree(dma);
	}
	mutex_unlock(&dma_lock);
}

static struct mp_dma_map *find(const struct mp_dma *dma, const struct mp_pin *pin)
{
	struct mp_dma_map *map;

	hlist_for_each_entry_rcu(map, &pin->maps, of_pin,
				 lockdep_is_held(&dma_lock))
		if (map->dma == dma)
			return map;
	return NULL;
}

static mp_fallible int map_run(struct mp_dma *dma, struct page *page,
			       unsigned long nr, dma_addr_t *addr)
{
	*addr = dma_map_page_attrs(dma->dev, page, 0, nr << PAGE_SHIFT,
				   DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	return dma_mapping_error(dma->dev, *addr);
}
ALLOW_ERROR_INJECTION(map_run, ERRNO);

static struct mp_dma_map *map_create(struct mp_dma *dma, struct mp_pin *pin)
{
	struct mp_dma_map *map;
	unsigned long i, n, k;

	map = kvmalloc(struct_size(map, addr, pin->nr), GFP_KERNEL | __GFP_NOWARN);
	if (!map)
		return NULL;
	map->dma = dma;
	map->pin = pin;
	for (i = 0; i < pin->nr; i += n) {
		dma_addr_t addr;

		n = mp_pin_run(pin, i);
		if (map_run(dma, pin->page[i], n, &addr)) {
			map_destroy(map, i);
			return NULL;
		}
		for (k = 0; k < n; k++)
			map->addr[i + k] = addr + (k << PAGE_SHIFT);
	}
	return map;
}

static bool is_mapped(struct mp_dma **where, const struct mp_pin *pin)
{
	struct mp_dma *dma;
	bool mapped;

	rcu_read_lock();
	dma = READ_ONCE(*where);
	mapped = !dma || find(dma, pin);
	rcu_read_unlock();
	return mapped;
}

/**
 * mp_dma_map() - map the memory of a segment, unless it is
 * @where: from mp_dma_begin(), may end meanwhile
 * @seg: a segment that the caller uses
 *
 * Context: process context.  If that fails, frames are mapped one by one.
 */
void mp_dma_map(struct mp_dma **where, const struct mp_seg *seg)
{
	struct mp_pin *pin = seg->pin;
	struct mp_dma_map *map = NULL;

	if (!pin || !mp_pin_is_kept(pin) || is_mapped(where, pin))
		return;
	mutex_lock(&dma_lock);
	if (*where && !find(*where, pin))
		map = map_create(*where, pin);
	if (map) {
		list_add(&map->of_dma, &map->dma->maps);
		hlist_add_head_rcu(&map->of_pin, &pin->maps);
	}
	mutex_unlock(&dma_lock);
}

/*
 * Whether @seg is mapped for @dma, which may be NULL, and where it begins.  BH off;
 * the caller uses @seg.
 */
bool mp_dma_find(const struct mp_dma *dma, const struct mp_seg *seg,
		 dma_addr_t *addr)
{
	const struct mp_dma_map *map = NULL;

	rcu_read_lock();
	if (dma && seg->pin)
		map = find(dma, seg->pin);
	if (map)
		*addr = map->addr[seg->first] + seg->offset;
	rcu_read_unlock();
	return map;
}

/* A pin goes. */
void mp_dma_unmap(struct mp_pin *pin)
{
	struct mp_dma_map *map;
	struct hlist_node *next;

	if (hlist_empty(&pin->maps))
		return;
	mutex_lock(&dma_lock);
	hlist_for_each_entry_safe(map, next, &pin->maps, of_pin)
		map_remove(map);
	mutex_unlock(&dma_lock);
}
