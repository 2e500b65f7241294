# Events of the camera-traps engine: FlatBuffers (headers and compiler) and ZeroMQ. Without one of them the build goes on with
# stubs that say so when asked for events.
find_program(JOULEMAP_FLATC NAMES flatc)
find_path(JOULEMAP_FLATBUFFERS_INCLUDE flatbuffers/flatbuffers.h)
pkg_check_modules(ZEROMQ QUIET IMPORTED_TARGET libzmq>=4.3)

if(JOULEMAP_FLATC AND JOULEMAP_FLATBUFFERS_INCLUDE AND ZEROMQ_FOUND)
  set(JOULEMAP_EVENTS_FOLDER ${CMAKE_BINARY_DIR}/generated/events)
  file(MAKE_DIRECTORY ${JOULEMAP_EVENTS_FOLDER})
  add_custom_command(
    OUTPUT ${JOULEMAP_EVENTS_FOLDER}/events_generated.h
    COMMAND ${JOULEMAP_FLATC} --cpp -o ${JOULEMAP_EVENTS_FOLDER} ${CMAKE_SOURCE_DIR}/src/service/events.fbs
    DEPENDS ${CMAKE_SOURCE_DIR}/src/service/events.fbs
    COMMENT "Generating C++ code of the events' schema"
    VERBATIM)
  list(APPEND JOULEMAP_SERVICE_EXTRA_SOURCES ${JOULEMAP_EVENTS_FOLDER}/events_generated.h)
  set(folders ${JOULEMAP_EVENTS_FOLDER} ${JOULEMAP_FLATBUFFERS_INCLUDE})
  list(REMOVE_ITEM folders ${CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES})
  set_source_files_properties(src/service/event_flatbuffers.cc PROPERTIES INCLUDE_DIRECTORIES "${folders}")
  list(APPEND JOULEMAP_SERVICE_LIBRARIES PkgConfig::ZEROMQ)
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/service/stub_events[^/]*$")
  set(JOULEMAP_HAS_EVENTS TRUE)
  message(STATUS "Events: FlatBuffers ${JOULEMAP_FLATBUFFERS_INCLUDE}, ZeroMQ ${ZEROMQ_VERSION}")
else()
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/service/(event_flatbuffers|zeromq)[^/]*$")
  set(JOULEMAP_HAS_EVENTS FALSE)
  message(STATUS "Events: not found (Debian: libzmq3-dev libflatbuffers-dev flatbuffers-compiler); "
    "joulemap serve will not speak to camera-traps")
endif()
