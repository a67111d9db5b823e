// SPDX-License-Identifier: GPL-2.0-only
/*
 * mpctl: bind a host interface to a guest and see what becomes of its packets.
 */
#include <string.h>

#include "mpctl.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *args;
	const char *help;
} commands[] = {
	{ "show",   cmd_show,   "[IFACE] [-j [-p]]",
	  "ports and what became of their packets (the default)" },
	{ "run",    cmd_run,    "IFACE [--mode MODE] [--mac ADDRESS] [--queues N] [--qdisc-bypass] -- COMMAND [ARG]...",
	  "run COMMAND with IFACE bound; %mp and %vhost become descriptors" },
	{ "bind",   cmd_bind,   "IFACE [--mode MODE] [--mac ADDRESS] [--qdisc-bypass] [--daemon] [--pidfile FILE]",
	  "keep IFACE bound until killed" },
	{ "unbind", cmd_unbind, "IFACE [--pidfile FILE]",
	  "end the mpctl bind of IFACE" },
	{ "nic",    cmd_nic,    "[use DRIVER | restore DRIVER] [--now] [--root DIR] [-j [-p]]",
	  "which build of a NIC driver loads, the stock or the patched one" },
};

static const struct command *current;

int usage(void)
{
	if (current)
		fprintf(stderr, "Usage: mpctl %s %s\n", current->name,
			current->args);
	else
		fputs("Try mpctl help\n", stderr);
	return EXIT_SYNTAX;
}

static void print_help(void)
{
	size_t i;

	puts("Usage: mpctl [COMMAND] [ARGUMENTS]\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %s %s\n\t%s\n", commands[i].name, commands[i].args,
		       commands[i].help);
	puts("\n  MODE is auto, whole-frame, header-split or copy\n"
	     "  -j, --json     JSON, for programs\n"
	     "  -p, --pretty   JSON with line breaks\n"
	     "  -h, --help     this text; also help\n"
	     "  -V, --version  version of mpctl\n\n"
	     "More in mpctl(8).");
}

static const struct command *command_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "help") || is_help(name)) {
		print_help();
		return EXIT_OK;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		puts("mpctl " MPCTL_VERSION);
		return EXIT_OK;
	}
	/* nothing, or options of the default command */
	if (!name[0] || name[0] == '-') {
		current = command_find("show");
		return current->run(argc, argv);
	}
	current = command_find(name);
	if (!current)
		return syntax_error("no command \"%s\"", name);
	if (argc > 2 && is_help(argv[2])) {
		printf("Usage: mpctl %s %s\n\t%s\n", name, current->args,
		       current->help);
		return EXIT_OK;
	}
	argv[1] = argv[0];	/* for getopt's messages */
	return current->run(argc - 1, argv + 1);
}
