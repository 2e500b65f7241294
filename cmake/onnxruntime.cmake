# ONNX Runtime: only its C header is needed to build; the library is loaded at run time. Without the header the build
# goes on with a stub that says so when a model is to be run.
find_path(JOULEMAP_ONNXRUNTIME_HEADER NAMES onnxruntime_c_api.h
  PATHS ${JOULEMAP_ONNXRUNTIME_INCLUDE} ${CMAKE_SOURCE_DIR}/.cache/onnxruntime/include
        /usr/include/onnxruntime /usr/local/include/onnxruntime /usr/include/onnxruntime/core/session
        /usr/local/include/onnxruntime/core/session /usr/local/include
  NO_DEFAULT_PATH DOC "Folder of onnxruntime_c_api.h")

if(JOULEMAP_ONNXRUNTIME_HEADER)
  list(APPEND JOULEMAP_EXTRA_INCLUDES ${JOULEMAP_ONNXRUNTIME_HEADER})
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/runner/stub_[^/]*$")
  message(STATUS "ONNX Runtime header: ${JOULEMAP_ONNXRUNTIME_HEADER}")
else()
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/runner/ort_[^/]*$")
  message(STATUS "ONNX Runtime header: not found (Debian 13: libonnxruntime-dev); joulemap run will be unavailable")
endif()
