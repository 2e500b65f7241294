# The service: a library of its own, in the program and not in libjoulemap. Without libmicrohttpd `joulemap serve` says what is
# missing. Files of src/service/files/ become arrays of characters: NAME.EXT is jm_service_NAME_EXT.
pkg_check_modules(MICROHTTPD QUIET IMPORTED_TARGET libmicrohttpd)
set(JOULEMAP_SERVICE_SOURCES ${JOULEMAP_SOURCES})
list(FILTER JOULEMAP_SERVICE_SOURCES INCLUDE REGEX "/src/service/")
list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/src/service/")
if(MICROHTTPD_FOUND)
  list(FILTER JOULEMAP_SERVICE_SOURCES EXCLUDE REGEX "/stub_http.c$")
else()
  list(FILTER JOULEMAP_SERVICE_SOURCES EXCLUDE REGEX "/(http|routes|stream).c$")
  message(STATUS "libmicrohttpd: not found (Debian: libmicrohttpd-dev); joulemap serve will be unavailable")
endif()

file(GLOB JOULEMAP_SERVICE_FILES CONFIGURE_DEPENDS src/service/files/*)
foreach(path ${JOULEMAP_SERVICE_FILES})
  get_filename_component(name ${path} NAME)
  string(MAKE_C_IDENTIFIER ${name} symbol)
  set(generated ${CMAKE_BINARY_DIR}/generated/service/${symbol}.c)
  add_custom_command(OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DFROM=${path} -DTO=${generated} -DSYMBOL=jm_service_${symbol}
      -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${path} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  list(APPEND JOULEMAP_SERVICE_SOURCES ${generated})
endforeach()
