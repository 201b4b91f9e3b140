/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands hosts: the hosts that are configured, with their ways. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/run/record.h"
#include "agent/verbs/verb.h"
#include "base/buffer.h"

static json_t *hosts_way_json(const struct way *way)
{
	json_t *object = json_pack("{so ss}", "way", record_string(way->label),
				   "driver", way->driver->name);

	if (way->twin != NULL)
		json_object_set_new(object, "twin", record_string(way->twin));
	return object;
}

static void hosts_json(const struct host *host)
{
	json_t *ways = json_array(), *groups = json_array();
	json_t *line;
	size_t i;

	for (i = 0; i < host->way_count; i++)
		json_array_append_new(ways, hosts_way_json(&host->ways[i]));
	for (i = 0; host->groups != NULL && host->groups[i] != NULL; i++)
		json_array_append_new(groups, record_string(host->groups[i]));
	line = json_pack("{so so so so so sb}", "host",
			 record_string(host->name), "summary",
			 record_string(host->summary), "address",
			 record_string(host->address), "ways", ways,
			 "groups", groups, "broken", host->broken);
	if (host->recover != NULL)
		json_object_set_new(line, "recover",
				    record_string(host->recover));
	verb_print_json(line);
}

static void hosts_text(const struct host *host)
{
	struct buffer line = { 0 };
	size_t i;

	buffer_printf(&line, "%-16s %s", host->name, host->summary);
	if (host->recover != NULL)
		buffer_printf(&line, "; recover = %s", host->recover);
	for (i = 0; i < host->way_count; i++)
		buffer_printf(&line, "%s%s: %s%s%s", i == 0 ? "; " : ", ",
			      host->ways[i].label, host->ways[i].driver->name,
			      host->ways[i].twin != NULL ? " " : "",
			      host->ways[i].twin != NULL ? host->ways[i].twin
							 : "");
	if (host->broken)
		buffer_append_text(&line, "; HAS ERRORS, see rhands check");
	verb_put(buffer_text(&line));
	putchar('\n');
	buffer_release(&line);
}

static int hosts_run(struct verb_call *call)
{
	const struct host **list = NULL;
	size_t i, count;
	int status = verb_begin(call, NULL, 0, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	status = verb_load(call);
	if (status == 0)
		status = verb_select(call, call->argv, call->argc, &list,
				     &count);
	if (status != 0)
		return status;
	for (i = 0; i < count; i++) {
		if (call->json)
			hosts_json(list[i]);
		else
			hosts_text(list[i]);
	}
	free(list);
	if (call->config->host_count == 0)
		verb_fail(call, 0, "there are no hosts in %s/hosts.d",
			  call->config_dir);
	return verb_finish(call, 0);
}

const struct verb verb_hosts = {
	.name = "hosts",
	.usage = "[HOST...|@GROUP]",
	.summary = "list the hosts and their ways",
	.json = "hosts",
	.run = hosts_run,
};
