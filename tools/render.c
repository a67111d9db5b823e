// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a struct mp_info says, for people and for programs.
 */
#include <stdlib.h>
#include <string.h>

#include "mpctl.h"

/* a stable word for programs and an explanation for people */
struct reason {
	const char *id;
	const char *text;
};

static const struct reason copy_reasons[] = {
	[MP_COPY_ASKED]		= { "asked", "mode copy was asked for" },
	[MP_COPY_NO_GLUE]	= { "no-glue",
		"the NIC's driver cannot receive into guest memory" },
	[MP_COPY_PAGE_CROSSING]	= { "page-crossing",
		"guest buffer not contiguous for the NIC; huge pages help" },
	[MP_COPY_SHORT_BUFFER]	= { "short-buffer",
		"guest buffer shorter than what the NIC may write" },
	[MP_COPY_OBSERVED]	= { "observed",
		"a packet socket, tc, netfilter, XDP or a VLAN device looks on" },
	[MP_COPY_SMALL]		= { "small", "cheaper to copy" },
	[MP_COPY_HEADERS]	= { "headers", "little more than headers" },
	[MP_COPY_CHANGED]	= { "changed",
		"the host stack rewrote the packet" },
	[MP_COPY_LATE]		= { "late",
		"received before the guest was ready" },
	[MP_COPY_ORPHANED]	= { "orphaned",
		"somebody on the host would have held guest memory" },
	[MP_COPY_FRAGS]		= { "frags",
		"in more pieces than one packet can carry" },
	[MP_COPY_NO_BACKEND]	= { "no-backend",
		"read() and write(), or the in-tree vhost-net" },
	[MP_COPY_UNALIGNED]	= { "unaligned",
		"guest buffer at an odd address" },
	[MP_COPY_HELD]		= { "held",
		"the ring is full of packets that wait to be sent" },
	[MP_COPY_LOCKED]	= { "locked",
		"no room to pin under the VMM's limit on locked memory" },
};

static const struct reason drop_reasons[] = {
	[MP_DROP_QUEUE_FULL]	= { "queue-full",
		"nobody takes them fast enough" },
	[MP_DROP_NO_MEMORY]	= { "no-memory", "the host is out of memory" },
	[MP_DROP_BAD_HEADER]	= { "bad-header",
		"the guest's virtio header makes no sense" },
	[MP_DROP_NO_LINK]	= { "no-link", "the interface is down or gone" },
	[MP_DROP_TOO_BIG]	= { "too-big",
		"longer than the guest's buffers" },
};

/* TUN_F_* bits from the first on */
static const char *const offloads[] = {
	"csum", "tso4", "tso6", "ecn", "ufo", "uso4", "uso6",
};

/* what printf() can take on every architecture */
static unsigned long long ull(__u64 value)
{
	return value;
}

/* negative if there was no payload */
static double zerocopy_percent(const struct mp_counters *c)
{
	if (!c->payload_bytes)
		return -1;
	return 100.0 * c->zerocopy_bytes / c->payload_bytes;
}

static double copied_per_payload(const struct mp_counters *c)
{
	if (!c->payload_bytes)
		return -1;
	return (double)c->copied_bytes / c->payload_bytes;
}

static const char *human_bytes(char *buf, size_t size, __u64 bytes)
{
	static const char units[] = "KMGTPE";
	double value = bytes;
	int i = -1;

	if (bytes < 1024) {
		snprintf(buf, size, "%llu B", ull(bytes));
		return buf;
	}
	while (value >= 1024 && i < (int)strlen(units) - 1) {
		value /= 1024;
		i++;
	}
	snprintf(buf, size, "%.1f %ciB", value, units[i]);
	return buf;
}

/* a reason that this mpctl does not know is told by its number */
static void text_reasons(FILE *out, const char *what, const __u64 *counts,
			 size_t n, const struct reason *reasons, size_t known)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!counts[i])
			continue;
		fprintf(out, "      %s %llu: ", what,
			ull(counts[i]));
		if (i < known)
			fprintf(out, "%s (%s)\n", reasons[i].text,
				reasons[i].id);
		else
			fprintf(out, "reason %zu, unknown to this mpctl\n", i);
	}
}

