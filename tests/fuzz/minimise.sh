#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# minimise.sh DIRECTORY TARGET... - makes each corpus anew: the shortest inputs of
# the old one, and of what long.sh found, that reach what all of them do.  Those
# named keep-* stay, for they are about values and not about ways.
set -eu
cd "$(dirname "$0")"
out=$1
shift

for target; do
	rm -rf "$out/new"
	mkdir -p "$out/new" "$out/found/$target" "corpus/$target"
	"$out/fuzz_$target" -set_cover_merge=1 -use_counters=0 "$out/new" "corpus/$target" \
		"$out/found/$target" >"$out/merge.log" 2>&1
	find "corpus/$target" -name 'keep-*' -exec cp {} "$out/new/" ';'
	rm -rf "corpus/$target"
	mv "$out/new" "corpus/$target"
	echo "$target: $(find "corpus/$target" -type f | wc -l) inputs," \
		"$(du -sb "corpus/$target" | cut -f 1) bytes"
done
