// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells the plugin insn.so where an interval begins and ends:
 *
 *	mark begin|end
 *
 * Without the plugin it does nothing.
 */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "begin")) {
		asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x01, 0x00, 0xfe, 0x5a");
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "end")) {
		asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x02, 0x00, 0xfe, 0x5a");
		return 0;
	}
	fprintf(stderr, "usage: mark begin|end\n");
	return 2;
}
