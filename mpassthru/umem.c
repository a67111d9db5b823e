// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned user memory.
 *
 * A range is pinned in chunks, each when first asked for, and a chunk stays
 * until the range is destroyed.  Looking up a pinned page takes no lock and
 * works in any context; pinning sleeps.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <mp/umem.h>

#include "compat.h"

#define CHUNK_SHIFT	21		/* as a huge page: one pin, one account */
#define CHUNK_PAGES	(1UL << (CHUNK_SHIFT - PAGE_SHIFT))

/**
 * struct mp_chunk - pinned pages of one aligned piece of address space
 * @nr: pages, less than %CHUNK_PAGES at the ends of a range
 * @whole: one piece of a folio
 * @page: the pages
 */
struct mp_chunk {
	unsigned long nr;
	bool whole;
	struct page *page[];
};

/**
 * struct mp_umem - a range of a process' memory
 * @uaddr: its start, page aligned
 * @nr_pages: its length
 * @mm: whose, with a reference on the structure (not on the users)
 * @owner: whose limit on locked memory counts
 * @unlimited: the owner had CAP_IPC_LOCK
 * @lock: serialises pinning
 * @pinned: pages pinned and accounted (@lock)
 * @first: address of the first chunk >> CHUNK_SHIFT
 * @chunk: by address; set once, under @lock, with release semantics
 */
struct mp_umem {
	unsigned long uaddr;
	unsigned long nr_pages;
	struct mm_struct *mm;
	struct task_struct *owner;
	bool unlimited;
	struct mutex lock;	/* pinning */
	unsigned long pinned;
	unsigned long first;
	struct mp_chunk *chunk[];
};

static unsigned long umem_end(const struct mp_umem *umem)
{
	return umem->uaddr + (umem->nr_pages << PAGE_SHIFT);
}

/**
 * mp_umem_create() - describe a range of the caller's memory
 * @uaddr: start, page aligned
 * @size: bytes, a multiple of the page size, not zero
 *
 * Nothing is pinned yet.
 *
 * Context: process context of the owner.
 * Return: the range; ERR_PTR(-EINVAL): misaligned or out of user space;
 * ERR_PTR(-ENOMEM).
 */
struct mp_umem *mp_umem_create(u64 uaddr, u64 size)
{
	unsigned long first, nr;
	struct mp_umem *umem;

	if (!size || offset_in_page(uaddr) || offset_in_page(size) ||
	    !access_ok(u64_to_user_ptr(uaddr), size))
		return ERR_PTR(-EINVAL);

	first = uaddr >> CHUNK_SHIFT;
	nr = ((uaddr + size - 1) >> CHUNK_SHIFT) - first + 1;
	umem = kvzalloc(struct_size(umem, chunk, nr), GFP_KERNEL_ACCOUNT);
	if (!umem)
		return ERR_PTR(-ENOMEM);
	umem->uaddr = uaddr;
	umem->nr_pages = size >> PAGE_SHIFT;
	umem->first = first;
	umem->mm = current->mm;
	mmgrab(umem->mm);
	umem->owner = get_task_struct(current->group_leader);
	umem->unlimited = capable(CAP_IPC_LOCK);
	mutex_init(&umem->lock);
	return umem;
}
EXPORT_SYMBOL_GPL(mp_umem_create);

static int account(struct mp_umem *umem, unsigned long pages, bool inc)
{
	int err;

	mmap_write_lock(umem->mm);
	err = __account_locked_vm(umem->mm, pages, inc, umem->owner,
				  umem->unlimited);
	mmap_write_unlock(umem->mm);
	return err;
}

/**
 * mp_umem_destroy() - unpin a range
 * @umem: the range, or NULL
 *
 * Context: process context.  No device uses the pages any more.
 */
void mp_umem_destroy(struct mp_umem *umem)
{
	unsigned long i, nr;

	if (IS_ERR_OR_NULL(umem))
		return;
	nr = ((umem_end(umem) - 1) >> CHUNK_SHIFT) - umem->first + 1;
	for (i = 0; i < nr; i++) {
		struct mp_chunk *chunk = umem->chunk[i];

		if (!chunk)
			continue;
		unpin_user_pages_dirty_lock(chunk->page, chunk->nr, true);
		kvfree(chunk);
	}
	if (umem->pinned)
		account(umem, umem->pinned, false);
	put_task_struct(umem->owner);
	mmdrop(umem->mm);
	kvfree(umem);
}
EXPORT_SYMBOL_GPL(mp_umem_destroy);

