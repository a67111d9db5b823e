// SPDX-License-Identifier: GPL-2.0-only
/*
 * mpctl run: become a command that inherits a bound descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpctl.h"

#define MP_WORD		"%mp"
#define VHOST_WORD	"%vhost"
#define QUEUES_MAX	64

static const struct option options[] = {
	{ "mac",  required_argument, NULL, 'a' },
	{ "mode", required_argument, NULL, 'm' },
	{ "qdisc-bypass", no_argument, NULL, 'Q' },
	{ "queues", required_argument, NULL, 'q' },
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

/* "3:4:5", the caller's to free, or NULL */
static char *join(const int *numbers, unsigned int nr)
{
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	while (nr--)
		fprintf(out, "%d%s", *numbers++, nr ? ":" : "");
	fclose(out);
	return text;
}

/**
 * run_replace() - put numbers for a word
 * @args: NULL-terminated arguments; one that holds @word is replaced by a new
 *	string, which is the caller's
 * @word: what to look for; its first occurrence counts
 * @numbers: the numbers, which are put there with colons between them
 * @nr: how many
 *
 * Return: 0, or a negative errno: -ENOENT if @word does not occur.
 */
int run_replace(char **args, const char *word, const int *numbers,
		unsigned int nr)
{
	char *at, *list, *text;
	int ret;

	for (; *args; args++) {
		at = strstr(*args, word);
		if (!at)
			continue;
		list = join(numbers, nr);
		if (!list)
			return -ENOMEM;
		ret = asprintf(&text, "%.*s%s%s", (int)(at - *args), *args,
			       list, at + strlen(word));
		free(list);
		if (ret < 0)
			return -ENOMEM;
		*args = text;
		return 0;
	}
	return -ENOENT;
}

/* no O_CLOEXEC: these are for the command */
static int open_ports(const char *ifname, const struct port_wish *wish,
		      int *fds, unsigned int nr)
{
	while (nr--) {
		*fds = port_open(O_RDWR);
		if (*fds < 0 || port_bind(*fds, ifname, wish))
			return EXIT_KERNEL;
		fds++;
	}
	return EXIT_OK;
}

static int open_vhosts(int *fds, unsigned int nr)
{
	while (nr--) {
		*fds = port_open_vhost();
		if (*fds++ < 0)
			return EXIT_KERNEL;
	}
	return EXIT_OK;
}

static int become(char **args, const char *ifname,
		  const struct port_wish *wish, unsigned int nr)
{
	int fds[QUEUES_MAX];

	if (open_ports(ifname, wish, fds, nr))
		return EXIT_KERNEL;
	if (run_replace(args, MP_WORD, fds, nr))
		abort();
	if (count(args, VHOST_WORD)) {
		if (open_vhosts(fds, nr))
			return EXIT_KERNEL;
		if (run_replace(args, VHOST_WORD, fds, nr))
			abort();
	}
	execvp(args[0], args);
	complain("%s: %s", args[0], strerror(errno));
	return EXIT_KERNEL;
}

/* 0 if that is no number of queues */
static unsigned int parse_queues(const char *text)
{
	char *end;
	unsigned long nr = strtoul(text, &end, 10);

	return *end || nr > QUEUES_MAX ? 0 : nr;
}

int cmd_run(int argc, char **argv)
{
	struct port_wish wish = { .mode = MP_MODE_AUTO };
	char **args = split(&argc, argv);
	unsigned int queues = 1;
	int opt;

	while ((opt = getopt_long(argc, argv, "m:", options, NULL)) != -1) {
		if (opt == 'q') {
			queues = parse_queues(optarg);
			if (!queues)
				return syntax_error("queues: from 1 to %d, not \"%s\"",
						    QUEUES_MAX, optarg);
			wish.queues = true;
		} else if (port_wish_option(opt, optarg, &wish)) {
			return EXIT_SYNTAX;
		}
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
		return syntax_error("%s more than once: for several queues say --queues N, and fds=%s,vhostfds=%s once",
				    MP_WORD, MP_WORD, VHOST_WORD);
	}
	if (count(args, VHOST_WORD) > 1)
		return syntax_error("%s more than once", VHOST_WORD);
	return become(args, argv[optind], &wish, queues);
}
