/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interface of ixgbe that is up, on a card that acts as the datasheet says, with
 * a guest's constructors.
 */
#ifndef IXGBE_BENCH_H
#define IXGBE_BENCH_H

#include "unit.h"

#include "ixgbe_card.h"
#include "ixgbe_driver.h"
#include "ixgbe_guest.h"

#define QUEUES		4
#define DESCRIPTORS	64
#define LONGEST		ETH_FRAME_LEN	/* and 4 more with a tag */

/**
 * struct bench - an interface and its guest
 * @driver: the interface
 * @rx: constructors, one for each queue
 * @list: the same, as they are handed over
 * @number: of the next frame
 * @seed: of what is random
 */
struct bench {
	struct driver *driver;
	struct mp_rx rx[IXGBE_MAX_RSS_INDICES];
	struct mp_rx *list[IXGBE_MAX_RSS_INDICES];
	u32 number;
	u64 seed;
};

struct bench *bench_of(enum ixgbe_mac_type type, unsigned int queues,
		       unsigned int posted);
struct bench *bench_create(unsigned int posted);
void bench_destroy(struct bench *bench);

/* At the next set_rx */
void set_mode(struct bench *bench, enum mp_mode mode);
int set_rx(struct bench *bench, unsigned int nr);
void install(struct bench *bench, unsigned int nr);

/* The stack's share of a constructor's life: there is memory again. */
void post(struct bench *bench, unsigned int queue, unsigned int nr);

void send_frame(struct bench *bench, struct card_frame frame);
void send_tagged(struct bench *bench, unsigned int len);
void send_to(struct bench *bench, unsigned int queue, unsigned int len);

/* Every write that the card still had in mind is made: nobody owns a slot. */
void assert_idle(struct bench *bench);

/* How many came, to the guest and to the stock driver */
unsigned int frames(const struct bench *bench);
unsigned int stock(const struct bench *bench);

bool drops(unsigned int queue);

#endif