static void text_counters(FILE *out, const char *name,
			  const struct mp_counters *c, bool tx)
{
	char bytes[32], copied[32];

	fprintf(out, "  %s  %llu packets, %s", name,
		ull(c->packets),
		human_bytes(bytes, sizeof(bytes), c->bytes));
	if (tx)
		fprintf(out, "; completed %llu, failed %llu",
			ull(c->completed), ull(c->failed));
	fputc('\n', out);
	if (c->payload_bytes)
		fprintf(out,
			"      zero-copy: %.1f %% of payload bytes, %llu packets\n"
			"      copied by the CPU: %s, %.4f per payload byte\n",
			zerocopy_percent(c), ull(c->zerocopy_packets),
			human_bytes(copied, sizeof(copied), c->copied_bytes),
			copied_per_payload(c));
	text_reasons(out, "copied", c->copied, MP_COPY_REASONS, copy_reasons,
		     ARRAY_SIZE(copy_reasons));
	text_reasons(out, "dropped", c->dropped, MP_DROP_REASONS, drop_reasons,
		     ARRAY_SIZE(drop_reasons));
}

static void text_offloads(FILE *out, unsigned int bits)
{
	size_t i;

	fputs("guest takes", out);
	if (!bits)
		fputs(" no offloads", out);
	for (i = 0; i < ARRAY_SIZE(offloads); i++)
		if (bits & (1u << i))
			fprintf(out, " %s", offloads[i]);
	fputc('\n', out);
}

void render_text(FILE *out, const struct mp_info *info,
		 const struct link_state *link)
{
	char pinned[32];

	fprintf(out, "%.*s: mode %s (asked %s), %s, %s%s%s\n", MP_IFNAMSIZ,
		info->ifname, port_mode_name(info->rx_mode),
		port_mode_name(info->mode),
		info->flags & MP_INFO_GLUE ? "driver with glue" :
					     "driver without glue",
		info->flags & MP_INFO_BACKEND ? "vhost_mp attached" :
						"no vhost_mp",
		info->flags & MP_INFO_QDISC_BYPASS ? ", qdisc bypassed" : "",
		info->flags & MP_INFO_STALLED ? ", stalled: the guest gives no buffers" :
		info->flags & MP_INFO_DRY ? ", waiting for guest buffers" : "");
	if (link->known)
		fprintf(out, "  link %s, mtu %u%s%s\n", link->state, link->mtu,
			link->driver[0] ? ", driver " : "", link->driver);
	fprintf(out, "  virtio header %u bytes, ", info->vnet_hdr_len);
	text_offloads(out, info->offload);
	fprintf(out,
		"  receive buffers: %llu posted, %llu at the NIC, %llu in the stack\n",
		ull(info->posted), ull(info->at_nic),
		ull(info->in_stack));
	fprintf(out, "  in flight to the NIC: %llu; pinned: %s%s\n",
		ull(info->tx_inflight),
		human_bytes(pinned, sizeof(pinned), info->pinned_bytes),
		info->flags & MP_INFO_LOCKED ?
			", all that the limit on locked memory allows (ulimit -l)" :
			"");
	text_counters(out, "rx", &info->rx, false);
	text_counters(out, "tx", &info->tx, true);
}

/* one queue of several, below what all of them are together */
void render_queue_text(FILE *out, const struct mp_info *info)
{
	fprintf(out,
		"  queue %u  rx %llu packets, %llu posted, %llu at the NIC; tx %llu packets, %llu in flight\n",
		info->queue, ull(info->rx.packets), ull(info->posted),
		ull(info->at_nic), ull(info->tx.packets),
		ull(info->tx_inflight));
}

static void add_u64(struct json_object *obj, const char *key, __u64 value)
{
	json_object_object_add(obj, key, json_object_new_uint64(value));
}

/* null if negative */
static void add_ratio(struct json_object *obj, const char *key, double value)
{
	struct json_object *number = NULL;
	char text[32];

	if (value >= 0) {
		snprintf(text, sizeof(text), "%.6f", value);
		number = json_object_new_double_s(value, text);
	}
	json_object_object_add(obj, key, number);
}

