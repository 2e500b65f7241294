/* The one file that knows the JSON library. Boost.JSON's basic_parser calls back for each element and can stop and go
 * on anywhere in the text; here its calls become an array of tokens. src.hpp makes the library header-only. */
#include "core/json_parse.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>

namespace
{

namespace bj = boost::json;
using code = boost::system::error_code;
using view = bj::string_view;

/* Longest string taken: text_at and n are 32 bits. */
constexpr size_t MAX_TEXT = size_t(1) << 30;

struct handler {
	static constexpr size_t max_object_size = size_t(-1);
	static constexpr size_t max_array_size = size_t(-1);
	static constexpr size_t max_key_size = MAX_TEXT;
	static constexpr size_t max_string_size = MAX_TEXT;

	jm_json_batch *batch = nullptr;
	const char *chunk = nullptr; /* being parsed; [chunk, chunk_end) starts at byte base of the document */
	const char *chunk_end = nullptr;
	uint64_t base = 0, last = 0; /* last: place of the last token whose place is known */
	size_t pending = 0;
	unsigned depth = 0;

	void locate(view s)
	{
		if (s.data() >= chunk && s.data() < chunk_end)
			last = base + uint64_t(s.data() - chunk);
	}

	bool append(view s, code &ec)
	{
		if (batch->text_capacity - batch->n_text < s.size()) {
			size_t capacity = batch->text_capacity ? batch->text_capacity : 4096;
			while (capacity - batch->n_text < s.size())
				capacity *= 2;
			char *text =
			    capacity > 2 * MAX_TEXT ? nullptr : static_cast<char *>(realloc(batch->text, capacity));
			if (!text)
				return fail(ec);
			batch->text = text;
			batch->text_capacity = capacity;
		}
		if (s.size())
			memcpy(batch->text + batch->n_text, s.data(), s.size());
		batch->n_text += s.size();
		pending += s.size();
		return true;
	}

	static bool fail(code &ec)
	{
		ec = make_error_code(boost::system::errc::not_enough_memory);
		return false;
	}

	bool token(jm_json_type type, code &ec)
	{
		if (batch->n_tokens == batch->tokens_capacity) {
			size_t capacity = batch->tokens_capacity ? 2 * batch->tokens_capacity : 1024;
			void *tokens = realloc(batch->tokens, capacity * sizeof(jm_json_raw));
			if (!tokens)
				return fail(ec);
			batch->tokens = static_cast<jm_json_raw *>(tokens);
			batch->tokens_capacity = capacity;
		}
		jm_json_raw &t = batch->tokens[batch->n_tokens++];
		t.offset = last;
		t.text_at = uint32_t(batch->n_text - pending);
		t.n = uint32_t(pending);
		t.type = uint8_t(type);
		t.depth = uint8_t(depth);
		pending = 0;
		return true;
	}

	bool text(jm_json_type type, view s, code &ec)
	{
		locate(s);
		return append(s, ec) && token(type, ec);
	}

	bool begin(jm_json_type type, code &ec)
	{
		bool is_ok = token(type, ec);
		depth++;
		return is_ok;
	}

	bool end(jm_json_type type, code &ec)
	{
		depth--;
		return token(type, ec);
	}

