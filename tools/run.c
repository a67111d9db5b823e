// SPDX-License-Identifier: GPL-2.0-only
/*
 * mpctl run: become a command that inherits a bound descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpctl.h"

#define MP_WORD		"%mp"
#define VHOST_WORD	"%vhost"

static const struct option options[] = {
	{ "mac",  required_argument, NULL, 'a' },
	{ "mode", required_argument, NULL, 'm' },
	{ }
};

/* cut off what stands behind "--" */
static char **split(int *argc, char **argv)
{
	int i;

	for (i = 1; i < *argc; i++) {
		if (!strcmp(argv[i], "--")) {
			argv[i] = NULL;
			*argc = i;
			return argv + i + 1;
		}
	}
	return NULL;
}

static unsigned int count(char **args, const char *word)
{
	unsigned int n = 0;
	const char *at;

	for (; *args; args++)
		for (at = *args; (at = strstr(at, word)); at += strlen(word))
			n++;
	return n;
}

/**
 * run_replace() - put a number for a word
 * @args: NULL-terminated arguments; one that holds @word is replaced by a new
 *	string, which is the caller's
 * @word: what to look for; its first occurrence counts
 * @number: the number
 *
 * Return: 0, or a negative errno: -ENOENT if @word does not occur.
 */
int run_replace(char **args, const char *word, int number)
{
	char *at, *text;

	for (; *args; args++) {
		at = strstr(*args, word);
		if (!at)
			continue;
		if (asprintf(&text, "%.*s%d%s", (int)(at - *args), *args,
			     number, at + strlen(word)) < 0)
			return -ENOMEM;
		*args = text;
		return 0;
	}
	return -ENOENT;
}

static int become(char **args, const char *ifname,
		  const struct port_wish *wish)
{
	int fd, vhost;

	/* no O_CLOEXEC: these are for the command */
	fd = port_open(O_RDWR);
	if (fd < 0 || port_bind(fd, ifname, wish))
		return EXIT_KERNEL;
	if (run_replace(args, MP_WORD, fd))
		abort();
	if (count(args, VHOST_WORD)) {
		vhost = port_open_vhost();
		if (vhost < 0)
			return EXIT_KERNEL;
		if (run_replace(args, VHOST_WORD, vhost))
			abort();
	}
	execvp(args[0], args);
	complain("%s: %s", args[0], strerror(errno));
	return EXIT_KERNEL;
}

int cmd_run(int argc, char **argv)
{
	struct port_wish wish = { .mode = MP_MODE_AUTO };
	char **args = split(&argc, argv);
	int opt;

	while ((opt = getopt_long(argc, argv, "m:", options, NULL)) != -1) {
		if (port_wish_option(opt, optarg, &wish))
			return EXIT_SYNTAX;
	}
	if (argc - optind != 1)
		return syntax_error("one interface, please");
	if (!args || !args[0])
		return syntax_error("no command behind \"--\"");
	switch (count(args, MP_WORD)) {
	case 0:
		return syntax_error("the command does not take the bound descriptor: write %s where its number goes, as in -netdev tap,id=n0,fd=%s,vhost=on,vhostfd=%s",
				    MP_WORD, MP_WORD, VHOST_WORD);
	case 1:
		break;
	default:
		return syntax_error("%s more than once, but an interface has one queue for now",
				    MP_WORD);
	}
	if (count(args, VHOST_WORD) > 1)
		return syntax_error("%s more than once", VHOST_WORD);
	return become(args, argv[optind], &wish);
}
