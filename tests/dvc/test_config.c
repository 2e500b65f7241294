#include "dvc/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dvc/ignore.h"
#include "dvc/path.h"
#include "support/tree.h"

static int read_text(struct jm_dvc_config *config, enum jm_dvc_level level, const char *text, struct jm_error *err)
{
	return jm_dvc_config_read(config, level, "config", text, strlen(text), err);
}

static void settings_are_read_as_dvc_reads_them(void **state)
{
	struct jm_dvc_config config = {0};

	(void)state;
	assert_int_equal(
	    read_text(&config, JM_DVC_REPO,
		      "# note\n[core]\n    remote = Origin   # the server\n    autostage = True\n"
		      "['remote \"Origin\"']\n    url = \"https://x.y/a#b\"\n    'user' = me\n[ \"remote \\\"\" ]\n",
		      NULL),
	    0);
	assert_string_equal(jm_dvc_config_get(&config, "core", "remote"), "Origin");
	assert_true(jm_dvc_config_flag(&config, "core", "autostage", false));
	assert_string_equal(jm_dvc_config_get(&config, "remote/origin", "url"), "https://x.y/a#b");
	assert_string_equal(jm_dvc_config_get(&config, "remote/origin", "user"), "me");
	assert_null(jm_dvc_config_get(&config, "remote/origin", "password"));
	assert_int_equal(read_text(&config, JM_DVC_LOCAL, "['remote \"origin\"']\nuser = other\n", NULL), 0);
	assert_string_equal(jm_dvc_config_get(&config, "remote/origin", "user"), "other");
	jm_dvc_config_finish(&config);
}

static void a_damaged_line_is_named_and_not_shown(void **state)
{
	static const char *const texts[] = {"secret = 1\n",          "[core\n",      "[core]\nsecret\n",
					    "[core]\na = 'secret\n", "[[secret]]\n", "[core]\na = '''secret'''\n"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct jm_dvc_config config = {0};
		struct jm_error err = {0};

		if (read_text(&config, JM_DVC_REPO, texts[i], &err) != JM_E_FORMAT)
			fail_msg("taken: %s", texts[i]);
		assert_null(strstr(err.message, "secret"));
		assert_non_null(strstr(err.message, "config:"));
		jm_dvc_config_finish(&config);
	}
}

struct stage {
	struct tree tree;
	char path[400];
};

