/* Writes an activity file (src/trace/cuda_activity.h). Any thread; one lock. */
#ifndef INJECT_ACTIVITY_FILE_H
#define INJECT_ACTIVITY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct activity_file;

/* Makes one that is closed; it lives as long as the process, so that no thread ever finds it gone. NULL: no memory. */
struct activity_file *jm_activity_create(void);
/* Opens FOLDER/PID-NUMBER.jmca, of the first number that is free. Gives false, with errno. */
bool jm_activity_open(struct activity_file *f, const char *folder);
/* Closes it without writing what is held back: for the child of a fork, whose file it is not. */
void jm_activity_abandon(struct activity_file *f);
/* Writes what is held back and closes. What is appended afterwards goes nowhere. */
void jm_activity_close(struct activity_file *f);

/* Appends whole records (n bytes, a multiple of 8). What could not be written is lost, and said by is_failed. */
void jm_activity_append(struct activity_file *f, const void *records, size_t n);
/* Appends a record of a type that ends in a text; cut at the format's limit. */
void jm_activity_append_text(struct activity_file *f, unsigned type, uint32_t number, const char *text);
/* Gives the id of a name, which is appended if it is new. 0: no memory for it, the nameless. */
uint32_t jm_activity_name(struct activity_file *f, const char *name);
/* Brings what is held back to the file. */
void jm_activity_flush(struct activity_file *f);
bool jm_activity_is_failed(const struct activity_file *f);

#endif
