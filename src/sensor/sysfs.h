/* Reading of sysfs attributes for the drivers that live on them: listing, one-off reads while probing, and the group of
 * kept descriptors that is read with pread, without allocation. */
#ifndef SENSOR_SYSFS_H
#define SENSOR_SYSFS_H

#include "sensor/sensor.h"

#define JM_SYSFS_NAME_MAX 64

/* Names in a folder, in natural order ("x:2" before "x:10"), "." and ".." left out, longer names left out. */
struct jm_sysfs_names {
	char (*names)[JM_SYSFS_NAME_MAX];
	size_t n;
};

/* Lists root + path. Errors: as jm_env_open; JM_E_NOMEM. out is empty on failure; free with the finish. */
int jm_sysfs_list(const struct jm_env *env, const char *path, struct jm_sysfs_names *out);
void jm_sysfs_names_finish(struct jm_sysfs_names *names);

/* Read one attribute, its path formatted, below env's root. Errors: as jm_env_read_text; JM_E_INVALID: path too long.
 */
int jm_sysfs_text(const struct jm_env *env, char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int jm_sysfs_i64(const struct jm_env *env, int64_t *out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies text to out as part of a channel name: what is not a letter, a digit or one of "._-+" becomes '-'. An empty
 * text gives "unnamed". */
void jm_sysfs_clean(const char *text, char *out, size_t size);

/* Says whether the processor reports that it is a virtual one (flag "hypervisor" in /proc/cpuinfo). */
bool jm_sysfs_is_vm(const struct jm_env *env);
/* Says whether /proc/cpuinfo's first processor has the vendor_id. */
bool jm_sysfs_has_cpu_vendor(const struct jm_env *env, const char *vendor);

/* Parses a list of processors ("0,24", "0-3"); those beyond n_cpus are dropped. Gives how many, > 0, or JM_E_FORMAT. */
int jm_sysfs_cpu_list(const char *text, int *cpus, int n_cpus);

/* What one channel of a group reads: value = a * multiplier / divisor, or a * b * multiplier / divisor. */
struct jm_sysfs_input {
	char path[2][192]; /* below the root; path[1] empty: one file only */
	int fd[2];
	int64_t multiplier, divisor; /* > 0 */
	bool is_counter;             /* a negative value is refused */
};

/* Reads an opened input. Hot path. Errors: as jm_sysfs_pread_i64; JM_E_FORMAT: a product that overflows, a negative
 * counter. */
int jm_sysfs_input_read(const struct jm_env *env, const struct jm_sysfs_input *in, int64_t *out);

/* State of a sensor whose channels are such inputs, in order. Begin: probe allocates it with jm_sysfs_group_create and
 * fills input[i] for channel i; open, read and close below serve as the driver's own. */
struct jm_sysfs_group {
	size_t n_inputs;
	/* Of a driver that does not read an input's first file each time: what it read last, and for how many readings. */
	int64_t held;
	unsigned n_held;
	struct jm_sysfs_input input[JM_SENSOR_CHANNELS_MAX];
};

/* Gives an empty group, or NULL when out of memory. Yours until it hangs on a sensor's state. */
struct jm_sysfs_group *jm_sysfs_group_create(void);
/* Adds an input; b may be NULL. Errors: JM_E_INVALID when the group is full or a path too long. */
int jm_sysfs_group_add(struct jm_sysfs_group *g, const char *a, const char *b, int64_t multiplier, int64_t divisor,
		       bool is_counter);

/* Opens the files. A file that cannot be opened fails the sensor: probe has left such channels out. */
int jm_sysfs_group_open(struct jm_sensor *s, struct jm_error *err);
/* Reads all inputs between one pair of times. A channel that fails is a GAP; when all fail, no samples are given and
 * the first one's code is: JM_E_GONE when the device is gone. About 1 us a file. */
int jm_sysfs_group_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out);
void jm_sysfs_group_close(struct jm_sensor *s);

/* A channel that a probe has found, on its way to a sensor. */
struct jm_sysfs_candidate {
	struct jm_channel channel; /* part_of, same_as: unused, see below */
	struct jm_sysfs_input input;
	int part_of, same_as; /* index of another candidate; -1: none */
	int code;             /* of the trial read; 0: readable */
	int index;            /* of the channel in the set, once appended */
};

/* Fills c with a channel of that name, and inputs as in jm_sysfs_group_add. Paths too long become unreadable. */
void jm_sysfs_candidate_init(struct jm_sysfs_candidate *c, const char *name, const char *a, const char *b,
			     int64_t multiplier, int64_t divisor);
/* Opens and reads once; on failure marks the channel unavailable, with reason and remedy. value_out may be NULL. */
void jm_sysfs_candidate_try(const struct jm_env *env, struct jm_sysfs_candidate *c, int64_t *value_out);
/* Appends n candidates as sensors of driver with a group as state: the readable ones under name (".1" and so on where
 * there are more than JM_SENSOR_CHANNELS_MAX), the others apart, so that no reading carries their gaps. min_period_ns
 * and may_block go to every sensor. Errors: JM_E_NOMEM. */
int jm_sysfs_candidates_append(const struct jm_env *env, const struct jm_sensor_driver *driver, const char *name,
			       struct jm_sysfs_candidate *candidates, size_t n, int64_t min_period_ns, bool may_block,
			       struct jm_sensor_set *found);
/* Carries part_of and same_as over to the appended channels. */
void jm_sysfs_candidates_link(const struct jm_sysfs_candidate *candidates, size_t n, struct jm_sensor_set *found);

/* Reads fd from its beginning as one decimal integer. Hot path. Errors: JM_E_FORMAT: empty, garbage or too long; else
 * by errno. */
int jm_sysfs_pread_i64(const struct jm_env *env, int fd, int64_t *out);

#endif
