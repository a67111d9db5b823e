// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames out of nothing: they arrive as if over the wire, and cost next to
 * nothing.
 *
 * A frame is UDP over IPv4.  Its payload begins with a number that counts up,
 * and with the complement of that, so that the checksum is the same for all.
 */
#include <linux/debugfs.h>
#include <linux/ip.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/udp.h>
#include <net/checksum.h>

#include "softnic.h"

#define AT_IP		ETH_HLEN
#define AT_UDP		(AT_IP + sizeof(struct iphdr))
#define AT_PAYLOAD	(AT_UDP + sizeof(struct udphdr))
#define PORT		9000

/* What leads to the number in the payload and from there to the end. */
struct payload {
	__be32 seq;
	__be32 not_seq;
};

static void build(struct sn_generator *generator, const u8 *to, u32 len)
{
	struct ethhdr *eth = (void *)generator->frame;
	struct iphdr *ip = (void *)(generator->frame + AT_IP);
	struct udphdr *udp = (void *)(generator->frame + AT_UDP);
	u32 i;

	for (i = AT_PAYLOAD; i < len; i++)
		generator->frame[i] = i;
	ether_addr_copy(eth->h_dest, to);
	eth_zero_addr(eth->h_source);
	eth->h_source[0] = 2;
	eth->h_source[5] = 1;
	eth->h_proto = htons(ETH_P_IP);

	*ip = (struct iphdr) {
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tot_len = htons(len - AT_IP),
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(0x0a090001),
		.daddr = htonl(0x0a090002),
	};
	ip->check = ip_fast_csum(ip, ip->ihl);
	*udp = (struct udphdr) {
		.dest = htons(PORT),
		.len = htons(len - AT_UDP),
	};
}

/* Port and number of the next frame, and its checksum. */
static void number(struct sn_generator *generator)
{
	struct payload *payload = (void *)(generator->frame + AT_PAYLOAD);
	struct udphdr *udp = (void *)(generator->frame + AT_UDP);
	__be16 port = htons(PORT + generator->seq % generator->flows);

	if (udp->check && udp->source != port)
		csum_replace2(&udp->check, udp->source, port);
	udp->source = port;
	payload->seq = htonl(generator->seq);
	payload->not_seq = ~payload->seq;
	if (udp->check)
		return;

	udp->check = csum_tcpudp_magic(htonl(0x0a090001), htonl(0x0a090002),
				       ntohs(udp->len), IPPROTO_UDP,
				       csum_partial(udp, ntohs(udp->len), 0));
	if (!udp->check)
		udp->check = CSUM_MANGLED_0;
}

/* How many frames are due.  Moves @next forward to when there are more. */
static unsigned int due(struct sn_nic *nic, unsigned int budget, ktime_t *next)
{
	struct sn_generator *generator = &nic->engine.generator;
	s64 behind;

	budget = min_t(u64, budget, generator->left);
	if (!budget || !generator->interval)
		return budget;
	behind = ktime_to_ns(ktime_sub(ktime_get(), generator->next));
	if (behind < 0) {
		*next = min(*next, generator->next);
		return 0;
	}
	budget = min_t(u64, budget, div64_u64(behind, generator->interval) + 1);
	generator->next = ktime_add_ns(generator->next,
				       budget * generator->interval);
	return budget;
}

/*
 * Whether the frame may go: by the clock in any case, else if there is a
 * descriptor in its queue; the driver kicks when there is one again.
 */
static bool may_go(struct sn_nic *nic)
{
	struct sn_engine *engine = &nic->engine;
	struct sn_generator *generator = &engine->generator;
	struct sn_queue *queue;

	if (generator->interval)
		return true;
	queue = sn_desc_queue(nic, generator->frame, generator->len);
	if (sn_desc_ready(&queue->regs))
		return true;
	WRITE_ONCE(engine->thirsty, true);
	smp_mb();	/* pairs with the driver's, between tail and thirsty */
	if (!sn_desc_ready(&queue->regs))
		return false;
	WRITE_ONCE(engine->thirsty, false);
	return true;
}

/* Makes frames that are due.  Under the engine's lock. */
unsigned int sn_generate(struct sn_nic *nic, unsigned int budget, ktime_t *next)
{
	struct sn_generator *generator = &nic->engine.generator;
	unsigned int nr = due(nic, budget, next);
	unsigned int i;

	for (i = 0; i < nr; i++) {
		number(generator);
		if (!may_go(nic))
			break;
		sn_desc_receive(nic, generator->frame, generator->len, true);
		generator->left--;
		generator->seq++;
		WRITE_ONCE(nic->counters.generated, nic->counters.generated + 1);
	}
	return i;
}

static int start(struct sn_nic *nic, const char *words)
{
	struct sn_generator *generator = &nic->engine.generator;
	unsigned int len, flows = 1;
	u8 mac[ETH_ALEN];
	u64 count, rate;
	int got;

	ether_addr_copy(mac, nic->dev->dev_addr);
	got = sscanf(words, "%u %llu %llu %u %hhx:%hhx:%hhx:%hhx:%hhx:%hhx",
		     &len, &count, &rate, &flows, &mac[0], &mac[1], &mac[2],
		     &mac[3], &mac[4], &mac[5]);
	if ((got != 3 && got != 4 && got != 10) || len < ETH_ZLEN ||
	    len > nic->dev->mtu + ETH_HLEN || !flows || flows > 10000 ||
	    rate > NSEC_PER_SEC)
		return -EINVAL;

	mutex_lock(&nic->engine.lock);
	build(generator, mac, len);
	generator->len = len;
	generator->flows = flows;
	generator->left = count;
	generator->seq = 0;
	generator->interval = rate ? div64_u64(NSEC_PER_SEC, rate) : 0;
	generator->next = ktime_get();
	mutex_unlock(&nic->engine.lock);
	sn_engine_kick(&nic->engine);
	return 0;
}

static ssize_t generate_write(struct file *file, const char __user *from,
			      size_t len, loff_t *pos)
{
	struct sn_nic *nic = ((struct seq_file *)file->private_data)->private;
	char words[80];
	int err;

	if (len >= sizeof(words))
		return -EINVAL;
	if (copy_from_user(words, from, len))
		return -EFAULT;
	words[len] = '\0';
	err = start(nic, words);
	return err ? err : len;
}

/* What is left to do. */
static int generate_show(struct seq_file *file, void *unused)
{
	struct sn_nic *nic = file->private;

	seq_printf(file, "%llu\n", READ_ONCE(nic->engine.generator.left));
	return 0;
}

static int generate_open(struct inode *inode, struct file *file)
{
	return single_open(file, generate_show, inode->i_private);
}

static const struct file_operations generate_fops = {
	.owner		= THIS_MODULE,
	.open		= generate_open,
	.read		= seq_read,
	.write		= generate_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

void sn_generator_debugfs(struct sn_nic *nic)
{
	debugfs_create_file("generate", 0600, nic->debugfs, nic,
			    &generate_fops);
}
