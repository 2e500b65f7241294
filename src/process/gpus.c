#include "process/gpus.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

#define GPUS_MAX    64
#define SAMPLES_MAX 4096
#define HELD_MAX    1024 /* processes on one GPU */
#define PPM_PERCENT 10000

struct one_gpu {
	jm_nvml_device device;
	bool is_silent; /* does not tell, and never will */
	unsigned long long seen_us;
};

/* A process on the GPU under way. */
struct user {
	unsigned int pid;
	uint64_t sm, memory, n; /* sums of percent over n samples */
};

struct jm_process_gpus {
	struct jm_nvml *nvml;
	struct one_gpu gpus[GPUS_MAX];
	unsigned int n_gpus;
	struct jm_nvml_process_utilization samples[SAMPLES_MAX];
	struct jm_nvml_process held[HELD_MAX];
	struct user users[HELD_MAX];
	size_t n_users;
	struct jm_process_gpu rows[GPUS_MAX * 4 + HELD_MAX];
	size_t n_rows;
};

int jm_process_gpus_create(struct jm_nvml *nvml, struct jm_process_gpus **out, struct jm_error *err)
{
	struct jm_process_gpus *g;
	unsigned int i, n = 0;

	if (!nvml->process_utilization || nvml->device_count(&n) != JM_NVML_SUCCESS || n == 0)
		return jm_error_set(err, JM_E_UNSUPPORTED, "this NVML does not tell which process uses a GPU");
	g = calloc(1, sizeof(*g));
	if (!g)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the GPUs' processes");
	g->nvml = nvml;
	g->n_gpus = n < GPUS_MAX ? n : GPUS_MAX;
	for (i = 0; i < g->n_gpus; i++)
		g->gpus[i].is_silent = nvml->device(i, &g->gpus[i].device) != JM_NVML_SUCCESS;
	*out = g;
	return 0;
}

void jm_process_gpus_destroy(struct jm_process_gpus *g)
{
	free(g);
}

static struct user *find_user(struct jm_process_gpus *g, unsigned int pid)
{
	size_t i;

	for (i = 0; i < g->n_users; i++)
		if (g->users[i].pid == pid)
			return &g->users[i];
	if (g->n_users == HELD_MAX)
		return NULL;
	g->users[g->n_users] = (struct user){.pid = pid};
	return &g->users[g->n_users++];
}

/* Means over the driver's samples since the last poll. Gives false when the GPU does not tell. */
static bool read_use(struct jm_process_gpus *g, struct one_gpu *gpu)
{
	unsigned int n = SAMPLES_MAX, i;
	int rc = g->nvml->process_utilization(gpu->device, g->samples, &n, gpu->seen_us);

	g->n_users = 0;
	/* Nobody used it since then. */
	if (rc == JM_NVML_NOT_FOUND)
		return true;
	if (rc != JM_NVML_SUCCESS) {
		gpu->is_silent =
		    rc == JM_NVML_NOT_SUPPORTED || rc == JM_NVML_NO_PERMISSION || rc == JM_NVML_GPU_IS_LOST;
		return false;
	}
	for (i = 0; i < n && i < SAMPLES_MAX; i++) {
		const struct jm_nvml_process_utilization *s = &g->samples[i];
		struct user *u = s->timestamp_us > gpu->seen_us ? find_user(g, s->pid) : NULL;

		if (!u)
			continue;
		u->sm += s->sm_percent;
		u->memory += s->memory_percent;
		u->n++;
	}
	for (i = 0; i < n && i < SAMPLES_MAX; i++)
		if (g->samples[i].timestamp_us > gpu->seen_us)
			gpu->seen_us = g->samples[i].timestamp_us;
	return true;
}

/* Memory that a process holds; < 0: unknown. */
static int64_t memory_of(const struct jm_process_gpus *g, unsigned int n_held, unsigned int pid)
{
	int64_t sum = -1;
	unsigned int i;

	for (i = 0; i < n_held; i++)
		if (g->held[i].pid == pid && g->held[i].used_bytes <= INT64_MAX)
			sum = (sum < 0 ? 0 : sum) + (int64_t)g->held[i].used_bytes;
	return sum;
}

static void add_rows(struct jm_process_gpus *g, unsigned int index, const struct jm_process_watch *w, int64_t t_ns)
{
	struct jm_process_gpu others = {
	    .process = JM_PROCESS_OTHERS, .gpu = (uint16_t)index, .t_ns = t_ns, .used_bytes = -1};
	unsigned int n_held = HELD_MAX;
	size_t i;

	if (!g->nvml->compute_processes ||
	    g->nvml->compute_processes(g->gpus[index].device, &n_held, g->held) != JM_NVML_SUCCESS)
		n_held = 0;
	for (i = 0; i < g->n_users; i++) {
		const struct user *u = &g->users[i];
		struct jm_process_gpu row = {.n = 1,
					     .gpu = (uint16_t)index,
					     .t_ns = t_ns,
					     .sm_ppm = (int64_t)(u->sm * PPM_PERCENT / u->n),
					     .memory_ppm = (int64_t)(u->memory * PPM_PERCENT / u->n),
					     .used_bytes = memory_of(g, n_held, u->pid)};

		if (jm_process_watch_find(w, u->pid, &row.process) == 0 &&
		    g->n_rows + 1 < sizeof(g->rows) / sizeof(g->rows[0])) {
			g->rows[g->n_rows++] = row;
			continue;
		}
		others.n += row.sm_ppm > 0;
		others.sm_ppm += row.sm_ppm;
		others.memory_ppm += row.memory_ppm;
	}
	/* Always: it says that somebody looked. */
	if (g->n_rows < sizeof(g->rows) / sizeof(g->rows[0]))
		g->rows[g->n_rows++] = others;
}

size_t jm_process_gpus_poll(struct jm_process_gpus *g, const struct jm_process_watch *w, int64_t t_ns,
			    const struct jm_process_gpu **rows_out)
{
	unsigned int i;

	g->n_rows = 0;
	for (i = 0; i < g->n_gpus; i++)
		if (!g->gpus[i].is_silent && read_use(g, &g->gpus[i]))
			add_rows(g, i, w, t_ns);
	*rows_out = g->rows;
	return g->n_rows;
}
