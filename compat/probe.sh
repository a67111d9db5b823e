#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# probe.sh KDIR CONFIG_H - find out which forms of compat/probes the kernel
# build tree KDIR has, and write them as MP_HAVE_* to CONFIG_H.
#
# Every form is a module of its own, built by KDIR's kbuild with its compiler
# and flags: once all together up to the objects, then those that compiled once
# more through modpost, which knows what the kernel exports.  Nothing is done
# if CONFIG_H was made from the same table, kernel and compiler.  The modules
# and the messages stay in .probe beside CONFIG_H.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
table=$here/probes
kdir=$1
config=$2
make=${MAKE:-make}
case ${MAKEFLAGS:-} in *jobserver*) ;; *) make="$make -j$(nproc)" ;; esac
work=$(cd "$(dirname "$config")" && pwd)/.probe

die()
{
	printf '%s\n' "$@" >&2
	exit 1
}

[ -e "$kdir/include/generated/autoconf.h" ] ||
	die "compat: no configured kernel build tree at $kdir" \
	    "compat: install the kernel headers, or say make KDIR=..."

kernel=$(cat "$kdir/include/config/kernel.release")
made_from="$kernel $(cat "$table" "$0" "$kdir/include/generated/autoconf.h" \
		     "$kdir/Module.symvers" 2>/dev/null | cksum)"
made_from="$made_from $kdir LLVM=${LLVM:-} CC=${CC:-}"
if [ -e "$config" ] && [ "$(sed -n 2p "$config")" = "/* $made_from */" ]; then
	exit 0
fi

# sorted by sort -V, is the kernel between min and max of compat/kernels?
set -- $(awk '$1 == "min" || $1 == "max" { print $2 }' "$here/kernels")
version=$(echo "$kernel" | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
range=$(printf '%s\n' "$1" "$version" "$2" | sort -V | tr '\n' ' ')
[ "$range" = "$1 $version $2 " ] ||
	echo "compat: Linux $kernel is outside of the tested range, $1 to $2" >&2

echo "  PROBE   $kernel"
rm -rf "$work"
mkdir -p "$work"

# one file a form; "API FORM" lines to forms
awk -v dir="$work" '
	/^#/ || /^$/ { next }
	$1 == "api"  { api = $2; next }
	$1 == "form" {
		file = dir "/" $2 ".c"
		print api, $2
		print "#include <linux/module.h>" > file
		print "#define PROBE(...) \\" > file
		print "\tvoid probe(__VA_ARGS__); void probe(__VA_ARGS__)" > file
		print "MODULE_LICENSE(\"GPL\");" > file
		print "MODULE_DESCRIPTION(\"probe\");" > file
		next
	}
	/^\t/        { print substr($0, 2) > file; next }
	{ print "compat: " FILENAME ":" FNR ": not understood" > "/dev/stderr"; exit 1 }
' "$table" > "$work/forms"

# kbuild FORM...: try to build these modules
kbuild()
{
	{
		echo "ccflags-y := -Wno-unused -Wno-missing-prototypes"
		echo "ccflags-y += -Werror=incompatible-pointer-types -Werror=int-conversion"
		for form; do
			echo "obj-m += $form.o"
		done
	} > "$work/Kbuild"
	# the second pass must not fail for what modpost finds
	$make -k -s -C "$kdir" M="$work" W= KBUILD_MODPOST_WARN=1 \
		KBUILD_MODPOST_NOFINAL=1 modules 2>&1 || true
}

kbuild $(cut -d' ' -f2 "$work/forms") > "$work/compile.log"
built=
for form in $(cut -d' ' -f2 "$work/forms"); do
	[ ! -e "$work/$form.o" ] || built="$built $form"
done
[ -z "$built" ] || kbuild $built > "$work/modpost.log"
if [ ! -e "$kdir/Module.symvers" ]; then
	echo "compat: $kdir has no Module.symvers: exports are not checked" >&2
	: > "$work/modpost.log"
fi

# has FORM: it compiled, and modpost did not complain of the module
has()
{
	[ -e "$work/$1.o" ] &&
	! grep -q -E "modpost: .*(/|\[|module )$1(\.ko\]| uses)" "$work/modpost.log"
}

{
	echo "/* made by compat/probe.sh */"
	echo "/* $made_from */"
	while read -r api form; do
		if has "$form"; then
			echo "#define MP_HAVE_$form 1"
			echo "$api" >> "$work/met"
		else
			echo "#define MP_HAVE_$form 0"
		fi
	done < "$work/forms"
} > "$work/config.h"

lost=
for api in $(cut -d' ' -f1 "$work/forms" | uniq); do
	grep -q -x -s "$api" "$work/met" || lost="$lost $api"
done
for api in $lost; do
	forms=$(sed -n "s/^$api //p" "$work/forms" | tr '\n' ' ')
	echo "compat: Linux $kernel has no known form of '$api' (tried: $forms)"
	for form in $forms; do
		grep -h -E "$form\.c:.*error:|modpost: .*$form" \
			"$work/compile.log" "$work/modpost.log" | head -n 3
	done
done >&2
[ -z "$lost" ] ||
	die "compat: teach compat/probes and compat/compat.h the new form; mpassthru" \
	    "compat: is tested on Linux $1 to $2. All messages: $work/*.log"

mv "$work/config.h" "$config"
