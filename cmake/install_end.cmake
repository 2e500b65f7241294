# Runs last in cmake --install: writes the list of what was installed, and the script that takes it away. See install_begin.cmake.
if(NOT "$ENV{DESTDIR}" MATCHES "/_CPack_Packages/")
  set(joulemap_folder "${joulemap_prefix}/${joulemap_up}")
  file(INSTALL "${joulemap_uninstall}" DESTINATION "${CMAKE_INSTALL_PREFIX}/${joulemap_up}"
    PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  foreach(path IN LISTS CMAKE_INSTALL_MANIFEST_FILES)
    file(RELATIVE_PATH path "${CMAKE_INSTALL_PREFIX}" "${path}")
    list(APPEND joulemap_lines "f ${path}")
    # Folders called joulemap are ours, with all that is in them.
    get_filename_component(path "${path}" DIRECTORY)
    while(path MATCHES "(^|/)joulemap(/|$)")
      list(APPEND joulemap_lines "d ${path}")
      get_filename_component(path "${path}" DIRECTORY)
    endwhile()
  endforeach()
  list(APPEND joulemap_lines "f ${joulemap_list}")
  list(REMOVE_DUPLICATES joulemap_lines)
  # Folders from the innermost out.
  list(SORT joulemap_lines ORDER DESCENDING)
  string(REPLACE ";" "\n" joulemap_lines "${joulemap_lines}")
  file(WRITE "${joulemap_folder}/installed" "${joulemap_lines}\n")
endif()
