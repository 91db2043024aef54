/*
 * A configuration file from the fuzzer, which finds a key file of the right
 * mode at /proc/self/fd/100. Includes are left out: they would read whatever
 * the fuzzer makes up.
 */
#include "supervisor/config.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_FD 100

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
make_key_file(void)
{
	static int fd = -1;

	if (fd != -1)
		return;
	fd = memfd_create("key", MFD_CLOEXEC);
	if (fd == -1 || fchmod(fd, 0600) == -1 || dup2(fd, KEY_FD) == -1)
		abort();
}

static void
check_config(const struct config *config)
{
	size_t i, j;

	for (i = 0; i < config->tunnels_count; i++) {
		const struct config_tunnel *tunnel = &config->tunnels[i];

		if (tunnel->peer >= config->peers_count ||
		    tunnel->paths_count == 0 || tunnel->name[0] == '\0')
			abort();
		for (j = 0; j < tunnel->paths_count; j++)
			if (tunnel->paths[j].hops_count < 1 ||
			    tunnel->paths[j].hops_count > MESSAGE_HOPS_MAX ||
			    tunnel->paths[j].count < 1)
				abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char error[CONFIG_ERROR_MAX] = "";
	char *text = malloc(size + 1);
	struct config *config;

	if (text == NULL)
		abort();
	if (size > 0)
		memcpy(text, input, size);
	text[size] = '\0';
	make_key_file();
	if (strstr(text, "@include") == NULL) {
		config = config_parse(text, "f", error);
		if (config != NULL)
			check_config(config);
		else if (strncmp(error, "f:", 2) != 0 ||
		    strchr(error, '\n') != NULL)
			abort();
		config_free(config);
	}
	free(text);
	return 0;
}
