#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# long.sh DIRECTORY SECONDS TARGET... - fuzzes for so long, each target.  What is
# new stays in DIRECTORY/found, what fails in DIRECTORY/crash-*.
set -eu
cd "$(dirname "$0")"
out=$1 seconds=$2
shift 2

for target; do
	mkdir -p "$out/found/$target" "corpus/$target"
	"$out/fuzz_$target" -max_total_time="$seconds" -timeout=10 -max_len=512 \
		-use_value_profile=1 -print_final_stats=1 -artifact_prefix="$out/crash-$target-" \
		"$out/found/$target" "corpus/$target" >"$out/$target.log" 2>&1 ||
		{ tail -n 60 "$out/$target.log"; exit 1; }
	echo "$target: $(sed -n 's/^Done //p' "$out/$target.log")"
done