static int pin_pages(struct mp_umem *umem, unsigned long uaddr,
		     struct mp_chunk *chunk)
{
	unsigned long done = 0;
	long n;

	if (!mmget_not_zero(umem->mm))
		return -ESRCH;
	while (done < chunk->nr) {
		n = mp_pin_user_pages(umem->mm, uaddr + (done << PAGE_SHIFT),
				      chunk->nr - done, chunk->page + done);
		if (n <= 0)
			break;
		done += n;
	}
	mmput(umem->mm);
	if (done == chunk->nr)
		return 0;
	unpin_user_pages(chunk->page, done);
	return n < 0 ? n : -EFAULT;
}

static bool chunk_is_whole(const struct mp_chunk *chunk)
{
	struct page *first = chunk->page[0];
	unsigned long i;

	for (i = 1; i < chunk->nr; i++)
		if (page_to_pfn(chunk->page[i]) != page_to_pfn(first) + i)
			return false;
	return page_folio(first) == page_folio(chunk->page[chunk->nr - 1]);
}

static struct mp_chunk *chunk_create(struct mp_umem *umem, unsigned long index)
{
	unsigned long start = (umem->first + index) << CHUNK_SHIFT;
	unsigned long end = min(start + (1UL << CHUNK_SHIFT), umem_end(umem));
	struct mp_chunk *chunk;
	unsigned long nr;
	int err;

	start = max(start, umem->uaddr);
	nr = (end - start) >> PAGE_SHIFT;
	chunk = kvmalloc(struct_size(chunk, page, nr), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return ERR_PTR(-ENOMEM);
	chunk->nr = nr;

	err = account(umem, nr, true);
	if (err)
		goto err_free;
	err = pin_pages(umem, start, chunk);
	if (err)
		goto err_account;
	chunk->whole = chunk_is_whole(chunk);
	umem->pinned += nr;
	return chunk;

err_account:
	account(umem, nr, false);
err_free:
	kvfree(chunk);
	return ERR_PTR(err);
}

/* The chunk at @index, pinned now if it was not. */
static struct mp_chunk *chunk_get(struct mp_umem *umem, unsigned long index)
{
	/* Its pages after the chunk.  Pairs with the release below. */
	struct mp_chunk *chunk = smp_load_acquire(&umem->chunk[index]);

	if (likely(chunk))
		return chunk;

	mutex_lock(&umem->lock);
	chunk = umem->chunk[index];
	if (!chunk) {
		chunk = chunk_create(umem, index);
		if (!IS_ERR(chunk))	/* pairs with the acquire above */
			smp_store_release(&umem->chunk[index], chunk);
	}
	mutex_unlock(&umem->lock);
	return chunk;
}

/*
 * The page that holds byte @offset of the range, and in @whole how many bytes
 * from there on are in one piece with it.
 */
static struct page *page_find(struct mp_umem *umem, u64 offset, u32 *whole)
{
	unsigned long uaddr = umem->uaddr + offset;
	unsigned long index = (uaddr >> CHUNK_SHIFT) - umem->first;
	struct mp_chunk *chunk = chunk_get(umem, index);
	unsigned long start, nr;

	if (IS_ERR(chunk))
		return ERR_CAST(chunk);
	start = max((umem->first + index) << CHUNK_SHIFT, umem->uaddr);
	nr = (uaddr - start) >> PAGE_SHIFT;
	*whole = ((chunk->whole ? chunk->nr - nr : 1) << PAGE_SHIFT) -
		 offset_in_page(uaddr);
	return chunk->page[nr];
}

static struct page *page_get(struct mp_umem *umem, u64 offset)
{
	u32 whole;

