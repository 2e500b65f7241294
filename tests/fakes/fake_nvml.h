/* The script of the stand-in NVML library. A program sets it by a file named in JM_FAKE_NVML, one "key=value" a line,
 * the keys being the members' names; a test that has loaded the library sets it through fake_nvml_script(). */
#ifndef TESTS_FAKES_FAKE_NVML_H
#define TESTS_FAKES_FAKE_NVML_H

#include <stdint.h>

/* An emulated GPU sensor of the test's own, in the same process. */
struct fake_nvml_entry {
	uint64_t stamp_us, power_mw;
};
struct fake_nvml_source {
	void *ctx;
	uint64_t (*now_us)(void *ctx);                        /* of the wall clock */
	uint64_t (*power_mw)(void *ctx, unsigned int field);  /* 186: instant, 185: mean of 1 s, 0: PowerUsage */
	uint64_t (*energy_mj)(void *ctx);
	/* Writes the ring's entries, at most max; gives their number. */
	unsigned int (*entries)(void *ctx, struct fake_nvml_entry *out, unsigned int max);
};

struct fake_nvml {
	unsigned int gpus;         /* 1 */
	char name[96];             /* "NVIDIA H200" */
	unsigned int architecture; /* 9 */
	/* names of calls, comma first and last: ",nvmlDeviceGetSamples,"; fields: ",186:0," */
	char unsupported[512];
	int init_result, count_result; /* nvmlReturn_t */
	unsigned int buffer;           /* entries kept: 120; 0: none yet */
	uint64_t period_us;            /* 20000 */
	unsigned int rotation;         /* the ring starts here */
	unsigned int duplicates;       /* the first entry is given so many times more */
	unsigned int zeros;            /* so many entries were never filled */
	unsigned int value_type;       /* 1: unsigned int */
	uint64_t base_mw;              /* entry k has base_mw + k % 10 */
	uint64_t now_us;               /* true time; 0: CLOCK_REALTIME */
	int64_t step_us;               /* the wall clock was set by this ... */
	uint64_t step_at_us;           /* ... at this true time */
	int64_t restamp_us;            /* added to every stamp of the ring */
	uint64_t energy_mj;            /* 0: base_mw since the first look */
	unsigned int memory_mw;        /* 0: the memory has no scope of its own */
	unsigned int lost_after;       /* calls until the GPU is lost; 0: never */
	unsigned int mig, virtualization;
	unsigned int lost_gpu; /* only GPU number lost_gpu - 1 is lost; 0: all are */
	unsigned int mig_instances, vgpus;
	unsigned int module_mw; /* 0: there is no module scope */
	unsigned int held_ppm;  /* share of the time that the power cap holds clocks down, in steps of 100 ms */
	unsigned int held_heat_ppm, held_brake_ppm; /* brake 0: not supported */
	uint64_t reasons;                           /* 4 */
	unsigned int pstate;
	uint64_t gap_from_us, gap_to_us;            /* entries made at these true times never were */
	unsigned int swapped;                       /* entries come two by two, the later one first */
	unsigned int n_inits, n_shutdowns, n_calls; /* told back */
	const struct fake_nvml_source *source;      /* readings come from there; NULL: from the numbers above */
};

typedef struct fake_nvml *(*fake_nvml_script_function)(void);

#endif
