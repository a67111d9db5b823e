#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh - breaks ring.c and memtable.c in one place at a time, in a copy, and
# has the unit tests find each.
#
# A mutant that no test notices means that a line is untested.  Not here, for x86
# cannot show them: smp_rmb() and smp_wmb() taken away.

cd "$(dirname "$0")" || exit 1
out=${O:-../../build/unit}-mutants
src=../../vhost-mp
found=0
missed=0

try() {
	file=$1 change=$2
	name="$file $change"
	rm -rf "$out/src"
	mkdir -p "$out/src"
	cp "$src"/ring.[ch] "$src"/memtable.[ch] "$out/src/"
	perl -0pi -e "$change" "$out/src/$file" || exit 1
	if cmp -s "$src/$file" "$out/src/$file"; then
		printf '%s\n' "not ok - changes nothing - $name"
		missed=$((missed + 1))
		return
	fi

	rm -f "$out/ring.o" "$out/memtable.o"
	if ! make -s O="$out" SRC="$out/src" WERROR= all >"$out/log" 2>&1; then
		printf '%s\n' "not ok - does not build - $name"
		missed=$((missed + 1))
		return
	fi
	for test in memtable refusal ring race soak hostile pingpong; do
		if ! timeout 120 "$out/test_$test" >"$out/log" 2>&1; then
			printf '%s\n' "ok - $name # test_$test"
			found=$((found + 1))
			return
		fi
	done
	printf '%s\n' "not ok - nobody noticed - $name"
	missed=$((missed + 1))
}

ring() { try ring.c "$1"; }
mem() { try memtable.c "$1"; }

# set up
ring 's/!is_power_of_2\(num\)/0/'
ring 's/VRING_DESC_ALIGN_SIZE\)/8)/'
ring 's/VRING_AVAIL_ALIGN_SIZE\)/1)/'
ring 's/VRING_USED_ALIGN_SIZE\)/2)/'
ring 's/load16\(&ring->used->idx\)/base/'
ring 's/ring->signalled_valid = false;//'
ring 's/ring->broken = false;//'
ring 's/\(num \+ 1\) \* sizeof/num * sizeof/'
ring 's/ \+ sizeof\(__virtio16\);/;/'

# take
ring 's/nr > ring->num\)/nr > ring->num + 1)/'
ring 's/nr > ring->num\)/nr >= ring->num)/'
ring 's/nr > ring->num\)/0)/'
ring 's/ring->avail_idx = idx;/ring->avail_idx = idx + 1;/'
ring 's/i >= ring->num\)/i > ring->num)/'
ring 's/i >= nr\)/i > nr)/'
ring 's/i >= nr\)/0)/'
ring 's/walk->nr == MP_CHAIN_MAX/walk->nr == MP_CHAIN_MAX + 1/'
ring 's/walk->nr == MP_CHAIN_MAX/walk->nr == MP_CHAIN_MAX - 1/'
ring 's/walk->nr\+\+;/walk->nr += !!entry->len;/'
ring 's/walk->writable && !writable/0/'
ring 's/walk->writable = writable;/walk->writable = writable && entry->len;/'
ring 's/entry->len \? add_extent\(walk, entry\) : 0/add_extent(walk, entry)/'
ring 's/check_add_overflow\(entry->addr, \(u64\)entry->len, &end\)/check_add_overflow(entry->addr, (u64)entry->len - 1, &end)/'
ring 's/chain->out_len \+ chain->in_len, entry->len/chain->out_len, entry->len/'
ring 's/chain->out_len \+ chain->in_len, entry->len/chain->in_len, entry->len/'
ring 's/!ring->indirect\)/0)/'
ring 's/table->flags & VRING_DESC_F_NEXT\)/0)/'
ring 's/!table->len \|\| //'
ring 's/table->len % sizeof\(struct vring_desc\) \|\|//'
ring 's/sizeof\(struct vring_desc\) > MP_CHAIN_MAX/sizeof(struct vring_desc) > MP_CHAIN_MAX + 1/'
ring 's/sizeof\(struct vring_desc\) > MP_CHAIN_MAX/sizeof(struct vring_desc) >= MP_CHAIN_MAX/'
ring 's/check_add_overflow\(table->addr, \(u64\)table->len, &end\)/(end = 0)/'
ring 's/err == -EFAULT/0/'
ring 's/err == -EFAULT/1/'
ring 's/i < first \|\| i >= end/i >= end/'
ring 's/i < first \|\| i >= end/i < first/'
ring 's/i < first \|\| i >= end/1/'
ring 's/nr, i \+ TABLE_WINDOW/1024, i + TABLE_WINDOW/'
ring 's/table->addr \+ first/table->addr + 0/'
ring 's/\(entry.flags & VRING_DESC_F_INDIRECT\)(?=\n\t\t\treturn)/(0)/'
ring 's/ring->last_avail &\s+\(ring->num - 1\)/ring->last_avail % 32768/'
ring 's/ring->last_avail\+\+;/ring->last_avail += 2;/'
ring 's/last_avail -= nr/last_avail -= nr + 1/'
ring 's/(?<=chain->in_len = 0;\n\n)\tret = /\tring->last_avail++;\n\tret = /'

