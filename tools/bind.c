// SPDX-License-Identifier: GPL-2.0-only
/*
 * mpctl bind and unbind: a binding lives as long as its descriptor, so bind
 * keeps one open until it is told to end.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpctl.h"

struct bind_args {
	const char *ifname;
	const char *pidfile;
	struct port_wish wish;
	bool daemon;
};

static const struct option bind_options[] = {
	{ "daemon",  no_argument,	NULL, 'd' },
	{ "mac",     required_argument, NULL, 'a' },
	{ "mode",    required_argument, NULL, 'm' },
	{ "pidfile", required_argument, NULL, 'P' },
	{ "qdisc-bypass", no_argument,	NULL, 'Q' },
	{ }
};

static const struct option unbind_options[] = {
	{ "pidfile", required_argument, NULL, 'P' },
	{ }
};

/* the signals that end a holder, as a descriptor */
static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* until a signal comes or the interface goes */
static int hold(int fd, int signals, const char *ifname)
{
	struct pollfd pfd[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = fd },		/* errors only */
	};
	struct mp_info info;

	for (;;) {
		if (poll(pfd, ARRAY_SIZE(pfd), -1) < 0 && errno != EINTR) {
			complain("%s: %s", ifname, strerror(errno));
			return EXIT_KERNEL;
		}
		if (pfd[0].revents)
			return EXIT_OK;
		if (pfd[1].revents) {
			if (port_get(fd, 0, 0, &info) == -ENODEV) {
				complain("%s: the interface is gone", ifname);
				return EXIT_KERNEL;
			}
			pfd[1].fd = -1;
		}
	}
}

/* no terminal, no directory in use; who started us may go on */
static void detach(int ready)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int i;

	setsid();
	if (chdir("/"))
		complain("/: %s", strerror(errno));
	for (i = 0; null >= 0 && i < 3; i++)
		dup2(null, i);
	if (null > 2)
		close(null);
	if (write(ready, "", 1) != 1)
		exit(EXIT_KERNEL);
	close(ready);
}

static int bind_and_hold(const struct bind_args *args, int ready)
{
	int signals = signals_open();
	struct mp_info info;
	int fd, ret;

	if (signals < 0) {
		complain("signalfd: %s", strerror(errno));
		return EXIT_KERNEL;
	}
	fd = port_open(O_RDWR | O_CLOEXEC);
	if (fd < 0 || holder_lock(args->ifname, args->pidfile) ||
	    port_bind(fd, args->ifname, &args->wish))
		return EXIT_KERNEL;

	if (!port_get(fd, 0, 0, &info))
		printf("%s: bound, receive mode %s%s\n", info.ifname,
		       port_mode_name(info.rx_mode),
		       info.flags & MP_INFO_GLUE ? "" :
		       " (its driver has no glue, so received frames are copied)");
	fflush(stdout);
	if (args->daemon)
		detach(ready);
	ret = hold(fd, signals, args->ifname);
	close(fd);
	return ret;
}

/* the parent waits until the child holds the interface or has said why not */
static int bind_in_background(const struct bind_args *args)
{
	int ready[2], status;
	pid_t child;
	char byte;

	if (pipe2(ready, O_CLOEXEC)) {
		complain("pipe: %s", strerror(errno));
		return EXIT_KERNEL;
	}
	child = fork();
	if (child < 0) {
		complain("fork: %s", strerror(errno));
		return EXIT_KERNEL;
	}
	if (!child) {
		close(ready[0]);
		return bind_and_hold(args, ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) == 1)
		return EXIT_OK;
	if (waitpid(child, &status, 0) == child && WIFEXITED(status))
		return WEXITSTATUS(status);
	return EXIT_KERNEL;
}

int cmd_bind(int argc, char **argv)
{
	struct bind_args args = { .wish.mode = MP_MODE_AUTO };
	int opt;

	while ((opt = getopt_long(argc, argv, "m:", bind_options,
				  NULL)) != -1) {
		switch (opt) {
		case 'd':
			args.daemon = true;
			break;
		case 'P':
			args.pidfile = optarg;
			break;
		default:
			if (port_wish_option(opt, optarg, &args.wish))
				return EXIT_SYNTAX;
		}
	}
	if (argc - optind != 1)
		return syntax_error("one interface, please");
	args.ifname = argv[optind];
	if (args.daemon)
		return bind_in_background(&args);
	return bind_and_hold(&args, -1);
}

/* no mpctl bind holds it: who does? */
static int explain_unbound(const char *ifname)
{
	unsigned int ifindex = if_nametoindex(ifname);
	struct mp_info info;
	int fd, err;

	if (!ifindex) {
		complain("%s: no such interface here: see ip link", ifname);
		return EXIT_KERNEL;
	}
	fd = port_open(O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return EXIT_KERNEL;
	err = port_get(fd, ifindex, 0, &info);
	close(fd);
	if (err == -ENODEV) {
		complain("%s: not bound", ifname);
	} else if (err) {
		complain("%s: %s", ifname, strerror(-err));
	} else {
		complain("%s: held by a process that is not mpctl bind; end that process, or have it close its descriptor",
			 ifname);
		holder_list_users(stderr);
	}
	return EXIT_KERNEL;
}

int cmd_unbind(int argc, char **argv)
{
	const char *pidfile = NULL;
	int opt, err;

	while ((opt = getopt_long(argc, argv, "", unbind_options,
				  NULL)) != -1) {
		if (opt != 'P')
			return usage();
		pidfile = optarg;
	}
	if (argc - optind != 1)
		return syntax_error("one interface, please");

	err = holder_stop(argv[optind], pidfile);
	if (err == -ENOENT)
		return explain_unbound(argv[optind]);
	return err ? EXIT_KERNEL : EXIT_OK;
}
