// SPDX-License-Identifier: GPL-2.0-only
/*
 * The holder of an interface: a process that does nothing but keep it bound.
 *
 * It holds a write lock on its pid file as long as it lives.  The lock, not the
 * file or what it says, tells that there is a holder: the kernel names the
 * process that has it.  So the file may stay behind, and nobody unlinks it
 * under another's feet.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mpctl.h"

#define RUN_DIR		"/run/mpassthru"
#define STOP_SECONDS	10

static int pidfile_open(const char *ifname, const char *path, int flags,
			char *name, size_t size)
{
	if (path)
		snprintf(name, size, "%s", path);
	else
		snprintf(name, size, RUN_DIR "/%s.pid", ifname);
	return open(name, flags | O_CLOEXEC, 0644);
}

/* the process that has the lock, 0 if none, negative if out of our sight */
static pid_t lock_owner(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock))
		return -1;
	if (lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid > 0 ? lock.l_pid : -1;
}

/**
 * holder_lock() - become the holder of an interface
 * @ifname: the interface
 * @path: pid file, or NULL for the usual one
 *
 * Return: 0; the lock ends with the process.  Or a negative errno, the message
 * is out.
 */
int holder_lock(const char *ifname, const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char name[256];
	int fd, err;

	if (!path)
		mkdir(RUN_DIR, 0755);
	fd = pidfile_open(ifname, path, O_RDWR | O_CREAT, name, sizeof(name));
	if (fd < 0)
		goto err;
	if (fcntl(fd, F_SETLK, &lock)) {
		if (errno != EAGAIN && errno != EACCES)
			goto err;
		complain("%s: bound already by mpctl bind, process %d; mpctl unbind %s ends it",
			 ifname, lock_owner(fd), ifname);
		close(fd);
		return -EBUSY;
	}
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", getpid()) < 0)
		goto err;
	return 0;
err:
	err = errno;
	complain("%s: %s", name, strerror(err));
	if (fd >= 0)
		close(fd);
	return -err;
}

/* a pidfd cannot come to mean another process */
static int stop(const char *ifname, int fd)
{
	pid_t pid = lock_owner(fd);
	struct pollfd pfd = { .events = POLLIN };

	if (!pid)
		return -ENOENT;
	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0 && errno == ESRCH)
		return -ENOENT;
	if (pfd.fd < 0 || lock_owner(fd) != pid) {
		complain("%s: cannot reach the mpctl bind that holds it",
			 ifname);
		return -ESRCH;
	}
	if (syscall(SYS_pidfd_send_signal, pfd.fd, SIGTERM, NULL, 0)) {
		complain("%s: process %d, mpctl bind: %s", ifname, pid,
			 strerror(errno));
		return -EPERM;
	}
	if (poll(&pfd, 1, STOP_SECONDS * 1000) != 1) {
		complain("%s: process %d, mpctl bind, does not end", ifname,
			 pid);
		return -ETIMEDOUT;
	}
	close(pfd.fd);
	return 0;
}

/**
 * holder_stop() - end the holder of an interface
 * @ifname: the interface
 * @path: pid file, or NULL for the usual one
 *
 * Return: 0, -ENOENT if there is no holder, or another negative errno of which
 * the message is out.
 */
int holder_stop(const char *ifname, const char *path)
{
	char name[256];
	int fd, err;

	fd = pidfile_open(ifname, path, O_RDONLY, name, sizeof(name));
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0) {
		err = -errno;
		complain("%s: %s", name, strerror(-err));
		return err;
	}
	err = stop(ifname, fd);
	close(fd);
	return err;
}

/* does a process have the device open? */
static bool has_device(const char *pid)
{
	char path[64], target[64];
	struct dirent *ent;
	bool has = false;
	ssize_t len;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.10s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!has && (ent = readdir(dir))) {
		len = readlinkat(dirfd(dir), ent->d_name, target,
				 sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		has = !strcmp(target, MP_DEV);
	}
	closedir(dir);
	return has;
}

static void print_process(FILE *out, const char *pid)
{
	char path[64], comm[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.10s/comm", pid);
	file = fopen(path, "r");
	if (file) {
		if (fgets(comm, sizeof(comm), file))
			comm[strcspn(comm, "\n")] = '\0';
		fclose(file);
	}
	fprintf(out, "  process %s, %s\n", pid, comm);
}

/* whoever has the device open, as far as we may see */
void holder_list_users(FILE *out)
{
	DIR *dir = opendir("/proc");
	struct dirent *ent;
	bool any = false;

	if (!dir)
		return;
	while ((ent = readdir(dir))) {
		if (!isdigit((unsigned char)ent->d_name[0]) ||
		    atoi(ent->d_name) == getpid() || !has_device(ent->d_name))
			continue;
		if (!any)
			fprintf(out, MP_DEV " is open in:\n");
		any = true;
		print_process(out, ent->d_name);
	}
	closedir(dir);
	if (!any && geteuid())
		fputs("only root can see which process has it\n", out);
}
