// SPDX-License-Identifier: GPL-2.0-only
/*
 * mpctl nic: which build of a NIC driver is used, the stock or the patched one.
 *
 * Both are the same module by name.  The patched one uses mpassthru, by which it
 * is told apart while it is loaded; scripts/nic-switch says how it is chosen.
 */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpctl.h"

#define SWITCH		"/usr/lib/mpassthru/nic-switch"
#define MOK		"/var/lib/dkms/mok.pub"
#define SECURE_BOOT	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

struct nic {
	const char *driver;
	char *built;		/* the patched module for this kernel, or NULL */
	bool loaded;
	bool patched_now;
	bool patched_next;
	bool chosen;		/* for whatever kernel has it */
	char signer[128];	/* empty if it has no signature */
};

static const char *root = "";
static struct utsname kernel;

static const struct option options[] = {
	{ "json",   no_argument,       NULL, 'j' },
	{ "now",    no_argument,       NULL, 'n' },
	{ "pretty", no_argument,       NULL, 'p' },
	{ "root",   required_argument, NULL, 'r' },
	{ }
};

/* the first file that is there, the caller's to free, or NULL */
static char *find(const char *fmt, ...)
{
	char *pattern, *found = NULL;
	glob_t files = { };
	va_list args;
	size_t i;
	int ret;

	va_start(args, fmt);
	ret = vasprintf(&pattern, fmt, args);
	va_end(args);
	if (ret < 0)
		return NULL;
	if (!glob(pattern, 0, NULL, &files))
		for (i = 0; i < files.gl_pathc && !found; i++)
			if (!access(files.gl_pathv[i], F_OK))
				found = strdup(files.gl_pathv[i]);
	globfree(&files);
	free(pattern);
	return found;
}

