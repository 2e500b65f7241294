#include "core/hash.h"
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* machine-id(5) asks that the id itself is not handed on. */
static uint64_t hash(const char *text)
{
	return jm_hash(JM_HASH_BEGIN, text, strlen(text));
}

static void cpu_model(const struct jm_env *env, char *out, size_t size)
{
	char text[4096];
	const char *line, *value;

	out[0] = '\0';
	if (jm_env_read_text(env, "/proc/cpuinfo", text, sizeof(text)))
		return;
	line = strstr(text, "model name");
	value = line ? strchr(line, ':') : NULL;
	if (value)
		snprintf(out, size, "%.*s", (int)strcspn(value + 1, "\n"), value + 1 + strspn(value + 1, " "));
	out[strcspn(out, "\n")] = '\0';
}

void jm_session_machine_id(const struct jm_env *env, char *out, size_t size)
{
	char id[256], model[256];

	if (jm_env_read_text(env, "/etc/machine-id", id, sizeof(id)) && gethostname(id, sizeof(id)))
		snprintf(id, sizeof(id), "unknown");
	cpu_model(env, model, sizeof(model));
	snprintf(out, size, "%016llx", (unsigned long long)(hash(id) ^ (hash(model) * 3)));
}

void jm_session_describe_machine(const struct jm_env *env, struct jm_writer *w)
{
	char text[256];
	struct utsname u;

	jm_session_machine_id(env, text, sizeof(text));
	jm_writer_meta(w, "machine_id", text);
	if (gethostname(text, sizeof(text)) == 0) {
		text[sizeof(text) - 1] = '\0';
		jm_writer_meta(w, "hostname", text);
	}
	cpu_model(env, text, sizeof(text));
	if (text[0])
		jm_writer_meta(w, "cpu", text);
	jm_writer_meta_i64(w, "n_cpus", sysconf(_SC_NPROCESSORS_ONLN));
	if (uname(&u) == 0) {
		snprintf(text, sizeof(text), "%s %s %s", u.sysname, u.release, u.machine);
		jm_writer_meta(w, "kernel", text);
	}
	/* NVML knows nothing of it: every GPU is measured, whichever the program may use. */
	if (getenv("CUDA_VISIBLE_DEVICES"))
		jm_writer_meta(w, "cuda_visible_devices", getenv("CUDA_VISIBLE_DEVICES"));
	jm_writer_meta(w, "is_live_machine", env->is_live ? "1" : "0");
}