/* every reason that we know, also those that did not happen */
static void add_reasons(struct json_object *obj, const char *key,
			const __u64 *counts, const struct reason *reasons,
			size_t known)
{
	struct json_object *list = json_object_new_object();
	size_t i;

	for (i = 0; i < known; i++)
		add_u64(list, reasons[i].id, counts[i]);
	json_object_object_add(obj, key, list);
}

static void add_counters(struct json_object *obj, const char *key,
			 const struct mp_counters *c)
{
	struct json_object *o = json_object_new_object();

	add_u64(o, "packets", c->packets);
	add_u64(o, "bytes", c->bytes);
	add_u64(o, "payload_bytes", c->payload_bytes);
	add_u64(o, "zerocopy_packets", c->zerocopy_packets);
	add_u64(o, "zerocopy_bytes", c->zerocopy_bytes);
	add_u64(o, "copied_bytes", c->copied_bytes);
	add_u64(o, "completed", c->completed);
	add_u64(o, "failed", c->failed);
	add_ratio(o, "zerocopy_percent", zerocopy_percent(c));
	add_ratio(o, "copied_per_payload", copied_per_payload(c));
	add_reasons(o, "copied", c->copied, copy_reasons,
		    ARRAY_SIZE(copy_reasons));
	add_reasons(o, "dropped", c->dropped, drop_reasons,
		    ARRAY_SIZE(drop_reasons));
	json_object_object_add(obj, key, o);
}

static void add_link(struct json_object *obj, const struct link_state *link)
{
	struct json_object *o = NULL;

	if (link->known) {
		o = json_object_new_object();
		json_add_string(o, "state", link->state);
		add_u64(o, "mtu", link->mtu);
		json_add_string(o, "driver", link->driver);
	}
	json_object_object_add(obj, "link", o);
}

static void add_gauges(struct json_object *obj, const struct mp_info *info)
{
	add_u64(obj, "posted", info->posted);
	add_u64(obj, "at_nic", info->at_nic);
	add_u64(obj, "in_stack", info->in_stack);
	add_u64(obj, "tx_inflight", info->tx_inflight);
}

struct json_object *render_queue_json(const struct mp_info *info)
{
	struct json_object *obj = json_object_new_object();

	add_u64(obj, "queue", info->queue);
	add_gauges(obj, info);
	add_counters(obj, "rx", &info->rx);
	add_counters(obj, "tx", &info->tx);
	return obj;
}

struct json_object *render_json(const struct mp_info *info,
				const struct link_state *link)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *list = json_object_new_array();
	size_t i;

	json_object_object_add(obj, "ifname",
			       json_object_new_string_len(info->ifname,
							  strnlen(info->ifname,
								  MP_IFNAMSIZ)));
	add_u64(obj, "ifindex", info->ifindex);
	add_link(obj, link);
	json_add_string(obj, "mode", port_mode_name(info->mode));
	json_add_string(obj, "rx_mode", port_mode_name(info->rx_mode));
	json_add_flag(obj, "glue", info->flags & MP_INFO_GLUE);
	json_add_flag(obj, "backend", info->flags & MP_INFO_BACKEND);
	json_add_flag(obj, "dry", info->flags & MP_INFO_DRY);
	json_add_flag(obj, "stalled", info->flags & MP_INFO_STALLED);
	json_add_flag(obj, "locked", info->flags & MP_INFO_LOCKED);
	json_add_flag(obj, "qdisc_bypass", info->flags & MP_INFO_QDISC_BYPASS);
	add_u64(obj, "vnet_hdr_len", info->vnet_hdr_len);
	for (i = 0; i < ARRAY_SIZE(offloads); i++)
		if (info->offload & (1u << i))
			json_object_array_add(list,
					      json_object_new_string(offloads[i]));
	json_object_object_add(obj, "offload", list);
	add_gauges(obj, info);
	add_u64(obj, "pinned_bytes", info->pinned_bytes);
	add_counters(obj, "rx", &info->rx);
	add_counters(obj, "tx", &info->tx);
	return obj;
}
