# Runs first in cmake --install: which folders will be made? Those are the ones that an uninstall may take away. A line of the list is
# "d FOLDER" or "f FILE", below the prefix. A package is removed by its own tool and has no list.
set(joulemap_prefix "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
set(joulemap_lines)
# An installation over another one: what that made is ours, too.
if(EXISTS "${joulemap_prefix}/${joulemap_list}")
  file(STRINGS "${joulemap_prefix}/${joulemap_list}" joulemap_lines)
endif()
foreach(folder IN LISTS joulemap_made)
  while(NOT folder STREQUAL "" AND NOT IS_ABSOLUTE "${folder}" AND NOT EXISTS "${joulemap_prefix}/${folder}")
    list(APPEND joulemap_lines "d ${folder}")
    get_filename_component(folder "${folder}" DIRECTORY)
  endwhile()
endforeach()
if(NOT EXISTS "${joulemap_prefix}")
  list(APPEND joulemap_lines "d .")
endif()
