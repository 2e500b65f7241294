/* Events by the FlatBuffers library: the Verifier proves every offset before the generated accessors follow one. */
#include "service/event_message.h"

#include "service/measurement.h"

#include "events_generated.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace
{
using namespace gen_events;

/* Prefix and tag of each kind, from the one list. */
struct kind_row {
	uint8_t prefix, tag;
};
const kind_row kinds[] = {
#define JM_ROW(name, prefix, tag) {prefix, tag},
    JM_EVENT_LIST(JM_ROW)
#undef JM_ROW
};

const kind_row *find_prefix(const uint8_t *data)
{
	for (const kind_row &k : kinds)
		if (data[0] == k.prefix && data[1] == 0)
			return &k;
	return nullptr;
}

/* A copy at the alignment that the buffer's numbers need: in the message they begin at byte 2. */
class aligned_copy
{
      public:
	aligned_copy(const uint8_t *bytes, size_t n) : data_(static_cast<uint8_t *>(std::malloc(n ? n : 1)))
	{
		if (data_)
			std::memcpy(data_, bytes, n);
	}
	~aligned_copy()
	{
		std::free(data_);
	}
	aligned_copy(const aligned_copy &) = delete;
	aligned_copy &operator=(const aligned_copy &) = delete;
	const uint8_t *get() const
	{
		return data_;
	}

      private:
	uint8_t *data_;
};

/* Strict UTF-8, no NUL: names go into files and logs. */
bool is_utf8(const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)text[i];
		int more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		uint32_t point = more == 0 ? c : more == 1 ? c & 0x1f : more == 2 ? c & 0x0f : c & 0x07;
		static const uint32_t least[] = {1, 0x80, 0x800, 0x10000};

		if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || i + (size_t)more >= n)
			return false;
		for (int k = 1; k <= more; k++) {
			if (((unsigned char)text[i + (size_t)k] & 0xc0) != 0x80)
				return false;
			point = point << 6 | ((unsigned char)text[i + (size_t)k] & 0x3f);
		}
		if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
			return false;
		i += (size_t)more + 1;
	}
	return true;
}

template <typename Plugin>
jm_event_fault read_plugin(const Plugin *e, const flatbuffers::String *name, const flatbuffers::String *uuid,
			   jm_event *out)
{
	if (!e->event_create_ts() || !name || !uuid)
		return JM_EVENT_FAULT_FIELD;
	if (name->size() >= sizeof(out->name) || !is_utf8(name->c_str(), name->size()))
		return JM_EVENT_FAULT_TEXT;
	std::memcpy(out->name, name->c_str(), name->size());
	out->name[name->size()] = '\0';
	return jm_event_uuid_parse(uuid->c_str(), uuid->size(), out->uuid) == 0 ? JM_EVENT_FAULT_NONE
										: JM_EVENT_FAULT_UUID;
}

jm_event_fault read_pids(const flatbuffers::Vector<int32_t> *pids, jm_event *out)
{
	if (!pids)
		return JM_EVENT_FAULT_FIELD;
	if (pids->size() == 0)
		return JM_EVENT_FAULT_EMPTY;
	if (pids->size() > JM_EVENT_MAX_PIDS)
		return JM_EVENT_FAULT_LIMIT;
	for (uint32_t i = 0; i < pids->size(); i++) {
		out->pids[i] = pids->Get(i);
		if (out->pids[i] <= 0)
			return JM_EVENT_FAULT_PID;
	}
	out->n_pids = pids->size();
	return JM_EVENT_FAULT_NONE;
}

/* 0 is ALL, too: that is what the checked-in Python enum and the documents of the original plugin say. */
jm_event_fault read_types(const flatbuffers::Vector<int8_t> *types, jm_event *out)
{
	static const unsigned devices[] = {JM_DEVICE_ALL, JM_DEVICE_ALL, JM_DEVICE_BIT(JM_DEVICE_CPU),
					   JM_DEVICE_BIT(JM_DEVICE_GPU), JM_DEVICE_BIT(JM_DEVICE_DRAM)};

	if (!types)
		return JM_EVENT_FAULT_FIELD;
	if (types->size() == 0)
		return JM_EVENT_FAULT_EMPTY;
	if (types->size() > JM_EVENT_MAX_TYPES)
		return JM_EVENT_FAULT_LIMIT;
	for (uint32_t i = 0; i < types->size(); i++) {
		int type = types->Get(i);

		if (type < 0 || type > 4)
			return JM_EVENT_FAULT_TYPE;
		out->devices |= devices[type];
	}
	return JM_EVENT_FAULT_NONE;
}

