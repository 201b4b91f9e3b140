/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * twin-truth - what a live twin really is
 *
 *   twin-truth TWIN.ini STATE HOST [NAME=VALUE...]
 *
 * Replays its life out of the state file, as the ways of HOST do, whose [vars]
 * follow in their order, and prints its state, on or off, healthy or sick.
 */
#include <stdio.h>

#include "agent/twin/load.h"
#include "agent/twin/shared.h"
#include "base/buffer.h"
#include "base/deadline.h"

int main(int argc, char **argv)
{
	const struct shared_input look = { .kind = SHARED_NONE };
	struct rh_error err = RH_ERROR_INIT;
	struct shared *shared = NULL;
	struct twin_model *model = NULL;
	struct buffer vars = { 0 };
	uint64_t identity;
	int i, status = 1;

	if (argc < 4)
		return 2;
	for (i = 4; i < argc; i++)
		buffer_printf(&vars, "%s\n", argv[i]);
	buffer_printf(&vars, "host=%s\naddress=%s\n", argv[3], argv[3]);
	if (twin_load(&model, &identity, argv[1], buffer_text(&vars),
		      &err) == 0 &&
	    shared_open(&shared, argv[2], model, 1, identity ^ 2, &err) == 0 &&
	    shared_do(shared, &look, NULL, deadline_in(5000), &err) == 0) {
		printf("%s %s %s%s\n", twin_state_name(shared_twin(shared)),
		       twin_is_on(shared_twin(shared)) ? "on" : "off",
		       twin_is_healthy(shared_twin(shared)) ? "healthy"
							    : "sick",
		       shared_why_anew(shared) != NULL ? " anew" : "");
		status = 0;
	} else {
		fprintf(stderr, "%s\n", err.text);
	}
	shared_close(shared);
	twin_model_free(model);
	buffer_release(&vars);
	return status;
}
