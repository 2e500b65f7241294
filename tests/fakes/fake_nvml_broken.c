/* A library of the right name that is no NVML. */
__attribute__((visibility("default"))) int nvmlInit_v2(void);

int nvmlInit_v2(void)
{
	return 0;
}
