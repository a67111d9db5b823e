// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctlfuzz: every call of /dev/net/mp and /dev/vhost-mp at random, by many
 * threads at once, while memory, descriptors, rings and interfaces change.
 *
 *	ioctlfuzz --seed N --seconds N [--stuck] INTERFACE...
 *
 * Each thread's sequence is told by the seed; how they mix is not.  Nothing is
 * expected of a call but that it returns: what counts is what the kernel says
 * meanwhile.  At the end every call must have succeeded and failed, or it was not
 * tested.  --stuck plants a thread that does not get on.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ioctlfuzz.h"

#define STUCK_SECONDS	90
#define EXTRA_SECONDS	120

struct thread {
	const char *name;
	void (*step)(__u64 *seed);
	pthread_t id;
	__u64 seed;
	unsigned long steps;
};

const char *names[NAMES_MAX];
unsigned int nr_names;
static bool stop, stuck;

static struct thread threads[] = {
	{ .name = "vhost", .step = vhost_step },
	{ .name = "vhost", .step = vhost_step },
	{ .name = "mp", .step = mp_step },
	{ .name = "mp", .step = mp_step },
	{ .name = "files", .step = file_step },
	{ .name = "memory", .step = memory_step },
	{ .name = "rings", .step = ring_step },
	{ .name = "links", .step = link_step },
	{ .name = "victims", .step = victim_step },
};

static void *run(void *arg)
{
	struct thread *thread = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		thread->step(&thread->seed);
		__atomic_add_fetch(&thread->steps, 1, __ATOMIC_RELAXED);
		while (stuck && thread == &threads[0])
			sleep(1);
	}
	return NULL;
}

/*
 * For so many seconds, and longer if the machine is so slow that a call was not
 * tested in that time.  False if a thread did nothing for too long.
 */
static bool watch(unsigned int seconds)
{
	unsigned int more = EXTRA_SECONDS;
	unsigned int limit = stuck ? 5 : STUCK_SECONDS;
	unsigned long last[ARRAY_SIZE(threads)] = {};
	unsigned int idle[ARRAY_SIZE(threads)] = {};
	unsigned int i;

	while (seconds || (more && !all_tested())) {
		if (seconds)
			seconds--;
		else
			more--;
		sleep(1);
		for (i = 0; i < ARRAY_SIZE(threads); i++) {
			unsigned long steps = __atomic_load_n(&threads[i].steps,
							      __ATOMIC_RELAXED);

			idle[i] = steps == last[i] ? idle[i] + 1 : 0;
			last[i] = steps;
			if (idle[i] < limit)
				continue;
			printf("# thread %s did nothing for %u seconds\n",
			       threads[i].name, idle[i]);
			return false;
		}
	}
	return true;
}

static void report(void)
{
	unsigned int i;

	report_calls();
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		printf("# thread %s: %lu steps\n", threads[i].name, threads[i].steps);
	printf("%sok every call succeeded and was refused\n", all_tested() ? "" : "not ");
}

static void begin(__u64 seed)
{
	unsigned int i;

	map_all();
	renew_all();
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i].seed = seed_for(seed, i);
		pthread_create(&threads[i].id, NULL, run, &threads[i]);
	}
}

static void end(void)
{
	unsigned int i;

	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i].id, NULL);
	for (i = MP_FD; i < EVENT_FD + NR_EVENT; i++)
		close(i);
	links_as_before();
}

int main(int argc, char **argv)
{
	__u64 seed = time(NULL);
	unsigned int seconds = 20;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
			seconds = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--stuck"))
			stuck = true;
		else if (nr_names < NAMES_MAX)
			names[nr_names++] = argv[i];
	}
	if (!nr_names) {
		fputs("usage: ioctlfuzz [--seed N] [--seconds N] INTERFACE...\n", stderr);
		return 2;
	}
	printf("# --seed %llu --seconds %u\n", (unsigned long long)seed, seconds);
	begin(seed);
	if (!watch(seconds))
		_exit(1);
	end();
	report();
	return 0;
}