jm_event_fault read_start(const MonitorPowerStartEvent *e, jm_event *out)
{
	jm_event_fault fault;

	if (!e->event_create_ts() || !e->monitor_start_ts())
		return JM_EVENT_FAULT_FIELD;
	if ((fault = read_pids(e->pids(), out)) != JM_EVENT_FAULT_NONE ||
	    (fault = read_types(e->monitor_types(), out)) != JM_EVENT_FAULT_NONE)
		return fault;
	if (e->monitor_start_ts()->size() > 0 &&
	    jm_event_time_parse(e->monitor_start_ts()->c_str(), e->monitor_start_ts()->size(),
				&out->start_realtime_ns) != 0)
		return JM_EVENT_FAULT_TIME;
	out->seconds = e->monitor_seconds();
	return JM_EVENT_FAULT_NONE;
}

jm_event_fault read_event(const Event *event, jm_event *out)
{
	switch (out->kind) {
	case JM_EVENT_PLUGIN_STARTED: {
		const PluginStartedEvent *e = event->event_as_PluginStartedEvent();
		return read_plugin(e, e->plugin_name(), e->plugin_uuid(), out);
	}
	case JM_EVENT_PLUGIN_TERMINATING: {
		const PluginTerminatingEvent *e = event->event_as_PluginTerminatingEvent();
		return read_plugin(e, e->plugin_name(), e->plugin_uuid(), out);
	}
	case JM_EVENT_PLUGIN_TERMINATE: {
		const PluginTerminateEvent *e = event->event_as_PluginTerminateEvent();
		return read_plugin(e, e->target_plugin_name(), e->target_plugin_uuid(), out);
	}
	case JM_EVENT_POWER_START:
		return read_start(event->event_as_MonitorPowerStartEvent(), out);
	case JM_EVENT_POWER_STOP: {
		const MonitorPowerStopEvent *e = event->event_as_MonitorPowerStopEvent();
		return e->event_create_ts() ? read_pids(e->pids(), out) : JM_EVENT_FAULT_FIELD;
	}
	default:
		return JM_EVENT_FAULT_NONE;
	}
}

template <typename Create>
flatbuffers::Offset<void> make_plugin(flatbuffers::FlatBufferBuilder &b, const jm_event *e, const char *created,
				      Create create)
{
	auto created_at = b.CreateString(created), name = b.CreateString(e->name), uuid = b.CreateString(e->uuid);

	return create(b, created_at, name, uuid).Union();
}

flatbuffers::Offset<flatbuffers::Vector<int32_t>> make_pids(flatbuffers::FlatBufferBuilder &b, const jm_event *e)
{
	int32_t *pids;
	auto vector = b.CreateUninitializedVector<int32_t>(e->n_pids, &pids);

	for (size_t i = 0; i < e->n_pids; i++)
		flatbuffers::WriteScalar(pids + i, (int32_t)e->pids[i]);
	return vector;
}

flatbuffers::Offset<void> make_start(flatbuffers::FlatBufferBuilder &b, const jm_event *e, const char *created)
{
	char start[JM_EVENT_TIME_SIZE] = "";
	int8_t types[4];
	size_t n = 0;

	if (e->devices == JM_DEVICE_ALL) {
		types[n++] = 1;
	} else {
		for (unsigned d = 0; d < JM_N_DEVICES; d++)
			if (e->devices & JM_DEVICE_BIT(d))
				types[n++] = (int8_t)(2 + d);
	}
	if (e->start_realtime_ns)
		jm_event_time_text(e->start_realtime_ns, start);
	auto created_at = b.CreateString(created), start_at = b.CreateString(start);
	auto pids = make_pids(b, e);
	auto type_list = b.CreateVector(types, n);
	return CreateMonitorPowerStartEvent(b, created_at, pids, type_list, start_at, e->seconds).Union();
}

