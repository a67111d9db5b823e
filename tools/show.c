// SPDX-License-Identifier: GPL-2.0-only
/*
 * mpctl show
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "mpctl.h"

static const struct option options[] = {
	{ "json",   no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ }
};

/* queues that were closed are missing in between */
static void show_queues(int fd, const struct mp_info *info,
			struct json_object *list)
{
	unsigned int queue, found = 0;
	struct mp_info one;

	for (queue = 1; found < info->queues && queue < 256; queue++) {
		if (port_get_queue(fd, info->ifindex, queue, &one))
			continue;
		found++;
		if (list)
			json_object_array_add(list, render_queue_json(&one));
		else
			render_queue_text(stdout, &one);
	}
}

/* one port, to the array if there is one, else to standard output */
static void show_port(int fd, const struct mp_info *info,
		      struct json_object *array)
{
	struct json_object *obj, *queues = NULL;
	struct link_state link;

	link_get(info->ifindex, &link);
	if (array) {
		obj = render_json(info, &link);
		queues = json_object_new_array();
		json_object_object_add(obj, "queues", queues);
		json_object_array_add(array, obj);
	} else {
		render_text(stdout, info, &link);
	}
	if (array || info->queues > 1)
		show_queues(fd, info, queues);
}

static int show_one(int fd, const char *ifname, struct json_object *array)
{
	unsigned int ifindex = if_nametoindex(ifname);
	struct mp_info info;
	int err;

	if (!ifindex) {
		complain("%s: no such interface here: see ip link", ifname);
		return EXIT_KERNEL;
	}
	err = port_get(fd, ifindex, 0, &info);
	if (err) {
		if (err == -ENODEV)
			complain("%s: not bound", ifname);
		else
			complain("%s: %s", ifname, strerror(-err));
		return EXIT_KERNEL;
	}
	show_port(fd, &info, array);
	return EXIT_OK;
}

static int show_all(int fd, struct json_object *array)
{
	struct mp_info info;
	unsigned int last;
	int err;

	for (last = 0; ; last = info.ifindex) {
		err = port_get(fd, last, MP_INFO_NEXT, &info);
		if (err == -ENODEV)
			break;
		if (err) {
			complain(MP_DEV ": %s", strerror(-err));
			return EXIT_KERNEL;
		}
		if (!array && last)
			puts("");
		show_port(fd, &info, array);
	}
	if (!array && !last)
		puts("no interface is bound");
	return EXIT_OK;
}

int cmd_show(int argc, char **argv)
{
	struct json_object *array = NULL;
	struct json_wish json = { };
	int fd, opt, ret;

	while ((opt = getopt_long(argc, argv, "jp", options, NULL)) != -1)
		if (json_wish_option(opt, &json))
			return EXIT_SYNTAX;
	if (argc - optind > 1)
		return syntax_error("more than one interface");

	fd = port_open(O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return EXIT_KERNEL;
	if (json.asked)
		array = json_object_new_array();
	if (optind < argc)
		ret = show_one(fd, argv[optind], array);
	else
		ret = show_all(fd, array);
	close(fd);

	if (array) {
		if (ret == EXIT_OK)
			puts(json_object_to_json_string_ext(array, json.format));
		json_object_put(array);
	}
	return ret;
}
