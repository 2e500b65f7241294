# Pictures: cairo's header to build with, its library loaded when one is drawn. Without it --png and --svg say what is missing.
pkg_check_modules(CAIRO QUIET cairo)
if(CAIRO_FOUND)
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/plot/canvas_none.c$")
  set_source_files_properties(src/plot/canvas_cairo.c PROPERTIES INCLUDE_DIRECTORIES "${CAIRO_INCLUDE_DIRS}")
else()
  list(FILTER JOULEMAP_SOURCES EXCLUDE REGEX "/plot/canvas_cairo.c$")
  message(STATUS "cairo: not found (Debian: libcairo2-dev); joulemap report --png and --svg will be unavailable")
endif()
