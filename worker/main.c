/*
 * socktopus-worker: one TCP connection of a socktopus path. Started by the
 * supervisor with a fixed set of descriptors (enum worker_fd); everything else
 * it is told comes in one job over the first of them.
 */
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "shm/layout.h"
#include "shm/message.h"
#include "shm/region.h"
#include "worker/dial.h"
#include "worker/pump.h"
#include "worker/report.h"
#include "worker/sandbox.h"
#include "worker/socket.h"

#define JOB_TIMEOUT_MS 10000

struct worker {
	struct job job;
	struct report report;
	struct region engine;
	struct region worker;
	struct sandbox sandbox;
	struct dial dial;
	struct pump pump;
};

static bool
is_seqpacket(int fd)
{
	socklen_t length = sizeof(int);
	int type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
	    type == SOCK_SEQPACKET;
}

static bool
is_file(int fd, mode_t type)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type;
}

static bool
started_by_supervisor(void)
{
	return is_seqpacket(FD_CHANNEL) && is_file(FD_REGION_S, S_IFREG) &&
	    is_file(FD_REGION_W, S_IFREG) && is_file(FD_BELL_IN, S_IFIFO) &&
	    is_file(FD_BELL_OUT, S_IFIFO);
}

/*
 * A terminal's Ctrl-C goes to the engine too, which then lets its workers go
 * after the last frame; they must live until then.
 */
static void
settle_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGINT, SIGQUIT, SIGHUP };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
set_title(const struct worker *worker, const char *state)
{
	setproctitle("%s, %s", worker->job.title, state);
}

static void
receive_job(struct worker *worker)
{
	struct pollfd poll = { .fd = FD_CHANNEL, .events = POLLIN };
	struct timespec timeout = { .tv_sec = JOB_TIMEOUT_MS / 1000 };
	enum message_result result = MESSAGE_NONE;

	if (ppoll(&poll, 1, &timeout, NULL) == 1)
		result = message_receive_job(FD_CHANNEL, &worker->job);
	switch (result) {
	case MESSAGE_OK:
		return;
	case MESSAGE_CLOSED:
		_exit(WORKER_EXIT_OK);
	case MESSAGE_NONE:
		report_fail(&worker->report, WORKER_EXIT_JOB, REASON_TIMEOUT,
		    JOB_TIMEOUT_MS, "no job");
	case MESSAGE_BROKEN:
		report_fail(&worker->report, WORKER_EXIT_JOB, REASON_PROTOCOL,
		    0, "not a job");
	}
}

static void
attach_regions(struct worker *worker)
{
	const struct layout_engine *words;

	if (region_attach(&worker->engine, FD_REGION_S, worker->job.tx_bytes,
		REGION_CREATOR_WRITES) == -1 ||
	    region_attach(&worker->worker, FD_REGION_W, worker->job.rx_bytes,
		REGION_PEER_WRITES) == -1)
		report_fail(&worker->report, WORKER_EXIT_REGION, REASON_ERRNO,
		    errno, "shared region");
	words = worker->engine.control;
	if (words->magic != LAYOUT_MAGIC || words->version != LAYOUT_VERSION)
		report_fail(&worker->report, WORKER_EXIT_REGION,
		    REASON_PROTOCOL, 0, "region of another version");
}

static void
must(const struct worker *worker, int result, const char *step)
{
	if (result == -1)
		report_fail(&worker->report, WORKER_EXIT_SANDBOX,
		    REASON_SANDBOX, errno, step);
}

static void
prepare_sandbox(struct worker *worker, enum sandbox_reach reach)
{
	const char *weakness;

	must(worker,
	    sandbox_prepare(&worker->sandbox, reach, worker->job.hop[0].port),
	    "lock-in");
	weakness = sandbox_weakness(&worker->sandbox);
	if (weakness != NULL)
		report_note(&worker->report, weakness);
}

/* No byte of the far end is read before the second stage. */
static int
dial_out(struct worker *worker)
{
	int fd;

	dial_prepare(&worker->dial, &worker->job, &worker->report);
	prepare_sandbox(worker,
	    worker->dial.resolver ? SANDBOX_NAMES : SANDBOX_LITERAL);
	must(worker, sandbox_enter_dial(&worker->sandbox),
	    "lock-in, first stage");
	fd = dial_connect(&worker->dial);
	must(worker, sandbox_enter_pump(&worker->sandbox),
	    "lock-in, second stage");
	dial_proxies(&worker->dial, fd);
	return fd;
}

static int
take_over(struct worker *worker)
{
	socket_adopt(FD_SOCKET, &worker->job, &worker->report);
	prepare_sandbox(worker, SANDBOX_SERVE);
	must(worker, sandbox_enter_pump(&worker->sandbox),
	    "lock-in, second stage");
	return FD_SOCKET;
}

/* Either way the worker is locked in when it returns. */
static int
obtain_socket(struct worker *worker)
{
	switch ((enum job_kind)worker->job.kind) {
	case JOB_DIAL:
		closefrom(FD_SOCKET);
		return dial_out(worker);
	case JOB_SERVE:
		closefrom(FD_END);
		return take_over(worker);
	}
	_exit(WORKER_EXIT_JOB);
}

static int
pump(struct worker *worker, int fd)
{
	const struct proxy *proxy = &worker->dial.proxy;

	pump_init(&worker->pump, fd, &worker->engine, &worker->worker);
	pump_prime(&worker->pump, proxy->input, proxy->filled);
	switch (pump_run(&worker->pump)) {
	case PUMP_RUNS:
	case PUMP_STOPPED:
		break;
	case PUMP_CLOSED:
		report_fail(&worker->report, WORKER_EXIT_PEER, REASON_CLOSED, 0,
		    NULL);
	case PUMP_FAILED:
		report_fail(&worker->report, WORKER_EXIT_PEER, REASON_ERRNO,
		    worker->pump.error, NULL);
	case PUMP_BROKEN:
		report_fail(&worker->report, WORKER_EXIT_RING, REASON_RING, 0,
		    NULL);
	}
	set_title(worker, "closing");
	pump_finish(&worker->pump);
	return WORKER_EXIT_OK;
}

int
main(int argc, char **argv, char **envp)
{
	static struct worker worker = {
		.report = { .channel = FD_CHANNEL, .stage = STAGE_START },
		.engine = REGION_NONE,
		.worker = REGION_NONE,
	};
	int fd;

	if (argc == 2 && strcmp(argv[1], "-V") == 0) {
		puts("socktopus-worker " PACKAGE_VERSION);
		return WORKER_EXIT_OK;
	}
	if (!started_by_supervisor()) {
		fputs("socktopus-worker: started by socktopus(8) only\n",
		    stderr);
		return WORKER_EXIT_USAGE;
	}
	setproctitle_init(argc, argv, envp);
	prctl(PR_SET_NAME, "socktopus-worker");
	settle_signals();
	must(&worker, sandbox_harden(), "PR_SET_DUMPABLE");
	receive_job(&worker);
	attach_regions(&worker);
	report_stage(&worker.report, STAGE_START, 0);
	set_title(&worker, "connecting");
	fd = obtain_socket(&worker);
	explicit_bzero(worker.job.hop, sizeof(worker.job.hop));
	report_up(&worker.report);
	set_title(&worker, "up");
	return pump(&worker, fd);
}
