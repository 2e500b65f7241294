# A package for Debian: scripts/package, or cpack -G DEB in a build folder. What it depends on is what the files are linked to
# (dpkg-shlibdeps); what is loaded at run time is recommended.
set(CPACK_PACKAGE_NAME joulemap)
set(CPACK_PACKAGE_VENDOR "joulemap")
set(JOULEMAP_PACKAGE_CONTACT "joulemap <root@localhost>" CACHE STRING "Maintainer of the package: who builds it")
set(CPACK_PACKAGE_CONTACT "${JOULEMAP_PACKAGE_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "measures where the energy of AI inference goes")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Energy by device, process, region and layer of a neural network, on
processors (RAPL), NVIDIA GPUs (NVML), Jetson boards, hwmon sensors,
batteries and other meters. What is not measured is marked as estimated.
A program, a service for Prometheus, and a C library.")
set(CPACK_GENERATOR DEB)
set(CPACK_STRIP_FILES ON)
# The prefix that is written into files (the systemd unit) is /usr, not the folder in which the package is put together.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libcairo2, libcap2-bin")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus")
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()
set(JOULEMAP_DEBIAN ${CMAKE_SOURCE_DIR}/packaging/debian)
file(WRITE ${CMAKE_BINARY_DIR}/packaging/conffiles "/etc/default/joulemap\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${JOULEMAP_DEBIAN}/postinst;${JOULEMAP_DEBIAN}/prerm;${JOULEMAP_DEBIAN}/postrm;${JOULEMAP_DEBIAN}/triggers;\
${CMAKE_BINARY_DIR}/packaging/conffiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# Only a package has these.
install(CODE "
  if(\"\$ENV{DESTDIR}\" MATCHES \"/_CPack_Packages/\")
    file(INSTALL \"${JOULEMAP_DEBIAN}/default/joulemap\" DESTINATION /etc/default)
    file(INSTALL \"${JOULEMAP_DEBIAN}/copyright\" DESTINATION /usr/${CMAKE_INSTALL_DOCDIR})
  endif()")
include(CPack)
