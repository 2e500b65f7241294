# find_package(joulemap) gives the target joulemap::joulemap.
include("${CMAKE_CURRENT_LIST_DIR}/joulemapTargets.cmake")
