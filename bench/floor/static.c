/*
 * Files over HTTP/1.1: edge-triggered epoll, one thread, sendfile(2) from descriptors that stay open.
 *
 * It knows GET of a file in one folder over a kept connection, a request at a time, and nothing else
 * of HTTP: what it costs is what the kernel takes for a header and a file.
 */
#include "floor.h"
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { REQUEST = 1024, FILES = 64 };

struct file {
	char name[64];
	int fd, head_len;
	off_t size;
	char head[128];
};

struct conn {
	struct file *file; /* being sent */
	off_t off;
	int sent, len; /* of the header; of the request */
	char request[REQUEST];
};

static struct conn **conns;
static struct file files[FILES];
static int file_count;
static const char *root;

static void drop(int fd)
{
	free(conns[fd]);
	conns[fd] = NULL;
	close(fd);
}

/* find returns the file of a name, opened at its first use, or NULL. */
static struct file *find(const char *name)
{
	char path[4096];
	struct stat st;
	struct file *f;

	for (f = files; f < files + file_count; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	if (file_count == FILES || strlen(name) >= sizeof(f->name) || strchr(name, '/'))
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", root, name);
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return NULL;
	if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(f->fd);
		return NULL;
	}
	strcpy(f->name, name);
	f->size = st.st_size;
	f->head_len = snprintf(f->head, sizeof(f->head),
			       "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %lld\r\n\r\n",
			       (long long)f->size);
	file_count++;
	return f;
}

/* answer returns 1 when everything is sent, 0 when the socket is full, -1 when the connection is gone. */
static int answer(int fd, struct conn *c)
{
	struct file *f = c->file;
	ssize_t n;

	while (c->sent < f->head_len) {
		n = send(fd, f->head + c->sent, f->head_len - c->sent, MSG_NOSIGNAL | (f->size ? MSG_MORE : 0));
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->sent += n;
	}
	while (c->off < f->size) {
		n = sendfile(fd, f->fd, &c->off, f->size - c->off);
		if (n <= 0) /* 0: the file shrank */
			return n < 0 && errno == EAGAIN ? 0 : -1;
	}
	c->file = NULL;
	return 1;
}

/* parse finds the file that a whole request asks for: 1, or 0 when more must come, -1 when it is none. */
static int parse(struct conn *c)
{
	char name[64];

	c->request[c->len] = 0;
	if (c->len < 4 || strcmp(c->request + c->len - 4, "\r\n\r\n") != 0)
		return c->len < REQUEST - 1 ? 0 : -1;
	if (sscanf(c->request, "GET /%63s HTTP/1.1\r\n", name) != 1)
		return -1;
	c->file = find(name);
	c->off = c->sent = c->len = 0;
	return c->file ? 1 : -1;
}

static void serve(int fd)
{
	struct conn *c = conns[fd];
	int ok = c->file ? answer(fd, c) : 1;

	while (ok > 0) {
		ssize_t n = recv(fd, c->request + c->len, REQUEST - 1 - c->len, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			ok = -1;
			break;
		}
		c->len += n;
		ok = parse(c);
		if (ok > 0)
			ok = answer(fd, c);
		/* The peer asks again only when it has everything: that brings a new edge. */
		if (ok > 0)
			return;
	}
	if (ok < 0)
		drop(fd);
}

int main(int argc, char **argv)
{
	int max = raise_nofile();
	conns = calloc(max, sizeof(*conns));
	root = option(argc, argv, "-root", ".");
	int ln = listen_on(option(argc, argv, "-addr", "127.0.0.1:0"), "floor-epoll", SOCK_NONBLOCK);
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = ln}, evs[1024];

	signal(SIGPIPE, SIG_IGN); /* sendfile(2) has no MSG_NOSIGNAL */
	epoll_ctl(ep, EPOLL_CTL_ADD, ln, &ev);
	for (;;) {
		int n = epoll_wait(ep, evs, 1024, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait", errno);
		for (int i = 0; i < n; i++) {
			int fd = evs[i].data.fd;
			if (fd != ln) {
				serve(fd);
				continue;
			}
			while ((fd = accept4(ln, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
				ev.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
				ev.data.fd = fd;
				if (fd >= max || !(conns[fd] = calloc(1, sizeof(struct conn))) ||
				    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0) {
					if (fd < max)
						free(conns[fd]), conns[fd] = NULL;
					close(fd);
				}
			}
		}
	}
}