	return page_find(umem, offset, &whole);
}

static bool umem_covers(const struct mp_umem *umem, u64 offset, u64 len)
{
	u64 size = (u64)umem->nr_pages << PAGE_SHIFT;

	return offset <= size && len <= size - offset;
}

/* Whether @page goes on where @seg ends, in the same folio. */
static bool continues(const struct bio_vec *seg, struct page *page)
{
	return page_folio(seg->bv_page) == page_folio(page) &&
	       page_to_phys(seg->bv_page) + seg->bv_offset + seg->bv_len ==
	       page_to_phys(page);
}

/**
 * mp_umem_seg() - find the memory behind the start of a piece of a range
 * @umem: the range
 * @offset: first byte
 * @len: bytes, not zero
 * @seg: filled in: as much of the piece as is contiguous within one folio
 *
 * Context: process context; may pin, and so sleep.
 * Return: 0; -EFAULT: not all in the range, or not mapped there; -ENOMEM: the
 * owner's limit on locked memory.
 */
int mp_umem_seg(struct mp_umem *umem, u64 offset, u32 len, struct bio_vec *seg)
{
	struct page *page;
	u32 whole;

	if (!umem_covers(umem, offset, len))
		return -EFAULT;
	page = page_find(umem, offset, &whole);
	if (IS_ERR(page))
		return PTR_ERR(page);
	bvec_set_page(seg, page, min(whole, len), offset_in_page(offset));
	while (seg->bv_len < len) {
		page = page_find(umem, offset + seg->bv_len, &whole);
		if (IS_ERR(page))
			return PTR_ERR(page);
		if (!continues(seg, page))
			break;
		seg->bv_len += min(whole, len - seg->bv_len);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(mp_umem_seg);

/**
 * mp_umem_read() - copy from a range
 * @umem: the range
 * @offset: first byte
 * @dst: kernel memory
 * @len: bytes
 *
 * Context: process context; may pin, and so sleep.
 * Return: 0 or as mp_umem_seg().
 */
int mp_umem_read(struct mp_umem *umem, u64 offset, void *dst, size_t len)
{
	if (!umem_covers(umem, offset, len))
		return -EFAULT;
	while (len) {
		size_t n = min_t(size_t, len, PAGE_SIZE - offset_in_page(offset));
		struct page *page = page_get(umem, offset);

		if (IS_ERR(page))
			return PTR_ERR(page);
		memcpy(dst, page_address(page) + offset_in_page(offset), n);
		dst += n;
		offset += n;
		len -= n;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(mp_umem_read);

/**
 * mp_umem_vmap() - map a piece of a range, contiguous for the kernel
 * @umem: the range
 * @offset: first byte
 * @len: bytes, not zero
 *
 * Context: process context.
 * Return: its address, valid until mp_umem_vunmap(), and readable in any
 * context; or ERR_PTR() as mp_umem_seg().
 */
void *mp_umem_vmap(struct mp_umem *umem, u64 offset, size_t len)
{
	unsigned long nr = DIV_ROUND_UP(offset_in_page(offset) + len, PAGE_SIZE);
	u64 at = offset & PAGE_MASK;
	struct page **pages;
	void *addr = NULL;
	unsigned long i;

	if (!umem_covers(umem, offset, len))
		return ERR_PTR(-EFAULT);
	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < nr; i++) {
		pages[i] = page_get(umem, at + (i << PAGE_SHIFT));
		if (IS_ERR(pages[i])) {
			addr = ERR_CAST(pages[i]);
			goto out;
		}
	}
	addr = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	addr = addr ? addr + offset_in_page(offset) : ERR_PTR(-ENOMEM);
out:
	kvfree(pages);
	return addr;
}
EXPORT_SYMBOL_GPL(mp_umem_vmap);

/* Context: process context.  @addr: from mp_umem_vmap(), or NULL. */
void mp_umem_vunmap(void *addr)
{
	if (!IS_ERR_OR_NULL(addr))
		vunmap((void *)((unsigned long)addr & PAGE_MASK));
}
EXPORT_SYMBOL_GPL(mp_umem_vunmap);

/* Bytes pinned now.  Any context. */
u64 mp_umem_pinned(const struct mp_umem *umem)
{
	return (u64)READ_ONCE(umem->pinned) << PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(mp_umem_pinned);
