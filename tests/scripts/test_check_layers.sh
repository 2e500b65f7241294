#!/usr/bin/env bash
# check-layers finds an include against the rule, by whatever road.
. "$(dirname "$0")/common.sh"
write scripts/layers.txt < <(printf '%s\n' 'core:' 'sensor:' 'sensor/replay: recording' 'recording:' 'session: *')
for folder in core sensor recording session; do
    write "src/$folder/$folder.h" < <(printf '#include "core/core.h"\n')
done
write src/sensor/replay.c < <(printf '#include "recording/recording.h"\n#include <stdio.h>\n')
write src/session/all.c < <(printf '#include "sensor/sensor.h"\n#include "recording/recording.h"\n')
passes check-layers "allowed edges pass"
write src/sensor/other.c < <(printf '#include "sensor/sensor.h"\n#include "recording/recording.h"\n')
finds check-layers "src/sensor/other.c:2: sensor/ may not include recording/" "an edge of one file is not its folder's"
write src/sensor/other.c < <(printf '\n#include "../recording/recording.h"\n')
finds check-layers "src/sensor/other.c:2:" "a relative path is seen through"
rm "$tree/src/sensor/other.c"
write src/core/up.c < <(printf '#  include <sensor/sensor.h>\n')
finds check-layers "src/core/up.c:1: core/ may not include sensor/" "angle brackets are seen through"
rm "$tree/src/core/up.c"
write src/new/new.c < <(printf '\n')
finds check-layers "folder 'new' has no line" "a folder without a rule is found"
rm -r "$tree/src"
finds check-layers "no source file" "an empty tree is no success"
exit "$failures"
