/* data: versioned data in DVC's own files. One verb a row of a table. */
#define _GNU_SOURCE
#include "cli/cli.h"
#include "cli/progress.h"

#include "dvc/dvc.h"
#include "dvc/hub.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	const char *remote;
	uint64_t jobs;
	bool force, is_cloud, is_local, is_default, check_all;
	const char *owner, *name, *branch, *local_folder, *remote_folder, *message;
	struct jm_progress progress;
};

static const struct jm_option options[] = {
    {'r', "remote", "NAME", "remote to use (default: the one that core.remote names)", JM_OPTION_TEXT,
     offsetof(struct settings, remote)},
    {'j', "jobs", "N", "transfers at a time (default: the remote's jobs, or 16)", JM_OPTION_COUNT,
     offsetof(struct settings, jobs)},
    {'f', "force", NULL, "checkout, pull: lose changes that are in no cache; remote add: replace", JM_OPTION_FLAG,
     offsetof(struct settings, force)},
    {'c', "cloud", NULL, "status: compare the cache with the remote", JM_OPTION_FLAG,
     offsetof(struct settings, is_cloud)},
    {0, "check-all", NULL, "push: ask for every object, though a folder's listing is there", JM_OPTION_FLAG,
     offsetof(struct settings, check_all)},
    {'d', "default", NULL, "remote add: make it the default", JM_OPTION_FLAG, offsetof(struct settings, is_default)},
    {0, "local", NULL, "remote: into .dvc/config.local", JM_OPTION_FLAG, offsetof(struct settings, is_local)},
    {0, "owner", "NAME", "upload, download: owner of the repository on DagsHub", JM_OPTION_TEXT,
     offsetof(struct settings, owner)},
    {0, "name", "NAME", "upload, download: its name", JM_OPTION_TEXT, offsetof(struct settings, name)},
    {0, "branch", "NAME", "upload, download: branch (default main)", JM_OPTION_TEXT, offsetof(struct settings, branch)},
    {0, "local-dir-path", "PATH", "upload, download: folder here (default raw_data)", JM_OPTION_TEXT,
     offsetof(struct settings, local_folder)},
    {0, "remote-dir-path", "PATH", "upload, download: folder there (default: raw_data)", JM_OPTION_TEXT,
     offsetof(struct settings, remote_folder)},
    {0, "commit", "MESSAGE", "upload: of the commit (default \"Add dataset to DagsHub\")", JM_OPTION_TEXT,
     offsetof(struct settings, message)},
};

static int on_progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
	struct settings *s = ctx;

	return jm_progress_step(&s->progress, what, done, total);
}

static void on_line(void *ctx, const char *line)
{
	struct settings *s = ctx;

	jm_progress_finish(&s->progress);
	printf("%s\n", line);
}

static void print_bytes(uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 999.5 && i + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		i++;
	}
	printf(i ? "%.3g %s" : "%.0f %s", value, units[i]);
}

/* Says what was done, unless --quiet. */
typedef void (*report_fn)(const struct settings *s, const struct jm_dvc_tally *tally);

static void report_add(const struct settings *s, const struct jm_dvc_tally *tally)
{
	(void)s;
	printf("%llu file%s, ", (unsigned long long)tally->n_files, tally->n_files == 1 ? "" : "s");
	print_bytes(tally->bytes);
	printf("; new in the cache: %llu, ", (unsigned long long)tally->n_moved);
	print_bytes(tally->bytes_moved);
	printf("\n");
}

static void report_status(const struct settings *s, const struct jm_dvc_tally *tally)
{
	if (tally->n_changed == 0)
		printf(s->is_cloud ? "cache and remote have the same %llu objects\n"
				   : "everything is as the .dvc files say (%llu of them)\n",
		       (unsigned long long)(s->is_cloud ? tally->n_objects : tally->n_outputs));
}

static void report_moves(const struct settings *s, const struct jm_dvc_tally *tally)
{
	(void)s;
	printf("%llu of %llu objects moved, ", (unsigned long long)tally->n_moved,
	       (unsigned long long)tally->n_objects);
	print_bytes(tally->bytes_moved);
	printf("\n");
}

static void report_checkout(const struct settings *s, const struct jm_dvc_tally *tally)
{
	(void)s;
	printf("%llu files are in place, %llu changed\n", (unsigned long long)tally->n_files,
	       (unsigned long long)tally->n_changed);
}

static int pull(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err)
{
	struct jm_dvc_tally placed = {0};
	int rc = jm_dvc_fetch(d, r, tally, err);

	return rc ? rc : jm_dvc_checkout(d, r, &placed, err);
}

