/*
 * A TCP proxy: edge-triggered epoll, one thread. Small messages are copied through one buffer that stays
 * in the cache; from -size 16384 on they go through a pipe for each direction, by splice(2).
 *
 * What the other side does not take at once stays in the pipe, or is kept per direction; until it is
 * gone nothing more is read.
 */
#include "floor.h"
#include <fcntl.h>
#include <sys/epoll.h>

enum { BUFFER = 64 << 10, PIPE = 1 << 20, SPLICED = 16 << 10 };

struct side {
	int fd;
	struct side *peer;
	int pipe[2];     /* on the way from the peer to here */
	char *rest;      /* the same, copied */
	size_t off, len; /* of either: so much of it waits */
	unsigned char ended, gone;
};

static char buf[BUFFER];
static int spliced;
static struct side *doomed[2048];
static int doomed_count;

/* drop ends a pair. Events of this turn may still name it: its memory goes at the turn's end. */
static void drop(struct side *s)
{
	struct side *both[2] = {s, s->peer};

	if (s->gone)
		return;
	for (int i = 0; i < 2; i++) {
		both[i]->gone = 1;
		close(both[i]->fd);
		free(both[i]->rest);
		if (spliced)
			close(both[i]->pipe[0]), close(both[i]->pipe[1]);
		doomed[doomed_count++] = both[i];
	}
}

/* push sends what waits: 1 when nothing is left, 0 when the socket is full, -1 when it is gone. */
static int push(struct side *to)
{
	while (to->len > 0) {
		ssize_t n = spliced ? splice(to->pipe[0], NULL, to->fd, NULL, to->len, SPLICE_F_NONBLOCK | SPLICE_F_MOVE)
				    : send(to->fd, to->rest + to->off, to->len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		to->off += n;
		to->len -= n;
	}
	free(to->rest);
	to->rest = NULL;
	to->off = 0;
	return 1;
}

/* keep stores what the socket did not take. */
static void keep(struct side *to, const char *p, size_t len)
{
	to->rest = malloc(len);
	if (!to->rest)
		die("malloc", ENOMEM);
	memcpy(to->rest, p, len);
	to->off = 0;
	to->len = len;
}

/* take reads a piece and gives it on: so many bytes, 0 at the end, -1 with errno. */
static ssize_t take(struct side *from, struct side *to)
{
	ssize_t n, sent;

	if (spliced) {
		n = splice(from->fd, NULL, to->pipe[1], NULL, PIPE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n > 0)
			to->len = n;
		return n;
	}
	n = recv(from->fd, buf, BUFFER, 0);
	if (n <= 0)
		return n;
	sent = send(to->fd, buf, n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN) {
		errno = EPIPE;
		return -1;
	}
	if (sent < n)
		keep(to, buf + (sent < 0 ? 0 : sent), n - (sent < 0 ? 0 : sent));
	return n;
}

static void pump(struct side *from, struct side *to)
{
	int ok = push(to);

	while (ok > 0 && !from->ended) {
		ssize_t n = take(from, to);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			ok = -1;
			break;
		}
		if (n == 0) {
			from->ended = 1;
			shutdown(to->fd, SHUT_WR);
			break;
		}
		ok = push(to);
		/* A short read emptied the socket; the next bytes bring a new edge. */
		if (!spliced && n < BUFFER)
			break;
	}
	if (ok < 0 || (from->ended && to->ended && from->len == 0))
		drop(from);
}

static struct side *side(int fd)
{
	struct side *s = calloc(1, sizeof(*s));

	if (!s)
		die("calloc", ENOMEM);
	s->fd = fd;
	if (spliced && (pipe2(s->pipe, O_NONBLOCK | O_CLOEXEC) < 0 || fcntl(s->pipe[1], F_SETPIPE_SZ, PIPE) < 0))
		die("pipe2", errno);
	return s;
}

/* open_pair connects to the target, which is on this machine: that does not take long. */
static void open_pair(int ep, int down, const struct sockaddr_in *to)
{
	int one = 1, up = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (up < 0 || connect(up, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("connect", errno);
	fcntl(up, F_SETFL, O_NONBLOCK);
	setsockopt(up, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	struct side *a = side(down), *b = side(up);
	a->peer = b;
	b->peer = a;
	for (int i = 0; i < 2; i++) {
		struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = i ? b : a};
		if (epoll_ctl(ep, EPOLL_CTL_ADD, i ? up : down, &ev) < 0)
			die("epoll_ctl", errno);
	}
}

int main(int argc, char **argv)
{
	raise_nofile();
	signal(SIGPIPE, SIG_IGN); /* splice(2) has no MSG_NOSIGNAL */
	spliced = atoi(option(argc, argv, "-size", "0")) >= SPLICED;
	struct sockaddr_in to = address(option(argc, argv, "-to", ""));
	int fd, ln = listen_on(option(argc, argv, "-addr", "127.0.0.1:0"), "floor-epoll", SOCK_NONBLOCK);
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}, evs[1024];

	epoll_ctl(ep, EPOLL_CTL_ADD, ln, &ev);
	for (;;) {
		int n = epoll_wait(ep, evs, 1024, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait", errno);
		for (int i = 0; i < n; i++) {
			struct side *s = evs[i].data.ptr;
			if (!s) {
				while ((fd = accept4(ln, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
					open_pair(ep, fd, &to);
				continue;
			}
			/* An edge of one kind tells of both: room is of interest to who waits for it. */
			if (!s->gone && s->len > 0)
				pump(s->peer, s);
			if (!s->gone && (evs[i].events & ~EPOLLOUT))
				pump(s, s->peer);
		}
		while (doomed_count > 0)
			free(doomed[--doomed_count]);
	}
}
