#include "supervisor/engine/control_auth.h"

#include <stdbool.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/engine/control_change.h"
#include "supervisor/engine/credentials.h"

static bool
is_of(const char *word, const char *key)
{
	return strncmp(word, key, strlen(key)) == 0;
}

static int
keep(struct control_call *call, const char *text, size_t paths)
{
	if (paths == 0) {
		control_deny(call, "auth= follows the path= that it is for",
		    "");
		return -1;
	}
	if (call->auths[paths - 1] != NULL) {
		control_deny(call, "twice: auth", "");
		return -1;
	}
	call->auths[paths - 1] = text;
	return 0;
}

int
control_auth_take(struct control_call *call, size_t from, size_t paths)
{
	static const char key[] = "auth=";
	size_t to = from;
	char *word;

	memset(call->auths, 0, sizeof(call->auths));
	for (; from < call->count; from++) {
		word = call->words[from];
		paths += is_of(word, "path=");
		if (!is_of(word, key))
			call->words[to++] = word;
		else if (keep(call, word + sizeof(key) - 1, paths) == -1)
			return -1;
	}
	call->count = to;
	return 0;
}

int
control_auth_set(struct control_call *call, struct config_path *path,
    size_t index)
{
	const char *text = call->auths[index];
	char error[KEY_ERROR_MAX];

	if (text == NULL)
		return 0;
	/* They are not those of a file that it may have had. */
	path->auth[0] = '\0';
	if (credentials_set(path, text, strlen(text), error) == 0)
		return 0;
	control_deny(call, "", error);
	return -1;
}

int
control_auth_set_all(struct control_call *call, struct config_tunnel *tunnel)
{
	size_t index = 0;

	for (size_t i = 0; i < tunnel->paths_count; i++)
		if (!tunnel->paths[i].direct &&
		    control_auth_set(call, &tunnel->paths[i], index++) == -1)
			return -1;
	return 0;
}
