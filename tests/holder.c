#include "tests/holder.h"

#include <sys/wait.h>

#include <check.h>
#include <signal.h>
#include <unistd.h>

pid_t
holder_begin(void)
{
	pid_t holder = fork();

	ck_assert_int_ne(holder, -1);
	while (holder == 0)
		pause();
	return holder;
}

void
holder_end(pid_t holder)
{
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
}
