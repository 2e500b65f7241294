/* A "CUDA program": loads the libraries that the environment names as the driver and NVTX would, and tells the stand-in for
 * CUPTI what its devices run.
 *
 * usage: cuda_program [work] [work N] [fork] [exec] [kill] [takeover] [silent]...   each word is done in turn */
#define _GNU_SOURCE
#include "../fake_cupti.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MULTIPLY                                                                                                       \
	"_ZN2at6native29vectorized_elementwise_kernelILi4ENS0_13BinaryFunctorIfffNS0_15binary_internal10MulFunctor"    \
	"IfEEEESt5arrayIPcLm3EEEEviT0_T1_"

static void (*work)(const struct fake_work *);
static uint64_t (*now)(void);
static void (*take_over)(void);
static const char *self;

/* NVTX's tables, as its header makes them. */
typedef void (*function)(void);
static function core[16], core2[16];
static function *core_table[17], *core2_table[17];

static int module_table(int module, function ***table, unsigned *n)
{
	*table = module == 1 ? core_table : core2_table;
	*n = 16;
	return module == 1 || module == 5;
}

static const void *export_table(uint32_t id)
{
	static const struct {
		size_t size;
		int (*module)(int, function ***, unsigned *);
	} callbacks = {sizeof(callbacks), module_table};

	return id == 1 ? &callbacks : NULL;
}

static void push(const char *name)
{
	if (core[9])
		((int (*)(const char *))core[9])(name);
}

static void pop(void)
{
	if (core[11])
		((int (*)(void))core[11])();
}

static void *symbol(void *library, const char *name)
{
	void *found = library ? dlsym(library, name) : NULL;

	if (!found) {
		fprintf(stderr, "cuda_program: no %s: %s\n", name, dlerror());
		exit(3);
	}
	return found;
}

static void initialise(void)
{
	const char *injection = getenv("CUDA_INJECTION64_PATH"), *nvtx = getenv("NVTX_INJECTION64_PATH");
	void *cupti = dlopen(getenv("JOULEMAP_CUPTI"), RTLD_NOW);
	size_t i;

	for (i = 0; i < 16; i++) {
		core_table[i] = &core[i];
		core2_table[i] = &core2[i];
	}
	*(void **)&work = symbol(cupti, "fake_cupti_work");
	*(void **)&now = symbol(cupti, "fake_cupti_now");
	*(void **)&take_over = symbol(cupti, "fake_cupti_take_over");
	if (nvtx)
		((int (*)(const void *(*)(uint32_t)))symbol(dlopen(nvtx, RTLD_NOW), "InitializeInjectionNvtx2"))(
		    export_table);
	if (injection)
		((int (*)(void))symbol(dlopen(injection, RTLD_NOW), "InitializeInjection"))();
}

/* Kernels follow each other in real time: 20 us each. */
static void run(struct fake_work w)
{
	w.start_ns = now();
	while (now() < w.start_ns + 20000)
		;
	w.end_ns = w.start_ns + 20000;
	work(&w);
}

static void iterate(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		push("forward");
		push("encoder");
		run((struct fake_work){.name = MULTIPLY, .stream = 7});
		run((struct fake_work){.name = "ampere_sgemm_128x64_tn", .stream = 7});
		pop();
		run((struct fake_work){.name = "ampere_sgemm_128x64_tn", .stream = 13});
		pop();
		run((struct fake_work){.copy_kind = 1, .stream = 7, .bytes = 4096});
		run((struct fake_work){.stream = 7, .bytes = 512});
		run((struct fake_work){.name = "in_graph_a", .stream = 7, .graph = 2});
		run((struct fake_work){.name = "in_graph_b", .stream = 7, .graph = 2, .is_same_launch = 1});
	}
}

static void in_child(int with_exec)
{
	pid_t pid = fork();

	if (pid == 0 && with_exec) {
		execl(self, self, "work", (char *)NULL);
		_exit(4);
	}
	if (pid == 0) {
		initialise(); /* CUDA in the child of a fork */
		iterate(10);
		exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	int i, is_ready = 0;

	self = argv[0];
	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "work") == 0) {
			if (!is_ready++)
				initialise();
			iterate(i + 1 < argc && atoi(argv[i + 1]) > 0 ? atoi(argv[++i]) : 10);
		} else if (strcmp(argv[i], "fork") == 0 || strcmp(argv[i], "exec") == 0) {
			in_child(strcmp(argv[i], "exec") == 0);
		} else if (strcmp(argv[i], "takeover") == 0) {
			take_over();
			return 0;
		} else if (strcmp(argv[i], "kill") == 0) {
			raise(SIGKILL);
		}
	}
	return 0;
}
