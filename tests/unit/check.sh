#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh PROGRAM... - runs cmocka programs and adds up what they say.
#
# A test that was announced and has no verdict failed, and so did a program that
# ends badly without a failed test: silence is no success.

passed=0
failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

for program; do
	echo "# $(basename "$program")"
	CMOCKA_MESSAGE_OUTPUT=TAP timeout "${UNIT_TIMEOUT:-600}" \
		"$program" >"$log" 2>&1
	status=$?
	cat "$log"

	plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$log" | head -n 1)
	ok=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^not ok ' "$log")
	missing=$((${plan:-1} - ok - bad))
	[ "$missing" -gt 0 ] && bad=$((bad + missing))
	if [ "$status" -ne 0 ] || [ "$missing" -ne 0 ]; then
		echo "# $(basename "$program"): status $status, $missing missing"
		[ "$bad" -eq 0 ] && bad=1
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))
done

echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
