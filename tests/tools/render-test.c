// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mpctl makes of a struct mp_info, and its argument replacement.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mpctl.h"

#define CHECK(what)	check(what, #what)

static void check(bool ok, const char *what)
{
	printf("%s - %s\n", ok ? "ok" : "not ok", what);
}

/* for syntax_error() of the subcommands, which are not run here */
int usage(void)
{
	return EXIT_SYNTAX;
}

static struct mp_info sample(void)
{
	struct mp_info info = {
		.size = sizeof(info),
		.flags = MP_INFO_BACKEND | MP_INFO_GLUE | MP_INFO_DRY |
			 MP_INFO_QDISC_BYPASS,
		.ifindex = 7,
		.mode = MP_MODE_AUTO,
		.rx_mode = MP_MODE_WHOLE_FRAME,
		.vnet_hdr_len = 12,
		.offload = 0x07,
		.ifname = "eth7",
		.posted = 250,
		.at_nic = 128,
		.in_stack = 3,
		.tx_inflight = 17,
		.pinned_bytes = 512ull << 20,
		.rx = {
			.packets = 1000,
			.bytes = 1500000,
			.payload_bytes = 1000000,
			.zerocopy_packets = 749,
			.zerocopy_bytes = 750000,
			.copied_bytes = 260000,
		},
		.tx = {
			.packets = 5,
			.bytes = 320,
			.completed = 4,
			.failed = 1,
		},
	};

	info.rx.copied[MP_COPY_PAGE_CROSSING] = 250;
	info.rx.copied[MP_COPY_REASONS - 1] = 1;
	info.rx.dropped[MP_DROP_QUEUE_FULL] = 9;
	return info;
}

static const struct link_state up = {
	.known = true, .mtu = 1500, .state = "up", .driver = "e1000e",
};

static char *text_of(const struct mp_info *info, const struct link_state *link)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	render_text(out, info, link);
	fclose(out);
	return text;
}

static void test_text(void)
{
	struct mp_info info = sample();
	struct link_state unknown = { };
	char *text = text_of(&info, &up);

	CHECK(strstr(text, "eth7: mode whole-frame (asked auto), driver with"));
	CHECK(strstr(text, "glue, vhost_mp attached, qdisc bypassed, waiting for guest buffers\n"));
	CHECK(strstr(text, "  link up, mtu 1500, driver e1000e\n"));
	CHECK(strstr(text, "virtio header 12 bytes, guest takes csum tso4 tso6\n"));
	CHECK(strstr(text, "250 posted, 128 at the NIC, 3 in the stack\n"));
	CHECK(strstr(text, "in flight to the NIC: 17; pinned: 512.0 MiB\n"));
	CHECK(strstr(text, "zero-copy: 75.0 % of payload bytes, 749 packets\n"));
	CHECK(strstr(text, "0.2600 per payload byte\n"));
	CHECK(strstr(text, "copied 250: guest buffer not contiguous"));
	CHECK(strstr(text, "(page-crossing)\n"));
	CHECK(strstr(text, "copied 1: reason 15, unknown to this mpctl\n"));
	CHECK(strstr(text, "dropped 9: nobody takes them fast enough (queue-full)\n"));
	CHECK(strstr(text, "completed 4, failed 1\n"));
	CHECK(!strstr(text, "no-glue"));
	/* no payload, no shares of it */
	CHECK(!strstr(strstr(text, "  tx  "), "zero-copy"));
	free(text);

	info.flags = 0;
	info.offload = 0;
	info.rx_mode = 99;
	memset(info.ifname, 'x', sizeof(info.ifname));
	text = text_of(&info, &unknown);
	CHECK(strstr(text, "xxxxxxxxxxxxxxxx: mode unknown"));
	CHECK(strstr(text, "driver without glue, no vhost_mp\n"));
	CHECK(strstr(text, "guest takes no offloads\n"));
	CHECK(!strstr(text, "link"));
	free(text);
}

