/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mpctl: one file a noun, this is the map.
 */
#ifndef MPCTL_H
#define MPCTL_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <json-c/json.h>
#include <linux/mpassthru.h>

#define MP_DEV		"/dev/net/mp"
#define VHOST_DEV	"/dev/vhost-mp"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* exit codes */
enum {
	EXIT_OK		= 0,
	EXIT_SYNTAX	= 1,
	EXIT_KERNEL	= 2,	/* or whoever else outside of mpctl said no */
};

#define complain(fmt, ...)	\
	fprintf(stderr, "mpctl: " fmt "\n", ##__VA_ARGS__)

/* both return EXIT_SYNTAX */
#define syntax_error(fmt, ...)	(complain(fmt, ##__VA_ARGS__), usage())
int usage(void);

/* what bind and run ask for */
struct port_wish {
	enum mp_mode mode;
	unsigned char mac[6];	/* all zero: every frame */
	bool queues;		/* one of several */
	bool qdisc_bypass;
};

/* port.c: /dev/net/mp; negative errno, the message is out */
int port_open(int flags);
int port_open_vhost(void);
int port_bind(int fd, const char *ifname, const struct port_wish *wish);
int port_get(int fd, unsigned int ifindex, unsigned int flags,
	     struct mp_info *info);
int port_get_queue(int fd, unsigned int ifindex, unsigned int queue,
		   struct mp_info *info);
const char *port_mode_name(unsigned int mode);
int port_mode_parse(const char *name, enum mp_mode *mode);
/* an option that bind and run share: EXIT_OK, or EXIT_SYNTAX */
int port_wish_option(int opt, const char *arg, struct port_wish *wish);

/* holder.c: the process that keeps an interface bound */
int holder_lock(const char *ifname, const char *path);
int holder_stop(const char *ifname, const char *path);
void holder_list_users(FILE *out);

/* link.c: what rtnetlink and ethtool know of an interface */
struct link_state {
	bool known;
	unsigned int mtu;
	char state[32];
	char driver[32];	/* empty if it does not say */
};

void link_get(int ifindex, struct link_state *link);

/* json.c: what -j and -p ask for; plain unless told */
struct json_wish {
	bool asked;
	int format;
};

/* one of them: EXIT_OK, or EXIT_SYNTAX */
int json_wish_option(int opt, struct json_wish *wish);
/* null if @value is NULL */
void json_add_string(struct json_object *obj, const char *key,
		     const char *value);
void json_add_flag(struct json_object *obj, const char *key, bool value);

/* render.c */
void render_text(FILE *out, const struct mp_info *info,
		 const struct link_state *link);
struct json_object *render_json(const struct mp_info *info,
				const struct link_state *link);
void render_queue_text(FILE *out, const struct mp_info *info);
struct json_object *render_queue_json(const struct mp_info *info);

/* subcommands: bind.c, show.c, run.c, nic.c */
int cmd_bind(int argc, char **argv);
int cmd_unbind(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_nic(int argc, char **argv);

/* run.c */
int run_replace(char **args, const char *word, const int *fds, unsigned int nr);

#endif
