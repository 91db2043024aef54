/*
 * In place of what asks the kernel, in a whole program for reload_sandbox.sh:
 * one that finds no Landlock.
 */
#include <errno.h>

#include "supervisor/sandbox_landlock.h"

int __wrap_sandbox_landlock_level(void);

int
__wrap_sandbox_landlock_level(void)
{
	errno = ENOSYS;
	return 0;
}
