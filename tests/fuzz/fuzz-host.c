/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a configuration: the files of two hosts, of a template and
 * rhands.ini, then lines that are words of the command line, with a NUL between.
 * What is not broken is whole: each way has a driver and the settings of its
 * option table. Words give hosts that there are, none twice.
 */
#include <assert.h>

#include "agent/config/config.h"
#include "base/memory.h"
#include "tests/fuzz/fuzz-dir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_options(const struct settings *settings,
			 const struct option *options)
{
	int64_t n;

	for (; options != NULL && options->key != NULL; options++) {
		switch (options->type) {
		case OPTION_NUMBER:
		case OPTION_DURATION:
			n = settings_number(settings, options->key);
			assert(!settings_has(settings, options->key) ||
			       (n >= options->min && n <= options->max));
			break;
		case OPTION_BOOL:
			settings_bool(settings, options->key);
			break;
		case OPTION_SECRET:
			assert(!options->required ||
			       settings_secret_ref(settings, options->key) != NULL);
			break;
		default:
			assert(!options->required ||
			       settings_text(settings, options->key) != NULL);
			break;
		}
	}
}

static void fuzz_host(const struct config *config, const struct host *host)
{
	size_t i;

	assert(host->name[0] != '\0' && host->summary != NULL);
	assert(config_host(config, host->name) == host);
	assert(host->needs != NULL && host->groups != NULL);
	assert(host->way_count <= CONFIG_WAYS_MAX * (WAY_COUNT - 1));
	for (i = 0; i < host->way_count && !host->broken; i++) {
		assert(host->ways[i].capability > WAY_NONE &&
		       host->ways[i].capability < WAY_COUNT);
		assert(host->ways[i].driver != NULL);
		fuzz_options(host->ways[i].settings,
			     host->ways[i].driver->options);
		fuzz_options(host->ways[i].settings,
			     way_options[host->ways[i].capability]);
	}
}

static void fuzz_words(const struct config *config, const uint8_t *data,
		       size_t size)
{
	char *text = memory_copy_len((const char *)data, size), *rest = text;
	struct rh_error err = RH_ERROR_INIT;
	const struct host **list = NULL;
	size_t count = 0, i, j;
	char *word;

	while ((word = strsep(&rest, "\n")) != NULL) {
		if (word[0] == '-')
			config_exclude(config, word + 1, list, &count, &err);
		else if (config_select(config, word, &list, &count, &err) < 0)
			assert(err.text[0] != '\0');
	}
	assert(count <= config->host_count);
	for (i = 0; i < count; i++) {
		assert(config_host(config, list[i]->name) == list[i]);
		for (j = 0; j < i; j++)
			assert(list[i] != list[j]);
	}
	free(list);
	free(text);
}

static void fuzz_config(const struct config *config,
			const struct problems *problems)
{
	bool broken = false;
	size_t i;

	for (i = 0; i < problems->count; i++) {
		assert(problems->list[i].text[0] != '\0');
		assert(problems->list[i].line >= 0);
	}
	for (i = 0; i < config->host_count; i++) {
		fuzz_host(config, config->hosts[i]);
		broken = broken || config->hosts[i]->broken;
	}
	assert(!broken || problems->errors > 0);
	assert(config->guard_count > 0 && config->guards[0].settings != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const files[] = { "hosts.d/a.ini", "hosts.d/b1.ini",
					     "hosts.d/t.template", "rhands.ini" };
	struct problems problems = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	struct config *config = NULL;
	static bool begun;
	const uint8_t *at;
	size_t i, len;

	if (!begun)
		fuzz_dir_begin();
	begun = true;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		at = data;
		len = fuzz_dir_part(&data, &size);
		fuzz_dir_write(files[i], at, len);
	}
	if (config_load(&config, fuzz_dir, &problems, &err) == 0) {
		fuzz_config(config, &problems);
		fuzz_words(config, data, size);
	}
	config_free(config);
	problems_release(&problems);
	return 0;
}
