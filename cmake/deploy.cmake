# What runs the service on many machines: the systemd unit, with the program's place in it, and the files of deploy/.
# Written straight to its place: several installations of one build folder may run at a time.
install(CODE "
  set(JOULEMAP_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  set(joulemap_unit \"${JOULEMAP_UNIT_DIR}/joulemap.service\")
  if(NOT IS_ABSOLUTE \"\${joulemap_unit}\")
    set(joulemap_unit \"\${CMAKE_INSTALL_PREFIX}/\${joulemap_unit}\")
  endif()
  configure_file(\"${CMAKE_SOURCE_DIR}/deploy/systemd/joulemap.service.in\" \"\$ENV{DESTDIR}\${joulemap_unit}\" @ONLY)
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${joulemap_unit}\")"
  COMPONENT deploy)
install(DIRECTORY deploy/ DESTINATION ${CMAKE_INSTALL_DATADIR}/joulemap COMPONENT deploy PATTERN "*.in" EXCLUDE)
