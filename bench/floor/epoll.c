/*
 * An echo over edge-triggered epoll, one thread, one shared receive buffer.
 *
 * What a socket does not take at once is kept per connection and sent when it is writable again;
 * until then that connection is not read, so a peer that does not read can not grow our memory.
 */
#include "floor.h"
#include <sys/epoll.h>

struct conn {
	char *rest; /* unsent bytes, malloced */
	size_t off, len;
};

static struct conn *conns;
static char buf[256 << 10];

static void drop(int fd)
{
	free(conns[fd].rest);
	memset(&conns[fd], 0, sizeof(conns[fd]));
	close(fd);
}

/* flush returns 1 when nothing is left, 0 when the socket is full, -1 when the connection is gone. */
static int flush(int fd)
{
	struct conn *c = &conns[fd];

	while (c->off < c->len) {
		ssize_t n = send(fd, c->rest + c->off, c->len - c->off, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->off += n;
	}
	free(c->rest);
	memset(c, 0, sizeof(*c));
	return 1;
}

/* keep stores what the socket did not take. */
static void keep(int fd, const char *p, size_t len)
{
	struct conn *c = &conns[fd];

	c->rest = malloc(len);
	if (!c->rest)
		die("malloc", ENOMEM);
	memcpy(c->rest, p, len);
	c->off = 0;
	c->len = len;
}

static void serve(int fd)
{
	int ok = flush(fd);

	while (ok > 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			ok = -1;
			break;
		}
		ssize_t sent = send(fd, buf, n, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN) {
			ok = -1;
			break;
		}
		if (sent < n) {
			size_t done = sent < 0 ? 0 : sent;
			keep(fd, buf + done, n - done);
			ok = flush(fd);
			continue;
		}
		/* A short read emptied the socket; the next bytes bring a new edge. */
		if ((size_t)n < sizeof(buf))
			return;
	}
	if (ok < 0)
		drop(fd);
}

int main(int argc, char **argv)
{
	int max = raise_nofile();
	conns = calloc(max, sizeof(*conns));
	int ln = listen_on(option(argc, argv, "-addr", "127.0.0.1:0"), "floor-epoll", SOCK_NONBLOCK);
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = ln}, evs[1024];

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
				ev.events = EPOLLIN | EPOLLOUT | EPOLLET;
				ev.data.fd = fd;
				if (fd >= max || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
					close(fd);
			}
		}
	}
}
