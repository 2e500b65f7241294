#define _GNU_SOURCE
#include "dvc/oid.h"

#include "core/error.h"

#include <openssl/evp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_ENDING ".dir"
#define TEXT_HEAD     512 /* bytes of a chunk that say whether it is text */

struct jm_dvc_md5 {
	EVP_MD_CTX *ctx;
	const EVP_MD *kind;
	unsigned char *unix_text; /* a chunk without its carriage returns; made when first needed */
	bool is_failed;
};

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c;
	if (c >= 'a' && c <= 'f')
		return c;
	return c >= 'A' && c <= 'F' ? c - 'A' + 'a' : -1;
}

int jm_dvc_oid_parse(const char *text, size_t n, struct jm_dvc_oid *out)
{
	struct jm_dvc_oid oid = {{0}};
	size_t i;

	if (n != JM_DVC_OID_DIGITS && n != JM_DVC_OID_DIGITS + strlen(FOLDER_ENDING))
		return JM_E_FORMAT;
	for (i = 0; i < JM_DVC_OID_DIGITS; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0)
			return JM_E_FORMAT;
		oid.text[i] = (char)digit;
	}
	if (n > JM_DVC_OID_DIGITS) {
		if (memcmp(text + i, FOLDER_ENDING, strlen(FOLDER_ENDING)) != 0)
			return JM_E_FORMAT;
		strcpy(oid.text + i, FOLDER_ENDING);
	}
	*out = oid;
	return 0;
}

bool jm_dvc_oid_is_folder(const struct jm_dvc_oid *oid)
{
	return oid->text[0] && oid->text[JM_DVC_OID_DIGITS];
}

bool jm_dvc_oid_is_same_content(const struct jm_dvc_oid *a, const struct jm_dvc_oid *b)
{
	return memcmp(a->text, b->text, JM_DVC_OID_DIGITS) == 0;
}

int jm_dvc_md5_create(struct jm_dvc_md5 **out)
{
	struct jm_dvc_md5 *md5 = calloc(1, sizeof(*md5));

	if (!md5)
		return JM_E_NOMEM;
	md5->ctx = EVP_MD_CTX_new();
	md5->kind = EVP_md5();
	if (!md5->ctx) {
		jm_dvc_md5_destroy(md5);
		return JM_E_NOMEM;
	}
	*out = md5;
	return 0;
}

void jm_dvc_md5_destroy(struct jm_dvc_md5 *md5)
{
	if (!md5)
		return;
	EVP_MD_CTX_free(md5->ctx);
	free(md5->unix_text);
	free(md5);
}

void jm_dvc_md5_begin(struct jm_dvc_md5 *md5)
{
	md5->is_failed = EVP_DigestInit_ex(md5->ctx, md5->kind, NULL) != 1;
}

void jm_dvc_md5_add(struct jm_dvc_md5 *md5, const void *data, size_t n)
{
	if (!md5->is_failed && EVP_DigestUpdate(md5->ctx, data, n) != 1)
		md5->is_failed = true;
}

/* DVC 2's guess: no NUL, at most 30 % of the first 512 bytes outside printable ASCII and \n \r \t \f \b (SEED-FORMATS 7.2). */
static bool looks_like_text(const unsigned char *data, size_t n)
{
	size_t head = n < TEXT_HEAD ? n : TEXT_HEAD, strange = 0, i;

	for (i = 0; i < head; i++) {
		unsigned char c = data[i];

		if (!c)
			return false;
		strange += !((c >= 32 && c < 127) || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\b');
	}
	return (double)strange <= 0.30 * (double)head;
}

void jm_dvc_md5_add_dos2unix(struct jm_dvc_md5 *md5, const void *data, size_t n)
{
	const unsigned char *from = data;
	size_t i, kept = 0;

	if (!looks_like_text(from, n) || !memchr(from, '\r', n)) {
		jm_dvc_md5_add(md5, data, n);
		return;
	}
	if (!md5->unix_text)
		md5->unix_text = malloc(JM_DVC_CHUNK);
	if (!md5->unix_text || n > JM_DVC_CHUNK) {
		md5->is_failed = true;
		return;
	}
	for (i = 0; i < n; i++)
		if (!(from[i] == '\r' && i + 1 < n && from[i + 1] == '\n'))
			md5->unix_text[kept++] = from[i];
	jm_dvc_md5_add(md5, md5->unix_text, kept);
}

int jm_dvc_md5_end(struct jm_dvc_md5 *md5, bool is_folder, struct jm_dvc_oid *out, struct jm_error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE] = {0};
	unsigned i;

	memset(out, 0, sizeof(*out));
	/* A sum that could not be made is no name of anything, and no proof of damage. */
	if (md5->is_failed || EVP_DigestFinal_ex(md5->ctx, sum, NULL) != 1)
		return jm_error_set(err, JM_E_UNSUPPORTED,
				    "libcrypto gives no MD5 here (FIPS mode, or out of memory?)");
	for (i = 0; i < JM_DVC_OID_DIGITS / 2; i++) {
		out->text[2 * i] = digits[sum[i] >> 4];
		out->text[2 * i + 1] = digits[sum[i] & 15];
	}
	if (is_folder)
		strcpy(out->text + JM_DVC_OID_DIGITS, FOLDER_ENDING);
	return 0;
}

int jm_dvc_worker_init(struct jm_dvc_worker *w)
{
	int rc = jm_dvc_md5_create(&w->md5);

	w->buffer = malloc(JM_DVC_CHUNK);
	return rc == 0 && w->buffer ? 0 : JM_E_NOMEM;
}

void jm_dvc_worker_finish(struct jm_dvc_worker *w)
{
	jm_dvc_md5_destroy(w->md5);
	free(w->buffer);
	memset(w, 0, sizeof(*w));
}

ssize_t jm_dvc_read_chunk(struct jm_dvc_worker *w, int fd, const char *name, struct jm_error *err)
{
	size_t n = 0;

	while (n < JM_DVC_CHUNK) {
		ssize_t got = read(fd, w->buffer + n, JM_DVC_CHUNK - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return jm_error_errno(err, errno, "cannot read %s", name);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

int jm_dvc_hash_fd(struct jm_dvc_worker *w, int fd, bool is_legacy, const char *name, struct jm_dvc_oid *out,
		   int64_t *size_out, struct jm_error *err)
{
	int64_t size = 0;
	ssize_t n;
	int rc;

	jm_dvc_md5_begin(w->md5);
	while ((n = jm_dvc_read_chunk(w, fd, name, err)) > 0) {
		if (is_legacy)
			jm_dvc_md5_add_dos2unix(w->md5, w->buffer, (size_t)n);
		else
			jm_dvc_md5_add(w->md5, w->buffer, (size_t)n);
		size += n;
		if ((size_t)n < JM_DVC_CHUNK)
			break;
	}
	if (n < 0)
		return (int)n;
	rc = jm_dvc_md5_end(w->md5, false, out, err);
	if (rc == 0)
		*size_out = size;
	return rc;
}
