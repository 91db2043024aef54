#include "supervisor/ctl/probe_worker.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/message.h"
#include "supervisor/engine/channel_ends.h"
#include "supervisor/launch.h"
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

	if (privilege_find(&privilege, "", "") == -1)
		return -1;
	settings.change_user = privilege.change;
	settings.worker_uid = privilege.worker_uid;
	settings.worker_gid = privilege.worker_gid;
	settings.worker_binary = launch_open_worker(&settings.programs);
	null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
	return settings.worker_binary == -1 || null_device == -1 ? -1 : 0;
}

int
probe_worker_start(struct channel *channel, struct job *job)
{
	struct channel_handed handed;
	int saved_errno, result = -1;

	*channel = (struct channel){ .engine = REGION_NONE,
		.worker = REGION_NONE,
		.socket = -1,
		.bell_in = -1,
		.bell_out = -1 };
	handed.fd[FD_SOCKET - FD_CHANNEL] = -1;
	if (channel_ends_open(channel, job, &handed) == 0) {
		channel->pid = launch_worker(&settings, null_device, handed.fd,
		    FD_SOCKET - FD_CHANNEL);
		result = channel->pid == -1 ? -1 : 0;
	}
	saved_errno = errno;
	channel_ends_hand_over(&handed);
	if (result == -1) {
		channel->pid = 0;
		probe_worker_stop(channel);
	}
	errno = saved_errno;
	return result;
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
	if (channel->socket != -1)
		close(channel->socket);
	channel->socket = -1;
}

void
probe_worker_stop(struct channel *channel)
{
	probe_worker_let_go(channel);
	probe_worker_reap(channel);
	channel_ends_close(channel);
}