static void content_is(const struct stage *s, const char *expected)
{
	char *text;
	size_t n;

	assert_int_equal(jm_dvc_read_file(s->path, 4096, &text, &n, NULL), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void begin(struct stage *s)
{
	tree_create(&s->tree);
	snprintf(s->path, sizeof(s->path), "%s/config", s->tree.root);
}

static void an_edited_file_is_as_dvc_writes_it(void **state)
{
	struct stage s;
	struct stat status;

	(void)state;
	begin(&s);
	assert_int_equal(jm_dvc_config_edit(s.path, "remote/origin", "url", "https://x.y/z.dvc", false, NULL), 0);
	assert_int_equal(jm_dvc_config_edit(s.path, "core", "remote", "origin", false, NULL), 0);
	assert_int_equal(jm_dvc_config_edit(s.path, "remote/origin", "auth", "basic", false, NULL), 0);
	content_is(
	    &s, "[core]\n    remote = origin\n['remote \"origin\"']\n    url = https://x.y/z.dvc\n    auth = basic\n");
	assert_int_equal(jm_dvc_config_edit(s.path, "remote/origin", "url", "a,b # c", false, NULL), 0);
	content_is(&s, "[core]\n    remote = origin\n['remote \"origin\"']\n    url = \"a,b # c\"\n    auth = basic\n");
	assert_int_equal(jm_dvc_config_edit(s.path, "remote/origin", "auth", NULL, false, NULL), 0);
	assert_int_equal(jm_dvc_config_edit(s.path, "remote/origin", "url", NULL, false, NULL), 0);
	content_is(&s, "[core]\n    remote = origin\n");
	assert_int_equal(jm_dvc_config_edit(s.path, "remote/origin", NULL, NULL, false, NULL), JM_E_NOT_FOUND);
	assert_int_equal(jm_dvc_config_edit(s.path, "core", "remote", "a\nb", false, NULL), JM_E_INVALID);
	unlink(s.path);
	assert_int_equal(jm_dvc_config_edit(s.path, "remote/o", "password", "x", true, NULL), 0);
	assert_int_equal(stat(s.path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	tree_remove(&s.tree);
}

static void comments_survive_an_edit(void **state)
{
	struct stage s;
	static const char text[] = "# top\n[core]\n    # which\n    remote = a\n\n['remote \"a\"']\n    url = x\n# end";

	(void)state;
	begin(&s);
	assert_int_equal(jm_dvc_write_file(s.path, text, strlen(text), 0, NULL), 0);
	assert_int_equal(jm_dvc_config_edit(s.path, "core", "remote", "b", false, NULL), 0);
	content_is(&s, "# top\n[core]\n    # which\n    remote = b\n\n['remote \"a\"']\n    url = x\n# end");
	tree_remove(&s.tree);
}

static void patterns_match_as_gitignore_has_it(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool is_folder, is_match;
	} cases[] = {
	    {"*.tmp", "a/b.tmp", false, true}, {"*.tmp", "b.tmpx", false, false},  {"/b", "a/b", false, false},
	    {"/b", "b", false, true},          {"a/b", "a/b", false, true},        {"a/b", "c/a/b", false, false},
	    {"b/", "a/b", true, true},         {"b/", "a/b", false, false},        {"**/b", "b", false, true},
	    {"**/b", "x/y/b", false, true},    {"a/**", "a/x/y", false, true},     {"a/**", "a", true, false},
	    {"a/**/b", "a/b", false, true},    {"a/**/b", "a/x/y/b", false, true}, {"[ab]?", "bz", false, true},
	    {"[!ab]?", "bz", false, false},    {"\\#x", "#x", false, true},        {"a*/c", "abc/c", false, true},
	    {"a*/c", "ab/d/c", false, false},  {"[a-c]x", "bx", false, true},      {"[", "[", false, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jm_dvc_ignore ignore = {0};

		assert_int_equal(jm_dvc_ignore_add(&ignore, "", cases[i].pattern, strlen(cases[i].pattern)), 0);
		if (jm_dvc_ignore_matches(&ignore, cases[i].path, cases[i].is_folder) != cases[i].is_match)
			fail_msg("%s on %s", cases[i].pattern, cases[i].path);
		jm_dvc_ignore_finish(&ignore);
	}
}

static void the_last_pattern_that_matches_decides(void **state)
{
	struct jm_dvc_ignore ignore = {0};

	(void)state;
	assert_int_equal(jm_dvc_ignore_add(&ignore, "", "*.log", 5), 0);
	assert_int_equal(jm_dvc_ignore_add(&ignore, "", "# no pattern", 12), 0);
	assert_int_equal(jm_dvc_ignore_add(&ignore, "sub", "!keep.log", 9), 0);
	assert_true(jm_dvc_ignore_matches(&ignore, "keep.log", false));
	assert_false(jm_dvc_ignore_matches(&ignore, "sub/keep.log", false));
	assert_int_equal(jm_dvc_ignore_add(&ignore, "", "data/", 5), 0);
	assert_true(jm_dvc_ignore_covers(&ignore, "data/a/b", false));
	assert_false(jm_dvc_ignore_covers(&ignore, "data", false));
	jm_dvc_ignore_finish(&ignore);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settings_are_read_as_dvc_reads_them),
	    cmocka_unit_test(a_damaged_line_is_named_and_not_shown),
	    cmocka_unit_test(an_edited_file_is_as_dvc_writes_it),
	    cmocka_unit_test(comments_survive_an_edit),
	    cmocka_unit_test(patterns_match_as_gitignore_has_it),
	    cmocka_unit_test(the_last_pattern_that_matches_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
