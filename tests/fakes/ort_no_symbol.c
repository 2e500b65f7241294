/* A library that is no ONNX Runtime. */
int jm_fake_nothing(void);

__attribute__((visibility("default"))) int jm_fake_nothing(void)
{
	return 0;
}
