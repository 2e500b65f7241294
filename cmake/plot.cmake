# Pictures: cairo's header to build with, its library loaded when one is drawn. Without it --png and --svg say what is missing.
pkg_check_modules(CAIRO QUIET cairo)
if(CAIRO_FOUND)
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/plot/canvas_none.c$")
  list(APPEND JOULEMAP_EXTRA_INCLUDES ${CAIRO_INCLUDE_DIRS})
else()
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/plot/canvas_cairo.c$")
  message(STATUS "cairo: not found (Debian: libcairo2-dev); joulemap report --png and --svg will be unavailable")
endif()
