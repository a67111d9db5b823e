// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a target on files, where there is no fuzzer: for coverage, or a debugger.
 */
#include <stdio.h>

#include "input.h"

static u8 data[1 << 20];

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		size_t len;

		if (!file) {
			perror(argv[i]);
			return EXIT_FAILURE;
		}
		len = fread(data, 1, sizeof(data), file);
		fclose(file);
		LLVMFuzzerTestOneInput(data, len);
	}
	printf("%d inputs\n", argc - 1);
	return EXIT_SUCCESS;
}
