/* What a program without a GPU tells the stand-in for CUPTI. */
#ifndef TESTS_FAKE_CUPTI_H
#define TESTS_FAKE_CUPTI_H

#include <stddef.h>
#include <stdint.h>

struct fake_work {
	const char *name;   /* of a kernel; NULL: a copy or a set */
	uint32_t copy_kind; /* 0: a set */
	uint32_t device, stream, graph;
	uint64_t start_ns, end_ns; /* on CUPTI's clock */
	uint64_t bytes;
	int is_same_launch; /* as the one before: a kernel of the same graph */
};

void fake_cupti_work(const struct fake_work *work);
uint64_t fake_cupti_now(void);
void fake_cupti_take_over(void);

#endif
