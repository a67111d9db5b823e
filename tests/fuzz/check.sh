#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh DIRECTORY TARGET... - what every change must pass: each target runs its
# corpus and a few seconds more; and faults that are planted in a copy of the code
# are found.

cd "$(dirname "$0")" || exit 1
out=$(realpath "$1")
shift
src=../..
passed=0
failed=0

# The file, what perl does to it, the target that has to find it.
faults=(
	"vhost-mp/ring.c|s/i >= ring->num\\)/0)/|ring"
	"vhost-mp/ring.c|s/i >= nr\\)/0)/|ring"
	"vhost-mp/ring.c|s/walk->nr == MP_CHAIN_MAX/walk->nr == MP_CHAIN_MAX + 1/|ring"
	"vhost-mp/ring.c|s/check_add_overflow\\(entry->addr.*?&end\\)/(end = 0)/|ring"
	"vhost-mp/ring.c|s/ring->used_idx & \\(ring->num - 1\\)/ring->used_idx % 32768/|ring"
	"vhost-mp/ring.c|s/\\tring->last_avail\\+\\+;/\\tchain->head = load16(&ring->avail->ring[ring->last_avail++ & (ring->num - 1)]);/|race"
	"vhost-mp/memtable.c|s/region->size - offset\\);/region->size);/|memory"
	"vhost-mp/memtable.c|s/!check_add_overflow\\(region->gpa, region->size, &end\\) &&//|memory"
	"vhost-mp/memory.c|s/head.nregions > MP_MEM_REGIONS_MAX/0/|memory"
	"vhost-mp/memory.c|s/min_t\\(u64, left, .*?\\)/left/|memory"
	"vhost-mp/memory.c|s/a->size == b->size/1/|memory"
	"vhost-mp/log.c|s/ && page < log->nr//|memory"
	"mpassthru/head.c|s/hdr_len > head->frame/0/|head"
	"mpassthru/head.c|s/max\\(hdr_len, csum_end\\)/min(hdr_len, csum_end)/|head"
	"mpassthru/head.c|s/head->linear = min.*?;//|head"
)

# The time is little, the memory is what a faulty allocation may ask for.
fuzz() {
	local program=$1 target=$2 seconds=$3 log=$4

	mkdir -p "$log.found"
	"$program" -seed=1 -max_total_time="$seconds" -timeout=10 -max_len=256 \
		-rss_limit_mb=1024 -malloc_limit_mb=256 -artifact_prefix="$log." \
		"$log.found" "corpus/$target" >"$log" 2>&1
}

healthy() {
	local target=$1 log=$out/check-$1.log

	if fuzz "$out/fuzz_$target" "$target" 4 "$log"; then
		echo "ok - $target # $(sed -n 's/^Done //p' "$log")"
	else
		tail -n 40 "$log" | sed 's/^/# /'
		echo "not ok - $target"
	fi
}

# What did not change is not built anew.
plant() {
	local dir=$1 file=$2 change=$3 target=$4

	rm -rf "$dir"
	mkdir -p "$dir"/{vhost-mp,mpassthru}
	cp -p "$src"/vhost-mp/*.[ch] "$dir/vhost-mp/"
	cp -p "$src"/mpassthru/head.c "$dir/mpassthru/"
	cp -p "$out"/*.o "$dir/"
	rm "$dir/$(basename "$file" .c).o"
	perl -0pi -e "$change" "$dir/$file" && ! cmp -s "$src/$file" "$dir/$file" &&
		make -s O="$dir" SRC="$dir" "$dir/fuzz_$target" >"$dir/log" 2>&1
}

planted() {
	local file change target
	local dir=$out/fault-$1

	IFS='|' read -r file change target <<<"${faults[$1]}"
	if ! plant "$dir" "$file" "$change" "$target"; then
		sed 's/^/# /' "$dir/log"
		echo "not ok - changes nothing, or does not build - $file $change"
	elif fuzz "$dir/fuzz_$target" "$target" 30 "$dir/log"; then
		echo "not ok - nobody noticed - $file $change"
	elif grep -q 'ERROR: \|runtime error: ' "$dir/log"; then
		echo "ok - found by $target - $file $change"
	else
		echo "not ok - ended without a finding - $file $change"
	fi
}

everything() {
	local i running=0

	for i in "$@" "${!faults[@]}"; do
		if [[ $i == [0-9]* ]]; then planted "$i"; else healthy "$i"; fi &
		((++running < $(nproc))) || { wait -n; ((running--)); }
	done
	wait
}

while read -r line; do
	echo "$line"
	case $line in
	"ok "*) ((passed++)) ;;
	"not ok "*) ((failed++)) ;;
	esac
done < <(everything "$@")
wanted=$(($# + ${#faults[@]}))
((passed + failed == wanted)) || failed=$((wanted - passed))
echo "fuzz: $passed passed, $failed failed"
((failed == 0))
