# Perfetto's trace format: protobuf-c code of src/export/perfetto.proto, generated at build time. Without protobuf-c the build goes
# on, and export --format perfetto says what is missing. Behind onnx.cmake, which finds protobuf-c.
if(JOULEMAP_PROTOC_C AND PROTOBUF_C_FOUND)
  set(JOULEMAP_PERFETTO_FOLDER ${CMAKE_BINARY_DIR}/generated/perfetto)
  file(MAKE_DIRECTORY ${JOULEMAP_PERFETTO_FOLDER})
  add_custom_command(
    OUTPUT ${JOULEMAP_PERFETTO_FOLDER}/perfetto.pb-c.c ${JOULEMAP_PERFETTO_FOLDER}/perfetto.pb-c.h
    COMMAND ${JOULEMAP_PROTOC_C} --proto_path=${CMAKE_SOURCE_DIR}/src/export --c_out=${JOULEMAP_PERFETTO_FOLDER} perfetto.proto
    DEPENDS ${CMAKE_SOURCE_DIR}/src/export/perfetto.proto
    COMMENT "Generating protobuf-c code of Perfetto's trace format"
    VERBATIM)
  set_source_files_properties(${JOULEMAP_PERFETTO_FOLDER}/perfetto.pb-c.c PROPERTIES COMPILE_OPTIONS -w)
  list(APPEND JOULEMAP_EXTRA_SOURCES ${JOULEMAP_PERFETTO_FOLDER}/perfetto.pb-c.c)
  list(APPEND JOULEMAP_EXTRA_INCLUDES ${JOULEMAP_PERFETTO_FOLDER})
  list(APPEND JOULEMAP_EXTRA_LIBRARIES PkgConfig::PROTOBUF_C)
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/export/stub_perfetto[^/]*$")
else()
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/export/perfetto[^/]*$")
  message(STATUS "protobuf-c: not found (Debian: protobuf-c-compiler libprotobuf-c-dev); "
    "export --format perfetto will be unavailable")
endif()