/* Gives a null offset for what has no encoding here. */
flatbuffers::Offset<void> make_event(flatbuffers::FlatBufferBuilder &b, const jm_event *e, const char *created)
{
	switch (e->kind) {
	case JM_EVENT_PLUGIN_STARTED:
		return make_plugin(b, e, created, CreatePluginStartedEvent);
	case JM_EVENT_PLUGIN_TERMINATING:
		return make_plugin(b, e, created, CreatePluginTerminatingEvent);
	case JM_EVENT_PLUGIN_TERMINATE:
		return make_plugin(b, e, created, CreatePluginTerminateEvent);
	case JM_EVENT_POWER_START:
		return make_start(b, e, created);
	case JM_EVENT_POWER_STOP: {
		auto created_at = b.CreateString(created);
		auto pids = make_pids(b, e);
		return CreateMonitorPowerStopEvent(b, created_at, pids).Union();
	}
	default:
		return 0;
	}
}
} // namespace

static_assert(JM_DEVICE_CPU == 0 && JM_DEVICE_GPU == 1 && JM_DEVICE_DRAM == 2, "monitor types 2, 3, 4 in this order");

extern "C" int jm_event_support(struct jm_error *err)
{
	(void)err;
	return 0;
}

extern "C" enum jm_event_fault jm_event_decode(const void *data, size_t n, struct jm_event *out)
{
	const uint8_t *bytes = static_cast<const uint8_t *>(data);
	const kind_row *kind;

	if (n < 2)
		return JM_EVENT_FAULT_SHORT;
	if (n > JM_EVENT_MAX_BYTES)
		return JM_EVENT_FAULT_LONG;
	if (!(kind = find_prefix(bytes)))
		return JM_EVENT_FAULT_PREFIX;
	if (n < 2 + 4 * sizeof(uint32_t)) /* root offset, vtable of one field, table */
		return JM_EVENT_FAULT_SHORT;
	aligned_copy buffer(bytes + 2, n - 2);
	if (!buffer.get())
		return JM_EVENT_FAULT_BUFFER;
	flatbuffers::Verifier verifier(buffer.get(), n - 2, 8, 100000);
	if (!VerifyEventBuffer(verifier))
		return JM_EVENT_FAULT_BUFFER;
	const Event *event = GetEvent(buffer.get());
	if (static_cast<uint8_t>(event->event_type()) != kind->tag)
		return JM_EVENT_FAULT_TAG;
	if (!event->event())
		return JM_EVENT_FAULT_FIELD;
	out->kind = static_cast<jm_event_kind>(kind->prefix);
	out->n_pids = 0;
	out->devices = 0;
	out->start_realtime_ns = 0;
	out->seconds = 0;
	out->name[0] = out->uuid[0] = '\0';
	return read_event(event, out);
}

extern "C" int jm_event_encode(const struct jm_event *event, int64_t realtime_ns, struct jm_buffer *out)
{
	uint8_t prefix[2] = {(uint8_t)event->kind, 0};
	const kind_row *kind = find_prefix(prefix);
	char created[JM_EVENT_TIME_SIZE];

	if (!kind || event->n_pids > JM_EVENT_MAX_PIDS)
		return JM_E_INVALID;
	try {
		flatbuffers::FlatBufferBuilder builder;
		auto offset = make_event(builder, event, jm_event_time_text(realtime_ns, created));

		if (offset.IsNull())
			return JM_E_INVALID;
		FinishEventBuffer(builder, CreateEvent(builder, static_cast<EventType>(kind->tag), offset));
		jm_buffer_append(out, prefix, sizeof(prefix));
		jm_buffer_append(out, builder.GetBufferPointer(), builder.GetSize());
	} catch (const std::bad_alloc &) {
		return JM_E_NOMEM;
	}
	return out->is_failed ? JM_E_NOMEM : 0;
}