	bool on_document_begin(code &)
	{
		return true;
	}
	bool on_document_end(code &)
	{
		return true;
	}
	bool on_object_begin(code &ec)
	{
		return begin(JM_JSON_OBJECT, ec);
	}
	bool on_object_end(size_t, code &ec)
	{
		return end(JM_JSON_OBJECT_END, ec);
	}
	bool on_array_begin(code &ec)
	{
		return begin(JM_JSON_ARRAY, ec);
	}
	bool on_array_end(size_t, code &ec)
	{
		return end(JM_JSON_ARRAY_END, ec);
	}
	bool on_key_part(view s, size_t, code &ec)
	{
		return append(s, ec);
	}
	bool on_key(view s, size_t, code &ec)
	{
		return text(JM_JSON_KEY, s, ec);
	}
	bool on_string_part(view s, size_t, code &ec)
	{
		return append(s, ec);
	}
	bool on_string(view s, size_t, code &ec)
	{
		return text(JM_JSON_STRING, s, ec);
	}
	bool on_number_part(view s, code &ec)
	{
		return append(s, ec);
	}
	bool on_int64(int64_t, view s, code &ec)
	{
		return text(JM_JSON_NUMBER, s, ec);
	}
	bool on_uint64(uint64_t, view s, code &ec)
	{
		return text(JM_JSON_NUMBER, s, ec);
	}
	bool on_double(double value, view s, code &ec)
	{
		if (std::isfinite(value))
			return text(JM_JSON_NUMBER, s, ec);
		ec = bj::error::exponent_overflow; /* Boost up to 1.81 says so itself, 1.83 gives infinity. */
		return false;
	}
	bool on_bool(bool is_true, code &ec)
	{
		return token(is_true ? JM_JSON_TRUE : JM_JSON_FALSE, ec);
	}
	bool on_null(code &ec)
	{
		return token(JM_JSON_NULL, ec);
	}
	bool on_comment_part(view, code &)
	{
		return true;
	}
	bool on_comment(view, code &)
	{
		return true;
	}
};

bj::parse_options options()
{
	bj::parse_options o;

	o.max_depth = JM_JSON_MAX_DEPTH;
	return o;
}

/* Texts of our own: those of the library move with its version. */
const char *describe(const code &ec)
{
	static const struct {
		bj::error value;
		const char *text;
	} texts[] = {
	    {bj::error::incomplete, "the text ends before the JSON does"},
	    {bj::error::extra_data, "text after the end of the JSON"},
	    {bj::error::too_deep, "nested too deep"},
	    {bj::error::exponent_overflow, "the exponent of a number is too large"},
	    {bj::error::string_too_large, "a string is too long"},
	    {bj::error::key_too_large, "a key is too long"},
	};

	for (const auto &t : texts)
		if (ec == t.value)
			return t.text;
	return "not JSON";
}

} // namespace

struct jm_json_parser {
	bj::basic_parser<handler> parser{options()};
	bool is_truncated = false;
};

extern "C" struct jm_json_parser *jm_json_parser_create(void)
{
	return new (std::nothrow) jm_json_parser;
}

extern "C" void jm_json_parser_destroy(struct jm_json_parser *p)
{
	delete p;
}

extern "C" void jm_json_parser_reset(struct jm_json_parser *p)
{
	p->parser.reset();
	p->parser.handler() = handler();
	p->is_truncated = false;
}

extern "C" int jm_json_parser_feed(struct jm_json_parser *p, const char *data, size_t n, bool is_last,
				   struct jm_json_batch *batch, uint64_t *offset_out, const char **message_out)
{
	handler &h = p->parser.handler();
	size_t used = 0;
	code ec;

	h.batch = batch;
	h.chunk = data;
	h.chunk_end = data + n;
	try {
		used = p->parser.write_some(!is_last, data, n, ec);
		/* After the document only white space may follow; the parser stops there and leaves the rest. */
		if (!ec && used < n)
			ec = bj::error::extra_data;
	} catch (const std::bad_alloc &) {
		return JM_E_NOMEM;
	}
	*offset_out = h.base + used;
	h.base += n;
	if (!ec)
		return 0;
	if (ec == boost::system::errc::not_enough_memory)
		return JM_E_NOMEM;
	/* Behind "0." and "1e", too, the text just ends: the parser then complains of the number, at the end. */
	p->is_truncated = ec == bj::error::incomplete || (is_last && used >= n);
	*message_out = describe(ec);
	return JM_E_FORMAT;
}

extern "C" size_t jm_json_parser_pending(const struct jm_json_parser *p)
{
	return p->parser.handler().pending;
}

extern "C" bool jm_json_parser_is_truncated(const struct jm_json_parser *p)
{
	return p->is_truncated;
}
