#include "supervisor/ctl/probe_worker.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/message.h"
#include "supervisor/engine/channel.h"
#include "supervisor/launch.h"
#include "supervisor/log.h"
#include "supervisor/privilege.h"
#include "supervisor/spawn.h"

#define STOP_STEP_NS 10000000
#define STOP_STEPS 100

static struct spawn_settings settings = { .worker_binary = -1 };
static int null_device = -1;

int
probe_worker_prepare(void)
{
	struct privilege privilege;

	/* That there is no user for workers is the service's concern. */
	log_set_level(LOG_ERROR);
	if (privilege_find(&privilege, "", "") == -1)
		return -1;
	settings.change_user = privilege.change;
	settings.worker_uid = privilege.worker_uid;
	settings.worker_gid = privilege.worker_gid;
	settings.worker_binary = launch_open_worker(&settings.programs);
	null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
	return settings.worker_binary == -1 || null_device == -1 ? -1 : 0;
}

static int
open_regions(struct channel *channel)
{
	struct layout_engine *ours;

	if (region_create(&channel->engine, "socktopus-tx", CHANNEL_RING_BYTES,
		REGION_CREATOR_WRITES) == -1 ||
	    region_create(&channel->worker, "socktopus-rx", CHANNEL_RING_BYTES,
		REGION_PEER_WRITES) == -1)
		return -1;
	ours = channel->engine.control;
	ours->magic = LAYOUT_MAGIC;
	ours->version = LAYOUT_VERSION;
	channel->flags = channel->worker.control;
	ring_producer_init(&channel->tx, channel->engine.data,
	    CHANNEL_RING_BYTES, &ours->tx_head, &channel->flags->tx_tail, 0);
	ring_consumer_init(&channel->rx, channel->worker.data,
	    CHANNEL_RING_BYTES, &channel->flags->rx_head, &ours->rx_tail, 0);
	return 0;
}

static int
open_ends(struct channel *channel, int *theirs)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	channel->socket = pair[0];
	theirs[FD_CHANNEL - FD_CHANNEL] = pair[1];
	if (bell_create(&theirs[FD_BELL_IN - FD_CHANNEL], &channel->bell_out) ==
		-1 ||
	    bell_create(&channel->bell_in, &theirs[FD_BELL_OUT - FD_CHANNEL]) ==
		-1)
		return -1;
	theirs[FD_REGION_S - FD_CHANNEL] = channel->engine.fd;
	theirs[FD_REGION_W - FD_CHANNEL] = channel->worker.fd;
	return fcntl(channel->socket, F_SETFL, O_NONBLOCK);
}

static void
close_worker_ends(const int *theirs)
{
	static const enum worker_fd ends[] = { FD_CHANNEL, FD_BELL_IN,
		FD_BELL_OUT };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (theirs[ends[i] - FD_CHANNEL] != -1)
			close(theirs[ends[i] - FD_CHANNEL]);
}

int
probe_worker_start(struct channel *channel, struct job *job)
{
	int theirs[FD_SOCKET - FD_CHANNEL] = { -1, -1, -1, -1, -1 };
	int saved_errno, result = -1;

	*channel = (struct channel){ .engine = REGION_NONE,
		.worker = REGION_NONE,
		.socket = -1,
		.bell_in = -1,
		.bell_out = -1 };
	job->tx_bytes = CHANNEL_RING_BYTES;
	job->rx_bytes = CHANNEL_RING_BYTES;
	if (open_regions(channel) == 0 && open_ends(channel, theirs) == 0 &&
	    message_send_job(channel->socket, job) == MESSAGE_OK) {
		channel->pid = launch_worker(&settings, null_device, theirs,
		    FD_SOCKET - FD_CHANNEL);
		result = channel->pid == -1 ? -1 : 0;
	}
	saved_errno = errno;
	close_worker_ends(theirs);
	if (result == -1) {
		channel->pid = 0;
		probe_worker_stop(channel);
	}
	errno = saved_errno;
	return result;
}

static void
close_descriptor(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

int
probe_worker_reap(struct channel *channel)
{
	const struct timespec step = { .tv_nsec = STOP_STEP_NS };
	int status = 0;

	if (channel->pid == 0)
		return 0;
	for (int i = 0; i < STOP_STEPS; i++) {
		if (waitpid(channel->pid, &status, WNOHANG) != 0) {
			channel->pid = 0;
			return status;
		}
		nanosleep(&step, NULL);
	}
	kill(channel->pid, SIGKILL);
	waitpid(channel->pid, &status, 0);
	channel->pid = 0;
	return status;
}

void
probe_worker_let_go(struct channel *channel)
{
	close_descriptor(&channel->socket);
}

void
probe_worker_stop(struct channel *channel)
{
	probe_worker_let_go(channel);
	probe_worker_reap(channel);
	close_descriptor(&channel->bell_in);
	close_descriptor(&channel->bell_out);
	region_destroy(&channel->engine);
	region_destroy(&channel->worker);
}