struct verb {
	const char *name;
	int (*act)(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err);
	report_fn report;
	bool wants_targets;
};

static const struct verb verbs[] = {
    {"add", jm_dvc_add, report_add, true},
    {"status", jm_dvc_status, report_status, false},
    {"checkout", jm_dvc_checkout, report_checkout, false},
    {"push", jm_dvc_push, report_moves, false},
    {"fetch", jm_dvc_fetch, report_moves, false},
    {"pull", pull, report_moves, false},
};

/* A secret is read from the terminal or a pipe, so that it is in no history and in no list of processes. */
static int read_secret(char *out, size_t size, struct jm_error *err)
{
	struct termios before, silent;
	bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	char *line;

	if (is_terminal) {
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(stderr, "value: ");
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	line = fgets(out, (int)size, stdin);
	if (is_terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fprintf(stderr, "\n");
	}
	if (line)
		out[strcspn(out, "\r\n")] = '\0';
	if (line && out[0])
		return 0;
	err->code = JM_E_INVALID;
	snprintf(err->message, sizeof(err->message), "no value came on standard input");
	return JM_E_INVALID;
}

static int modify(const struct settings *s, struct jm_dvc *d, char **words, struct jm_error *err)
{
	char secret[1024];
	int rc;

	if (strcmp(words[2], "-") != 0)
		return jm_dvc_remote_set(d, words[0], words[1], words[2], s->is_local, err);
	rc = read_secret(secret, sizeof(secret), err);
	rc = rc ? rc : jm_dvc_remote_set(d, words[0], words[1], secret, s->is_local, err);
	explicit_bzero(secret, sizeof(secret));
	return rc;
}

static int run_remote(const struct settings *s, struct jm_dvc *d, const struct jm_dvc_request *r, char **words,
		      size_t n, struct jm_error *err)
{
	const char *verb = n ? words[0] : "list";

	if (strcmp(verb, "list") == 0 && n <= 1)
		return jm_dvc_remote_list(d, r, err);
	if (strcmp(verb, "add") == 0 && n == 3)
		return jm_dvc_remote_add(d, r, words[1], words[2], s->is_default, s->is_local, err);
	if (strcmp(verb, "modify") == 0 && n == 4)
		return modify(s, d, words + 1, err);
	if (strcmp(verb, "unset") == 0 && n == 3)
		return jm_dvc_remote_set(d, words[1], words[2], NULL, s->is_local, err);
	if (strcmp(verb, "remove") == 0 && n == 2)
		return jm_dvc_remote_set(d, words[1], NULL, NULL, s->is_local, err);
	if (strcmp(verb, "default") == 0 && n == 2)
		return jm_dvc_remote_default(d, words[1], err);
	return JM_EXIT_USAGE;
}

static int run_verb(struct settings *s, const struct verb *verb, struct jm_dvc *d, const struct jm_dvc_request *r,
		    struct jm_error *err)
{
	struct jm_dvc_tally tally = {0};
	bool is_cloud = verb->act == jm_dvc_status && s->is_cloud;
	int rc = is_cloud ? jm_dvc_status_remote(d, r, &tally, err) : verb->act(d, r, &tally, err);

	jm_progress_finish(&s->progress);
	if (rc)
		return rc;
	if (!s->common.is_quiet)
		verb->report(s, &tally);
	/* As `dvc status -q`: the exit code is the answer. */
	return verb->act == jm_dvc_status && s->common.is_quiet && tally.n_changed ? JM_EXIT_FAILURE : 0;
}

static int run_in(struct settings *s, const struct verb *verb, char **words, size_t n)
{
	const struct jm_dvc_request r = {.targets = (const char *const *)words,
					 .n_targets = n,
					 .remote = s->remote,
					 .jobs = (unsigned)s->jobs,
					 .force = s->force,
					 .check_all = s->check_all,
					 .progress = on_progress,
					 .say = s->common.is_quiet && verb ? NULL : on_line,
					 .ctx = s};
	struct jm_error err = {0};
	struct jm_dvc *d;
	int rc = jm_dvc_open(".", &d, &err);

	if (rc)
		return jm_cli_fail(&err);
	jm_cli_block_signals();
	jm_progress_init(&s->progress, !s->common.is_quiet);
	rc = verb ? run_verb(s, verb, d, &r, &err) : run_remote(s, d, &r, words, n, &err);
	jm_dvc_close(d);
	if (rc == JM_EXIT_USAGE)
		return jm_cli_usage_error(&jm_cmd_data,
					  "remote wants list, add NAME URL, modify NAME KEY VALUE, unset NAME KEY, "
					  "remove NAME or default NAME");
	return rc < 0 ? jm_cli_fail(&err) : rc;
}

static int run_hub(struct settings *s, bool is_upload)
{
	const struct jm_hub_request r = {.owner = s->owner,
					 .name = s->name,
					 .branch = s->branch ? s->branch : "main",
					 .local_folder = s->local_folder ? s->local_folder : "raw_data",
					 .remote_folder = s->remote_folder ? s->remote_folder : "raw_data",
					 .message = s->message ? s->message : "Add dataset to DagsHub",
					 .force = s->force,
					 .progress = on_progress,
					 .ctx = s};
	struct jm_hub_tally tally = {0};
	struct jm_error err = {0};
	int rc;

	if (!s->owner || !s->name)
		return jm_cli_usage_error(&jm_cmd_data, "%s wants --owner and --name",
					  is_upload ? "upload" : "download");
	jm_cli_block_signals();
	jm_progress_init(&s->progress, !s->common.is_quiet);
	rc = is_upload ? jm_hub_upload(&r, &tally, &err) : jm_hub_download(&r, &tally, &err);
	jm_progress_finish(&s->progress);
	if (!s->common.is_quiet && (rc == 0 || tally.n_files)) {
		printf(is_upload ? "%llu files uploaded, " : "%llu files downloaded, ",
		       (unsigned long long)tally.n_files);
		print_bytes(tally.bytes);
		printf(is_upload ? "; %llu commits\n" : "; %llu were the same here\n",
		       (unsigned long long)(is_upload ? tally.n_commits : tally.n_kept));
	}
	return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
}

static int init(size_t n_words)
{
	struct jm_error err = {0};

	if (n_words)
		return jm_cli_usage_error(&jm_cmd_data,
					  "init takes no further word: it makes the current folder a repository");
	return jm_dvc_init(".", &err) ? jm_cli_fail(&err) : JM_EXIT_OK;
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	size_t i;

	(void)command;
	if (n_positional == 0)
		return jm_cli_usage_error(&jm_cmd_data,
					  "what is to be done? add, status, push, pull, fetch, checkout, remote, init");
	if (s->jobs > 128)
		return jm_cli_usage_error(&jm_cmd_data, "--jobs is at most 128");
	if (strcmp(positional[0], "init") == 0)
		return init(n_positional - 1);
	if (strcmp(positional[0], "upload") == 0 || strcmp(positional[0], "download") == 0)
		return n_positional > 1 ? jm_cli_usage_error(&jm_cmd_data, "'%s' is one word too many", positional[1])
					: run_hub(s, positional[0][0] == 'u');
	if (strcmp(positional[0], "remote") == 0)
		return run_in(s, NULL, positional + 1, n_positional - 1);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(positional[0], verbs[i].name) != 0)
			continue;
		if (verbs[i].wants_targets && n_positional < 2)
			return jm_cli_usage_error(&jm_cmd_data, "%s wants files or folders", verbs[i].name);
		return run_in(s, &verbs[i], positional + 1, n_positional - 1);
	}
	return jm_cli_usage_error(&jm_cmd_data, "there is no 'data %s'", positional[0]);
}

const struct jm_command jm_cmd_data = {
    .name = "data",
    .summary = "version data in DVC's own files: add, status, push, pull, checkout",
    .usage = "add PATH... | status | push | pull | fetch | checkout [TARGET...] | remote ... | init |\n"
	     "                     upload | download --owner NAME --name NAME",
    .details =
	"Works on a DVC repository as dvc does, and with it: .dvc files, cache and remotes are the same to the byte\n"
	"(docs/data.md). A TARGET is versioned data or its .dvc file; without one, all of the repository.\n"
	"remote: list, add NAME URL, modify NAME KEY VALUE, unset NAME KEY, remove NAME, default NAME. A VALUE of -\n"
	"is read from standard input; secrets go into .dvc/config.local, which git ignores.\n"
	"upload and download move a folder by DagsHub's own interface; its token is in DAGSHUB_USER_TOKEN.",
    .examples = "  joulemap data add raw_data\n"
		"  joulemap data remote add -d storage /mnt/storage\n"
		"  joulemap data push\n"
		"  joulemap data pull raw_data.dvc\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = SIZE_MAX,
    .settings_size = sizeof(struct settings),
    .run = run,
};
