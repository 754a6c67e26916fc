/* What the floor servers share: arguments, the listener, the line for the harness. */
#ifndef FLOOR_H
#define FLOOR_H

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what, int err)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(err));
	exit(1);
}

/* option returns the value after -name, or fallback. */
static const char *option(int argc, char **argv, const char *name, const char *fallback)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return argv[i + 1];
	return fallback;
}

/* address reads "a.b.c.d:port". */
static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	char host[64];
	int port;

	if (sscanf(text, "%63[^:]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &sa.sin_addr) != 1)
		die(text, EINVAL);
	sa.sin_port = htons(port);
	return sa;
}

/* listen_on opens an IPv4 listener on addr and prints where it is. */
static int listen_on(const char *addr, const char *backend, int type)
{
	struct sockaddr_in sa = address(addr);
	socklen_t len = sizeof(sa);
	char host[INET_ADDRSTRLEN];
	int one = 1;

	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type, 0);
	if (fd < 0)
		die("socket", errno);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* An accepted socket inherits this. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 4096) < 0)
		die("bind", errno);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	inet_ntop(AF_INET, &sa.sin_addr, host, sizeof(host));
	printf("listening addr=%s:%d backend=%s loops=1\n", host, ntohs(sa.sin_port), backend);
	fflush(stdout);
	return fd;
}

/* raise_nofile lets the table of connections hold as many as the hard limit allows. */
static int raise_nofile(void)
{
	struct rlimit rl;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	return (int)(rl.rlim_cur > (1 << 20) ? 1 << 20 : rl.rlim_cur);
}

#endif