static bool exists(const char *fmt, ...)
{
	char path[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return !access(path, F_OK);
}

/* like system(), without a shell: the exit status, or negative */
static int call(const char *const *args)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execvp(args[0], (char *const *)args);
		complain("%s: %s", args[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

#define run(...)	call((const char *const []){ __VA_ARGS__, NULL })

static void get_signer(const char *file, char *signer, size_t size)
{
	char *command;
	FILE *in;

	if (asprintf(&command, "modinfo -F signer '%s' 2>/dev/null", file) < 0)
		return;
	in = popen(command, "r");
	free(command);
	if (!in)
		return;
	if (!fgets(signer, size, in))
		signer[0] = '\0';
	signer[strcspn(signer, "\n")] = '\0';
	pclose(in);
}

static void nic_get(struct nic *nic, const char *driver)
{
	const char *modules = "/lib/modules";
	char *next;

	memset(nic, 0, sizeof(*nic));
	nic->driver = driver;
	nic->built = find("%s%s/%s/updates/dkms/mp_%s.ko*", root, modules,
			  kernel.release, driver);
	next = find("%s%s/%s/updates/%s.ko*", root, modules, kernel.release,
		    driver);
	nic->patched_next = next;
	free(next);
	nic->chosen = exists("%s/etc/mpassthru/nic/%s", root, driver);
	nic->loaded = exists("%s/sys/module/%s", root, driver);
	nic->patched_now = exists("%s/sys/module/mpassthru/holders/%s", root,
				  driver);
	if (nic->built)
		get_signer(nic->built, nic->signer, sizeof(nic->signer));
}

static void nic_put(struct nic *nic)
{
	free(nic->built);
}

static void nic_renew(struct nic *nic)
{
	nic_put(nic);
	nic_get(nic, nic->driver);
}

/* a variable of the firmware: four bytes of attributes, and 1 for on */
static bool secure_boot(void)
{
	unsigned char data[5] = { };
	char path[512];
	FILE *in;

	snprintf(path, sizeof(path), "%s" SECURE_BOOT, root);
	in = fopen(path, "r");
	if (!in)
		return false;
	if (fread(data, 1, sizeof(data), in) != sizeof(data))
		data[4] = 0;
	fclose(in);
	return data[4] == 1;
}

/*
 * mokutil tells by its exit status, and the other way round in some versions. A key
 * may be known as "enrolled", "in db", or "in" a keyring of the kernel.
 */
static bool key_enrolled(void)
{
	char line[256];
	bool yes = false;
	FILE *in = popen("mokutil --test-key " MOK " 2>/dev/null", "r");

	if (!in)
		return false;
	while (fgets(line, sizeof(line), in))
		yes |= strstr(line, " is already ") && !strstr(line, " request");
	pclose(in);
	return yes;
}

/* whether the kernel will load it; says what to do if not */
static bool nic_loadable(const struct nic *nic)
{
	if (!secure_boot() || (nic->signer[0] && key_enrolled()))
		return true;
	complain("Secure Boot is on, and the kernel will not load the patched %s",
		 nic->driver);
	if (nic->signer[0])
		complain("it is signed by \"%s\": enroll that key by mokutil --import " MOK
			 ", reboot, and confirm it", nic->signer);
	else
		complain("it is not signed: install openssl and mokutil, then dpkg-reconfigure mpassthru-dkms mpassthru-nic-dkms");
	return false;
}

static const char *nic_now(const struct nic *nic)
{
	if (!nic->loaded)
		return "none";
	return nic->patched_now ? "patched" : "stock";
}

static const char *nic_next(const struct nic *nic)
{
	return nic->patched_next ? "patched" : "stock";
}

static void nic_text(const struct nic *nic)
{
	printf("%s: %s for Linux %s; in use: %s; next boot: %s\n", nic->driver,
	       nic->built ? "patched module built" : "no patched module",
	       kernel.release, nic_now(nic), nic_next(nic));
	if (nic->chosen && !nic->built)
		puts("  the patched module was chosen: dpkg-reconfigure mpassthru-dkms builds it, or says why it cannot");
}

static struct json_object *nic_json(const struct nic *nic)
{
	struct json_object *obj = json_object_new_object();

	json_add_string(obj, "driver", nic->driver);
	json_add_string(obj, "kernel", kernel.release);
	json_add_flag(obj, "built", nic->built);
	json_add_string(obj, "signer", nic->signer[0] ? nic->signer : NULL);
	json_add_flag(obj, "chosen", nic->chosen);
	json_add_string(obj, "in_use", nic->loaded ? nic_now(nic) : NULL);
	json_add_string(obj, "next_boot", nic_next(nic));
	return obj;
}

/* the driver's part of /usr/src/mpassthru-DRIVER-VERSION/patches/DRIVER/files */
static char *driver_of(char *path)
{
	*strrchr(path, '/') = '\0';
	return strrchr(path, '/') + 1;
}

static int show_nics(struct json_object *array)
{
	glob_t files = { };
	struct nic nic;
	char *pattern;
	size_t i;

	if (asprintf(&pattern, "%s/usr/src/mpassthru-*/patches/*/files", root) < 0)
		return EXIT_KERNEL;
	glob(pattern, 0, NULL, &files);
	free(pattern);
	for (i = 0; i < files.gl_pathc; i++) {
		nic_get(&nic, driver_of(files.gl_pathv[i]));
		if (array)
			json_object_array_add(array, nic_json(&nic));
		else
			nic_text(&nic);
		if (!array && nic.chosen && nic.built)
			nic_loadable(&nic);
		nic_put(&nic);
	}
	if (!array && !files.gl_pathc)
		puts("no drivers with glue are installed: see the package mpassthru-nic-dkms");
	globfree(&files);
	return EXIT_OK;
}

static int nic_switch(const char *what, const char *driver)
{
	char path[512];

	snprintf(path, sizeof(path), "%s" SWITCH, root);
	if (run(path, "--root", root, what, driver)) {
		complain("%s: nic-switch %s failed", driver, what);
		return EXIT_KERNEL;
	}
	return EXIT_OK;
}

/* The patched one may turn out not to load: rather the stock one than none. */
static int nic_load(const char *driver)
{
	if (!run("modprobe", driver))
		return EXIT_OK;
	complain("%s does not load, back to the stock driver: see dmesg", driver);
	nic_switch("restore", driver);
	run("modprobe", driver);
	return EXIT_KERNEL;
}

static int nic_reload(const struct nic *nic)
{
	if (!nic->loaded || nic->patched_now == nic->patched_next)
		return EXIT_OK;
	complain("%s: the links of all its interfaces go down now", nic->driver);
	if (run("rmmod", nic->driver)) {
		complain("%s cannot be unloaded; it changes at the next boot",
			 nic->driver);
		return EXIT_KERNEL;
	}
	return nic_load(nic->driver);
}

static bool nic_usable(const struct nic *nic)
{
	if (nic->built)
		return nic_loadable(nic);
	complain("%s: no patched module for Linux %s, the stock driver stays: dpkg-reconfigure mpassthru-dkms says why",
		 nic->driver, kernel.release);
	return false;
}

static int nic_change(const char *what, const char *driver, bool now)
{
	struct nic nic;
	int ret;

	nic_get(&nic, driver);
	if (!strcmp(what, "use") && !nic_usable(&nic)) {
		nic_put(&nic);
		return EXIT_KERNEL;
	}
	ret = nic_switch(what, driver);
	if (!ret && now) {
		nic_renew(&nic);
		ret = nic_reload(&nic);
	}
	/* takes long: last, so that no interface is without a driver meanwhile */
	if (nic_switch("initramfs", driver))
		ret = EXIT_KERNEL;
	nic_renew(&nic);
	nic_text(&nic);
	if (nic.loaded && nic.patched_now != nic.patched_next)
		printf("  at once, while its links go down: mpctl nic %s %s --now\n",
		       what, driver);
	nic_put(&nic);
	return ret;
}

static int show_all(const struct json_wish *json)
{
	struct json_object *array = json->asked ? json_object_new_array() : NULL;
	int ret = show_nics(array);

	if (array)
		puts(json_object_to_json_string_ext(array, json->format));
	json_object_put(array);
	return ret;
}

/* a word that is no driver must not become part of a path */
static bool is_driver(const char *word)
{
	return word[0] && !word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-")];
}

int cmd_nic(int argc, char **argv)
{
	struct json_wish json = { };
	const char *what;
	bool now = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "jp", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			now = true;
			break;
		case 'r':
			root = optarg;
			break;
		default:
			if (json_wish_option(opt, &json))
				return EXIT_SYNTAX;
		}
	}
	uname(&kernel);
	if (optind == argc && !now)
		return show_all(&json);
	if (argc - optind != 2 || json.asked)
		return usage();
	what = argv[optind];
	if (strcmp(what, "use") && strcmp(what, "restore"))
		return syntax_error("use or restore a driver, not \"%s\"", what);
	if (!is_driver(argv[optind + 1]))
		return syntax_error("no driver \"%s\"", argv[optind + 1]);
	if (now && root[0])
		return syntax_error("--now is for this system, not for another root");
	return nic_change(what, argv[optind + 1], now);
}
