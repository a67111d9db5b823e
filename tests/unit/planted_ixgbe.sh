#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# planted_ixgbe.sh - mistakes that are planted in a copy of the glue of ixgbe, one at
# a time, all or one of EVERY so many: a test_ixgbe_* finds each. In O is what was built of
# the glue as it is.

cd "$(dirname "$0")" || exit 1
out=$(realpath "${O:-../../build/unit}") || exit 1
glue=../../patches/ixgbe/mp_ixgbe.h
step=${EVERY:-1}

mistakes=(
	# what the card may write to
	's/= MP_IXGBE_FRAME_MAX;/= MP_IXGBE_FRAME_MAX - ETH_FCS_LEN - 1;/'
	's/netdev->mtu <= ETH_DATA_LEN &&//'
	's/!adapter->xdp_prog &&//'
	's/IXGBE_FLAG_SRIOV_ENABLED \|//'
	's/\| IXGBE_FLAG_FCOE_ENABLED//'
	's/!\(adapter->flags2 & IXGBE_FLAG2_RSC_ENABLED\) &&//'
	's/&&\s+!\(netdev->features & NETIF_F_RXALL\)//'
	# arming and cleaning
	's/desc->read.hdr_addr = .*?;//'
	's/if \(full\)\s+return true;//'
	's/IXGBE_SRRCTL_DESCTYPE_HDR_SPLIT_ALWAYS/IXGBE_SRRCTL_DESCTYPE_ADV_ONEBUF/'
	's/return min_t\(unsigned int, (info.*?),\s+IXGBE_RX_HDR_SIZE\)/return $1/'
	's/header < ETH_HLEN \|\|//'
	's/length < ETH_HLEN \+ stamp/0/'
	's/if \(slot->skb != skb\)//'
	's/slot->skb = (mp_ixgbe_deliver)/$1/'
	's/(?<=slot->dma\)\) \{)\s+slot->dma = 0;//'
	's/dev_kfree_skb\(slot->skb\);//'
	's/(?<=struct mp_ixgbe_slot \*slot\)\n\{\n\t)mp_ixgbe_unmap_header.*?;//'
	's/ && i != rx_ring->next_to_use//'
	's/armed < IXGBE_RX_BUFFER_WRITE &&\s+\(.*?\)\)/armed < IXGBE_RX_BUFFER_WRITE)/s'
	's/ &&\s+\(!armed \|\| nic >= rx_ring->count \/ 2\)/ \&\& !armed/'
	's/!queue->discarding && //'
	's/\(staterr & IXGBE_RXDADV_ERR_FRAME_ERR_MASK\)/0/'
	's/length -= stamp;//'
	's/\(flags & stamps\) == IXGBE_FLAG_RX_HWTSTAMP_ENABLED/1/'
	's/!\(info & cpu_to_le16.*?\)\)/1/'
	# where flows go, and that nobody waits
	's/!nr \|\| nr == adapter->num_rx_queues/1/'
	's/if \(i < 128\)/if (1)/'
	's/atr_sample_rate = 0/atr_sample_rate += 0/'
	's/memcpy\(adapter->rss_indir_tbl.*?;//'
	's/if \(mp_ixgbe_on\(adapter->rx_ring\[i\]\)\)\s+mp_ixgbe_write_srrctl.*?;/;/'
	's/(?<=\n\t)mp_ixgbe_write_srrctl\(adapter, rx_ring\);//'
	's/(?<=i\+\+\)\n\t\t)mp_ixgbe_refill.*?;/;/'
	# silence before slots end
	's/mp_ixgbe_silence\(rx_ring->q_vector.*?;/;/'
	's/usleep_range\(100, 200\);//'
	's/if \(mp_ixgbe_enabled\(adapter, rx_ring\)\)\s+ixgbe_reset/if (0)\n\t\tixgbe_reset/'
	's/pci_channel_offline\(adapter->pdev\) \|\|//'
	's/(kvfree\(queue->slots\);)\s+queue->slots = NULL;/$1/'
	's/rx_ring->next_to_alloc = rx_ring->next_to_clean;//'
	's/!rx_ring->q_vector \|\| //'
	's/ \|\| i >= IXGBE_MAX_RSS_INDICES//'
	's/if \(!mp_ixgbe_complete\(adapter\)\)/if (0)/'
	's/test_bit\(__IXGBE_DOWN, &adapter->state\)\)\s+return;/0)\n\t\treturn;/'
)

# What did not change is not built anew.
plant() {
	local dir=$1 change=$2

	rm -rf "$dir"
	mkdir -p "$dir"
	cp -p "$out"/*ixgbe*.o "$dir/"
	rm "$dir/ixgbe_driver.o"
	perl -0pe "$change" "$glue" >"$dir/mp_ixgbe.h" &&
		! cmp -s "$glue" "$dir/mp_ixgbe.h" &&
		make -s O="$dir" GLUE="$dir" WERROR= ixgbe >"$dir/log" 2>&1
}

# passes DIR: none of its tests fails, or hangs
passes() {
	local test

	for test in ring split flows life; do
		(timeout 20 "$1/test_ixgbe_$test"; exit $?) >"$1/log" 2>&1 || return
	done
}

try() {
	local dir=$out/planted-$1 change=${mistakes[$1]}

	if ! plant "$dir" "$change"; then
		echo "not ok - changes nothing, or does not build - $change"
	elif passes "$dir"; then
		echo "not ok - nobody noticed - $change"
	else
		echo "ok - found - $change"
	fi
	rm -rf "$dir"
}

everything() {
	local i running=0

	for ((i = 0; i < ${#mistakes[@]}; i += step)); do
		try "$i" &
		((++running < $(nproc))) || { wait -n; ((running--)); }
	done
	wait
}

echo "1..$(((${#mistakes[@]} + step - 1) / step))"
everything | tee "$out/planted.log"
! grep -q '^not ok' "$out/planted.log"
