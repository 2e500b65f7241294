/* A recording of any bytes: opened, and all of it read. */
#include "fuzz.h"

#include "recording/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void read_samples(struct jm_recording *r)
{
	const struct jm_recording_sensor *sensors;
	struct jm_sample *samples, *all[8];
	size_t n_channels, n_sensors, n, n_all[8], i, c;

	jm_recording_channels(r, &n_channels);
	for (i = 0; i < n_channels && i < 64; i++)
		if (jm_recording_samples(r, (uint16_t)i, INT64_MIN, INT64_MAX, &samples, &n, NULL) == 0)
			free(samples);
	sensors = jm_recording_sensors(r, &n_sensors);
	for (i = 0; i < n_sensors && i < 64; i++) {
		if (jm_recording_sensor_samples(r, i, -1000, 1000, all, n_all, NULL))
			continue;
		for (c = 0; c < sensors[i].n_channels; c++)
			free(all[c]);
	}
}

static void read_all(struct jm_recording *r)
{
	struct jm_span *spans;
	struct jm_ledger ledger;
	int64_t first, last;
	double number;
	size_t n;

	read_samples(r);
	if (jm_recording_spans(r, UINT32_MAX, &spans, &n, NULL) == 0) {
		const struct jm_names *names = jm_recording_names(r);

		while (n > 0)
			if (spans[--n].name >= names->n)
				abort();
		free(spans);
	}
	jm_recording_extent(r, &first, &last);
	jm_recording_ledger(r, 0, &ledger);
	jm_recording_events(r, &n);
	jm_recording_meta_i64(r, "key", &first);
	jm_recording_meta_double(r, "key", &number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *folder = getenv("TMPDIR");
	struct jm_recording *r;
	struct jm_error err;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%.400s/jm-fuzz-%ld.jmap", folder && folder[0] ? folder : "/tmp", (long)getpid());
	f = fopen(path, "wb");
	if (!f)
		return 0;
	fwrite(data, 1, n, f);
	fclose(f);
	if (jm_recording_open(path, &r, &err) == 0) {
		read_all(r);
		jm_recording_close(r);
	}
	unlink(path);
	return 0;
}
