# What cmake --install puts where; packaging/uninstall.in takes it away again. deploy.cmake has the files for many machines.
set(JOULEMAP_SHARE ${CMAKE_INSTALL_DATADIR}/joulemap)
set(JOULEMAP_UNIT_DIR lib/systemd/system CACHE STRING "Folder of systemd units, below the prefix")
set(JOULEMAP_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/joulemap)
set(JOULEMAP_COMPLETIONS
  ${CMAKE_INSTALL_DATADIR}/bash-completion/completions/joulemap
  ${CMAKE_INSTALL_DATADIR}/zsh/site-functions/_joulemap
  ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d/joulemap.fish)

# ---- Manual pages and completions, by the program itself ----

# A program for another processor needs an emulator for that, and one with sanitizers may not run just so: then they are left out.
if(NOT JOULEMAP_SANITIZE AND (NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR))
  set(JOULEMAP_MANUAL ${CMAKE_BINARY_DIR}/manual)
  file(MAKE_DIRECTORY ${JOULEMAP_MANUAL}/man1)
  add_custom_command(OUTPUT ${JOULEMAP_MANUAL}/complete
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${JOULEMAP_MANUAL}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${JOULEMAP_MANUAL}/man1
    COMMAND joulemap_cli man --output ${JOULEMAP_MANUAL}/man1
    COMMAND joulemap_cli completion bash > ${JOULEMAP_MANUAL}/joulemap
    COMMAND joulemap_cli completion zsh > ${JOULEMAP_MANUAL}/_joulemap
    COMMAND joulemap_cli completion fish > ${JOULEMAP_MANUAL}/joulemap.fish
    COMMAND gzip -9n -r ${JOULEMAP_MANUAL}/man1
    COMMAND ${CMAKE_COMMAND} -E touch ${JOULEMAP_MANUAL}/complete
    DEPENDS joulemap_cli
    COMMENT "Writing manual pages and completions" VERBATIM)
  add_custom_target(manual ALL DEPENDS ${JOULEMAP_MANUAL}/complete)
  add_dependencies(product manual)
else()
  message(STATUS "Manual pages and completions: left out (CMAKE_CROSSCOMPILING_EMULATOR is not set, or JOULEMAP_SANITIZE is)")
endif()

# ---- Which folders are made by this, before they are ----

set(made_by_install ${CMAKE_INSTALL_BINDIR} ${CMAKE_INSTALL_LIBDIR}/joulemap ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  ${JOULEMAP_CMAKE_DIR} ${CMAKE_INSTALL_INCLUDEDIR}/joulemap ${JOULEMAP_SHARE} ${CMAKE_INSTALL_DOCDIR}
  ${CMAKE_INSTALL_MANDIR}/man1 ${JOULEMAP_UNIT_DIR})
foreach(path ${JOULEMAP_COMPLETIONS})
  get_filename_component(folder ${path} DIRECTORY)
  list(APPEND made_by_install ${folder})
endforeach()
set(JOULEMAP_LIST_SETUP "
  set(joulemap_list \"${JOULEMAP_SHARE}/installed\")
  set(joulemap_made \"${made_by_install}\")
  set(joulemap_up \"${JOULEMAP_SHARE}\")")
install(CODE "${JOULEMAP_LIST_SETUP}
  include(\"${CMAKE_SOURCE_DIR}/cmake/install_begin.cmake\")")

# ---- The files ----

install(TARGETS joulemap EXPORT joulemap LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS joulemap_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# What is loaded at run time; core/place.c finds it from the program and from the library.
install(TARGETS joulemap_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/joulemap)
if(TARGET joulemap_onnx)
  install(TARGETS joulemap_onnx LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/joulemap)
endif()
install(DIRECTORY include/joulemap DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES inject/joulemap_cuda.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/joulemap)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(JOULEMAP_MANUAL)
  install(DIRECTORY ${JOULEMAP_MANUAL}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
  foreach(path ${JOULEMAP_COMPLETIONS})
    get_filename_component(folder ${path} DIRECTORY)
    get_filename_component(name ${path} NAME)
    install(FILES ${JOULEMAP_MANUAL}/${name} DESTINATION ${folder})
  endforeach()
endif()

# For programs that use the library: pkg-config joulemap; find_package(joulemap), target joulemap::joulemap.
include(CMakePackageConfigHelpers)
file(RELATIVE_PATH JOULEMAP_PC_TO_PREFIX /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
configure_file(packaging/joulemap.pc.in ${CMAKE_BINARY_DIR}/packaging/joulemap.pc @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/packaging/joulemapConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/packaging/joulemap.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES packaging/joulemapConfig.cmake ${CMAKE_BINARY_DIR}/packaging/joulemapConfigVersion.cmake
  DESTINATION ${JOULEMAP_CMAKE_DIR})
install(EXPORT joulemap NAMESPACE joulemap:: FILE joulemapTargets.cmake DESTINATION ${JOULEMAP_CMAKE_DIR})

file(RELATIVE_PATH JOULEMAP_SHARE_TO_PREFIX /p/${JOULEMAP_SHARE} /p)
file(RELATIVE_PATH JOULEMAP_SHARE_TO_PROGRAM /${JOULEMAP_SHARE} /${CMAKE_INSTALL_BINDIR}/joulemap)
configure_file(packaging/capabilities.in ${CMAKE_BINARY_DIR}/packaging/capabilities @ONLY)
install(PROGRAMS ${CMAKE_BINARY_DIR}/packaging/capabilities DESTINATION ${JOULEMAP_SHARE})
include(cmake/deploy.cmake)

# ---- The list of all that, and what takes it away ----

configure_file(packaging/uninstall.in ${CMAKE_BINARY_DIR}/packaging/uninstall @ONLY)
install(CODE "${JOULEMAP_LIST_SETUP}
  set(joulemap_uninstall \"${CMAKE_BINARY_DIR}/packaging/uninstall\")
  include(\"${CMAKE_SOURCE_DIR}/cmake/install_end.cmake\")")
