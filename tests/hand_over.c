/*
 * Starts a program as a service manager might: with a listening TCP socket as
 * descriptor 3, or where the kernel has no IPv6.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PASSED 3

static void
usage(void)
{
	fprintf(stderr,
	    "usage: hand_over [-n] [-a IPV4] [-p PORT] "
	    "COMMAND [ARGUMENT ...]\n");
	exit(2);
}

static void
be_without_ipv6(void)
{
	static const struct scmp_arg_cmp six = { .arg = 0,
		.op = SCMP_CMP_EQ,
		.datum_a = AF_INET6 };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (filter == NULL ||
	    seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT),
		SCMP_SYS(socket), 1, &six) != 0 ||
	    seccomp_load(filter) != 0)
		errx(1, "no filter");
	seccomp_release(filter);
}

static void
pass_socket(const char *host, const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const int on = 1;
	char pid[16];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		usage();
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    listen(fd, 16) == -1)
		err(1, "%s port %s", host, port);
	if (fd != PASSED) {
		if (dup2(fd, PASSED) == -1)
			err(1, "dup2");
		close(fd);
	}
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
}

int
main(int argc, char **argv)
{
	const char *host = "127.0.0.1", *port = NULL;
	int option;

	while ((option = getopt(argc, argv, "+na:p:")) != -1)
		switch (option) {
		case 'n':
			be_without_ipv6();
			break;
		case 'a':
			host = optarg;
			break;
		case 'p':
			port = optarg;
			break;
		default:
			usage();
		}
	if (optind == argc)
		usage();
	if (port != NULL)
		pass_socket(host, port);
	execvp(argv[optind], argv + optind);
	err(1, "%s", argv[optind]);
}
