/* Which GPU it is, and who else draws from the board whose power is read. NVML counts every GPU of the machine and knows
 * nothing of CUDA_VISIBLE_DEVICES; its order is that of the PCI bus, CUDA's need not be: hence UUID and PCI id. */
#define _GNU_SOURCE
#include "sensor/nvml_gpu.h"

#include <stdio.h>
#include <string.h>

#define N_MIG_MAX 16

static unsigned int count_mig_instances(const struct jm_nvml_gpu *g)
{
	unsigned int n_max = 0, n = 0, i;
	jm_nvml_device instance;

	if (!g->nvml->max_mig_devices || !g->nvml->mig_device || g->nvml->max_mig_devices(g->device, &n_max))
		return 0;
	for (i = 0; i < n_max && i < N_MIG_MAX; i++)
		n += g->nvml->mig_device(g->device, i, &instance) == 0;
	return n;
}

/* A MIG instance has no power of its own (NVML API Reference, nvmlDeviceGetPowerUsage: not for MIG devices). */
static void find_mig(struct jm_nvml_gpu *g)
{
	unsigned int current = 0, pending = 0, n;

	if (!g->nvml->mig_mode || g->nvml->mig_mode(g->device, &current, &pending) || current != 1)
		return;
	n = count_mig_instances(g);
	if (n)
		snprintf(g->shared, sizeof(g->shared), "board power is shared by %u MIG instance%s", n,
			 n == 1 ? "" : "s");
	else
		snprintf(g->shared, sizeof(g->shared),
			 "MIG is on: the figure is of the whole board, not of an instance");
}

static void find_virtual(struct jm_nvml_gpu *g)
{
	unsigned int n = 0;
	int mode = 0;

	if (!g->nvml->virtualization || g->nvml->virtualization(g->device, &mode))
		return;
	g->is_vgpu = mode == JM_NVML_VIRTUALIZATION_GUEST;
	if (g->is_vgpu)
		snprintf(g->shared, sizeof(g->shared), "a virtual GPU: the board may be shared with other machines");
	if (mode != JM_NVML_VIRTUALIZATION_HOST)
		return;
	/* With no room for the list it says how many there are. */
	if (g->nvml->active_vgpus && jm_nvml_error(g->nvml->active_vgpus(g->device, &n, NULL)) && n)
		snprintf(g->shared, sizeof(g->shared), "board power is shared by %u virtual GPU%s", n,
			 n == 1 ? "" : "s");
}

static void name_it(struct jm_nvml_gpu *g)
{
	struct jm_nvml_pci pci;
	char uuid[96] = "";
	int n;

	if (g->nvml->name(g->device, g->name, sizeof(g->name)))
		snprintf(g->name, sizeof(g->name), "NVIDIA GPU %u", g->index);
	g->name[sizeof(g->name) - 1] = '\0';
	if (g->nvml->uuid && g->nvml->uuid(g->device, uuid, sizeof(uuid)))
		uuid[0] = '\0';
	n = snprintf(g->identity, sizeof(g->identity), "%.63s%s%.47s", g->name, uuid[0] ? ", " : "", uuid);
	memset(&pci, 0, sizeof(pci));
	if (g->nvml->pci && g->nvml->pci(g->device, &pci) == 0)
		snprintf(g->identity + n, sizeof(g->identity) - (size_t)n, ", PCI %.*s",
			 (int)strnlen(pci.bus_id, sizeof(pci.bus_id)), pci.bus_id);
}

void jm_nvml_identify(struct jm_nvml_gpu *g)
{
	name_it(g);
	if (g->nvml->architecture && g->nvml->architecture(g->device, &g->architecture))
		g->architecture = 0;
	find_virtual(g);
	find_mig(g);
}
