/*
 * An echo over io_uring, one thread: multishot accept, multishot receive from a ring of provided
 * buffers, and the received buffer itself is what is sent back. With -to it is a proxy: what is received
 * is sent to the other side, and when one side ends, so does the other, once it has what came before.
 *
 * One send per connection is in flight at a time; buffers that arrive meanwhile queue behind it, so
 * the stream keeps its order. A buffer goes back to the kernel's ring after its send's completion.
 */
#include "floor.h"
#include <liburing.h>

enum { ACCEPT, RECV, SEND };

/* Buffers: few and near the cache's size for large messages, many and small for small ones. */
enum { GROUP = 1, SMALL_COUNT = 1024, SMALL_SIZE = 4096, LARGE_COUNT = 64, LARGE_SIZE = 16384 };

struct conn {
	int peer;                /* who is sent what is received: an echo's is itself */
	int head, tail;          /* queue of buffer ids to send, -1 when empty; head is in flight */
	unsigned off;            /* bytes of head already sent */
	unsigned char receiving; /* the multishot receive is armed */
	unsigned char dead;      /* nothing more is received */
	unsigned char starved;   /* the receive ended for want of buffers */
};

static struct io_uring ring;
static struct io_uring_buf_ring *br;
static char *memory;
static int buf_count, buf_size;
static int next[SMALL_COUNT];
static unsigned len[SMALL_COUNT];
static int added; /* buffers given back since the last advance */
static struct conn *conns;
static int *starving, starving_count;
static int relays;
static struct sockaddr_in target;

static struct io_uring_sqe *get_sqe(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (!sqe) {
		io_uring_submit(&ring);
		sqe = io_uring_get_sqe(&ring);
	}
	return sqe;
}

/* tag comes after prep: prep clears user_data. */
static void tag(struct io_uring_sqe *sqe, int op, int fd)
{
	sqe->user_data = (__u64)op << 32 | (unsigned)fd;
}

static void arm_accept(int ln)
{
	struct io_uring_sqe *sqe = get_sqe();

	io_uring_prep_multishot_accept(sqe, ln, NULL, NULL, SOCK_CLOEXEC);
	tag(sqe, ACCEPT, ln);
}

static void arm_recv(int fd)
{
	struct io_uring_sqe *sqe = get_sqe();

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
	tag(sqe, RECV, fd);
	conns[fd].receiving = 1;
}

static void send_head(int fd)
{
	struct conn *c = &conns[fd];
	struct io_uring_sqe *sqe = get_sqe();
	int b = c->head;

	/* MSG_WAITALL lets the kernel finish a short send by itself. */
	io_uring_prep_send(sqe, fd, memory + (size_t)b * buf_size + c->off, len[b] - c->off,
			   MSG_NOSIGNAL | MSG_WAITALL);
	tag(sqe, SEND, fd);
}

static void give_back(int b)
{
	io_uring_buf_ring_add(br, memory + (size_t)b * buf_size, buf_size, b,
			      io_uring_buf_ring_mask(buf_count), added++);
}

/* close_if_done closes once no operation of the connection is left in the kernel. */
static void close_if_done(int fd)
{
	struct conn *c = &conns[fd];

	if (c->dead && !c->receiving && !c->starved && c->head < 0) {
		/* The descriptor may soon be somebody else's: its peer is a pair by itself from now on. */
		conns[c->peer].peer = c->peer;
		close(fd);
	}
}

/* end ends receiving, on both sides of a proxy. */
static void end(int fd)
{
	int peer = conns[fd].peer;

	conns[fd].dead = 1;
	if (conns[peer].dead)
		return;
	conns[peer].dead = 1;
	shutdown(peer, SHUT_RD);
	close_if_done(peer);
}

static void begin(int fd, int peer)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conns[fd] = (struct conn){.peer = peer, .head = -1, .tail = -1};
	arm_recv(fd);
}

static void on_accept(int ln, struct io_uring_cqe *cqe)
{
	int fd = cqe->res;

	if (fd >= 0 && relays) {
		/* The target is on this machine: that does not take long. */
		int up = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (up < 0 || connect(up, (struct sockaddr *)&target, sizeof(target)) < 0)
			die("connect", errno);
		begin(fd, up);
		begin(up, fd);
	} else if (fd >= 0) {
		begin(fd, fd);
	}
	if (!(cqe->flags & IORING_CQE_F_MORE))
		arm_accept(ln);
}

/* queue sends a buffer behind what waits already. */
static void queue(int fd, int b)
{
	struct conn *c = &conns[fd];

	next[b] = -1;
	if (c->head < 0) {
		c->head = c->tail = b;
		c->off = 0;
		send_head(fd);
	} else {
		next[c->tail] = b;
		c->tail = b;
	}
}

