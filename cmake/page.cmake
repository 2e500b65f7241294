# The HTML report's own files: NAME.EXT of src/page/files/ becomes the array of characters jm_page_NAME_EXT.
file(GLOB JOULEMAP_PAGE_FILES CONFIGURE_DEPENDS src/page/files/*)
foreach(path ${JOULEMAP_PAGE_FILES})
  get_filename_component(name ${path} NAME)
  string(MAKE_C_IDENTIFIER ${name} symbol)
  set(generated ${CMAKE_BINARY_DIR}/generated/page/${symbol}.c)
  add_custom_command(OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DFROM=${path} -DTO=${generated} -DSYMBOL=jm_page_${symbol}
      -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${path} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  list(APPEND JOULEMAP_EXTRA_SOURCES ${generated})
endforeach()