static struct json_object *member(struct json_object *obj, const char *path)
{
	struct json_object *found;

	return json_pointer_get(obj, path, &found) ? NULL : found;
}

static __u64 num(struct json_object *obj, const char *path)
{
	struct json_object *found = member(obj, path);

	return found ? json_object_get_uint64(found) : ~0ull;
}

static bool is(struct json_object *obj, const char *path, const char *text)
{
	struct json_object *found = member(obj, path);

	return found && !strcmp(json_object_get_string(found), text);
}

static void test_json(void)
{
	struct mp_info info = sample();
	struct link_state unknown = { };
	struct json_object *obj = render_json(&info, &up);

	CHECK(is(obj, "/ifname", "eth7"));
	CHECK(num(obj, "/ifindex") == 7);
	CHECK(is(obj, "/link/state", "up"));
	CHECK(num(obj, "/link/mtu") == 1500);
	CHECK(is(obj, "/mode", "auto"));
	CHECK(is(obj, "/rx_mode", "whole-frame"));
	CHECK(is(obj, "/glue", "true"));
	CHECK(is(obj, "/qdisc_bypass", "true"));
	CHECK(is(obj, "/offload/2", "tso6"));
	CHECK(num(obj, "/pinned_bytes") == 512ull << 20);
	CHECK(num(obj, "/rx/payload_bytes") == 1000000);
	CHECK(is(obj, "/rx/zerocopy_percent", "75.000000"));
	CHECK(is(obj, "/rx/copied_per_payload", "0.260000"));
	CHECK(num(obj, "/rx/copied/page-crossing") == 250);
	CHECK(num(obj, "/rx/dropped/queue-full") == 9);
	/* reasons that did not happen are there too */
	CHECK(num(obj, "/tx/copied/no-backend") == 0);
	CHECK(json_object_object_length(member(obj, "/tx/copied")) == 15);
	CHECK(json_object_object_length(member(obj, "/tx/dropped")) == 5);
	CHECK(!member(obj, "/tx/zerocopy_percent"));
	CHECK(num(obj, "/tx/failed") == 1);
	json_object_put(obj);

	info.flags = 0;
	info.rx.bytes = ~0ull - 1;
	obj = render_json(&info, &unknown);
	CHECK(!member(obj, "/link"));
	CHECK(is(obj, "/qdisc_bypass", "false"));
	CHECK(num(obj, "/rx/bytes") == ~0ull - 1);
	json_object_put(obj);
}

static void test_replace(void)
{
	char *args[4] = { "qemu", "-netdev", "tap,fd=%mp,vhostfd=%vhost", NULL };
	char *bare[3] = { "%mp", "%mp", NULL };

	const int fds[] = { 12, 3, 5 };

	CHECK(!run_replace(args, "%mp", fds, 1));
	CHECK(!strcmp(args[2], "tap,fd=12,vhostfd=%vhost"));
	CHECK(!run_replace(args, "%vhost", fds, 3));
	CHECK(!strcmp(args[2], "tap,fd=12,vhostfd=12:3:5"));
	CHECK(run_replace(args, "%mp", fds, 1) == -ENOENT);
	CHECK(!run_replace(bare, "%mp", fds + 2, 1));
	CHECK(!strcmp(bare[0], "5") && !strcmp(bare[1], "%mp"));
}

static void test_modes(void)
{
	enum mp_mode mode;

	CHECK(!port_mode_parse("header-split", &mode) &&
	      mode == MP_MODE_HEADER_SPLIT);
	CHECK(port_mode_parse("header", &mode) == -EINVAL);
	CHECK(!strcmp(port_mode_name(MP_MODE_COPY), "copy"));
	CHECK(!strcmp(port_mode_name(MP_MODE_COPY + 1), "unknown"));
}

int main(void)
{
	test_text();
	test_json();
	test_replace();
	test_modes();
	puts("done");
	return 0;
}
