# What runs the service on many machines: the systemd unit, with the program's place in it, and the files of deploy/.
set(JOULEMAP_UNIT_DIR lib/systemd/system CACHE STRING "Folder of systemd units, below the prefix")
install(CODE "
  set(JOULEMAP_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  configure_file(\"${CMAKE_SOURCE_DIR}/deploy/systemd/joulemap.service.in\" \"${CMAKE_BINARY_DIR}/joulemap.service\" @ONLY)"
  COMPONENT deploy)
install(FILES ${CMAKE_BINARY_DIR}/joulemap.service DESTINATION ${JOULEMAP_UNIT_DIR} COMPONENT deploy)
install(DIRECTORY deploy/ DESTINATION ${CMAKE_INSTALL_DATADIR}/joulemap COMPONENT deploy PATTERN "*.in" EXCLUDE)