# give back
ring 's/ring->used_idx & \(ring->num - 1\)/ring->used_idx % 32768/'
ring 's/ring->used_idx\+\+;/ring->used_idx += 2;/'
ring 's/ring->published == ring->used_idx/0/'
ring 's/ring->published = ring->used_idx;(?=\n\n\t\/\*)//'
ring 's/!\(load16\(&ring->avail->flags\)/(load16(&ring->avail->flags)/'
ring 's/ring->signalled = ring->published;/ring->signalled = old;/'
ring 's/!valid\)/0)/'
ring 's/smp_mb\(\);(?=\n\treturn wants)//'
ring 's/smp_mb\(\);(?=\n\n\t\/\* A wild)//'
ring 's/\(!ring->event_idx\)(?=\n\t\tstore)/(1)/'
ring 's/store16\(avail_event\(ring\), ring->last_avail\);/;/'
ring 's/store16\(avail_event\(ring\), ring->last_avail\)/store16(avail_event(ring), ring->last_avail + 1)/'
ring 's/store16\(&ring->used->flags, 0\);/;/'
ring 's/store16\(&ring->used->flags, VRING_USED_F_NO_NOTIFY\);/;/'
ring 's/return load16\(&ring->avail->idx\) != ring->last_avail/return false/'
ring 's/(listen\(struct mp_ring \*ring\)\n\{\n\tif \()ring->broken/${1}0/'

# memory
mem 's/region->size &&//'
mem 's/!check_add_overflow\(region->gpa, region->size, &end\) &&//'
mem 's/check_add_overflow\(region->uaddr, region->size, &end\)/(end = 0)/'
mem 's/sort\(.*?\);//'
mem 's/\? -1 : 1/? 1 : -1/'
mem 's/< region\[i - 1\].size/< region[i - 1].size - 1/'
mem 's/< region\[i - 1\].size/<= region[i - 1].size/'
mem 's/gpa < region->gpa\)/gpa <= region->gpa)/'
mem 's/>= region->size/> region->size/'
mem 's/low = mid \+ 1/low = mid + 2/'
mem 's/high = mid;/high = mid - 1;/'
mem 's/offset < region->size &&/1 \&\&/'
mem 's/size <= region->size - offset/size < region->size - offset/'
mem 's/size <= region->size - offset/offset + size <= region->size/'
mem 's/region->size - offset\);/region->size);/'
mem 's/dst \+= part;//'
mem 's/gpa \+= part;//'
mem 's/if \(err\)\n\t\t\treturn err;//'
mem 's/if \(!region\)\n\t\t\treturn -EFAULT;/if (!region)\n\t\t\treturn 0;/'

echo "mutants: $found found, $missed missed"
[ "$missed" -eq 0 ]
