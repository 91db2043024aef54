#include "supervisor/ctl/why_json.h"

#include <jansson.h>

#include "supervisor/ctl/json.h"
#include "supervisor/ctl/why.h"

struct json_t *
why_json_new(void)
{
	return json_array();
}

void
why_json_free(struct json_t *tunnels)
{
	json_decref(tunnels);
}

static json_t *
make_share(double share)
{
	return share < 0 ? json_null() : json_real(share);
}

static json_t *
make_process(const struct why_process *process)
{
	return json_pack("{s:i, s:o, s:o}", "pid", process->pid, "busy",
	    make_share(process->busy), "waited", make_share(process->waited));
}

static json_t *
make_path(const struct why_path *path)
{
	return json_pack("{s:o, s:b, s:b, s:b, s:f, s:f, s:f, s:o}", "uri",
	    json_words(path->uri), "up", path->up, "backup", path->backup,
	    "measured", path->measured, "rate", path->rate_bytes_s, "carried",
	    path->bytes_s, "rtt_ms", path->rtt_ms, "worker",
	    make_process(&path->worker));
}

static json_t *
make_paths(const struct why_input *input)
{
	json_t *paths = json_array();

	for (size_t i = 0; i < input->paths_count; i++)
		(void)json_array_append_new(paths, make_path(&input->paths[i]));
	return paths;
}

static json_t *
make_group(const struct why_input *input, const struct why_groups *groups,
    unsigned int group)
{
	bool against = groups->tie[group] == WHY_AGAINST;
	json_t *paths = json_array();

	for (size_t i = 0; i < input->paths_count; i++)
		if (groups->of[i] == group)
			(void)json_array_append_new(paths,
			    json_pack("{s:o, s:i}", "uri",
				json_words(input->paths[i].uri), "pid",
				input->paths[i].worker.pid));
	return json_pack("{s:s, s:o}", "tie", against ? "against" : "together",
	    "paths", paths);
}

static json_t *
make_groups(const struct why_input *input)
{
	struct why_groups groups;
	json_t *list = json_array();

	why_group(input, &groups);
	for (unsigned int group = 1; group <= groups.count; group++)
		(void)json_array_append_new(list,
		    make_group(input, &groups, group));
	return list;
}

static json_t *
make_figures(const struct why_input *input)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, "
			 "s:f}",
	    "received", (json_int_t)input->received, "kernel",
	    (json_int_t)input->kernel, "no_room", (json_int_t)input->no_room,
	    "stranger", (json_int_t)input->strangers, "delivered",
	    (json_int_t)input->delivered, "refused", (json_int_t)input->refused,
	    "unreachable", (json_int_t)input->unreachable, "ignored",
	    (json_int_t)input->ignored, "buffer_bytes",
	    (json_int_t)input->buffer_bytes, "blocked", input->blocked,
	    "held_ms", input->held_ms);
}

int
why_json_add(struct json_t *tunnels, const char *name, const char *socket,
    const struct why_input *input)
{
	struct why_verdict verdict;

	why_judge(input, &verdict);
	return json_array_append_new(tunnels,
	    json_pack("{s:o, s:o, s:f, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"name", json_words(name), "socket", json_words(socket),
		"seconds", input->seconds, "limit",
		why_limit_name(verdict.limit), "sentence",
		json_words(verdict.limit_words), "pays",
		verdict.pays_known ? json_boolean(verdict.pays) : json_null(),
		"pays_sentence", json_words(verdict.pays_words), "bottlenecks",
		make_groups(input), "figures", make_figures(input), "engine",
		make_process(&input->engine), "paths", make_paths(input)));
}

int
why_json_write(struct json_t *tunnels, FILE *stream)
{
	json_t *top = json_pack("{s:O}", "tunnels", tunnels);
	int result = json_dumpf(top, stream,
	    JSON_INDENT(2) | JSON_REAL_PRECISION(9));

	if (result == 0 && putc('\n', stream) == EOF)
		result = -1;
	json_decref(top);
	return result;
}