static void on_recv(int fd, struct io_uring_cqe *cqe)
{
	struct conn *c = &conns[fd];

	c->receiving = !!(cqe->flags & IORING_CQE_F_MORE);
	if (cqe->flags & IORING_CQE_F_BUFFER) {
		int b = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
		if (cqe->res <= 0 || c->dead) {
			give_back(b);
		} else {
			len[b] = cqe->res;
			queue(c->peer, b);
		}
	}
	if (cqe->res == -ENOBUFS && !c->dead) {
		c->starved = 1;
		starving[starving_count++] = fd;
	} else if (cqe->res <= 0) {
		end(fd);
	} else if (!c->receiving && !c->dead) {
		arm_recv(fd);
	}
	close_if_done(fd);
}

static void on_send(int fd, struct io_uring_cqe *cqe)
{
	struct conn *c = &conns[fd];
	int b = c->head;

	if (cqe->res < 0) {
		/* Ends the receive too; what was queued is of no use any more. */
		end(fd);
		shutdown(fd, SHUT_RDWR);
		for (; b >= 0; b = next[b])
			give_back(b);
		c->head = c->tail = -1;
		close_if_done(fd);
		return;
	}
	c->off += cqe->res;
	if (c->off == len[b]) {
		c->head = next[b];
		c->off = 0;
		give_back(b);
	}
	if (c->head >= 0)
		send_head(fd);
	else
		close_if_done(fd);
}

/* feed gives returned buffers to the kernel and re-arms the receives that waited for some. */
static void feed(void)
{
	if (!added)
		return;
	io_uring_buf_ring_advance(br, added);
	added = 0;
	for (int i = 0; i < starving_count; i++) {
		conns[starving[i]].starved = 0;
		if (conns[starving[i]].dead)
			close_if_done(starving[i]);
		else
			arm_recv(starving[i]);
	}
	starving_count = 0;
}

static void setup_ring(void)
{
	unsigned best = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	struct io_uring_params p = {
		.flags = best | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE, .cq_entries = 16384};
	int err = io_uring_queue_init_params(2048, &ring, &p);

	if (err == -EINVAL) {
		p = (struct io_uring_params){.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE,
					     .cq_entries = 16384};
		err = io_uring_queue_init_params(2048, &ring, &p);
	}
	if (err)
		die("io_uring_queue_init_params", -err);
	io_uring_register_ring_fd(&ring);
}

static void setup_buffers(int message)
{
	buf_count = message > SMALL_SIZE ? LARGE_COUNT : SMALL_COUNT;
	buf_size = message > SMALL_SIZE ? LARGE_SIZE : SMALL_SIZE;
	struct io_uring_buf_reg reg = {.ring_entries = buf_count, .bgid = GROUP};
	void *mem;

	if (posix_memalign(&mem, 4096, (size_t)buf_count * sizeof(struct io_uring_buf)))
		die("memalign", ENOMEM);
	br = mem;
	reg.ring_addr = (unsigned long)br;
	int err = io_uring_register_buf_ring(&ring, &reg, 0);
	if (err)
		die("io_uring_register_buf_ring", -err);
	io_uring_buf_ring_init(br);
	if (posix_memalign(&mem, 4096, (size_t)buf_count * buf_size))
		die("memalign", ENOMEM);
	memory = mem;
	for (int b = 0; b < buf_count; b++)
		give_back(b);
	feed();
}

int main(int argc, char **argv)
{
	int max = raise_nofile();
	conns = calloc(max, sizeof(*conns));
	starving = calloc(max, sizeof(*starving));
	setup_ring();
	setup_buffers(atoi(option(argc, argv, "-size", "64")));
	const char *to = option(argc, argv, "-to", "");
	relays = *to != 0;
	if (relays)
		target = address(to);
	int ln = listen_on(option(argc, argv, "-addr", "127.0.0.1:0"), "floor-liburing", 0);

	arm_accept(ln);
	for (;;) {
		int err = io_uring_submit_and_wait(&ring, 1);
		if (err < 0 && err != -EINTR && err != -EBUSY)
			die("io_uring_submit_and_wait", -err);
		struct io_uring_cqe *cqe;
		unsigned head, seen = 0;
		io_uring_for_each_cqe(&ring, head, cqe)
		{
			int fd = (int)(cqe->user_data & 0xffffffff);
			switch (cqe->user_data >> 32) {
			case ACCEPT: on_accept(fd, cqe); break;
			case RECV: on_recv(fd, cqe); break;
			case SEND: on_send(fd, cqe); break;
			}
			seen++;
		}
		io_uring_cq_advance(&ring, seen);
		feed();
	}
}
