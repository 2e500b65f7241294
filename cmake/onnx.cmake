# The ONNX schema: protobuf-c code, generated at build time from the schema file that the distribution packages
# (Debian: libonnx-dev). Without schema or protobuf-c the build goes on with a stub that says so when asked for a model.
find_program(JOULEMAP_PROTOC_C NAMES protoc-c)
find_file(JOULEMAP_ONNX_SCHEMA NAMES onnx.proto onnx-ml.proto PATH_SUFFIXES include/onnx
  PATHS /usr /usr/local NO_DEFAULT_PATH DOC "ONNX schema (onnx.proto or onnx-ml.proto)")
pkg_check_modules(PROTOBUF_C QUIET IMPORTED_TARGET libprotobuf-c)

if(JOULEMAP_PROTOC_C AND JOULEMAP_ONNX_SCHEMA AND PROTOBUF_C_FOUND)
  set(JOULEMAP_ONNX_FOLDER ${CMAKE_BINARY_DIR}/generated/onnx)
  file(MAKE_DIRECTORY ${JOULEMAP_ONNX_FOLDER})
  # Copied first: whichever schema was found, the generated files have one name.
  add_custom_command(
    OUTPUT ${JOULEMAP_ONNX_FOLDER}/onnx.pb-c.c ${JOULEMAP_ONNX_FOLDER}/onnx.pb-c.h
    COMMAND ${CMAKE_COMMAND} -E copy ${JOULEMAP_ONNX_SCHEMA} ${JOULEMAP_ONNX_FOLDER}/onnx.proto
    COMMAND ${JOULEMAP_PROTOC_C} --proto_path=${JOULEMAP_ONNX_FOLDER} --c_out=${JOULEMAP_ONNX_FOLDER} onnx.proto
    DEPENDS ${JOULEMAP_ONNX_SCHEMA}
    COMMENT "Generating protobuf-c code of the ONNX schema"
    VERBATIM)
  set_source_files_properties(${JOULEMAP_ONNX_FOLDER}/onnx.pb-c.c PROPERTIES COMPILE_OPTIONS -w)
  list(APPEND JOULEMAP_EXTRA_SOURCES ${JOULEMAP_ONNX_FOLDER}/onnx.pb-c.c)
  list(APPEND JOULEMAP_EXTRA_INCLUDES ${JOULEMAP_ONNX_FOLDER})
  list(APPEND JOULEMAP_EXTRA_LIBRARIES PkgConfig::PROTOBUF_C)
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/model/stub_[^/]*$")
  set(JOULEMAP_HAS_ONNX TRUE)
  message(STATUS "ONNX schema: ${JOULEMAP_ONNX_SCHEMA}")
else()
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/model/onnx_[^/]*$")
  set(JOULEMAP_HAS_ONNX FALSE)
  message(STATUS "ONNX schema: not found (Debian: protobuf-c-compiler libprotobuf-c-dev libonnx-dev); "
    "model facts will be unavailable")
endif()

# The ONNX library infers the shapes inside a model. It is a module of its own, so that a program that only measures does not
# load it. Without it only the shapes that a file declares are known.
list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/model/infer_onnx[^/]*$")
find_library(JOULEMAP_ONNX_LIBRARY NAMES onnx)
find_library(JOULEMAP_ONNX_PROTO_LIBRARY NAMES onnx_proto)
find_path(JOULEMAP_ONNX_INCLUDE onnx/shape_inference/implementation.h)
pkg_check_modules(PROTOBUF QUIET IMPORTED_TARGET protobuf)
if(JOULEMAP_HAS_ONNX AND JOULEMAP_ONNX_LIBRARY AND JOULEMAP_ONNX_PROTO_LIBRARY AND JOULEMAP_ONNX_INCLUDE AND PROTOBUF_FOUND)
  add_library(joulemap_onnx MODULE src/model/infer_onnx.cc)
  target_include_directories(joulemap_onnx PRIVATE include src)
  target_link_libraries(joulemap_onnx PRIVATE ${JOULEMAP_ONNX_LIBRARY} ${JOULEMAP_ONNX_PROTO_LIBRARY} PkgConfig::PROTOBUF)
  # As Debian built it; warnings inside its headers are not ours.
  target_compile_definitions(joulemap_onnx PRIVATE ONNX_ML=1 ONNX_NAMESPACE=onnx)
  target_compile_options(joulemap_onnx PRIVATE -Wno-unused-parameter -Wno-sign-compare -Wno-deprecated-declarations)
  message(STATUS "ONNX library: ${JOULEMAP_ONNX_LIBRARY}")
else()
  message(STATUS "ONNX library: not found (Debian: libonnx-dev libprotobuf-dev); shapes will not be inferred")
endif()
