// SPDX-License-Identifier: GPL-2.0-only
/*
 * A known number of instructions, to test the counter: two a turn.
 *
 *	spin TURNS
 */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	unsigned long turns = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

	if (!turns) {
		fprintf(stderr, "usage: spin TURNS\n");
		return 2;
	}
	asm volatile("1: dec %0\n\tjnz 1b" : "+r" (turns));
	return 0;
}
