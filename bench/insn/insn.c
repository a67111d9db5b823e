// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU that counts what the emulated host executes.
 *
 * Every translation block has a counter a CPU, one for the host (L1) and one
 * for guests inside it (L2).  Between two marks, special no-operations that
 * bench/insn/mark executes in L1, it notes by how much they grew:
 *
 *	OUT/insn-N	"ADDRESS INSTRUCTIONS HOST... GUEST...", a line a
 *			block that ran, in executions by each CPU
 *
 * N counts intervals from 1.  A block runs from its first instruction to its
 * last, except when one faults: the error is far below the noise.
 *
 * VMRUN enters a guest, and the instruction behind VMRUN is where the host goes
 * on.  Whoever has KVM in the guest as well, at the same address, is out of
 * luck.
 *
 * QEMU's header is in no package of Debian, so that what is used of it is
 * declared here (API version 4, QEMU 9.1 and later).
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*vcpu_udata_cb)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  vcpu_udata_cb cb, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    vcpu_udata_cb cb, int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to,
			     size_t len);

EXPORT int qemu_plugin_version = 4;

#define CPUS	3	/* of L1 */

enum world { HOST, GUEST, WORLDS };

struct block {
	struct block *next;
	uint64_t address;
	uint64_t insns;
	uint64_t ran[WORLDS][CPUS];
	uint64_t before[WORLDS][CPUS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *blocks;		/* all that ever were; under lock */
static enum world world[CPUS];		/* written by that CPU's thread alone */
static uint64_t host_goes_on;		/* the address behind VMRUN */
static unsigned int intervals;
static const char *out = ".";

static void run(unsigned int cpu, void *data)
{
	struct block *block = data;

	block->ran[world[cpu % CPUS]][cpu % CPUS]++;
}

static void run_behind_vmrun(unsigned int cpu, void *data)
{
	world[cpu % CPUS] = HOST;
	run(cpu, data);
}

static void enter_guest(unsigned int cpu, void *data)
{
	(void)data;
	world[cpu % CPUS] = GUEST;
}

static void begin_interval(void)
{
	struct block *block;

	for (block = blocks; block; block = block->next)
		memcpy(block->before, block->ran, sizeof(block->ran));
}

static void write_block(FILE *file, const struct block *block)
{
	uint64_t grown[WORLDS][CPUS], any = 0;
	int w, c;

	for (w = 0; w < WORLDS; w++) {
		for (c = 0; c < CPUS; c++) {
			grown[w][c] = block->ran[w][c] - block->before[w][c];
			any |= grown[w][c];
		}
	}
	if (!any)
		return;

	fprintf(file, "%" PRIx64 " %" PRIu64, block->address, block->insns);
	for (w = 0; w < WORLDS; w++)
		for (c = 0; c < CPUS; c++)
			fprintf(file, " %" PRIu64, grown[w][c]);
	fputc('\n', file);
}

static void end_interval(void)
{
	const struct block *block;
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/insn-%u", out, ++intervals);
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		return;
	}
	for (block = blocks; block; block = block->next)
		write_block(file, block);
	if (fclose(file))
		perror(path);
}

/* What mark executes: 0x5afe and what it means, as the offset of a nopl. */
static const uint8_t mark_begin[] = { 0x0f, 0x1f, 0x84, 0x00, 0x01, 0x00, 0xfe, 0x5a };
static const uint8_t mark_end[] = { 0x0f, 0x1f, 0x84, 0x00, 0x02, 0x00, 0xfe, 0x5a };
static const uint8_t vmrun[] = { 0x0f, 0x01, 0xd8 };

static void on_mark(unsigned int cpu, void *data)
{
	(void)cpu;
	pthread_mutex_lock(&lock);
	if (data == mark_begin)
		begin_interval();
	else
		end_interval();
	pthread_mutex_unlock(&lock);
}

static bool is(const uint8_t *code, size_t len, const uint8_t *what, size_t what_len)
{
	return len == what_len && !memcmp(code, what, len);
}

static void look_at(struct qemu_plugin_insn *insn, uint64_t address, size_t *len)
{
	uint8_t code[16];

	*len = qemu_plugin_insn_data(insn, code, sizeof(code));
	if (is(code, *len, mark_begin, sizeof(mark_begin))) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, 0, (void *)mark_begin);
	} else if (is(code, *len, mark_end, sizeof(mark_end))) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, 0, (void *)mark_end);
	} else if (is(code, *len, vmrun, sizeof(vmrun))) {
		host_goes_on = address + *len;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, enter_guest, 0, NULL);
	}
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *block = calloc(1, sizeof(*block));
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	size_t i, len;

	(void)id;
	if (!block)
		abort();
	block->address = address;
	block->insns = qemu_plugin_tb_n_insns(tb);
	pthread_mutex_lock(&lock);
	block->next = blocks;
	blocks = block;
	pthread_mutex_unlock(&lock);

	qemu_plugin_register_vcpu_tb_exec_cb(tb, address == host_goes_on ?
					     run_behind_vmrun : run, 0, block);
	for (i = 0; i < block->insns; i++, address += len)
		look_at(qemu_plugin_tb_get_insn(tb, i), address, &len);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			       int argc, char **argv);
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			int argc, char **argv)
{
	(void)info;
	if (argc == 1 && !strncmp(argv[0], "out=", 4))
		out = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
